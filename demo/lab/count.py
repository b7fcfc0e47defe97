"""The tab "How many?": what each criterion says of every K, computed when somebody looks."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import gradio as gr

from demo.lab import texts
from demo.lab.tab import Lab, Panel, View
from demo.shared.components import KCurves
from demo.shared.components.k_curves import KCurve, KCurvesValue
from demo.shared.events import LIGHT
from demo.shared.service import Service
from segcore.cluster.choose import Choice
from segcore.pipeline.criteria import CRITERIA
from segcore.pipeline.methods import METHODS
from segcore.pipeline.stages import settings_read
from segcore.settings import Settings
from segcore.types import Spectrum

TITLE = "How many?"


def make(service: Service) -> Panel:
    """Lay the tab out."""
    panel = KCurves(elem_id="count")

    def fill(view: View) -> Iterator[tuple[Any, ...]]:
        picture, settings = view.shown.picture, view.shown.settings
        # The criteria judge patches, whatever the method cuts.
        values = partial(service.pipeline.values, picture, settings, of_patches=True, check=view.check)
        spectrum = values("spectrum")["spectrum"]
        choices: dict[str, Choice] = {}
        for name in CRITERIA:
            yield (curves_value(settings, spectrum, choices),)
            choices[name] = values(name)[name]
        yield (curves_value(settings, spectrum, choices),)

    def wire(lab: Lab) -> None:
        """A click on a point switches the choice by the data off, and then sets K.

        One after the other: the requests of two controls that change at once may arrive in either order.
        """
        chosen = gr.State(None)  # the value of the panel will not do: curves that arrive meanwhile replace it
        panel.choose(take_k, None, [lab.controls["auto_k"], chosen], **LIGHT).then(
            int, chosen, lab.controls["n_segments"], **LIGHT
        )

    return Panel((panel,), fill, wire=wire)


def take_k(event: gr.EventData) -> tuple[bool, int]:
    """That the data do not choose K any more, and K as it was clicked."""
    return False, int(event.k)


def curves_value(settings: Settings, spectrum: Spectrum, choices: Mapping[str, Choice]) -> KCurvesValue:
    """What the panel shows of the choices that are made so far, by the names of their criteria."""
    used = METHODS[settings.method].criterion
    takes_k = "n_segments" in settings_read(settings.replace(auto_k=False))
    chosen = choices[used].k if settings.auto_k and used is not None and used in choices else None
    aside = [_components(spectrum.n_components)]
    if not takes_k:
        aside.append(texts.COUNT_NO_K.format(method=METHODS[settings.method].title))
    return {
        "curves": [_curve(name, choices.get(name), in_use=name == used) for name in CRITERIA],
        "k": (chosen if settings.auto_k and used else settings.n_segments) if takes_k else None,
        "verdict": _verdict(choices),
        "aside": " ".join(aside),
    }


def _curve(name: str, choice: Choice | None, *, in_use: bool) -> KCurve:
    criterion = CRITERIA[name]
    notes = [texts.COUNT_IN_USE] if in_use else []
    if choice is None:
        notes = [texts.COUNT_PENDING]
    else:
        if choice.n_rows < choice.n:
            notes.append(texts.COUNT_SAMPLE.format(rows=choice.n_rows, n=choice.n))
        if _at_end(choice):
            notes.append(texts.COUNT_AT_END.format(k=choice.k))
    return {
        "key": name,
        "title": criterion.title,
        "formula": criterion.formula,
        "question": texts.COUNT_QUESTIONS[name],
        "candidates": list(choice.candidates) if choice else [],
        "scores": list(choice.scores) if choice else [],
        "k": choice.k if choice else None,
        "note": " · ".join(notes),
        "in_use": in_use,
    }


def _verdict(choices: Mapping[str, Choice]) -> str:
    """Whether the criteria agree, once all of them have spoken."""
    if len(choices) < len(CRITERIA):
        return texts.COUNT_PENDING
    named = {name: texts.COUNT_OR_MORE.format(k=c.k) if _at_end(c) else str(c.k) for name, c in choices.items()}
    if len(set(named.values())) == 1:
        return texts.COUNT_AGREE.format(k=next(iter(named.values())))
    return texts.COUNT_DISAGREE.format(said=", ".join(f"{CRITERIA[name].title} {k}" for name, k in named.items()))


def _at_end(choice: Choice) -> bool:
    """Whether a larger K might have been better still."""
    return choice.k == choice.candidates[-1]


def _components(n: int) -> str:
    return texts.COUNT_CONNECTED if n == 1 else texts.COUNT_COMPONENTS.format(n=n)
