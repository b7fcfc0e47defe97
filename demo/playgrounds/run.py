"""What the browser asks: a playground in a state; what it hears: everything that is seen of it."""

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import gradio as gr
import numpy as np
from cachetools import LRUCache

from demo.playgrounds import fields, show, texts
from demo.playgrounds.fields import Choice, Number, Table
from demo.playgrounds.games import PLAYGROUNDS
from demo.playgrounds.playground import Playground, Segmented
from demo.shared.controls import FIELDS
from demo.shared.errors import told_kindly
from demo.shared.link import CARRIED
from demo.shared.service import Service
from segcore.errors import InputError, SegcoreError, shortened
from segcore.image import read_labels
from segcore.settings import DEFAULTS, Settings, is_weight_file
from segcore.show.paint import shrink

NAME = "play"  # of the playground in an address
_REMEMBERED = 64  # label maps
_SMALL = 81  # cells of a table that is shown where the view cannot be


class Pictures:
    """The picture that an address names, and its segments once they are there."""

    def __init__(self, service: Service, query: Mapping[str, str], labels: "Labels"):
        self._service, self._labels = service, labels
        self.path = _path(service, query)
        self.settings = _settings(query, fallback=self._suited())

    def picture(self, *, max_side: int) -> np.ndarray:
        """(height, width, 3) uint8: the picture, shrunk to this longer side."""
        image, _ = self._service.pipeline.picture(self.path)
        return shrink(image.numpy(), max_side=max_side)

    def segmented(self) -> Segmented | None:
        """The picture with its segments, or None while they are not computed."""
        return self._labels.get(self.path, self.settings)

    def _suited(self) -> Settings:
        example = self._service.example_of(self.path)
        return DEFAULTS.replace(**example.settings) if example else DEFAULTS


class Labels:
    """Segments of pictures on their patch grids. They come from the pipeline, in the queue; safe for threads."""

    def __init__(self, service: Service):
        self._service = service
        self._grids: LRUCache[tuple[str, Settings], Segmented] = LRUCache(_REMEMBERED)
        self._lock = threading.Lock()

    def get(self, path: str, settings: Settings) -> Segmented | None:
        """The picture with its segments, or None while they are not computed."""
        with self._lock:
            return self._grids.get((path, settings))

    def compute(self, path: str, settings: Settings) -> None:
        """Segment a picture."""
        values = self._service.pipeline.values(path, settings, "features", "cells")
        features, geometry = values["features"], values["features"].geometry
        grid = values["cells"].labels.reshape(geometry.h, geometry.w).cpu().numpy()
        pixels, size = features.pixels.cpu().numpy(), geometry.scaled_size
        segmented = Segmented(grid, pixels, size, self._truth(path, size))
        with self._lock:
            self._grids[path, settings] = segmented

    def _truth(self, path: str, size: tuple[int, int]) -> np.ndarray | None:
        """(height, width) the labels that a picture was drawn with, in the size of the scaled picture."""
        example = self._service.example_of(path)
        if example is None or example.truth is None:
            return None
        labels = read_labels(example.truth).labels.numpy()
        rows, columns = (((np.arange(n) + 0.5) * have / n).astype(int) for n, have in zip(size, labels.shape, strict=True))
        return labels[np.ix_(rows, columns)]


class Answers:
    """Answers what the browser asks; it may send anything."""

    def __init__(self, service: Service):
        self._service = service
        self.labels = Labels(service)

    def answer(self, question: Any) -> dict[str, Any]:
        """A playground in a state: controls, view and address; or `problem` alone, one sentence."""
        try:
            with told_kindly():
                query, given = _asked(question)
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
                    "link": _link(playground, state, query),
                }
        except gr.Error as error:
            return {"problem": error.message}

    def segment(self, question: Any) -> None:
        """Segment the picture of a question, so that the next answer has its labels; in the queue."""
        with told_kindly():
            query, _ = _asked(question)
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


def _asked(question: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """The address and the state of a question. Raises InputError."""
    if not isinstance(question, dict):
        raise InputError(texts.NO_QUESTION)
    query, given = question.get("query") or {}, question.get("given") or {}
    if not isinstance(query, dict) or not isinstance(given, dict):
        raise InputError(texts.NO_QUESTION)
    return {str(k): str(v) for k, v in query.items()}, given


def _link(playground: Playground, state: fields.State, query: Mapping[str, str]) -> str:
    carried = {name: query[name] for name in CARRIED if name in query}
    return "?" + urlencode({**carried, NAME: playground.key, **fields.write(playground.fields, state)}, safe="*")


def _path(service: Service, query: Mapping[str, str]) -> str:
    first = next(iter(service.examples.values()))
    upload = service.upload_of(query["picture"]) if "picture" in query else None
    return upload or str(service.examples.get(query.get("example", ""), first).path)


def _settings(query: Mapping[str, str], *, fallback: Settings) -> Settings:
    """Those of an address, as `read_link` reads them; it has told what cannot be."""
    values = {name: value for name, value in query.items() if name in FIELDS}
    if is_weight_file(values.get("backbone", "")):
        del values["backbone"]
    try:
        return Settings.from_values(values) if values else fallback
    except SegcoreError:
        return fallback
