"""Small pieces of arithmetic that several methods share."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NOISE = 1e-12  # of a sum, as a share of what was summed: less is rounding
ROW_BLOCK_BYTES = 64 << 20  # working memory for one block of rows
_FRONTIER = 64  # nodes whose edges are followed at once


class MatrixRows(Protocol):
    """A matrix (n, m), of which some rows can be had."""

    @property
    def shape(self) -> Sequence[int]:
        """Numbers of rows and columns."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    def __getitem__(self, rows: Tensor, /) -> Tensor:
        """The rows of these numbers."""


def settled(value: float, *, scale: float = 1.0) -> float:
    """The value, or 0.0 where it is rounding noise: less than NOISE times the scale of what it was computed from."""
    return 0.0 if abs(value) < NOISE * abs(scale) else value


def normalize_rows(X: Tensor) -> Tensor:
    """Scale each row of X (n, d) to length 1; a row of zeros stays zero."""
    return torch.nn.functional.normalize(X, dim=-1)


def spread(std: Tensor) -> Tensor:
    """Standard deviations (d,) to divide by: none below 10⁻³ of the largest, as what hardly varies is rounding."""
    return std.clamp_min(1e-3 * float(std.max()) + 1e-12)


def squared_distances(X: Tensor, Y: Tensor) -> Tensor:
    """Compute ‖x_i − y_j‖² of all pairs by the binomial formula, clipped at 0.

    Args:
        X: (n, d).
        Y: (m, d).

    Returns:
        (n, m); the error of one entry is about the machine precision times ‖x‖² + ‖y‖², so center X and Y first where
        they lie far from the origin.
    """
    squares = X.square().sum(1, keepdim=True) + Y.square().sum(1)
    return torch.addmm(squares, X, Y.T, alpha=-2).clamp_min_(0)


def row_blocks(n: int, bytes_per_row: int) -> list[slice]:
    """Cut 0…n into slices whose rows need about ROW_BLOCK_BYTES each."""
    size = max(1, min(n, ROW_BLOCK_BYTES // max(1, bytes_per_row)))
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def connected_components(W: MatrixRows) -> Tensor:
    """Number the connected components of the graph with adjacency W > 0.

    Args:
        W: (n, n) symmetric.

    Returns:
        (n,) int64 component numbers 0, 1, … in order of their first node.

    Cost: each row of W is read at most once.
    """
    component = torch.full((W.shape[0],), -1, dtype=torch.int64, device=W.device)
    number = 0
    while True:
        open_nodes = (component < 0).nonzero()
        if len(open_nodes) == 0:
            return component
        frontier = open_nodes[0]
        component[frontier] = number
        while len(frontier):
            # A few rows at a time: in a dense graph they already reach all others, whose rows then need no reading.
            rows, frontier = frontier[:_FRONTIER], frontier[_FRONTIER:]
            reached = (W[rows] > 0).any(0) & (component < 0)
            component[reached] = number
            if not bool((component < 0).any()):
                return component
            frontier = torch.cat([frontier, reached.nonzero()[:, 0]])
        number += 1


def otsu(values: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[float, float]:
    """Threshold that parts weighted values with the largest variance between, and the distance of the means it parts."""
    order = np.argsort(values, kind="stable")
    v, w = values[order], weights[order]
    below = w.cumsum()[:-1]
    first = (v * w).cumsum()[:-1]
    above, second = w.sum() - below, (v * w).sum() - first
    if len(v) < 2 or v[0] == v[-1]:
        return float(v[0]) if len(v) else 0.0, 0.0
    gap = second / above - first / below
    best = int((below * above * gap**2).argmax())
    return float((v[best] + v[best + 1]) / 2), float(gap[best])
