"""The tab in which several methods, and ways from patches to pixels, stand side by side: layout, wiring and events."""

import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from demo.lab import texts, views
from demo.lab.components.comparison import Cell, ComparisonGrid, ComparisonValue
from demo.lab.tab import Lab, Panel, Shown, View, fill_again
from demo.shared.contact_sheet import Captioned, contact_sheet
from demo.shared.controls import settings_of
from demo.shared.errors import told_kindly
from demo.shared.events import HEAVY, JS_DOWNLOAD, JS_LATEST, JS_NUMBER, LIGHT
from demo.shared.service import Service
from demo.shared.texts import CHOICES, READY, STOP
from segcore.color_match import BEHIND, match_colors, matched_palette
from segcore.export import jpeg
from segcore.palette import Palette
from segcore.registry import METHODS
from segcore.render import Picture, paint_labels, shrink, shrink_labels
from segcore.settings import Settings, params
from segcore.stages import settings_read
from segcore.stopping import Stopped
from segcore.types import Segmentation, StageReport

USUAL = ("kmeans", "gmm", "spectral", "fiedler", "tokencut", "maskcut")
CHANGED = ("method", "upsampling", "crf")  # settings in which what is compared differs
CELL_SIDE = 640  # pixels: longer side of a picture in the grid and on the sheet
_SHARED = ("weights", "features")  # stages that all methods have in common

# Not the value, as results that were on their way would take its place.
_JS_STOPPED = """value => ({__type__: "update", props: {stopped: value?.run ?? null}})"""


@dataclass(frozen=True, slots=True)
class Contender:
    """What one cell shows: the settings of the main result but for these."""

    title: str
    changes: Mapping[str, Any]


