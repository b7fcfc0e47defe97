"""What is saved: the tracks as text or JSON, and the tracked frames as a film."""

import json
from collections.abc import Callable
from typing import Any

import gradio as gr

from demo.shared.errors import told_kindly
from demo.shared.service import Service
from demo.tracking import texts
from demo.tracking.asked import Asked, Controls
from demo.tracking.run import Runs, said_of
from demo.tracking.show.film import TrackedFilm
from segcore.checks import check_choice
from segcore.runtime.stopping import stoppable
from segcore.show.moving import small_enough
from segcore.track.files import mot_text
from segcore.track.show import tracks_json

_FPS = 8.0  # of films: slow enough to see a switch


def saved(runs: Runs, asked: Asked, kind: str, *, theme: str = "light") -> bytes:
    """The tracks of the chosen tracker as a file, movies of at most 10 MB.

    Args:
        runs: of the server.
        asked: what is tracked, and how.
        kind: a key of `texts.FORMATS`.
        theme: in whose colors a movie is, a key of INKS.

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
    return small_enough(TrackedFilm(source, done, theme=theme), f".{kind}", fps=_FPS)[0]


def make_save(service: Service, runs: Runs, controls: Controls) -> Callable[..., str]:
    """The event behind Save."""

    def save(number: float, theme: str, kind: str, request: gr.Request, *values: Any) -> str:
        with told_kindly(), stoppable(service.stops.check(number, request)):
            asked = controls.asked(values)
            return service.publish(
                saved(runs, asked, kind, theme=theme), f"{asked.options.source}-{asked.options.tracker}.{kind}"
            )

    return save
