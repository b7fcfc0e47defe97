"""SORT: a Kalman filter says where each track will be, and the Hungarian method matches that with the boxes, by IoU.

A pair of IoU below `least_iou` is no pair. A track is shown in a frame where it has a box, and had one in the `min_hits`
frames before (in the first frames of a sequence: at once); it ends after more than `max_age` frames without one. What is
shown is the filtered box.

Source: Bewley, Ge, Ott, Ramos and Upcroft 2016; the constants are those of the published code.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from segcore.metrics.boxes import iou_matrix
from segcore.runtime.stopping import stop_if_asked
from segcore.track.detections import Detections, Floats, Ints
from segcore.track.finish import tracks_of
from segcore.track.kalman import Beliefs, SortFilter
from segcore.track.settings import SortSettings
from segcore.track.state import FRAME, TrackState, TrackSteps
from segcore.types import Boxes


def run(detections: Detections, settings: SortSettings) -> TrackSteps:
    """Track; a state per frame. Cost: O(m³) per frame of m boxes."""
    sort = _Sort(detections, settings)
    for frame in range(detections.n_frames):
        stop_if_asked()
        yield sort.advance(frame)
    shown = np.concatenate([np.zeros((0, 6)), *sort.shown])
    boxes = Boxes.sorted(shown[:, 0], shown[:, 1], shown[:, 2:])
    return tracks_of(detections, sort.ids, settings, tracker="sort", boxes=boxes)


class _Sort:
    """The tracks that live, in parallel arrays."""

    def __init__(self, detections: Detections, settings: SortSettings):
        self.filter, self.detections, self.settings = SortFilter(), detections, settings
        self.beliefs = self.filter.begin(np.zeros((0, 4)))
        self.number, self.last, self.age, self.streak = (np.zeros(0, np.int64) for _ in range(4))
        self.born = 0
        self.ids = np.zeros(len(detections), np.int64)
        self.shown: list[Floats] = []  # rows of frame, identity, box

    def advance(self, frame: int) -> TrackState:
        """Take a frame in."""
        d, s = self.detections, self.settings
        self._predict()
        expected, expected_ids = self.filter.boxes(self.beliefs), self.number
        boxes = d.of_frame(frame)
        iou = iou_matrix(expected, d.boxes[boxes])
        pairs = matched(iou, s.least_iou)
        rows, columns = np.nonzero(iou >= s.least_iou)
        edges = np.stack([self.last[rows], boxes[columns]], 1)
        chosen = np.zeros(iou.shape, bool)
        chosen[pairs[:, 0], pairs[:, 1]] = True
        self._update(pairs[:, 0], boxes[pairs[:, 1]])
        self._begin(np.delete(boxes, pairs[:, 1]))
        show = (self.age == 0) & ((self.streak >= s.min_hits) | (frame < s.min_hits))
        self.ids[self.last[show]] = self.number[show]
        self.shown.append(np.column_stack([np.full(show.sum(), frame), self.number[show], self._boxes(show)]))
        self._keep(np.flatnonzero(self.age <= s.max_age))
        return TrackState(
            f"frame-{frame}", FRAME, self.ids.copy(), edges, iou[rows, columns], chosen[rows, columns], frame,
            predicted=expected, predicted_ids=expected_ids,
        )  # fmt: skip

    def _predict(self) -> None:
        self.beliefs = self.filter.predict(self.beliefs)
        self._keep(np.flatnonzero(np.isfinite(self.filter.boxes(self.beliefs)).all(1)))
        self.streak = np.where(self.age > 0, 0, self.streak)
        self.age = self.age + 1

    def _update(self, tracks: Ints, boxes: Ints) -> None:
        seen = self.filter.update(self.beliefs.rows(tracks), self.detections.boxes[boxes])
        x, P = self.beliefs.x.copy(), self.beliefs.P.copy()
        x[tracks], P[tracks] = seen.x, seen.P
        self.beliefs = Beliefs(x, P)
        self.age[tracks], self.last[tracks] = 0, boxes
        self.streak[tracks] += 1

    def _begin(self, boxes: Ints) -> None:
        self.beliefs = self.beliefs.joined(self.filter.begin(self.detections.boxes[boxes]))
        self.number = np.concatenate([self.number, self.born + 1 + np.arange(len(boxes))])
        self.born += len(boxes)
        self.last = np.concatenate([self.last, boxes])
        self.age, self.streak = (np.concatenate([x, np.zeros(len(boxes), np.int64)]) for x in (self.age, self.streak))

    def _keep(self, rows: Ints) -> None:
        self.beliefs = self.beliefs.rows(rows)
        self.number, self.last, self.age, self.streak = (x[rows] for x in (self.number, self.last, self.age, self.streak))

    def _boxes(self, show: "np.ndarray") -> Floats:
        return self.filter.boxes(self.beliefs.rows(np.flatnonzero(show)))


def matched(iou: Floats, least: float) -> Ints:
    """(p, 2): the pairs of largest total IoU, without those below `least`.

    Where the pairs above `least` already are one to one they are taken as they are, as in the published code.
    """
    above = iou > least
    if above.any() and above.sum(0).max() == 1 and above.sum(1).max() == 1:
        return np.argwhere(above)
    rows, columns = linear_sum_assignment(iou, maximize=True)
    good = iou[rows, columns] >= least
    return np.stack([rows[good], columns[good]], 1)
