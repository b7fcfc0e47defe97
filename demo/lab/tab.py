"""What all tabs of the lab are made of.

A tab is a module of `tabs/` with a TITLE and a `make(service)` that lays it out and returns its `Panel`; a large one is a
folder with the rooms of a page. The page fills a tab while it is open: within the run that makes a new result, and when it
is opened. What nobody looks at costs nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.shared.errors import told_kindly
from demo.shared.events import JS_NUMBER, SEEN
from demo.shared.picture import PictureInput
from demo.shared.service import Service
from segcore.runtime.stopping import Stopped
from segcore.settings import Settings
from segcore.types import Segmentation


@dataclass(frozen=True, slots=True)
class Shown:
    """What a visitor looks at: from this and the cache of the pipeline, everything on the page follows."""

    picture: str  # path of the file
    settings: Settings  # as the controls had them
    stopped: bool = False  # whether something newer was asked for and stopped


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """What a tab is filled with."""

    shown: Shown
    result: Segmentation
    check: Callable[[], None]  # to be called now and then by what takes long; raises Stopped


@dataclass(frozen=True, eq=False, slots=True)
class Lab:
    """The page around the tabs, for those that have events of their own."""

    service: Service
    picture: PictureInput
    caption: gr.Markdown  # of an example; empty for other pictures
    controls: dict[str, Any]  # components by the names of the settings, in their order
    shown: gr.State  # a `Shown`, or None before the first result
    number: gr.Number  # of heavy events, counted up by the scripts of `demo.shared.events`
    loaded: gr.events.Dependency  # the event that restores what a link says
    compare: gr.Textbox  # contenders that the link has compared, with commas
    run: gr.events.Dependency  # the event that makes a new result
    address: gr.Textbox  # the query string that restores what is shown
    download: gr.DownloadButton  # behind which a file waits to be saved
    keep_tab: str  # the script that notes the open tab, and what is compared in it, in the address


def no_events(_lab: Lab) -> None:
    """A tab that only shows."""


@dataclass(frozen=True, eq=False, slots=True)
class Panel:
    """A tab that has been laid out.

    Attributes:
        outputs: the components that it fills.
        fill: takes a `View` and the values of the inputs, yields values of the outputs, each more complete than before.
        inputs: components that it reads beside.
        fresh: what these hold for a new picture, if what they held belonged to the old one.
        restore: what they hold for a link, by its names and values, if it says something of them.
        wire: connects its own events.
    """

    outputs: tuple[gr.components.Component, ...]
    fill: Callable[..., Iterator[tuple[Any, ...]]]
    inputs: tuple[gr.components.Component, ...] = ()
    fresh: tuple[Any, ...] | None = None
    restore: Callable[[Mapping[str, str]], tuple[Any, ...]] | None = None
    wire: Callable[[Lab], None] = no_events


def fill_again(lab: Lab, panel: Panel, *events: Callable[..., Any]) -> None:
    """Fill a tab with what is shown whenever one of these events happens."""
    for event in events:
        event(
            _make_fill(lab.service, panel),
            [lab.number, lab.shown, *panel.inputs],
            list(panel.outputs),
            js=JS_NUMBER,
            trigger_mode="always_last",
            **SEEN,
        )


def _make_fill(service: Service, panel: Panel) -> Callable[..., Iterator[Any]]:
    def fill(number: float, shown: Shown | None, request: gr.Request, *inputs: Any) -> Iterator[Any]:
        as_outputs = (lambda values: values[0]) if len(panel.outputs) == 1 else tuple
        with told_kindly():
            if shown is None:
                yield as_outputs([gr.skip() for _ in panel.outputs])
                return
            check = service.stops.check(number, request)
            with suppress(Stopped):
                result = service.pipeline.run(shown.picture, shown.settings, check=check)
                for values in panel.fill(View(shown, result, check), *inputs):
                    yield as_outputs(values)
                    check()

    return fill
