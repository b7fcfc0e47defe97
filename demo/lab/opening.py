"""What the lab opens with: the first example and its result, as the events of the page would show them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import gradio as gr

from demo.lab.run import Outputs, around
from demo.lab.tab import Panel, Shown, View
from demo.shared.opening import Opening, opening
from demo.shared.picture import PictureInput
from demo.shared.service import Service


@dataclass(frozen=True, eq=False, slots=True)
class Opened:
    """A lab that is opened."""

    shown: Shown
    first: Opening


def make_opened(
    service: Service,
    picture: PictureInput,
    restored: Sequence[Any],
    restore: Callable[[Mapping[str, str]], Sequence[Any]],
    outputs: Outputs,
    panel: Panel,
) -> Callable[[], Opened]:
    """What says what the lab opens with; it computes once.

    Args:
        service: of the server.
        picture: that is segmented.
        restored: the components that a link restores.
        restore: their values, for the names and values of a link.
        outputs: around the tabs.
        panel: the first tab.
    """

    @cache
    def opened() -> Opened:
        held = dict(zip(restored, restore({}), strict=True))
        path = opening("", {picture: held[picture]}).props[picture._id]["value"]["path"]
        shown = Shown(path, service.first.of_defaults())
        result = service.pipeline.run(shown.picture, shown.settings)
        told = around(service, shown, result)
        held |= {getattr(outputs, name): value for name, value in told.items()}
        for values in panel.fill(View(shown, result, lambda: None)):
            held |= dict(zip(panel.outputs, values, strict=True))
        return Opened(shown, opening(told["address"], held))

    return opened


def make_load(restore: Callable[[Mapping[str, str]], list[Any]], opened: Callable[[], Opened]) -> Callable[..., list[Any]]:
    """The event at page load: what the link says, where the page does not show it already; and what is shown.

    Inputs: whether the page holds what it opens with, and the number of the newest run.
    """

    def load(holds: float, newest: float, request: gr.Request) -> list[Any]:
        if not holds:
            return [*restore(request.query_params), gr.skip()]
        left = [gr.skip() for _ in restore({})]
        return [*left, gr.skip() if newest else opened().shown]

    return load
