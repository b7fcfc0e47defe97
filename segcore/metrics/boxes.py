"""Overlap of many boxes at once; for single pairs see `segcore.metrics.objects.box_iou`."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def iou_matrix(a: Floats, b: Floats) -> Floats:
    """Intersection over union of all pairs of boxes.

    Args:
        a: (n, 4) x, y, width, height.
        b: (m, 4).

    Returns:
        (n, m) in [0, 1]; 0 where a box has no area.
    """
    a1, b1 = a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:]
    sides = np.minimum(a1[:, None], b1[None]) - np.maximum(a[:, None, :2], b[None, :, :2])
    both = sides.clip(0).prod(2)
    # Areas from corners, as in the published code of the scores, so that thresholds fall on the same side.
    union = (a1 - a[:, :2]).prod(1)[:, None] + (b1 - b[:, :2]).prod(1)[None] - both
    iou: Floats = np.divide(both, union, out=np.zeros_like(both), where=union > np.finfo(np.float64).eps)
    return iou
