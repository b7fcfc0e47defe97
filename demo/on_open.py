"""Tabs that are filled while they are open: what costs time is computed for those who look at it."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gradio as gr


def follow(tabs: gr.Tabs, light: dict[str, Any]) -> gr.State:
    """Make the state that holds the label of the open tab, "" at first."""
    opened = gr.State("")
    tabs.select(_label, None, opened, **light)
    return opened


def fill_on_open(
    tab: gr.Tab,
    opened: gr.State,
    run: gr.events.Dependency,
    stop: gr.Button,
    fill: Callable[..., Iterator[Any]],
    inputs: list[gr.components.Component],
    panel: gr.components.Component,
    heavy: dict[str, Any],
) -> None:
    """Fill a panel when its tab is opened, and after every run while it is.

    Args:
        tab: that holds the panel.
        opened: of `follow`.
        run: the event that shows a result.
        stop: the button that ends what runs.
        fill: takes the inputs, yields values of the panel, each more complete than the one before.
        inputs: picture and controls.
        panel: what is filled.
        heavy: arguments of queued events.
    """
    common = {
        "trigger_mode": "always_last", "show_progress": "minimal", "show_progress_on": [panel],
        "api_visibility": "private", **heavy,
    }  # fmt: skip
    at_opening = tab.select(fill, inputs, panel, **common)
    after_run = run.success(partial(_if_open, tab.label, fill), [opened, *inputs], panel, **common)
    stop.click(None, cancels=[at_opening, after_run], queue=False, show_progress="hidden", api_visibility="private")


def _label(event: gr.SelectData) -> str:
    return event.value


def _if_open(label: str, fill: Callable[..., Iterator[Any]], opened: str, *values: Any) -> Iterator[Any]:
    if opened == label:
        yield from fill(*values)
    else:
        yield gr.skip()
