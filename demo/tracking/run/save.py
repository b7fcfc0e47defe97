"""What is saved: the tracks as text or JSON, and the tracked frames as a film."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from demo.shared.errors import told_kindly
from demo.shared.service import Service
from demo.tracking import texts
from demo.tracking.asked import Asked, Controls
from demo.tracking.data import Source
from demo.tracking.run import Runs
from demo.tracking.show import Done
from segcore.checks import check_choice
from segcore.runtime.stopping import stop_if_asked, stoppable
from segcore.show.films import gif, mp4
from segcore.track.files import mot_text
from segcore.track.paint import painted

_FPS = 8.0  # of films: slow enough to see a switch


def saved(runs: Runs, asked: Asked, kind: str) -> bytes:
    """The tracks of the chosen tracker as a file.

    Args:
        runs: of the server.
        asked: what is tracked, and how.
        kind: a key of `texts.FORMATS`.

    Raises:
        InputError: there is no such format.
    """
    check_choice("format", kind, tuple(texts.FORMATS))
    source, done = runs.get(asked, asked.options.tracker)
    if kind == "txt":
        return mot_text(done.tracks.boxes).encode()
    if kind == "json":
        return json.dumps(as_json(source, done, asked), indent=1).encode()
    return (gif if kind == "gif" else mp4)(_pictures(source, done), fps=_FPS)


def as_json(source: Source, done: Done, asked: Asked) -> dict[str, Any]:
    """What is known of a run: settings, scores, and the boxes of each track."""
    boxes = done.tracks.boxes
    tracks = [
        {
            "id": int(identity),
            "frames": (boxes.frame[boxes.identity == identity] + 1).tolist(),
            "boxes": np.round(boxes.box[boxes.identity == identity], 3).tolist(),
        }
        for identity in np.unique(boxes.identity)
    ]
    return {
        "source": source.title,
        "query": asked.query,
        "tracker": done.tracker.name,
        "settings": asked.settings[done.tracker.name].to_dict(),
        "size": list(source.detections.size),
        "n_frames": source.detections.n_frames,
        "scores": None if done.scores is None else dict(done.scores),
        "tracks": tracks,
    }


def _pictures(source: Source, done: Done) -> Iterator[NDArray[np.uint8]]:
    for t in range(source.detections.n_frames):
        stop_if_asked()
        yield painted(t, source.detections, done.tracks, source.draw(t) if source.draw else None)


def make_save(service: Service, runs: Runs, controls: Controls) -> Callable[..., str]:
    """The event behind Save."""

    def save(number: float, kind: str, request: gr.Request, *values: Any) -> str:
        with told_kindly(), stoppable(service.stops.check(number, request)):
            asked = controls.asked(values)
            return service.publish(saved(runs, asked, kind), f"{asked.options.source}-{asked.options.tracker}.{kind}")

    return save
