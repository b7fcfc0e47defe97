"""How alike two boxes are, and how alike two appearances."""

import numpy as np

from segcore.track.detections import Floats


def iou_matrix(a: Floats, b: Floats) -> Floats:
    """Intersection over union of all pairs of boxes.

    Args:
        a: (n, 4) x, y, width, height.
        b: (m, 4).

    Returns:
        (n, m) in [0, 1].
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    both = (high - low).clip(0).prod(2)
    union = a[:, 2:].prod(1)[:, None] + b[:, 2:].prod(1)[None] - both
    iou: Floats = both / np.maximum(union, np.finfo(np.float64).tiny)
    return iou


def cosines(a: Floats, b: Floats) -> Floats:
    """(n, m) in [−1, 1]: cosines of rows (n, d) and (m, d); 0 for a row of zeros."""
    product: Floats = unit(a) @ unit(b).T
    return product.clip(-1, 1)


def unit(x: Floats) -> Floats:
    """Rows of length 1; a row of zeros stays zero."""
    rows: Floats = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), np.finfo(np.float64).tiny)
    return rows