_WAYS = {way: CHOICES["upsampling"].get(way, way) for way in params()["upsampling"].choices or ()}
CONTENDERS: Mapping[str, Contender] = {
    **{key: Contender(method.title, {"method": key}) for key, method in METHODS.items()},
    **{
        f"upsampling_{way}": Contender(texts.COMPARE_WAY.format(way=title), {"upsampling": way, "crf": False})
        for way, title in _WAYS.items()
    },
    "crf": Contender(texts.COMPARE_CRF, {"crf": True}),
}
WAY_KEYS = tuple(key for key in CONTENDERS if key not in METHODS)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is on view, as little as is needed to make it again."""

    picture: str
    settings: Settings  # those of the main result
    keys: tuple[str, ...]  # of the contenders
    done: tuple[str, ...]  # those of them that had their turn


@dataclass(frozen=True, eq=False, slots=True)
class Painted:
    """The result of one method, in colors that agree with those of the others."""

    result: Segmentation
    overlay: Picture
    colors: NDArray[np.int64]  # color index of each label, as of `match_colors`

    @property
    def palette(self) -> Palette:
        """The colors of the labels."""
        return matched_palette(self.colors)


TITLE = "Compare"


def make(service: Service) -> Panel:
    """Lay the tab out."""
    choices = [(method.title, key) for key, method in METHODS.items()]
    methods = gr.CheckboxGroup(
        choices, value=list(USUAL), label=texts.COMPARE_METHODS, info=texts.COMPARE_METHODS_INFO, elem_id="compare-methods"
    )
    ways = gr.CheckboxGroup(
        [(CONTENDERS[key].title, key) for key in WAY_KEYS],
        value=[],
        label=texts.COMPARE_WAYS,
        info=texts.COMPARE_WAYS_INFO,
        elem_id="compare-ways",
    )
    with gr.Row(elem_id="compare-buttons"):
        run = gr.Button(texts.COMPARE_RUN, variant="primary", size="sm", min_width=110, elem_id="compare-run")
        stop = gr.Button(STOP, size="sm", min_width=60, elem_id="compare-stop")
        usual = gr.Button(texts.COMPARE_USUAL, size="sm", min_width=110, elem_id="compare-usual")
        every = gr.Button(texts.COMPARE_ALL, size="sm", min_width=60, elem_id="compare-all")
        save = gr.Button(texts.COMPARE_SAVE, size="sm", min_width=140, elem_id="compare-save")
    with gr.Row(visible=False, elem_id="compare-stale") as stale:
        gr.Markdown(texts.COMPARE_STALE, container=False)
        again = gr.Button(texts.COMPARE_AGAIN, variant="primary", size="sm", scale=0, min_width=110, elem_id="compare-again")
    grid = ComparisonGrid(words=texts.COMPARE_WORDS, elem_id="comparison")
    compared = gr.State(None)

    def fill(view: View, on_view: Comparison | None) -> Iterator[tuple[Any, ...]]:
        old = on_view is not None and is_stale(on_view, view.shown)
        yield gr.update(visible=old), gr.update(main=view.shown.settings.method)

    def wire(lab: Lab) -> None:
        comparing = gr.on(
            [run.click, again.click], make_compare(service),
            [lab.number, methods, ways, lab.picture, *lab.controls.values()], [compared, grid],
            js=JS_NUMBER, trigger_mode="always_last", show_progress_on=[methods], **HEAVY | {"show_progress": "minimal"},
        )  # fmt: skip
        fill_again(lab, panel, comparing.then)
        stopping = stop.click(service.stops.stop, lab.number, None, js=JS_LATEST, **LIGHT)
        stopping.then(None, grid, grid, js=_JS_STOPPED, **LIGHT)
        grid.choose(choose, None, [lab.controls[name] for name in CHANGED], **LIGHT)
        usual.click(usual_methods, None, methods, **LIGHT)
        every.click(all_methods, None, methods, **LIGHT)
        save.click(make_save(service), compared, lab.download, **HEAVY).success(None, None, None, js=JS_DOWNLOAD, **LIGHT)

    panel = Panel((stale, grid), fill, inputs=(compared,), wire=wire)
    return panel


# ---- Results ----


def painted(
    service: Service, picture: str, settings: Settings, keys: tuple[str, ...], check: Callable[[], None]
) -> Iterator[tuple[str, StageReport | Painted | str | None]]:
    """Run contenders on one picture: for each None as it begins, its stages that had to be computed, its result or why not.

    The main result comes first, also where its method is not picked: its colors are those that the others follow.
    """
    earlier: list[tuple[NDArray[np.integer], NDArray[np.int64]]] = []
    for key in dict.fromkeys((settings.method, *keys)):
        yield key, None
        try:
            with told_kindly():
                own = settings.replace(**CONTENDERS[key].changes)
                result = yield from _fresh(service, picture, own, key, check)
                label_map = shrink_labels(result.label_map.numpy(), max_side=CELL_SIDE)
                colors = match_colors(label_map, earlier, has_background=result.has_background)
                photo = shrink(result.image.numpy(), max_side=CELL_SIDE)
                overlay = paint_labels(photo, label_map, palette=matched_palette(colors))
        except gr.Error as error:
            yield key, error.message
        else:
            earlier.append((label_map, colors))
            yield key, Painted(result, overlay, colors)


def _fresh(
    service: Service, picture: str, settings: Settings, key: str, check: Callable[[], None]
) -> Generator[tuple[str, StageReport], None, Segmentation]:
    """The stages that had to be computed; returns the result."""
    steps = service.pipeline.steps(picture, settings, check=check)
    while True:
        try:
            report = next(steps)
        except StopIteration as done:
            result: Segmentation = done.value
            return result
        if not report.cached:
            yield key, report


# ---- Events ----


def make_compare(service: Service) -> Callable[..., Iterator[tuple[Comparison, ComparisonValue]]]:
    """The event behind Compare: runs what is picked, one after another, and shows each when it is done.

    Outputs: what is on view, the grid. A stop ends the work between two stages or inside a long one.
    """

    def compare(
        number: float, methods: list[str], ways: list[str], picture: str | None, request: gr.Request, *values: Any
    ) -> Iterator[tuple[Comparison, ComparisonValue]]:
        with told_kindly(), suppress(Stopped):
            if picture is None:
                raise gr.Error(READY, print_exception=False)
            if not methods and not ways:
                raise gr.Error(texts.COMPARE_NO_METHOD, print_exception=False)
            check = service.stops.check(number, request)
            settings, keys = settings_of(values), tuple(key for key in CONTENDERS if key in (*methods, *ways))
            view = _View(service.title_of(picture), keys)
            yield Comparison(picture, settings, keys, ()), view.value(running=True)
            done: tuple[str, ...] = ()
            for key, what in painted(service, picture, settings, keys, check):
                view.take(service, key, what)
                if isinstance(what, Painted | str) and key in keys:
                    done = (*done, key)
                yield Comparison(picture, settings, keys, done), view.value(running=len(done) < len(keys))

    return compare


class _View:
    """What the grid shows, as results come in."""

    def __init__(self, picture: str, keys: tuple[str, ...]):
        self._picture = picture
        self._cells: dict[str, Cell] = {k: {"method": k, "title": CONTENDERS[k].title, "state": "waiting"} for k in keys}
        self._size = (3, 4)  # until a result says better
        self._colors = ""  # whose colors the others follow
        self._run = uuid.uuid4().hex

    def take(self, service: Service, key: str, what: StageReport | Painted | str | None) -> None:
        """Note that a contender begins, a stage of it, its result or its failure."""
        title = CONTENDERS[key].title
        if isinstance(what, Painted) and not self._colors:
            self._size = what.overlay.shape[:2]
            self._colors = texts.COMPARE_REFERENCE.format(title=title)
        if key not in self._cells:
            return  # the main result lends its colors only
        cell: Cell = {"method": key, "title": title, "state": "running"}
        match what:
            case StageReport():
                cell["line"] = f"{texts.STAGES[what.name]} · {views.seconds(what.seconds)} …"
            case Painted():
                picture = service.publish(jpeg(what.overlay), f"{key}.jpg")
                cell |= cast(Cell, {"state": "done", "picture": picture, **_told(what, title, self._picture)})
            case str():
                cell |= {"state": "failed", "line": what}
        self._cells[key] = cell

    def value(self, *, running: bool) -> ComparisonValue:
        """The value of the grid."""
        cells, (height, width) = list(self._cells.values()), self._size
        n = sum(cell["state"] in ("done", "failed") for cell in cells)
        count = texts.COMPARE_STATUS.format(n=n, total=len(cells))
        status = " · ".join(filter(None, (count, self._colors)))
        return {"run": self._run, "running": running, "status": status, "width": width, "height": height, "cells": cells}


def _told(painted: Painted, title: str, picture: str) -> dict[str, Any]:
    """What the cell of a result says beside its picture."""
    result, hexes = painted.result, painted.palette.hex(len(painted.colors))
    by_color = sorted(result.segments, key=lambda s: (painted.colors[s.label] == BEHIND, painted.colors[s.label]))
    count = _count(result)
    return {
        "alt": texts.COMPARE_ALT.format(title=title, count=count, picture=picture),
        "facts": [count, _cost(result)],
        "notes": list(dict.fromkeys(note for stage in _own_stages(result) for note in stage.notes)),
        "areas": [(hexes[s.label], s.area_fraction) for s in by_color],
    }


def _count(result: Segmentation) -> str:
    segments = _number(result.n_segments, "segment")
    if not result.has_background:
        return segments
    return f"{segments} ({_number(sum(segment.label > 0 for segment in result.segments), 'object')})"


def _number(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _cost(result: Segmentation) -> str:
    """What the method took, and how much of it was remembered."""
    stages = _own_stages(result)
    total, remembered = sum(s.seconds for s in stages), sum(s.seconds for s in stages if s.cached)
    words = {"seconds": views.seconds(total), "remembered": views.seconds(remembered)}
    if all(s.cached for s in stages):
        return texts.COMPARE_REMEMBERED.format(**words)
    return (texts.COMPARE_PARTLY if remembered >= 0.001 else texts.COMPARE_SECONDS).format(**words)


def _own_stages(result: Segmentation) -> list[StageReport]:
    return [stage for stage in result.stages if stage.name not in _SHARED]


def is_stale(on_view: Comparison, shown: Shown) -> bool:
    """Whether another picture is shown, or one with other settings; only those that a contender on view reads count."""
    if shown.picture != on_view.picture:
        return True
    changes = [CONTENDERS[key].changes for key in on_view.keys]
    read = {name for change in changes for name in settings_read(on_view.settings.replace(**change)) - change.keys()}
    return any(getattr(shown.settings, name) != getattr(on_view.settings, name) for name in read)


def usual_methods() -> list[str]:
    """A few methods of all kinds that answer quickly."""
    return list(USUAL)


def all_methods() -> list[str]:
    """Every method."""
    return list(METHODS)


def choose(event: gr.EventData) -> list[Any]:
    """The settings of the cell that was clicked, where they differ from those of the main result; outputs: CHANGED."""
    changes = CONTENDERS[str(event.method)].changes
    return [changes.get(name, gr.skip()) for name in CHANGED]


def make_save(service: Service) -> Callable[[Comparison | None], str]:
    """The event behind Save: draws what is on view on one sheet and returns the path of its file."""

    def save(shown: Comparison | None) -> str:
        with told_kindly():
            if shown is None or not shown.done:
                raise gr.Error(texts.COMPARE_NO_RESULT, print_exception=False)
            words = painted(service, shown.picture, shown.settings, shown.done, lambda: None)
            found = {key: what for key, what in words if isinstance(what, Painted | str)}
            if not any(isinstance(what, Painted) for what in found.values()):
                raise gr.Error(str(found[shown.done[0]]), print_exception=False)
            cells = [_captioned(key, found[key]) for key in CONTENDERS if key in shown.done]
            changed = [f"{name} = {value}" for name, value in shown.settings.changed().items() if name != "method"]
            told = ", ".join(changed) or texts.COMPARE_DEFAULTS
            sheet = contact_sheet(service.title_of(shown.picture), [told], cells)
            return service.publish(sheet, f"{Path(shown.picture).stem}.comparison.png")

    return save


def _captioned(key: str, what: Painted | str) -> Captioned:
    title = CONTENDERS[key].title
    if isinstance(what, str):
        return Captioned(title, (what,))
    cost = views.seconds(sum(stage.seconds for stage in _own_stages(what.result)))
    return Captioned(title, (f"{_count(what.result)} · {cost}", *what.result.stages[-1].notes), what.overlay)
