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
from segcore.scribble.grid import OFFSETS, ends
from segcore.scribble.max_flow import MOST_CAPACITY, Ints, MaxFlow, max_flow

Reals = NDArray[np.float64]

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
    return cut_open(U, w, given, solve)


def cut_open(U: Reals, w: Reals, given: NDArray[np.int8], solve: MaxFlow) -> GraphCut:
    """`graph_cut` of what `checked_costs` gave, or `blocks` of `segcore.scribble.coarse_cut`.

    Args:
        U: (2, h, w).
        w: (4, h, w), 0 on links that lead out.
        given: (h, w) labels, or FREE.
        solve: finds the maximum flow.

    Cost: as `graph_cut`, in the number of open pixels; of the others, one pass over the grid.
    """
    nodes = np.flatnonzero(given.ravel() == FREE)
    there, weights = _neighbors(nodes, w)
    at_there = given.ravel()[there]
    U_nodes = U.reshape(2, -1)[:, nodes]
    scale = _scale(float(weights.sum(0).max(initial=0.0)))
    costs, caps = _whole_costs(U_nodes, weights, at_there, scale)
    number = np.full(given.size, len(nodes))
    number[nodes] = np.arange(len(nodes))
    state, paid = _solved(costs, np.where(at_there == FREE, caps, 0), number[there], solve)

    labels = given.copy()
    labels.ravel()[nodes] = state
    data, smooth, n_cut = _paid_by_given(U, w, given)
    cut = weights * (labels.ravel()[there] != state)
    cut[len(OFFSETS) :] *= at_there[len(OFFSETS) :] != FREE  # a link between open pixels counts once
    flow = data + smooth + float(U_nodes.min(0).sum()) + paid / scale
    data += float(np.where(state == 1, U_nodes[1], U_nodes[0]).sum())
    smooth += float(cut.sum())
    n_open_cut = int(np.count_nonzero(cut))
    return GraphCut(
        labels=torch.from_numpy(labels.astype(np.int64)),
        energy=data + smooth,
        flow=flow,
        rounding=(n_open_cut + len(nodes)) / scale + 1e-12 * abs(data + smooth),
        data=data,
        smoothness=smooth,
        n_cut=n_cut + n_open_cut,
        n_open=len(nodes),
    )


def checked_costs(unary: Tensor, pairwise: Tensor, *, k: int | str) -> tuple[Reals, Reals]:
    """The costs as arrays, with the links that lead out of the grid set to 0; InputError where they break a rule."""
    return checked_unary(unary, k=k), checked_links(pairwise, size=tuple(unary.shape[1:]))


def checked_unary(unary: Tensor, *, k: int | str, size: tuple[int | str, ...] = ("h", "w")) -> Reals:
    """The costs of the labels as an array; InputError where they break a rule."""
    check_tensor("unary", unary, (k, *size))
    if bool((unary < 0).any()):
        raise InputError(
            "unary must be ≥ 0; got a negative cost. Add the same amount to all labels of a pixel.", field="unary"
        )
    costs: Reals = unary.cpu().double().numpy()
    return costs


def checked_links(pairwise: Tensor, *, size: tuple[int | str, ...] = ("h", "w")) -> Reals:
    """The links as an array, 0 where they lead out of the grid; InputError where they break a rule."""
    check_tensor("pairwise", pairwise, (4, *size))
    if bool((pairwise < 0).any()):
        raise InputError(
            "pairwise must be ≥ 0; got a negative weight, with which the energy is not submodular and no cut finds its "
            "minimum.",
            field="pairwise",
        )
    w = np.zeros(pairwise.shape)
    for direction, offset in enumerate(OFFSETS):
        first = ends(offset)[0]
        w[direction][first] = pairwise[direction][first].cpu().numpy()
    return w


def _scale(heaviest: float) -> float:
    """The power of two that takes the links of every pixel, together, to what the solver can hold."""
    return 2.0 ** math.floor(math.log2(MOST_CAPACITY / 2 / (heaviest or 1.0)))


def _neighbors(nodes: NDArray[np.intp], w: Reals) -> tuple[NDArray[np.intp], Reals]:
    """(8, n) flat places of the neighbors of nodes, first those that OFFSETS lead to, and the weights of the links.

    Where there is no neighbor, some other pixel stands, and the weight is 0, as that of links that lead out is.
    """
    size, there, weights = w[0].size, [], []
    steps = [down * w.shape[2] + right for down, right in OFFSETS]
    for step in (*steps, *(-step for step in steps)):
        there.append((nodes + step) % size)
    for direction in range(len(OFFSETS)):
        weights.append(w[direction].ravel()[nodes])
    for direction in range(len(OFFSETS)):
        weights.append(w[direction].ravel()[there[len(OFFSETS) + direction]])
    return np.stack(there), np.stack(weights)


