"""The labeling of least energy for two labels, as a minimum cut, with the flow that proves it.

E(x) = Σ_i U_{x_i}(i) + Σ_{(i,j)} w_ij [x_i ≠ x_j],   (i, j) over 8-neighbors, w ≥ 0.

Label 1 is the source's side. Capacities are whole numbers: a power of two times the costs, as fine as 32 bits allow, so that
costs that are whole numbers (or halves, quarters, …) stay exact. A pixel whose own preference outweighs all its links is
decided before the flow; that is exact too, and leaves the solver only what is open.

References: Greig, Porteous and Seheult 1989; Boykov and Jolly 2001.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segcore.checks import check_tensor
from segcore.errors import InputError
from segcore.interactive.flow import MOST_CAPACITY, MaxFlow, max_flow
from segcore.interactive.grid import OFFSETS, ends, neighbor_sums, pair_costs

FREE = -1
_ROUNDS = 8  # of deciding pixels before the flow
_WORTH = 0.01  # share of the open pixels that a round must decide for another one to follow


@dataclass(frozen=True, eq=False, slots=True)
class GraphCut:
    """A labeling of least energy, and its certificate."""

    labels: Tensor  # (h, w) int64, 0 or 1; among equals the one with the fewest ones
    energy: float  # E(labels)
    flow: float  # the maximum flow and what every labeling pays: no labeling has less energy than this
    rounding: float  # |energy − flow| is at most this, since capacities are whole numbers
    data: float  # Σ U, a part of `energy`
    smoothness: float  # Σ w over the links that are cut, the other part
    n_cut: int  # links that are cut
    n_open: int  # pixels that went to the solver


def graph_cut(unary: Tensor, pairwise: Tensor, *, fixed: Tensor | None = None, solve: MaxFlow = max_flow) -> GraphCut:
    """Find the labeling of least energy.

    Args:
        unary: (2, h, w) costs ≥ 0 of labels 0 and 1; a cost above Σ_j w_ij binds.
        pairwise: (4, h, w) weights ≥ 0 of the links to the right, lower, lower right and lower left neighbor; what leads out
            of the grid is ignored.
        fixed: (h, w) labels that are given, FREE (−1) elsewhere. The result is the best of the labelings that keep them.
        solve: finds the maximum flow.

    Returns:
        The labels and their certificate: energy = flow up to rounding.

    Raises:
        InputError: a shape is wrong, a number is NaN or infinite, or a cost or weight is negative (then the energy is not
            submodular, and no cut finds its minimum).

    Cost: some passes over the grid, and the flow: milliseconds for 10⁴ open pixels, seconds for 10⁵.
    """
    U, w = checked_costs(unary, pairwise, k=2)
    given = np.full(U.shape[1:], FREE, np.int8) if fixed is None else fixed.numpy().astype(np.int8)
    total = neighbor_sums(w)
    scale = _scale(float(total.max(initial=0.0)))
    links = np.rint(w * scale).astype(np.int64)
    bound = neighbor_sums(links) + 1
    more = U[0] - U[1]
    lean = np.rint(np.clip(more * scale, -bound, bound)).astype(np.int64)  # > 0 leans to 1
    lean = np.where(total > 0, lean, np.sign(more).astype(np.int64))
    state, lean_open, paid = _decided(lean, links, given)
    nodes = np.flatnonzero(state.ravel() == FREE)
    sent, side = _solved(nodes, state, lean_open, links, solve)
    labels = state.copy()
    labels.ravel()[nodes] = side
    at = labels == 1
    data = float(np.where(at, U[1], U[0]).sum())
    costs, n_cut = pair_costs(labels, w)
    given_at = given != FREE
    free_floor = float(np.where(given_at, np.where(given == 1, U[1], U[0]), np.minimum(U[0], U[1])).sum())
    return GraphCut(
        labels=torch.from_numpy(labels.astype(np.int64)),
        energy=data + costs,
        flow=free_floor + (sent + paid) / scale,
        rounding=(n_cut + labels.size) / scale + 1e-12 * abs(data + costs),
        data=data,
        smoothness=costs,
        n_cut=n_cut,
        n_open=len(nodes),
    )


def checked_costs(unary: Tensor, pairwise: Tensor, *, k: int | str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The costs as arrays, with the links that lead out of the grid set to 0; InputError where they break a rule."""
    check_tensor("unary", unary, (k, "h", "w"))
    check_tensor("pairwise", pairwise, (4, *unary.shape[1:]))
    if bool((unary < 0).any()):
        raise InputError(
            "unary must be ≥ 0; got a negative cost. Add the same amount to all labels of a pixel.", field="unary"
        )
    if bool((pairwise < 0).any()):
        raise InputError(
            "pairwise must be ≥ 0; got a negative weight, with which the energy is not submodular and no cut finds its "
            "minimum.",
            field="pairwise",
        )
    w = pairwise.cpu().double().numpy().copy()
    for direction, offset in enumerate(OFFSETS):
        kept = np.zeros(w.shape[1:], dtype=bool)
        kept[ends(offset)[0]] = True
        w[direction][~kept] = 0
    return unary.cpu().double().numpy(), w


