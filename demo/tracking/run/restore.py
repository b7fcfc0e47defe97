"""What a link or a choice sets, and which controls are shown."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from demo.shared.errors import told_kindly
from demo.shared.link import CARRIED, read_link
from demo.shared.service import Service
from demo.tracking import texts
from demo.tracking.asked import ALONG, FILES, OWN_FILES, POINT, STEP, VIDEO, Controls, allowed, asked_of_link, names
from demo.tracking.data.video import KIND, OWN, VideoSettings, make_work, path_of
from segcore.track.catalog import TRACKERS
from segcore.track.scenes import SCENES

_turn = itertools.count(1)  # what has changed is asked for anew, even where all controls stay as they are


def make_restore(service: Service, controls: Controls, opened: Any, turn: Any) -> Callable[..., dict[Any, Any]]:
    """The event at page load: everything as the link says; what it cannot restore is one sentence."""

    def restore(request: gr.Request) -> dict[Any, Any]:
        query = dict(request.query_params)
        where: dict[str, Any] = {name: query[name][:40] for name in (STEP, POINT) if name in query}
        where[ALONG] = {name: query[name] for name in CARRIED if name in query and name not in names()}
        if where[ALONG]:
            read_link(service, query)  # says what of it cannot be
        return {
            opened: where,
            turn: next(_turn),
            **controls.filled(asked_of_link(query)),
            **_own_files(service, controls, query),
        }

    return restore


def _own_files(service: Service, controls: Controls, query: Mapping[str, str]) -> dict[Any, Any]:
    """The files that a link names, as far as this server still has them."""
    found = {}
    for name in OWN_FILES:
        path = service.upload_of(query[name]) if query.get(name) else None
        if path:
            found[controls.own[name]] = path
        elif query.get(name):
            gr.Warning(texts.NO_UPLOAD.format(what=texts.OWN_FILES[name]))
    return found


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
            controls.own_group: gr.update(visible=source == FILES),
            controls.video_group: gr.update(visible=source == VIDEO),
            controls.words: about + told,
            **controls.systems.chosen(tracker),
        }

    return shown


def make_start(service: Service, controls: Controls) -> Callable[..., str]:
    """The event behind the button: a job looks at a video; the bar shows it."""

    def start(visitor: str, *values: Any) -> str:
        with told_kindly():
            given = dict(zip(controls.video, values, strict=True))
            settings = VideoSettings.from_values(allowed(VideoSettings(), given))
            return service.jobs.start(
                make_work(path_of(given["file"] or "", settings), settings, service), owner=visitor, kind=KIND
            )

    return start


def own_video(clip: str) -> Any:
    """Show where a file goes where the visitor's own is meant."""
    return gr.update(visible=clip == OWN)


def next_turn(*_: Any) -> int:
    """Ask anew."""
    return next(_turn)


def heard(event: gr.EventData) -> Any:
    """What news of the job change: when it is done, its detections are shown."""
    return next(_turn) if event.state == "done" else gr.skip()


def picked(event: gr.EventData) -> str:
    """The tracker that is to be played."""
    return event.tracker if event.tracker in TRACKERS else next(iter(TRACKERS))
