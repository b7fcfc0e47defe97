"""The work of the tab: contenders one after another, and the sheet of them."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from demo.lab import texts
from demo.lab.components.comparison import ComparisonValue
from demo.lab.tabs.compare.asked import CONTENDERS, Comparison
from demo.lab.tabs.compare.show import Grid, Painted, captioned
from demo.shared.contact_sheet import contact_sheet
from demo.shared.controls import settings_of
from demo.shared.errors import told_kindly
from demo.shared.service import Service
from demo.shared.texts import READY
from segcore.runtime.steps import Steps, mapped
from segcore.runtime.stopping import Stopped
from segcore.settings import Settings
from segcore.show.color_match import match_colors, matched_palette
from segcore.show.paint import paint_labels, shrink, shrink_labels
from segcore.types import Segmentation, StageReport

CELL_SIDE = 640  # pixels: longer side of a picture in the grid and on the sheet


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
            yield key, Painted(result, overlay, label_map, colors)


def _fresh(
    service: Service, picture: str, settings: Settings, key: str, check: Callable[[], None]
) -> Steps[tuple[str, StageReport], Segmentation]:
    """The stages that had to be computed; returns the result."""
    steps = service.pipeline.steps(picture, settings, check=check)
    return (yield from mapped(steps, lambda report: None if report.cached else (key, report)))


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
            view = Grid(service.title_of(picture), keys)
            yield Comparison(picture, settings, keys, ()), view.value(running=True)
            done: tuple[str, ...] = ()
            for key, what in painted(service, picture, settings, keys, check):
                view.take(service, key, what)
                if isinstance(what, Painted | str) and key in keys:
                    done = (*done, key)
                yield Comparison(picture, settings, keys, done), view.value(running=len(done) < len(keys))

    return compare


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
            cells = [captioned(key, found[key]) for key in CONTENDERS if key in shown.done]
            changed = [f"{name} = {value}" for name, value in shown.settings.changed().items() if name != "method"]
            told = ", ".join(changed) or texts.COMPARE_DEFAULTS
            sheet = contact_sheet(service.title_of(shown.picture), [told], cells)
            return service.publish(sheet, f"{Path(shown.picture).stem}.comparison.png")

    return save
