"""ByteTrack: boxes of high score are matched first, then the tracks that are left over with boxes of low score.

    1. tracks, lost ones too, with boxes of score > high:          1 − IoU · score ≤ .9
    2. tracks that had a box in the frame before, with the others: 1 − IoU ≤ .5
    3. tracks of one box, with what is left of the high ones:      1 − IoU · score ≤ .7, else they are gone

What then is left of the high ones begins a track. A lost track is kept for `buffer` frames. What is shown is the filtered
box.

Source: Zhang and others 2022; constants and order are those of the published code, without its rules on shape and area of
pedestrians.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from segcore.metrics.boxes import iou_matrix
from segcore.runtime.stopping import stop_if_asked
from segcore.track.detections import Bools, Detections, Floats, Ints
from segcore.track.finish import tracks_of
from segcore.track.kalman import Beliefs, ByteFilter
from segcore.track.settings import ByteSettings
from segcore.track.state import FRAME, TrackState, TrackSteps
from segcore.types import Boxes

_SAME = 0.85  # IoU above which a lost track is another's double

FRESH, TRACKED, LOST = range(3)  # what a track is


def run(detections: Detections, settings: ByteSettings) -> TrackSteps:
    """Track; a state per frame. Cost: O(m³) per frame of m boxes."""
    byte = _Byte(detections, settings)
    for frame in range(detections.n_frames):
        stop_if_asked()
        yield byte.advance(frame)
    shown = np.concatenate([np.zeros((0, 6)), *byte.shown])
    boxes = Boxes.sorted(shown[:, 0], shown[:, 1], shown[:, 2:])
    return tracks_of(detections, byte.ids, settings, tracker="byte", boxes=boxes)


@dataclass(eq=False)
class _Pass:
    """The pairs that one pass allowed, for the state."""

    edges: list[Any]
    weight: list[Any]
    kept: list[Any]


class _Byte:
    """The tracks that live, in parallel arrays."""

    def __init__(self, detections: Detections, settings: ByteSettings):
        self.filter, self.detections, self.settings = ByteFilter(), detections, settings
        self.beliefs = self.filter.begin(np.zeros((0, 4)))
        self.number, self.last, self.kind, self.seen, self.first = (np.zeros(0, np.int64) for _ in range(5))
        self.born = 0
        self.ids = np.zeros(len(detections), np.int64)
        self.shown: list[Floats] = []  # rows of frame, identity, box

    def advance(self, frame: int) -> TrackState:
        """Take a frame in."""
        d, s = self.detections, self.settings
        self.beliefs.x[self.kind == LOST, 7] = 0  # a lost track no longer grows
        self.beliefs = self.filter.predict(self.beliefs)
        expected, expected_ids = self.filter.boxes(self.beliefs), self.number.copy()
        boxes = d.of_frame(frame)
        high, low = boxes[d.score[boxes] > s.high], boxes[(d.score[boxes] > s.low) & (d.score[boxes] < s.high)]
        said = _Pass([], [], [])
        open_tracks, high = self._match(frame, np.flatnonzero(self.kind != FRESH), high, s.first_cost, True, said)
        open_tracks = open_tracks[self.kind[open_tracks] == TRACKED]
        open_tracks, _ = self._match(frame, open_tracks, low, s.second_cost, False, said)
        self.kind[open_tracks] = LOST
        fresh = np.flatnonzero((self.kind == FRESH) & (self.seen < frame))
        gone, high = self._match(frame, fresh, high, s.fresh_cost, True, said)
        old = np.flatnonzero((self.kind == LOST) & (frame - self.seen > s.buffer))
        self._keep(np.setdiff1d(np.arange(len(self.number)), np.concatenate([gone, old])))
        self._begin(high[d.score[high] >= s.begin], frame)
        self._leave_doubles()
        show = (self.kind == TRACKED) & (self.seen == frame)
        self.ids[self.last[show]] = self.number[show]
        drawn = self.filter.boxes(self.beliefs.rows(np.flatnonzero(show)))
        self.shown.append(np.column_stack([np.full(show.sum(), frame), self.number[show], drawn]))
        return TrackState(
            f"frame-{frame}", FRAME, self.ids.copy(),
            np.concatenate([np.zeros((0, 2), np.int64), *said.edges]),
            np.concatenate([np.zeros(0), *said.weight]),
            np.concatenate([np.zeros(0, bool), *said.kept]),
            frame, predicted=expected, predicted_ids=expected_ids,
        )  # fmt: skip

    def _match(self, frame: int, tracks: Ints, boxes: Ints, highest: float, fused: bool, said: _Pass) -> tuple[Ints, Ints]:
        """Match and update; what is left of both."""
        d = self.detections
        iou = iou_matrix(self.filter.boxes(self.beliefs.rows(tracks)), d.boxes[boxes])
        cost = 1 - iou * d.score[boxes][None] if fused else 1 - iou
        pairs = worth(cost, highest)
        rows, columns = np.nonzero(cost <= highest)
        chosen = np.zeros(cost.shape, bool)
        chosen[pairs[:, 0], pairs[:, 1]] = True
        said.edges.append(np.stack([self.last[tracks[rows]], boxes[columns]], 1))
        said.weight.append((1 - cost[rows, columns]).clip(0, 1))
        said.kept.append(chosen[rows, columns])
        on, seen = tracks[pairs[:, 0]], boxes[pairs[:, 1]]
        after = self.filter.update(self.beliefs.rows(on), d.boxes[seen])
        self.beliefs.x[on], self.beliefs.P[on] = after.x, after.P
        self.kind[on], self.seen[on], self.last[on] = TRACKED, frame, seen
        return np.delete(tracks, pairs[:, 0]), np.delete(boxes, pairs[:, 1])

    def _begin(self, boxes: Ints, frame: int) -> None:
        self.beliefs = self.beliefs.joined(self.filter.begin(self.detections.boxes[boxes]))
        new = len(boxes)
        self.number = np.concatenate([self.number, self.born + 1 + np.arange(new)])
        self.born += new
        self.last = np.concatenate([self.last, boxes])
        self.kind = np.concatenate([self.kind, np.full(new, FRESH if frame else TRACKED)])
        self.seen, self.first = (np.concatenate([x, np.full(new, frame)]) for x in (self.seen, self.first))

    def _leave_doubles(self) -> None:
        """Of a lost track and another at the same place only the older one stays."""
        lost, others = np.flatnonzero(self.kind == LOST), np.flatnonzero(self.kind == TRACKED)
        boxes = self.filter.boxes(self.beliefs)
        a, b = np.nonzero(iou_matrix(boxes[lost], boxes[others]) > _SAME)
        age = self.seen - self.first
        younger = np.where(age[lost[a]] > age[others[b]], others[b], lost[a])
        self._keep(np.setdiff1d(np.arange(len(self.number)), younger))

    def _keep(self, rows: Ints) -> None:
        self.beliefs = Beliefs(self.beliefs.x[rows], self.beliefs.P[rows])
        self.number, self.last, self.kind, self.seen, self.first = (
            x[rows] for x in (self.number, self.last, self.kind, self.seen, self.first)
        )


def worth(cost: Floats, highest: float) -> Ints:
    """(p, 2): the pairs that together gain most, where a pair gains `highest` less its cost, and none may lose.

    Args:
        cost: (k, m).
        highest: cost at which a pair gains nothing.
    """
    allowed: Bools = cost <= highest
    rows, columns = linear_sum_assignment(np.where(allowed, cost - highest, 0.0))
    good = allowed[rows, columns]
    return np.stack([rows[good], columns[good]], 1)
