"""The events of the page: what a link asks for, the run that it means, points of one's own."""

import dataclasses
import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from cachetools import LRUCache

from demo.shared.controls import settings_of
from demo.shared.errors import told_kindly
from demo.shared.link import read_link
from demo.shared.picture import chosen_example
from demo.shared.service import Service
from demo.shared.texts import STOPPED
from demo.steps import texts
from demo.steps.algorithm import Algorithm
from demo.steps.algorithms import ALGORITHMS
from demo.steps.data import OWN, PICTURE, Data, Wanted, load, packed_points
from demo.steps.show import assemble
from segcore.drawn.points import toy_points
from segcore.errors import shortened
from segcore.runtime.device import make_generator
from segcore.runtime.stopping import Stopped
from segcore.settings import Settings
from segcore.show.files import permalink
from segcore.show.palette import PALETTE

FIRST = "kmeans"
CONTROLLED = tuple(dict.fromkeys(name for algorithm in ALGORITHMS.values() for name in algorithm.reads))
RANGES = {"n_points": (12, 400, 150), "gamma": (0.5, 400.0, 25.0)}  # lowest, highest, default of the page's own numbers
_REMEMBERED = 48  # sequences: each is a few hundred kilobytes, and a hall that follows one lecture asks for the same
_MARGIN = 0.06  # of the plane around the points
_COLORS = 20  # past it they repeat: pieces of a picture are told apart by their borders


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """Where a link looks: a step and a row."""

    step: str = ""
    point: int | None = None


class Sequences:
    """Makes sequences, and remembers those that were asked for last. Safe for threads."""

    def __init__(self, service: Service):
        """Nothing was asked for yet."""
        self._service = service
        self._made: LRUCache[Any, dict[str, Any]] = LRUCache(_REMEMBERED)
        self._lock = threading.Lock()

    def get(self, wanted: Wanted, opened: Opened, check: Callable[[], None] = lambda: None) -> tuple[dict[str, Any], bool]:
        """The value of the player for what is wanted, and whether it was remembered.

        Raises:
            SegcoreError: the picture, the points or a setting do not allow it.
            Stopped: somebody ended it between two of its parts.
        """
        digest = self._service.pipeline.picture(wanted.picture)[1] if wanted.data == PICTURE else ""
        key = (dataclasses.replace(wanted, picture=digest), opened)
        with self._lock:
            known = self._made.get(key)
        if known is not None:
            return known, True
        check()
        value = sequence(self._service, wanted, opened, key=str(hash(key)))
        with self._lock:
            self._made[key] = value
        return value, False


def sequence(service: Service, wanted: Wanted, opened: Opened = Opened(), *, key: str = "") -> dict[str, Any]:
    """Run an algorithm and make the value of the player of its steps."""
    data = load(service, wanted)
    run = ALGORITHMS[wanted.algorithm].make(data)
    names = {frame.name for frame in run.frames}
    fixed = {
        "key": key,
        "subject": f"{data.title} {data.n}",
        "algorithm": wanted.algorithm,
        "n": data.n,
        "h": data.h,
        "w": data.w,
        "aspect": [1.0, 1.0],
        "ratio": 1.0,
        "word": data.word,
        "words": data.words,
        "editable": wanted.data == OWN,
        "palette": list(PALETTE.hex(_COLORS)),
        "xy": data.xy,
        "bounds": _bounds(data),
        "start": run.start,
        "point": run.point,
        "open": {"step": opened.step if opened.step in names else "", "point": _inside(opened.point, data.n)},
        "link": link(service, wanted),
        **data.shown,
        **run.facts,
    }
    return assemble(fixed, run.frames, run.questions, run.code, keep=opened.step)


def _inside(point: int | None, n: int) -> int | None:
    return point if point is not None and 0 <= point < n else None


def _bounds(data: Data) -> list[float]:
    if not data.is_picture:
        return [-1.25, 1.25, -1.1, 1.1]
    low, high = data.xy.min(0).values, data.xy.max(0).values
    margin = _MARGIN * (high - low).clamp_min(1e-6)
    return [float((low - margin)[0]), float((high + margin)[0]), float((low - margin)[1]), float((high + margin)[1])]


def link(service: Service, wanted: Wanted) -> str:
    """The query string that restores a run; the player adds step and point."""
    place = {"algorithm": wanted.algorithm, "data": wanted.data}
    if wanted.data == OWN:
        place["points"] = wanted.points
    elif wanted.data != PICTURE:
        place["n_points"] = str(wanted.n_points)
    if wanted.data != PICTURE and ALGORITHMS[wanted.algorithm].needs_graph:
        place["gamma"] = f"{wanted.gamma:g}"
    if wanted.picture:
        example = service.example_of(wanted.picture)
        digest = service.pipeline.picture(wanted.picture)[1]
        if example is None:
            service.keep_upload(digest, wanted.picture)
        place |= {"example": example.id} if example else {"picture": digest}
    return permalink(wanted.settings, **place)


