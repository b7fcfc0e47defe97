"""The states of a tracker as steps of the player: what each says, what is drawn, and its numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from demo.shared.sequence import At, Coarse, Code, Frame, Memory, Number, Question
from demo.tracking import texts
from demo.tracking.data import Source
from demo.tracking.show.lanes import lanes_shown
from segcore.metrics.tracking import TrackingEvents, TrackingScores
from segcore.track.catalog import Tracker
from segcore.track.detections import Detections, Ints, Tracks
from segcore.track.overlap import unit
from segcore.track.state import EDGES, FRAME, GRAPH, INPUT, MESSAGES, OUTPUT, ROUNDED, TrackState, violated

MOST_LOOKS = 16  # dimensions of an appearance that are drawn
_MOST_FEATURES = 10_000  # edges whose features are told
_EXACT = 4000  # edges whose weights are sent to the last digit; of more, 256 levels


@dataclass(frozen=True, eq=False, slots=True)
class Done:
    """A tracker that has run.

    Attributes:
        states: all of them.
        tracks: what it says.
        scores: against the truth, where that is known.
        events: what they count.
        shared: what was made of arrays that runs share which differ in their last settings only; see `Steps`.
    """

    tracker: Tracker
    states: Sequence[TrackState]
    tracks: Tracks
    scores: TrackingScores | None
    events: TrackingEvents | None
    shared: "Shared"


@dataclass(frozen=True, eq=False, slots=True)
class Shared:
    """What was made of arrays, and how they are sent."""

    made: dict[tuple[int, str], tuple[Any, Any]] = field(
        default_factory=dict
    )  # with the array, so that its id stays its own
    sent: Memory = field(default_factory=dict)


class Steps:
    """Makes the steps of a run; arrays that several steps share are made once."""

    def __init__(self, source: Source, done: Done):
        """Nothing is made yet."""
        self.source, self.done = source, done
        self._arrays = done.shared.made

    def frames(self) -> list[Frame]:
        """All steps, in their order."""
        d = self.source.detections
        frames = [self._input()] + [self._frame(state) for state in self.done.states if state.stage not in (INPUT, OUTPUT)]
        labels = self._labels(self.done.tracks.ids)
        last = d.n_frames - 1
        shown = (last,) if self.done.tracker.online else range(d.n_frames)
        return frames + [self._output(labels, t) for t in shown]

    def start(self) -> str:
        """The step that the page opens at: where the first switch is made, or conservation breaks, or the end."""
        stages = {state.stage: state.name for state in reversed(self.done.states)}
        for stage in (EDGES, ROUNDED):
            if stage in stages:
                return stages[stage]
        switches = self.done.events.switches[:, 0].tolist() if self.done.events else []
        frames = self.source.detections.frame
        at = min(switches, default=int(frames[len(frames) // 2]))
        return next((state.name for state in self.done.states if state.frame == at), OUTPUT)

    def questions(self, frames: Sequence[Frame]) -> list[Question]:
        """What can be asked of this run."""
        asked, names = [], [frame.name for frame in frames]
        scores = self.done.scores
        if scores is not None:
            right = sum(scores["switches"] > most for most in texts.SWITCHES_UP_TO)
            why = texts.WHY_SWITCHES.format(n=scores["switches"], frag=scores["fragmentations"])
            ask = texts.ASK_SWITCHES.format(title=self.done.tracker.title)
            asked.append(Question("switches", ask, names[0], names[-1], why, right, texts.SWITCHES_OPTIONS))
        state = next((state for state in self.done.states if state.stage == EDGES), None)
        if state is not None:
            n = len(_violated(state, len(self.source.detections)))
            right = sum(n > most for most in texts.BROKEN_UP_TO)
            before = names[max(names.index(state.name) - 1, 0)]
            why = texts.WHY_BROKEN.format(n=n, total=len(self.source.detections))
            asked.append(Question("broken", texts.ASK_BROKEN, before, state.name, why, right, texts.BROKEN_OPTIONS))
        return asked

    def rows(self) -> dict[str, Any]:
        """What the browser must know of the detections."""
        d = self.source.detections
        looks = _looks(d)
        return {
            "frame": _whole(d.frame),
            "box": torch.from_numpy(d.boxes).flatten().float(),
            "score": torch.from_numpy(d.score).float(),
            "place": torch.from_numpy(self.source.place).float(),
            "looks": looks.flatten(),
        }

    def film(self) -> dict[str, Any]:
        """What the browser must know of the frames."""
        d, source = self.source.detections, self.source
        return {
            "key": str(hash(source.key)),
            "n": d.n_frames,
            "size": list(d.size),
            "tile": list(source.tile),
            "grid": [4, 4],
            "sheets": list(source.sheets),
            "masks": list(source.masks),
            "looks": _looks(d).shape[1],
            "features": texts.FEATURES,
        }

    def lanes(self) -> dict[str, Any] | None:
        """What the lanes show, where the truth is known."""
        events, truth = self.done.events, self.source.truth
        return None if events is None or truth is None else lanes_shown(events, truth, self.source.detections.n_frames)

    # ---- Steps ----

    def _input(self) -> Frame:
        d = self.source.detections
        views = [self._film(None), self._node(None, None), self._graph(None, None, texts.NODES)]
        said = texts.SAID_INPUT.format(n=len(d), frames=d.n_frames)
        numbers = [
            Number(texts.N_DETECTIONS, len(d), "len(detections)"),
            Number(texts.N_FRAMES, d.n_frames, "detections.n_frames"),
        ]
        if self.source.truth is not None:
            code = "len(set(truth.identity.tolist()))"
            numbers.append(Number(texts.N_TRUE, len(np.unique(self.source.truth.identity)), code))
        return Frame(INPUT, texts.TITLES[INPUT], said, views, numbers, self._formula(None))

    def _frame(self, state: TrackState) -> Frame:
        d = self.source.detections
        broken = _violated(state, len(d))
        labels = self._labels(state.ids)
        kept = int(state.kept.sum())
        matched = state.stage == FRAME
        film = self._film(labels, state, broken if not matched else None)
        node = self._node(labels, state)
        graph = self._graph(labels, state, texts.GRAPH_TITLES[state.stage], broken if not matched else None)
        values = {
            "t": state.frame + 1,
            "step": state.step,
            "edges": len(state.edges),
            "kept": kept,
            "broken": len(broken),
            "n": len(d),
            "tracks": len(np.unique(state.ids[state.ids > 0])),
            "new": self._begun(state),
            "here": len(d.of_frame(state.frame)) if matched else 0,
        }
        title, said = texts.TITLES[state.stage].format(**values), texts.SAID[state.stage].format(**values)
        numbers = self._numbers(state, len(broken), kept)
        return Frame(state.name, title, said, [film, node, graph], numbers, self._formula(labels))

    def _numbers(self, state: TrackState, broken: int, kept: int) -> list[Number]:
        numbers = [Number(texts.N_EDGES, len(state.edges), "len(state.edges)")]
        if state.stage in (MESSAGES, EDGES, ROUNDED, FRAME):
            numbers.append(Number(texts.N_KEPT, kept, "state.kept.sum()"))
        if state.stage in (MESSAGES, EDGES, ROUNDED):
            n = len(self.source.detections)
            code = f"len(violated(state.edges, state.kept, {n}))"
            numbers.append(Number(texts.N_BROKEN, broken, code))
            numbers.append(Number(texts.HELD, 1 - broken / max(n, 1), f"1 - {code} / {n}"))
        if state.stage == FRAME:
            numbers.append(
                Number(
                    texts.N_TRACKS, len(np.unique(state.ids[state.ids > 0])), "len(set(state.ids[state.ids > 0].tolist()))"
                )
            )
        return numbers

    def _begun(self, state: TrackState) -> int:
        """Tracks that begin in the frame of a state."""
        rows = self.source.detections.of_frame(state.frame) if state.frame >= 0 else np.zeros(0, np.int64)
        earlier = set(state.ids[: rows[0]].tolist()) if len(rows) else set()
        return sum(int(i) > 0 and int(i) not in earlier for i in state.ids[rows])

    def _output(self, labels: Tensor, t: int) -> Frame:
        d, done = self.source.detections, self.done
        several = not done.tracker.online
        name = f"{OUTPUT}-{t}" if several else OUTPUT
        filled = self._filled(t)
        views = [self._film(labels, expected=filled, t=t), self._node(labels, None)]
        views.append(self._graph(labels, None, texts.GRAPH_TITLES[OUTPUT]))
        said = texts.SAID_OUTPUT.format(tracks=done.tracks.n_tracks, n=len(d))
        numbers = [Number(texts.N_TRACKS, done.tracks.n_tracks, "tracks.n_tracks")]
        scores = done.scores
        if scores is not None:
            views.append({"kind": "lanes", "title": texts.LANES})
            said += texts.SAID_SCORES.format(**scores)
            said_scores: dict[str, Any] = dict(scores)
            numbers += [Number(title, said_scores[key], f"scores['{key}']") for key, title in texts.SCORES.items()]
        title = texts.TITLES[OUTPUT].format(t=t + 1, n=d.n_frames) if several else texts.OUTPUT_TITLE
        return Frame(name, title, said, views, numbers, self._formula(labels))

    # ---- Views ----

    def _film(
        self,
        labels: Tensor | None,
        state: TrackState | None = None,
        broken: Ints | None = None,
        *,
        expected: dict[str, Any] | None = None,
        t: int | None = None,
    ) -> dict[str, Any]:
        view: dict[str, Any] = {"kind": "film", "title": texts.FILM}
        if labels is not None:
            view["labels"] = labels
        if broken is not None and len(broken):
            view["lit"] = _whole(broken)
        if state is not None and state.frame >= 0:
            t = state.frame
            if state.predicted is not None and state.predicted_ids is not None:
                expected = _expected(t, state.predicted, state.predicted_ids)
        if expected:
            view["expected"] = expected
        if t is not None:
            view["at"] = t
        return view

    def _graph(
        self, labels: Tensor | None, state: TrackState | None, title: str, broken: Ints | None = None
    ) -> dict[str, Any]:
        view: dict[str, Any] = {"kind": "graph", "title": title, **self._edges(state)}
        if labels is not None and (state is None or state.stage not in (GRAPH, MESSAGES, EDGES)):
            view["labels"] = labels
        if broken is not None and len(broken):
            view["lit"] = _whole(broken)
        return view

    def _node(self, labels: Tensor | None, state: TrackState | None) -> dict[str, Any]:
        view: dict[str, Any] = {"kind": "node", "title": texts.NODE, **self._edges(state)}
        if labels is not None:
            view["labels"] = labels
        if state is None or not len(state.edges):
            return view
        if len(state.edges) <= _MOST_FEATURES:
            view["features"] = self._once(state.edges, "features", lambda edges: _features(self.source.detections, edges))
        if state.messages is not None:
            view["messages"] = self._once(state.messages, "messages", lambda m: Coarse(torch.from_numpy(m.ravel()).float()))
        return view

    def _edges(self, state: TrackState | None) -> dict[str, Any]:
        if state is None or not len(state.edges):
            return {}
        return {
            "edges": self._once(state.edges, "edges", lambda edges: _whole(edges.ravel())),
            "weight": self._once(state.weight, "weight", _weight),
            "kept": self._once(state.kept, "kept", lambda kept: torch.from_numpy(np.ascontiguousarray(kept))),
            "said": texts.WEIGHTS[state.stage],
        }

    def _once(self, array: Any, what: str, make: Any) -> Any:
        key = (id(array), what)
        if key not in self._arrays:
            self._arrays[key] = (array, make(array))
        return self._arrays[key][1]

    def _labels(self, ids: Ints) -> Tensor:
        made: Tensor = self._once(ids, "labels", lambda ids: _whole(ids - 1))
        return made

    def _formula(self, labels: Tensor | None) -> list[list[Any]]:
        d = self.source.detections
        if not len(d):
            return []
        lines: list[list[Any]] = [
            [texts.IN_FRAME, At(self._once(d.frame, "counted", lambda f: _whole(f + 1)), form="integer")]
        ]
        if labels is not None:
            lines.append([texts.OF_TRACK, At(labels, form="label")])
        return lines

    def _filled(self, t: int) -> dict[str, Any] | None:
        """The boxes of the result in a frame that no detection of it has."""
        tracks, d = self.done.tracks, self.source.detections
        on = tracks.boxes.frame == t
        seen = set(tracks.ids[d.of_frame(t)].tolist())
        rows = [i for i in np.flatnonzero(on) if int(tracks.boxes.identity[i]) not in seen]
        return _expected(t, tracks.boxes.box[rows], tracks.boxes.identity[rows]) if rows else None


def code_of(source: Source, tracker: Tracker, settings: dict[str, Any], *, scored: bool) -> Code:
    """Python that repeats a run up to a step."""
    imports, setup = source.code
    said = "".join(f", {name}={value!r}" for name, value in settings.items())
    lines = [*setup, f'tracks = track(detections, "{tracker.name}"{said})']
    lines += ["scores = tracking_scores(truth, tracks.boxes)"] if scored else []
    needed = [
        "from segcore.track.catalog import tracker_of",
        "from segcore.track.run import track",
        "from segcore.track.state import violated",
        *(["from segcore.metrics.tracking import tracking_scores"] if scored else []),
    ]
    return Code((*imports, *needed), tuple(lines), f'tracker_of("{tracker.name}").run(detections{said})')


def _violated(state: TrackState, n: int) -> Ints:
    return state.violated if state.violated is not None else violated(state.edges, state.kept, n)


def _whole(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values).astype(np.int64))


def _weight(weight: NDArray[np.float64]) -> Tensor | Coarse:
    values = torch.from_numpy(np.ascontiguousarray(weight)).float()
    return values if len(values) <= _EXACT else Coarse(values)


def _looks(d: Detections) -> Tensor:
    """(n, ≤ MOST_LOOKS) of the appearances; (n, 0) where there are none."""
    if d.appearance is None:
        return torch.zeros(len(d), 0)
    return torch.from_numpy(unit(d.appearance)[:, :MOST_LOOKS]).float()


def _features(d: Detections, edges: Ints) -> Tensor:
    """(e · 4,) float32: frames between, way of the feet / mean height, IoU, cosine."""
    i, j = edges.T
    height = (d.boxes[i, 3] + d.boxes[j, 3]) / 2
    way = (d.feet[j] - d.feet[i]) / height[:, None]
    overlap = _ious(d, i, j)
    looks = unit(d.appearance) if d.appearance is not None else np.zeros((len(d), 1))
    cosine = (looks[i] * looks[j]).sum(1)
    columns = [d.frame[j] - d.frame[i], np.linalg.norm(way, axis=1), overlap, cosine]
    return torch.from_numpy(np.stack(columns, 1)).float().flatten()


def _ious(d: Detections, i: Ints, j: Ints) -> NDArray[np.float64]:
    a, b = d.boxes[i], d.boxes[j]
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    both = (high - low).clip(0).prod(1)
    found: NDArray[np.float64] = both / (a[:, 2:].prod(1) + b[:, 2:].prod(1) - both)
    return found


def _expected(t: int, boxes: NDArray[np.float64], ids: Ints) -> dict[str, Any]:
    rows = [[*map(float, np.round(box, 1)), int(i) - 1] for box, i in zip(boxes, ids, strict=True)]
    return {"frame": t, "boxes": rows}
