"""Frame by frame: the cheapest one-to-one matching of the tracks with the boxes of the next frame.

    cost_ij = λ (1 − cos(a_i, a_j)) + (1 − λ) (1 − IoU_ij),     cost ≤ threshold, else no pair

What one frame decides no later frame can mend.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from segcore.metrics.boxes import iou_matrix
from segcore.track.detections import Bools, Detections, Floats, Ints
from segcore.track.overlap import cosines
from segcore.track.settings import HungarianSettings
from segcore.track.state import TrackSteps
from segcore.track.trackers.matched import matched_steps


def run(detections: Detections, settings: HungarianSettings) -> TrackSteps:
    """Track; a state per frame.

    Cost: O(m³) per frame of m boxes. Source: Kuhn 1955, as SciPy solves it.
    """
    weight = settings.appearance if detections.appearance is not None else 0.0

    def cost(tracks: Ints, boxes: Ints) -> Floats:
        costs = (1 - weight) * (1 - iou_matrix(detections.boxes[tracks], detections.boxes[boxes]))
        if detections.appearance is not None and weight:
            looks = detections.appearance
            costs = costs + weight * (1 - cosines(looks[tracks], looks[boxes])).clip(0, 1)
        return costs

    return matched_steps(
        detections,
        settings,
        tracker="hungarian",
        cost=cost,
        highest=settings.threshold,
        reach=settings.reach,
        choose=cheapest,
    )


def cheapest(costs: Floats, allowed: Bools) -> Ints:
    """(p, 2): as many allowed pairs as can be, and of all such choices the cheapest one.

    Args:
        costs: (k, m).
        allowed: (k, m).
    """
    barred = 1.0 + (costs.max(initial=0) - costs.min(initial=0)) * (min(costs.shape) + 1)
    rows, columns = linear_sum_assignment(np.where(allowed, costs, costs.max(initial=0) + barred))
    good = allowed[rows, columns]
    return np.stack([rows[good], columns[good]], 1)
