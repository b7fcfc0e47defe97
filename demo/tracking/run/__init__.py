"""The events behind the controls: a tracker played, and trackers side by side; each is run once and remembered."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import gradio as gr
import numpy as np
from cachetools import LRUCache

from demo.shared.errors import told_kindly
from demo.shared.sequence import assemble, without
from demo.shared.service import Service
from demo.shared.texts import STOPPED
from demo.tracking import texts
from demo.tracking.asked import ALONG, POINT, STEP, TRAINED, Asked, Controls
from demo.tracking.data import Source, Sources
from demo.tracking.data.training import weights_of
from demo.tracking.show import Done, Shared, Steps, code_of
from demo.tracking.show.lanes import lanes_shown
from segcore.errors import InputError, shortened
from segcore.metrics.tracking import tracking_events, tracking_scores
from segcore.runtime.stopping import Stopped, stoppable
from segcore.show.palette import PALETTE
from segcore.track.catalog import TRACKERS, Tracker
from segcore.track.detections import Tracks
from segcore.track.run import track
from segcore.track.settings import MessageSettings, TrackerSettings
from segcore.track.state import GRAPH, INPUT, MESSAGES, TrackState
from segcore.track.trackers.message_passing import decided

_REMEMBERED = 96  # runs
_COLORS = 20
LAST = ("threshold", "rounding", "least", "fill")  # settings of message passing that ŷ does not depend on
_MOST_STEPS = 512  # each frame of the output is one; they share their arrays


class Runs:
    """Runs trackers, and remembers the runs that were asked for last. Safe for threads."""

    def __init__(self, service: Service):
        """Nothing was asked for yet."""
        self._service = service
        self.sources = Sources(service)
        self._made: LRUCache[Any, Done] = LRUCache(_REMEMBERED)
        self._lock = threading.Lock()

    def get(self, asked: Asked, tracker: str, check: Callable[[], None] = lambda: None) -> tuple[Source, Done]:
        """What is tracked, and the run of a tracker on it.

        Raises:
            SegcoreError: the source or a setting does not allow it.
            Stopped: somebody ended it.
        """
        source, settings = self.sources.get(asked), self.settings(asked, tracker)
        key = (source.key, tracker, settings)
        base = (source.key, tracker, base_of(settings), "base")
        with self._lock:
            known, like = self._made.get(key), self._made.get(base)
        if known is None:
            check()
            with stoppable(check):
                if like is None or not isinstance(settings, MessageSettings):
                    known = _run(source, tracker, settings)
                else:
                    known = _decided(source, like, settings)
            with self._lock:
                self._made[key] = known
                if base_of(settings) is not None:
                    self._made[base] = known
        return source, known

    def settings(self, asked: Asked, tracker: str) -> TrackerSettings:
        """The settings of a tracker, with the weights that were trained here where these are asked for and known."""
        settings = asked.settings[tracker]
        if asked.options.weights != TRAINED or not isinstance(settings, MessageSettings):
            return settings
        return settings.replace(weights=weights_of(self._service, asked.training))

    def lacks_weights(self, asked: Asked) -> bool:
        """Whether what is played asks for weights that were trained here, and there are none."""
        played = self.settings(asked, asked.options.tracker)
        return asked.options.weights == TRAINED and isinstance(played, MessageSettings) and not played.weights


def said_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they are told: of a file its name, wherever this server keeps it."""
    return {name: Path(value).name if name == "weights" else value for name, value in settings.items()}


def base_of(settings: TrackerSettings) -> TrackerSettings | None:
    """What runs have in common that differ in what is done with ŷ only; None where a tracker has no ŷ."""
    if not isinstance(settings, MessageSettings):
        return None
    return settings.replace(**{name: getattr(MessageSettings(), name) for name in LAST})


def _run(source: Source, tracker: str, settings: TrackerSettings) -> Done:
    states: list[TrackState] = []
    tracks = track(source.detections, tracker, on_state=states.append, **settings.to_dict())
    return _scored(source, TRACKERS[tracker], states, tracks, Shared())


def _decided(source: Source, like: Done, settings: MessageSettings) -> Done:
    """A run of message passing that differs from another one in its last settings only: ŷ stays."""
    states = [
        replace(state, kept=state.weight > settings.threshold) if state.stage == MESSAGES else state
        for state in like.states
        if state.stage in (INPUT, GRAPH, MESSAGES)
    ]
    last = states[-1]
    yhat = last.weight if last.stage == MESSAGES else np.zeros(len(last.edges))
    steps = decided(source.detections, last.edges, yhat, settings)
    while True:
        try:
            states.append(next(steps))
        except StopIteration as done:
            return _scored(source, like.tracker, states, done.value, like.shared)


def _scored(source: Source, tracker: Tracker, states: list[TrackState], tracks: Tracks, shared: Shared) -> Done:
    scores = events = None
    if source.truth is not None:
        scores, events = tracking_scores(source.truth, tracks.boxes), tracking_events(source.truth, tracks.boxes)
    return Done(tracker, tuple(states), tracks, scores, events, shared)


