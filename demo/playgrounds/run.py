"""What the browser asks: a playground in a state; what it hears: everything that is seen of it."""

from typing import Any

import gradio as gr

from demo.playgrounds import fields, show, texts
from demo.playgrounds.asked import NAME, link_of, question_of
from demo.playgrounds.data import Labels, Pictures
from demo.playgrounds.fields import Choice, Number, Table
from demo.playgrounds.games import PLAYGROUNDS
from demo.playgrounds.playground import Playground
from demo.shared.errors import told_kindly
from demo.shared.service import Service
from segcore.errors import SegcoreError, shortened

_SMALL = 81  # cells of a table that is shown where the view cannot be


class Answers:
    """Answers what the browser asks; it may send anything."""

    def __init__(self, service: Service):
        self._service = service
        self.labels = Labels(service)

    def answer(self, question: Any) -> dict[str, Any]:
        """A playground in a state: controls, view and address; or `problem` alone, one sentence."""
        try:
            with told_kindly():
                query, given = question_of(question)
                name = query.get(NAME, next(iter(PLAYGROUNDS)))
                problems = []
                if name not in PLAYGROUNDS:
                    known = ", ".join(PLAYGROUNDS)
                    problems.append(texts.NO_PLAYGROUND.format(name=shortened(name), known=known))
                    name = next(iter(PLAYGROUNDS))
                playground = PLAYGROUNDS[name]
                state, bad = fields.read(playground.fields, {**query, **given})
                source = Pictures(self._service, query, self.labels)
                return {
                    **_shown(playground, state, source),
                    NAME: name,
                    "state": state,
                    "preset": _preset(playground, state),
                    "problems": problems + bad,
                    "link": link_of(playground, state, query),
                }
        except gr.Error as error:
            return {"problem": error.message}

    def segment(self, question: Any) -> None:
        """Segment the picture of a question, so that the next answer has its labels; in the queue."""
        with told_kindly():
            query, _ = question_of(question)
            source = Pictures(self._service, query, self.labels)
            if source.segmented() is None:
                self.labels.compute(source.path, source.settings)


def _shown(playground: Playground, state: fields.State, source: Pictures) -> dict[str, Any]:
    """What is seen; where there is nothing to see, why, and the small tables that may be at fault."""
    try:
        view = playground.view(state, source)
    except SegcoreError as error:
        tables = [f for f in playground.fields if isinstance(f, Table) and f.rows is not None]
        small = [f for f in tables if len(state[f.name]) * len(state[f.name][0]) <= _SMALL]
        row = [show.table(f.name, f.label, state[f.name], edit=f.name) for f in small]
        view = {"rows": [row], "stopped": str(error)}
    hidden = view.get("hide", ())
    controls = [_control(f, state) for f in playground.fields if not isinstance(f, Table) and f.name not in hidden]
    return {"view": view, "controls": controls, "has_picture": playground.has_picture}


def _preset(playground: Playground, state: fields.State) -> int | None:
    """Number of the preset that is shown, if it is one."""
    states = (fields.read(playground.fields, preset.state)[0] for preset in playground.presets)
    return next((i for i, other in enumerate(states) if other == state), None)


def _control(field: Number | Choice, state: fields.State) -> dict[str, Any]:
    common = {"name": field.name, "label": field.label, "help": field.help, "value": state[field.name]}
    if isinstance(field, Number):
        return {**common, "kind": "number", "lo": field.lo, "hi": field.hi, "step": field.step}
    return {**common, "kind": "choice", "choices": list(field.choices.items())}
