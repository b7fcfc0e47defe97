"""What a link or a choice sets, and which controls are shown."""

import itertools
from collections.abc import Callable
from typing import Any

import gradio as gr

from demo.tracking.asked import POINT, STEP, Controls, asked_of_link
from segcore.track.catalog import TRACKERS
from segcore.track.scenes import SCENES

_turn = itertools.count(1)  # what has changed is asked for anew, even where all controls stay as they are


def make_restore(controls: Controls, opened: Any, turn: Any) -> Callable[..., dict[Any, Any]]:
    """The event at page load: everything as the link says; what it cannot restore is one sentence."""

    def restore(request: gr.Request) -> dict[Any, Any]:
        query = dict(request.query_params)
        where = {name: query[name][:40] for name in (STEP, POINT) if name in query}
        return {opened: where, turn: next(_turn), **controls.filled(asked_of_link(query))}

    return restore


def make_source(controls: Controls, turn: Any) -> Callable[..., dict[Any, Any]]:
    """The event behind the choice of a source: a scene comes with settings of its own."""

    def source(name: str) -> dict[Any, Any]:
        said = SCENES[name].settings.to_dict() if name in SCENES else {}
        return {turn: next(_turn), **{controls.scene[key]: value for key, value in said.items()}}

    return source


def make_shown(controls: Controls) -> Callable[..., dict[Any, Any]]:
    """The event that shows what source and tracker ask for."""

    def shown(source: str, tracker: str) -> dict[Any, Any]:
        entry = TRACKERS[tracker]
        told = f"{entry.summary} $${entry.formula}$$ {entry.source}."
        about = f"{SCENES[source].title}: {SCENES[source].summary}\n\n" if source in SCENES else ""
        return {
            controls.scene_group: gr.update(visible=source in SCENES),
            controls.words: about + told,
            **controls.systems.chosen(tracker),
        }

    return shown


def picked(event: gr.EventData) -> str:
    """The tracker that is to be played."""
    return event.tracker if event.tracker in TRACKERS else next(iter(TRACKERS))