def _scale(heaviest: float) -> float:
    """The power of two that takes the links of every pixel, together, to what the solver can hold."""
    return 2.0 ** math.floor(math.log2(MOST_CAPACITY / 2 / (heaviest or 1.0)))


def _decided(
    lean: NDArray[np.int64], links: NDArray[np.int64], given: NDArray[np.int8]
) -> tuple[NDArray[np.int8], NDArray[np.int64], int]:
    """Decide the pixels whose lean outweighs their open links; returns the state, the lean of the rest, and what is paid."""
    state, new, lean = given.copy(), given != FREE, lean.copy()
    own, bare = np.abs(lean), lean.copy()
    weight = neighbor_sums(links)  # of the open links
    paid = 0
    for _ in range(_ROUNDS):
        lean_by, gone = _decided_neighbors(links, np.where(new, 2 * state - 1, 0))
        lean += lean_by
        weight -= gone
        still = state == FREE
        up, down = still & (lean > weight), still & (lean <= -weight)
        new = up | down
        state[up], state[down] = 1, 0
        if np.count_nonzero(new) <= _WORTH * np.count_nonzero(still):
            break
    fixed = state != FREE
    # What decided pixels pay, themselves and between each other, and the least that each open one pays for its neighbors.
    against = fixed & (given == FREE) & ((bare > 0) != (state == 1)) & (bare != 0)
    paid += int(own[against].sum())
    paid += _cut_between(state, links)
    signed, both = _decided_neighbors(links, np.where(fixed, 2 * state - 1, 0))
    one_side, zero_side = (both + signed) // 2, (both - signed) // 2
    open_at = ~fixed
    cost0 = np.maximum(bare, 0) + one_side
    cost1 = np.maximum(-bare, 0) + zero_side
    paid += int(np.minimum(cost0, cost1)[open_at].sum())
    return state, cost0 - cost1, paid


def _solved(
    nodes: NDArray[np.intp],
    state: NDArray[np.int8],
    lean: NDArray[np.int64],
    links: NDArray[np.int64],
    solve: MaxFlow,
) -> tuple[int, NDArray[np.bool_]]:
    """Value of the flow through the open pixels, and which of them lie on the source's side."""
    if not len(nodes):
        return 0, np.zeros(0, dtype=bool)
    number = np.full(state.shape, -1, np.int64)
    number.ravel()[nodes] = np.arange(len(nodes))
    tails, heads, capacity = [], [], []
    for direction, offset in enumerate(OFFSETS):
        a, b = ends(offset)
        here, there, c = number[a], number[b], links[direction][a]
        kept = (here >= 0) & (there >= 0) & (c > 0)
        tails.append(here[kept])
        heads.append(there[kept])
        capacity.append(c[kept])
    return solve(lean.ravel()[nodes], *map(np.concatenate, (tails, heads, capacity)))


def _decided_neighbors(links: NDArray[np.int64], sign: NDArray[np.int8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(h, w): per pixel the weight of its links to pixels of sign 1 less that to those of sign −1, and the two added."""
    signed, both = np.zeros(sign.shape, np.int64), np.zeros(sign.shape, np.int64)
    if sign.any():
        for direction, offset in enumerate(OFFSETS):
            a, b = ends(offset)
            c = links[direction][a]
            for here, there in ((a, b), (b, a)):
                toward = c * sign[there]
                signed[here] += toward
                both[here] += np.abs(toward)
    return signed, both


def _cut_between(state: NDArray[np.int8], links: NDArray[np.int64]) -> int:
    """Weight of the links between decided pixels of different labels."""
    cut = 0
    for direction, offset in enumerate(OFFSETS):
        a, b = ends(offset)
        cut += int(links[direction][a][(state[a] != FREE) & (state[b] != FREE) & (state[a] != state[b])].sum())
    return cut
