"""Greedy overlap: of all pairs of a track and a box, the one of largest IoU goes first, then the next one that is free.

The IoU is that of the box with the last box of the track; a track without a box for `reach` frames is over.

Source: Bochinski, Eiselein and Sikora 2017, who let each track choose in turn.
"""

import numpy as np

from segcore.metrics.boxes import iou_matrix
from segcore.track.detections import Bools, Detections, Floats, Ints
from segcore.track.settings import IoUSettings
from segcore.track.state import TrackSteps
from segcore.track.trackers.matched import matched_steps


def run(detections: Detections, settings: IoUSettings) -> TrackSteps:
    """Track; a state per frame. Cost: O(m² log m) per frame of m boxes."""

    def cost(tracks: Ints, boxes: Ints) -> Floats:
        return 1 - iou_matrix(detections.boxes[tracks], detections.boxes[boxes])

    return matched_steps(
        detections,
        settings,
        tracker="iou",
        cost=cost,
        highest=1 - settings.least_iou,
        reach=settings.reach,
        choose=greedy,
    )


def greedy(costs: Floats, allowed: Bools) -> Ints:
    """(p, 2): allowed pairs in the order of their costs, each row and column once.

    Args:
        costs: (k, m).
        allowed: (k, m).
    """
    rows, columns = np.nonzero(allowed)
    free_rows, free_columns = np.ones(costs.shape[0], bool), np.ones(costs.shape[1], bool)
    pairs = []
    for k in np.argsort(costs[rows, columns], kind="stable"):
        i, j = rows[k], columns[k]
        if free_rows[i] and free_columns[j]:
            free_rows[i] = free_columns[j] = False
            pairs.append((i, j))
    return np.array(pairs, np.int64).reshape(-1, 2)
