"""The event behind all controls: the sequence of steps that they mean."""

import dataclasses
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import gradio as gr
from cachetools import LRUCache

from demo.shared.controls import settings_of
from demo.shared.errors import told_kindly
from demo.shared.sequence import assemble
from demo.shared.service import Service
from demo.shared.texts import STOPPED
from demo.steps import texts
from demo.steps.algorithms import ALGORITHMS
from demo.steps.asked import NOWHERE, OWN, PICTURE, RANGES, Asked, Inputs, Opened
from demo.steps.data import Data, load
from segcore.errors import InputError, shortened
from segcore.runtime.stopping import Stopped
from segcore.show.files import permalink
from segcore.show.palette import PALETTE

FIRST = "kmeans"
START = "start"  # the step of a link that begins at the first one, whatever its name
CONTROLLED = tuple(dict.fromkeys(name for algorithm in ALGORITHMS.values() for name in algorithm.reads))
_REMEMBERED = 48  # sequences: each is a few hundred kilobytes, and a hall that follows one lecture asks for the same
_MARGIN = 0.06  # of the plane around the points
_COLORS = 20  # past it they repeat: pieces of a picture are told apart by their borders


class Sequences:
    """Makes sequences, and remembers those that were asked for last. Safe for threads."""

    def __init__(self, service: Service):
        """Nothing was asked for yet."""
        self._service = service
        self._made: LRUCache[Any, dict[str, Any]] = LRUCache(_REMEMBERED)
        self._lock = threading.Lock()

    def get(self, asked: Asked, opened: Opened, check: Callable[[], None] = lambda: None) -> tuple[dict[str, Any], bool]:
        """The value of the player for what is asked, and whether it was remembered.

        Raises:
            SegcoreError: the picture, the points or a setting do not allow it.
            Stopped: somebody ended it between two of its parts.
        """
        digest = self._service.pipeline.picture(asked.picture)[1] if asked.data == PICTURE else ""
        key = (dataclasses.replace(asked, picture=digest), opened)
        with self._lock:
            known = self._made.get(key)
        if known is not None:
            return known, True
        check()
        value = sequence(self._service, asked, opened, key=str(hash(key[0])))
        with self._lock:
            self._made[key] = value
        return value, False


def sequence(service: Service, asked: Asked, opened: Opened = NOWHERE, *, key: str = "") -> dict[str, Any]:
    """Run an algorithm and make the value of the player of its steps."""
    data = load(service, asked)
    run = ALGORITHMS[asked.algorithm].make(data)
    names = [frame.name for frame in run.frames]
    step = names[0] if opened.step == START else opened.step
    fixed = {
        "key": key,
        "subject": f"{data.title} {data.n}",
        "algorithm": asked.algorithm,
        "n": data.n,
        "h": data.h,
        "w": data.w,
        "aspect": [1.0, 1.0],
        "ratio": 1.0,
        "word": data.word,
        "words": data.words,
        "editable": asked.data == OWN,
        "palette": list(PALETTE.hex(_COLORS)),
        "xy": data.xy,
        "bounds": _bounds(data),
        "start": run.start,
        "point": run.point,
        "open": {"step": step if step in names else "", "point": _inside(opened.point, data.n)},
        "link": link(service, asked),
        **data.shown,
        **run.facts,
    }
    return assemble(fixed, run.frames, run.questions, run.code, keep=step)


def _inside(point: int | None, n: int) -> int | None:
    return point if point is not None and 0 <= point < n else None


def _bounds(data: Data) -> list[float]:
    if not data.is_picture:
        return [-1.25, 1.25, -1.1, 1.1]
    low, high = data.xy.min(0).values, data.xy.max(0).values
    margin = _MARGIN * (high - low).clamp_min(1e-6)
    return [float((low - margin)[0]), float((high + margin)[0]), float((low - margin)[1]), float((high + margin)[1])]


def link(service: Service, asked: Asked) -> str:
    """The query string that restores a run; the player adds step and point."""
    place = {"algorithm": asked.algorithm, "data": asked.data}
    if asked.data == OWN:
        place["points"] = asked.points
    elif asked.data != PICTURE:
        place["n_points"] = str(asked.n_points)
    if asked.data != PICTURE and ALGORITHMS[asked.algorithm].needs_graph:
        place["gamma"] = f"{asked.gamma:g}"
    if asked.picture:
        example = service.example_of(asked.picture)
        digest = service.pipeline.picture(asked.picture)[1]
        if example is None:
            service.keep_upload(digest, asked.picture)
        place |= {"example": example.id} if example else {"picture": digest}
    return permalink(asked.settings, **place)


def make_show(service: Service) -> Callable[..., tuple[Any, ...]]:
    """The event behind all controls: the sequence that they mean, and a line about it."""
    sequences = Sequences(service)

    def show(number: float, opened: Opened, request: gr.Request, *values: Any) -> tuple[Any, ...]:
        inputs = Inputs.of(values)
        if number == 0 or inputs.picture is None:  # a later event follows at once
            return gr.skip(), gr.skip(), gr.skip()
        asked, title = asked_with(inputs), ALGORITHMS[inputs.algorithm].title
        note = texts.ONLY_PICTURES.format(title=title, picture=service.title_of(asked.picture))
        note = note if asked.data != inputs.data else ""
        began = time.perf_counter()
        try:
            with told_kindly():
                value, _ = sequences.get(asked, opened, service.stops.check(number, request))
        except gr.Error as error:
            return {"message": error.message}, error.message, Opened()
        except Stopped:
            return gr.skip(), STOPPED, Opened()
        status = texts.STATUS.format(
            title=title,
            data=texts.DATA[asked.data] if asked.data != PICTURE else service.title_of(asked.picture),
            steps=value["total"],
            seconds=time.perf_counter() - began,
            kilobytes=len(json.dumps(value)) // 1000,
        )
        missed = texts.NO_STEP.format(name=shortened(opened.step)) if opened.step and not value["open"]["step"] else ""
        return value, " ".join(filter(None, (status, note, missed))), Opened()

    return show


def asked_with(inputs: Inputs) -> Asked:
    """What the controls ask for: a picture where the algorithm runs on pictures alone, and numbers within their ranges.

    Raises:
        InputError: there is no picture.
    """
    if inputs.picture is None:
        raise InputError(texts.EMPTY, field="picture")
    on = inputs.data if "points" in ALGORITHMS[inputs.algorithm].on else PICTURE
    lo, hi, default = RANGES["n_points"]
    n = int(min(max(inputs.n_points or default, lo), hi))
    merged = inputs.base.to_dict() | dict(zip(CONTROLLED, inputs.settings, strict=True))
    settings, gamma = settings_of(tuple(merged.values())), float(inputs.gamma or RANGES["gamma"][2])
    return Asked(inputs.algorithm, on, settings, inputs.picture, inputs.points, n, gamma)
