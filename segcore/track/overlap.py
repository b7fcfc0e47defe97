"""How alike two appearances are."""

import numpy as np

from segcore.track.detections import Floats


def cosines(a: Floats, b: Floats) -> Floats:
    """(n, m) in [−1, 1]: cosines of rows (n, d) and (m, d); 0 for a row of zeros."""
    product: Floats = unit(a) @ unit(b).T
    return product.clip(-1, 1)


def unit(x: Floats) -> Floats:
    """Rows of length 1; a row of zeros stays zero."""
    rows: Floats = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), np.finfo(np.float64).tiny)
    return rows