def _whole_costs(U: Reals, weights: Reals, at_there: NDArray[np.int8], scale: float) -> tuple[Ints, Ints]:
    """(2, n) what labels 0 and 1 cost above the cheaper one, with the links to given neighbors, and (8, n) all links."""
    caps = np.rint(weights * scale).astype(np.int64)
    bound = caps.sum(0) + 1
    more = U[0] - U[1]
    lean = np.rint(np.clip(more * scale, -bound, bound)).astype(np.int64)
    lean = np.where(bound > 1, lean, np.sign(more).astype(np.int64))
    costs = np.stack([np.maximum(lean, 0), np.maximum(-lean, 0)])
    return costs + _toward_other(caps, at_there), caps


def _toward_other(caps: Ints, at_there: NDArray[np.int8]) -> Ints:
    """(2, n): what label 0 pays for neighbors of label 1, and label 1 for those of label 0."""
    return np.stack([(caps * (at_there == 1)).sum(0), (caps * (at_there == 0)).sum(0)])


def _solved(costs: Ints, caps: Ints, there: NDArray[np.intp], solve: MaxFlow) -> tuple[NDArray[np.int8], int]:
    """Labels of least cost, and that cost as a flow proves it.

    Args:
        costs: (2, n) of the labels.
        caps: (8, n) links, each given at both of its ends; 0 for none.
        there: (8, n) the node at the other end, or n.
        solve: finds the maximum flow.
    """
    state = _decided(costs[0] - costs[1], caps, there)
    at_there = np.append(state, np.int8(FREE))[there]
    decided, half = state != FREE, len(OFFSETS)
    differ = decided & (at_there[:half] != FREE) & (at_there[:half] != state)
    paid = int(np.where(state == 1, costs[1], costs[0])[decided].sum()) + int(caps[:half][differ].sum())

    nodes = np.flatnonzero(~decided)
    if not len(nodes):
        return state, paid
    costs = (costs + _toward_other(caps, at_there))[:, nodes]
    number = np.full(len(state) + 1, -1)
    number[nodes] = np.arange(len(nodes))
    heads, capacity = number[there[:half, nodes]], caps[:half, nodes]
    kept = (heads >= 0) & (capacity > 0)
    tails = np.broadcast_to(np.arange(len(nodes)), heads.shape)[kept]
    sent, side = solve(costs[0] - costs[1], tails, heads[kept], capacity[kept])
    state[nodes] = side
    return state, paid + int(costs.min(0).sum()) + sent


def _decided(lean: Ints, caps: Ints, there: NDArray[np.intp]) -> NDArray[np.int8]:
    """(n,) the labels of nodes whose lean outweighs their open links, FREE for the others. `lean` > 0 leans to 1."""
    state = np.full(len(lean), FREE, np.int8)
    weight = caps.sum(0)  # of the open links
    for _ in range(_ROUNDS):
        still = state == FREE
        up, down = still & (lean > weight), still & (lean <= -weight)
        state[up], state[down] = 1, 0
        new = np.flatnonzero(up | down)
        if len(new) <= _WORTH * np.count_nonzero(still):
            break
        sign = np.append(up.astype(np.int8) - down.astype(np.int8), np.int8(0))[there]
        lean = lean + (caps * sign).sum(0)
        weight = weight - (caps * np.abs(sign)).sum(0)
    return state


def _paid_by_given(U: Reals, w: Reals, given: NDArray[np.int8]) -> tuple[float, float, int]:
    """Σ U and Σ w of the given pixels and the links between them, and how many of those are cut."""
    if (given == FREE).all():
        return 0.0, 0.0, 0
    data = sum(float(U[label][given == label].sum()) for label in (0, 1))
    smooth, n_cut = 0.0, 0
    for direction, offset in enumerate(OFFSETS):
        a, b = ends(offset)
        c = w[direction][a][(given[a] != given[b]) & (given[a] != FREE) & (given[b] != FREE)]
        smooth, n_cut = smooth + float(c.sum()), n_cut + int(np.count_nonzero(c))
    return data, smooth, n_cut
