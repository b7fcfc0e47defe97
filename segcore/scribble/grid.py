"""The 8-neighbor links of a grid, each kept once: to the right, lower, lower right and lower left neighbor."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

OFFSETS = ((0, 1), (1, 0), (1, 1), (1, -1))  # (down, right)
LENGTHS = (1.0, 1.0, 2**0.5, 2**0.5)

Part = tuple[slice, slice]


def ends(offset: tuple[int, int]) -> tuple[Part, Part]:
    """Where the links of one direction begin and end, as parts of the grid of the same shape."""
    down, right = offset
    first = (slice(0, -down or None), slice(0, -right or None) if right >= 0 else slice(-right, None))
    second = (slice(down, None), slice(right, None) if right >= 0 else slice(0, right))
    return first, second


def neighbor_sums(w: NDArray[Any]) -> NDArray[Any]:
    """(h, w): the weights of all links of a pixel, added; `w` (4, h, w) is 0 on links that lead out of the grid."""
    sums = np.zeros(w.shape[1:], w.dtype)
    for direction, offset in enumerate(OFFSETS):
        a, b = ends(offset)
        sums[a] += w[direction][a]
        sums[b] += w[direction][a]
    return sums


def pair_costs(labels: NDArray[np.integer], w: NDArray[Any]) -> tuple[float, int]:
    """Weight and number of the links that join different labels; links of weight 0 do not count."""
    cost, n = 0.0, 0
    for direction, offset in enumerate(OFFSETS):
        a, b = ends(offset)
        cut = labels[a] != labels[b]
        c = w[direction][a][cut]
        cost += float(c.sum())
        n += int(np.count_nonzero(c))
    return cost, n