def sequence(
    runs: Runs,
    asked: Asked,
    *,
    step: str = "",
    point: int | None = None,
    along: Mapping[str, str] = MappingProxyType({}),
    check: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """The value of the player for what is asked, opened at a step and a detection.

    Args:
        runs: of the server.
        asked: what is tracked, and how.
        step: name of a step, or "".
        point: number of a detection.
        along: what the address says beside it, for other pages.
        check: asked now and then; raises where somebody stopped it.

    Raises:
        SegcoreError: the source or a setting does not allow it.
        Stopped: somebody ended it.
    """
    name = asked.options.tracker
    source, done = runs.get(asked, name, check)
    d, settings = source.detections, runs.settings(asked, name)
    if not len(d):
        raise InputError(texts.NOTHING, field="source")
    made = Steps(source, done)
    frames = made.frames()
    questions = made.questions(frames)
    names = [frame.name for frame in frames]
    fixed = {
        "key": str(hash((source.key, name, settings))),
        "subject": str(hash(source.key)),
        "algorithm": name,
        "n": len(d),
        "h": 0,
        "w": 0,
        "word": texts.WORD,
        "words": texts.WORDS,
        "editable": False,
        "palette": list(PALETTE.hex(_COLORS)),
        "start": made.start(),
        "point": int(len(d) // 2),
        "open": {"step": step if step in names else "", "point": point if point is not None and point < len(d) else None},
        "link": urlencode({**along, **asked.query, **source.named}, safe=","),
        "rows": made.rows(),
        "film": made.film(),
        "lanes": made.lanes(),
    }
    code = code_of(source, done.tracker, said_of(settings.changed()), scored=done.scores is not None)
    return assemble(fixed, frames, questions, code, keep=step, most=_MOST_STEPS, memory=done.shared.sent)


def side_by_side(runs: Runs, asked: Asked, check: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """The value of the board: scores and lanes of the trackers that are compared, in the order of the list."""
    rows: list[dict[str, Any]] = []
    total = 0
    for name in asked.compare:
        tracker = TRACKERS[name]
        try:
            source, done = runs.get(asked, name, check)
        except InputError as error:
            rows.append({"tracker": name, "title": tracker.title, "problem": str(error)})
            continue
        total = source.detections.n_frames
        row: dict[str, Any] = {"tracker": name, "title": tracker.title, "tracks": done.tracks.n_tracks}
        if done.scores is not None and done.events is not None and source.truth is not None:
            row["scores"] = dict(done.scores)
            row |= lanes_shown(done.events, source.truth, total)
        rows.append(row)
    return {"rows": rows, "n": total, "chosen": asked.options.tracker, "palette": list(PALETTE.hex(_COLORS))}


# ---- Events ----


def make_show(service: Service, runs: Runs, controls: Controls) -> Callable[..., tuple[Any, ...]]:
    """The event behind all controls: the steps that they mean, and a line about them."""

    def show(number: float, opened: dict[str, Any], held: str, request: gr.Request, *values: Any) -> tuple[Any, ...]:
        if number == 0:  # a later event follows at once
            return gr.skip(), gr.skip(), gr.skip()
        began = time.perf_counter()
        step, point, along = opened.get(STEP, ""), opened.get(POINT, ""), opened.get(ALONG, {})
        try:
            with told_kindly():
                asked = controls.asked(values)
                at = int(point) if point.isdecimal() else None
                check = service.stops.check(number, request)
                value = without(sequence(runs, asked, step=step, point=at, along=along, check=check), held.split())
                source, _ = runs.get(asked, asked.options.tracker)
        except gr.Error as error:
            return {"message": error.message}, error.message, {ALONG: along}
        except Stopped:
            return gr.skip(), STOPPED, {ALONG: along}
        told = texts.STATUS.format(
            title=TRACKERS[asked.options.tracker].title,
            source=source.title,
            n=len(source.detections),
            frames=source.detections.n_frames,
            steps=value["total"],
            seconds=time.perf_counter() - began,
            kilobytes=len(json.dumps(value)) // 1000,
        )
        missed = texts.NO_STEP.format(name=shortened(step)) if step and not value["open"]["step"] else ""
        said = (told, *source.detections.notes, missed, texts.NO_TRAINED if runs.lacks_weights(asked) else "")
        return value, " ".join(filter(None, said)), {ALONG: along}

    return show


def make_compare(service: Service, runs: Runs, controls: Controls) -> Callable[..., Any]:
    """The event after it: the trackers side by side."""

    def compare(number: float, request: gr.Request, *values: Any) -> Any:
        try:
            with told_kindly():
                asked = controls.asked(values)
                return side_by_side(runs, asked, service.stops.check(number, request))
        except gr.Error as error:
            return {"message": error.message}
        except Stopped:
            return gr.skip()

    return compare
