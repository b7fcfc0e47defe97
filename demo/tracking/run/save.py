"""What is saved: the tracks as text or JSON, and the tracked frames as a film."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import gradio as gr
import numpy as np
from numpy.typing import NDArray

from demo.shared.errors import told_kindly
from demo.shared.service import Service
from demo.tracking import texts
from demo.tracking.asked import Asked, Controls
from demo.tracking.data import Source
from demo.tracking.run import Runs, said_of
from segcore.checks import check_choice
from segcore.runtime.stopping import stop_if_asked, stoppable
from segcore.show.moving import moving
from segcore.track.files import mot_text
from segcore.track.show import tracked_frames, tracks_json

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
        said = tracks_json(done.tracks, source.detections, said_of(runs.settings(asked, done.tracker.name).to_dict()))
        scores = None if done.scores is None else dict(done.scores)
        return json.dumps(
            {**said, "source": source.title, "query": {**asked.query, **source.named}, "scores": scores}, indent=1
        ).encode()
    return moving(tracked_frames(_pictures(source), source.detections, done.tracks), f".{kind}", fps=_FPS)


def _pictures(source: Source) -> Iterator[NDArray[np.uint8]] | None:
    """The frames in the size in which their detections are, one at a time; None where there are no pictures."""
    if source.draw is None:
        return None
    size, draw = source.detections.size, source.draw
    return (np.asarray(cv2.resize(draw(t), size), np.uint8) for t in _counted(source.detections.n_frames))


def _counted(n: int) -> Iterator[int]:
    for t in range(n):
        stop_if_asked()
        yield t


def make_save(service: Service, runs: Runs, controls: Controls) -> Callable[..., str]:
    """The event behind Save."""

    def save(number: float, kind: str, request: gr.Request, *values: Any) -> str:
        with told_kindly(), stoppable(service.stops.check(number, request)):
            asked = controls.asked(values)
            return service.publish(saved(runs, asked, kind), f"{asked.options.source}-{asked.options.tracker}.{kind}")

    return save