def make_restore(service: Service) -> Callable[..., list[Any]]:
    """The event at page load: everything as the link says; what it cannot restore is one sentence."""

    def restore(request: gr.Request) -> list[Any]:
        query = dict(request.query_params)
        linked = read_link(service, query)
        data = _choice(query, "data", PICTURE, texts.DATA, texts.NO_DATA)
        algorithm = _choice(query, "algorithm", FIRST, ALGORITHMS, texts.NO_ALGORITHM)
        numbers = {name: _number(query, name) for name in RANGES}
        points = query.get("points", "") or default_points()
        opened = Opened(query.get("step", "")[:40], int(query["point"]) if query.get("point", "").isdecimal() else None)
        values = linked.settings.to_dict()
        return [
            opened, points, algorithm, data, int(numbers["n_points"]), numbers["gamma"], linked.settings, linked.picture,
            *(values[name] for name in CONTROLLED),
        ]  # fmt: skip

    return restore


def default_points() -> str:
    """The points that one starts with: a few in three groups."""
    return packed_points(toy_points("blobs", n=30, generator=make_generator(0))[0])


def _choice(query: Mapping[str, str], name: str, default: str, known: Mapping[str, Any], sentence: str) -> str:
    value = query.get(name, default)
    if value in known:
        return value
    gr.Warning(sentence.format(name=shortened(value), known=", ".join(known)))
    return default


def _number(query: Mapping[str, str], name: str) -> float:
    lo, hi, default = RANGES[name]
    given = query.get(name)
    if given is None:
        return default
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if lo <= value <= hi:
        return value
    gr.Warning(texts.BAD_NUMBER.format(name=name, lo=lo, hi=hi, given=shortened(given), default=default))
    return default


def make_show(service: Service) -> Callable[..., tuple[Any, ...]]:
    """The event behind all controls: the sequence that they mean, and a line about it."""
    sequences = Sequences(service)

    def show(
        number: float,
        opened: Opened,
        points: str,
        algorithm: str,
        data: str,
        n_points: float | None,
        gamma: float | None,
        base: Settings,
        picture: str | None,
        request: gr.Request,
        *values: Any,
    ) -> tuple[Any, ...]:
        if number == 0 or picture is None:  # a later event follows at once
            return gr.skip(), gr.skip(), gr.skip()
        settings = settings_with(base, values)
        note = ""
        if data != PICTURE and "points" not in ALGORITHMS[algorithm].on:
            note = texts.ONLY_PICTURES.format(title=ALGORITHMS[algorithm].title, picture=service.title_of(picture))
            data = PICTURE
        lo, hi, default = RANGES["n_points"]
        n_points = int(min(max(n_points or default, lo), hi))
        wanted = Wanted(algorithm, data, settings, picture, points, n_points, float(gamma or RANGES["gamma"][2]))
        began = time.perf_counter()
        try:
            with told_kindly():
                value, _ = sequences.get(wanted, opened, service.stops.check(number, request))
        except gr.Error as error:
            return {"message": error.message}, error.message, Opened()
        except Stopped:
            return gr.skip(), STOPPED, Opened()
        status = texts.STATUS.format(
            title=ALGORITHMS[algorithm].title, data=texts.DATA[data] if data != PICTURE else service.title_of(picture),
            steps=value["total"], seconds=time.perf_counter() - began, kilobytes=len(json.dumps(value)) // 1000,
        )  # fmt: skip
        missed = texts.NO_STEP.format(name=shortened(opened.step)) if opened.step and not value["open"]["step"] else ""
        return value, " ".join(filter(None, (status, note, missed))), Opened()

    return show


def settings_with(base: Settings, values: tuple[Any, ...]) -> Settings:
    """The settings of the link with those of the controls in their place."""
    merged = base.to_dict() | dict(zip(CONTROLLED, values, strict=True))
    return settings_of(tuple(merged.values()))


def make_shown_controls() -> Callable[..., list[Any]]:
    """The event that shows the controls that the algorithm reads, and hides the others."""

    def shown_controls(algorithm: str, data: str) -> list[Any]:
        chosen: Algorithm = ALGORITHMS[algorithm]
        on_points = data != PICTURE and "points" in chosen.on
        return [
            gr.update(visible=data not in (PICTURE, OWN) and on_points),
            gr.update(visible=on_points and chosen.needs_graph),
            gr.update(visible=not on_points),
            gr.update(visible=on_points and data == OWN),
            gr.update(value=lead(algorithm)),
            *(gr.update(visible=name in chosen.reads) for name in CONTROLLED),
        ]

    return shown_controls


def lead(algorithm: str) -> str:
    """Question, formula and source of an algorithm, as HTML."""
    chosen = ALGORITHMS[algorithm]
    return f'<p class="lead">{chosen.lead}</p><p class="law">{chosen.formula}</p><p class="source">{chosen.source}</p>'


def make_choose(service: Service) -> Callable[..., Any]:
    """The event behind the example pictures."""

    def choose(event: gr.SelectData) -> str:
        return str(chosen_example(service, event).path)

    return choose


def own_points(event: gr.EventData) -> str:
    """The points that the player reports."""
    return str(event.points)[:2048]


def fewest_points() -> str:
    """Three points to go on from."""
    return packed_points(toy_points("blobs", n=12, generator=make_generator(0))[0][::4])
