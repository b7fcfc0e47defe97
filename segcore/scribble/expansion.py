"""More than two labels by α-expansion: cut after cut, each deciding for every pixel whether it takes the label α.

A move from labels y to α is a two-label energy. A link between y_i ≠ y_j costs w if neither or one of both takes α, and 0 if
both do: half of it is a link of weight w/2, half goes to the unary costs. So each move is a `graph_cut`. For Potts costs the
end lies within twice the least energy (Boykov, Veksler and Zabih 2001).
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segcore.scribble.graph_cut import FREE, Reals, checked_costs, cut_open
from segcore.scribble.grid import OFFSETS, ends, pair_costs
from segcore.scribble.max_flow import MaxFlow, max_flow

MOST_SWEEPS = 5
_GAIN = 1e-9  # share of the energy that a move must win to count


@dataclass(frozen=True, eq=False, slots=True)
class Labeling:
    """A labeling and its energy."""

    labels: Tensor  # (h, w) int64, 0 … k − 1
    energy: float
    data: float
    smoothness: float
    n_cut: int  # links that are cut
    moves: tuple[float, ...]  # energy after each move that lowered it


def alpha_expansion(
    unary: Tensor,
    pairwise: Tensor,
    *,
    start: Tensor | None = None,
    free: Tensor | None = None,
    solve: MaxFlow = max_flow,
) -> Labeling:
    """Lower the energy by moves until none helps.

    Args:
        unary: (k, h, w) costs ≥ 0.
        pairwise: (4, h, w) weights ≥ 0, as of `graph_cut`.
        start: (h, w) labels; the cheapest of each pixel if None.
        free: (h, w) bool, the pixels that may change; all if None.
        solve: finds the maximum flow.

    Returns:
        Labels that no single expansion improves, or what MOST_SWEEPS rounds over all labels gave.

    Raises:
        InputError: as `graph_cut`.

    Cost: a cut for each label and sweep, mostly two sweeps.
    """
    U, w = checked_costs(unary, pairwise, k="k")
    labels = U.argmin(0) if start is None else start.cpu().numpy().astype(np.int64)
    return expansion(U, w, labels, np.ones(labels.shape, dtype=bool) if free is None else free.cpu().numpy(), solve)


def expansion(U: Reals, w: Reals, labels: NDArray[np.int64], open_at: NDArray[np.bool_], solve: MaxFlow) -> Labeling:
    """`alpha_expansion` of what `checked_costs` gave."""
    best = _energy(labels, U, w)
    moves: list[float] = []
    since = 0  # moves that did not help, one after the other
    for turn in range(MOST_SWEEPS * len(U)):
        alpha = turn % len(U)
        tried = _expanded(labels, alpha, U, w, open_at, solve)
        energy = _energy(tried, U, w)
        if energy < best - _GAIN * abs(best):
            labels, best, since = tried, energy, 0
            moves.append(energy)
        else:
            since += 1
        if since >= len(U):
            break
    smoothness, n_cut = pair_costs(labels, w)
    return Labeling(torch.from_numpy(labels), best, best - smoothness, smoothness, n_cut, tuple(moves))


def _expanded(
    labels: NDArray[np.int64],
    alpha: int,
    U: Reals,
    w: Reals,
    open_at: NDArray[np.bool_],
    solve: MaxFlow,
) -> NDArray[np.int64]:
    """The best labeling in which every open pixel keeps its label or takes α."""
    cost = np.stack([np.take_along_axis(U, labels[None], 0)[0], U[alpha]])
    links = np.zeros_like(w)
    for direction, offset in enumerate(OFFSETS):
        a, b = ends(offset)
        c = w[direction][a]
        differ = labels[a] != labels[b]
        a_is, b_is = labels[a] == alpha, labels[b] == alpha
        links[direction][a] = np.where(differ, np.where(a_is | b_is, 0, c / 2), np.where(a_is, 0, c))
        both, half = differ & ~a_is & ~b_is, c / 2
        cost[0][a] += np.where(both, half, 0) + np.where(differ & b_is, c, 0)
        cost[0][b] += np.where(both, half, 0) + np.where(differ & a_is, c, 0)
    given = np.where(open_at & (labels != alpha), FREE, labels == alpha).astype(np.int8)
    taken = cut_open(cost, links, given, solve).labels
    return np.where(taken.numpy() == 1, alpha, labels)


def _energy(labels: NDArray[np.int64], U: Reals, w: Reals) -> float:
    return float(np.take_along_axis(U, labels[None], 0).sum()) + pair_costs(labels, w)[0]
