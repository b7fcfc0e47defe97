"""The normalized cut: Ncut(A, B) = cut(A, B) · (1 / vol A + 1 / vol B), vol A = Σ_{i in A} d_i.

(Shi and Malik, Normalized cuts and image segmentation, 2000.)
"""

import torch
from torch import Tensor

from segcore.checks import check_tensor
from segcore.graph.implicit import ImplicitAffinity
from segcore.graph.laplacian import degrees
from segcore.numerics import NOISE, row_blocks, settled


def ncut_value(W: Tensor | ImplicitAffinity, side: Tensor) -> float:
    """Compute Ncut of a two-way partition.

    Args:
        W: (n, n) symmetric, nonnegative.
        side: (n,) bool, True on A.

    Returns:
        A number in [0, 2]; 0 where nothing is cut, and 2 by convention where one side is empty or has no edges, since such a
        "cut" must never win.
    """
    cut, inside, outside = cut_and_volumes(W, side)
    return 2.0 if inside <= 0 or outside <= 0 else cut / inside + cut / outside


def cut_and_volumes(W: Tensor | ImplicitAffinity, side: Tensor) -> tuple[float, float, float]:
    """Compute cut(A, B), vol A and vol B.

    Args:
        W: (n, n) symmetric, nonnegative.
        side: (n,) bool, True on A.

    Returns:
        Σ_{i in A, j in B} W_ij, and the sums of the degrees on the two sides; rounding noise is 0.
    """
    check_tensor("side", side, (W.shape[0],))
    deg = degrees(W).double()
    inside, total = float(deg[side].sum()), float(deg.sum())
    # Edges from A to the smaller side of the two: a sum of what is small, not a difference of what is large.
    few = side if 2 * int(side.sum()) <= len(side) else ~side
    others = (~few).to(W.dtype)[:, None]
    cut = float((W @ others)[few].sum(dtype=torch.float64))
    return settled(cut, scale=total), settled(inside, scale=total), settled(total - inside, scale=total)


def ncut_sweep(W: Tensor | ImplicitAffinity, v: Tensor) -> tuple[Tensor, Tensor]:
    """Compute Ncut of {v > t} for every threshold t that separates two different entries of v.

    Args:
        W: (n, n) symmetric, nonnegative.
        v: (n,).

    Returns:
        thresholds (m,) ascending, each midway between two neighboring values of v, and Ncut (m,) float64; both are empty for
        a constant v.

    Cost: W is read once, in blocks of rows.
    """
    thresholds, _, ncut = cut_sweep(W, v)
    return thresholds, ncut


def cut_sweep(W: Tensor | ImplicitAffinity, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """As `ncut_sweep`, with the weight of the cut (m,) float64 between thresholds and Ncut."""
    check_tensor("v", v, (W.shape[0],))
    n = len(v)
    order = v.argsort(stable=True)
    values = v[order].double()
    deg, diagonal = degrees(W)[order].double(), W.diagonal()[order].double()
    # Moving node i from above to below t cuts its edges to those above and heals those to the nodes before it.
    blocks = row_blocks(n, 8 * n)
    to_before = torch.cat([W[order[rows]][:, order].tril(rows.start - 1).sum(1) for rows in blocks]).double()
    below = deg.cumsum(0)
    sums = (deg - diagonal - 2 * to_before).cumsum(0), below, below[-1] - below
    cut, inside, outside = (torch.where(s < NOISE * below[-1], 0.0, s) for s in sums)
    ncut = cut * (1 / inside + 1 / outside)
    here = values[1:] > values[:-1]
    ncut = torch.where(ncut.isfinite(), ncut, 2.0)[:-1][here]
    return ((values[1:] + values[:-1]) / 2)[here], cut[:-1][here], ncut
