"""The global minimum cut: the two-way partition of lowest cut(A, B) = Σ_{i in A, j in B} W_ij, whatever the sizes.

Found exactly by contraction (Nagamochi, Ono and Ibaraki). Visit the nodes in the order of maximum adjacency: always the one
with the largest sum r of edges to those visited. When visiting u raises r(v) to q, no cut that parts u and v weighs less
than q. So where q reaches the best cut known, u and v may become one node. The best cut known is the lightest degree of a
(merged) node so far. Each round merges at least the last two nodes, on a dense graph nearly all.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from segcore.cut.foreground import named_rule, object_side
from segcore.cut.ncut import ncut_value
from segcore.errors import InputError
from segcore.graph.laplacian import check_affinity
from segcore.runtime.stopping import stop_if_asked
from segcore.types import Bipartition

_FEW = 0.02  # share of the nodes; a side below it is a cut that found no object


@dataclass(frozen=True, eq=False, slots=True)
class MinCutState:
    """One round of contraction."""

    name: str  # "round-1", "round-2", …
    round: int
    owner: NDArray[np.integer]  # (n,) the merged node that each node belongs to, 0 … m − 1
    degree: NDArray[np.float64]  # (m,) of the merged nodes
    lightest: int  # the merged node of lowest degree: cutting it off is a cut of that weight
    members: NDArray[np.bool_]  # (n,) one side of the best cut known so far
    best: float  # its weight


def min_cut_steps(W: Tensor) -> Iterator[MinCutState]:
    """The contraction behind `min_cut`, round by round.

    Args:
        W: as for `min_cut`.

    Yields:
        At least one state; the sides and weight of the last one are those of `min_cut`.

    Raises:
        InputError: as `min_cut`.
    """
    _check(W, len(W), 1)
    yield from _rounds(W.double().cpu().numpy())


def min_cut(W: Tensor, *, h: int, w: int, object_rule: str = "minority", flip: bool = False) -> Bipartition:
    """Cut a graph in two where the weights across are least.

    The cut from which the normalized cut was invented: it tends to cut off single patches, since few edges weigh little.

    Args:
        W: (n, n) symmetric, nonnegative, n = h·w ≥ 2; self-loops do not matter.
        h: rows of the grid.
        w: columns of the grid.
        object_rule: which side is the object, see `object_side`.
        flip: take the other side after the rule has spoken.

    Returns:
        Bipartition with `v` 1 on one side and 0 on the other, `cut_value` its Ncut, and the cut itself among the facts.

    Convention:
        Among several lightest cuts the first one found is taken: single nodes in the order of the grid come first.

    Raises:
        InputError: W is no affinity, or there is nothing to part.

    Cost: O(n²) per round on the CPU in float64, a few rounds where weights are alike, at most n.

    Reference: Nagamochi, Ono and Ibaraki 1994; Stoer and Wagner 1997.
    """
    _check(W, h, w)
    n = len(W)
    members, value = lightest_cut(W.double().cpu().numpy())
    side = torch.from_numpy(members).to(W.device)
    v = side.to(W.dtype)
    obj = object_side(side, v, h=h, w=w, rule=object_rule)
    few = min(int(side.sum()), n - int(side.sum()))
    ncut = ncut_value(W, side)
    note = (
        f"The minimum cut takes {few} of {n} patches away: few patches have few edges, so a small side is a cheap side. "
        "The normalized cut divides by the volume of the sides to avoid this."
    )
    return Bipartition(
        side=~obj if flip else obj,
        v=v,
        threshold=0.5,
        cut_value=ncut,
        facts={"cut": value, "ncut": ncut, "smaller_side": few, "object": named_rule(object_rule, flip=flip)},
        notes=(note,) if few <= max(1, _FEW * n) else (),
    )


def lightest_cut(W: NDArray[np.float64]) -> tuple[NDArray[np.bool_], float]:
    """Find a cut of least weight.

    Args:
        W: (n, n) symmetric, nonnegative, n ≥ 2; the diagonal is ignored.

    Returns:
        (n,) True on one side, and the weight of the edges across.
    """
    last = deque(_rounds(W), maxlen=1).pop()
    return last.members, last.best


def _check(W: Tensor, h: int, w: int) -> None:
    check_affinity(W)
    if len(W) < 2:
        raise InputError(
            f"A two-way cut needs at least 2 patches; this picture has {h}×{w}. Raise max_side, or take a larger picture.",
            field="max_side",
        )


def _rounds(W: NDArray[np.float64]) -> Iterator[MinCutState]:
    """Merge nodes until the best cut known is the lightest of all."""
    merged = W - np.diag(np.diag(W))
    owner: NDArray[np.integer] = np.arange(len(W))  # the merged node of each node
    members, best = np.zeros(len(W), bool), np.inf
    number = 0
    while True:
        number += 1
        deg = merged.sum(1)
        lightest = int(deg.argmin())
        if deg[lightest] < best:
            members, best = owner == lightest, float(deg[lightest])
        yield MinCutState(f"round-{number}", number, owner, deg, lightest, members, best)
        # A cut with two nodes or more on each side crosses at least 2 (m − 2) edges of a graph of m nodes. Where all
        # weights are alike this ends at once what would take a round for each node.
        least_edge = merged[~np.eye(len(merged), dtype=bool)].min()
        if best == 0 or len(merged) == 2 or 2 * (len(merged) - 2) * least_edge >= best:
            return
        into = _contract(merged, best)
        owner = into[owner]
        if into.max() == 0:
            return
        sums = scipy.sparse.csr_array((np.ones(len(into)), (into, np.arange(len(into)))))
        merged = np.asarray(sums @ merged @ sums.T)
        np.fill_diagonal(merged, 0)


def _contract(W: NDArray[np.float64], bound: float) -> NDArray[np.int32]:
    """For each node the number of the node that it becomes: those that no cut lighter than the bound parts become one."""
    n = len(W)
    attached = np.zeros(n)  # r; −inf once visited
    pairs = []
    for _ in range(n):
        stop_if_asked()
        u = int(attached.argmax())
        attached[u] = -np.inf
        raised = attached + W[u]
        # Rounding must not keep the last two nodes apart, whose q is the degree of the last one.
        together = ((raised >= bound * (1 - 1e-12)) & (W[u] > 0)).nonzero()[0]
        pairs.append(np.stack([np.full_like(together, u), together]))
        attached = raised
    rows, columns = np.concatenate(pairs, 1)
    graph = scipy.sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    return connected_components(graph, directed=False)[1]
