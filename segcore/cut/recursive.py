"""Recursive two-way normalized cuts.

(D − W) v = μ D v on the nodes of a segment alone; cut v_1 where Ncut is lowest; of all segments cut the one whose Ncut is
lowest, until there are K of them or no segment has a cut that is good enough and stable.

(Shi and Malik, Normalized cuts and image segmentation, 2000, sections 3 and 4.)
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from segcore.checks import check_range
from segcore.cut.ncut import ncut_sweep
from segcore.graph.eigen import smallest_eigenpairs
from segcore.graph.laplacian import check_affinity
from segcore.types import NOT_YET, Clustering, Round

SMOOTHEST = 0.06  # Shi and Malik's bound for the test of stability
_BINS = 10  # of its histogram


@dataclass(frozen=True, eq=False, slots=True)
class Halves:
    """The best cut of the nodes of a segment."""

    side: Tensor  # (m,) bool
    ncut: float
    smoothness: float  # of the vector that was cut, see `smoothness`
    v: Tensor  # (m,) that vector
    thresholds: Tensor | None = None  # (t,) ascending, those that were tried
    values: Tensor | None = None  # (t,) Ncut at each


@dataclass(frozen=True, eq=False, slots=True)
class RecursiveCutState:
    """The segments, and what is known of them, before the next cut or the end."""

    name: str  # "look-0", "cut-1", "cut-2", …, "end"
    phase: str  # "look" before the first cut, "cut" after each, "end" where no segment is cut any more
    round: int  # cuts made
    segments: tuple[Tensor, ...]  # numbers of the nodes of each, ascending, on the CPU
    parents: tuple[int, ...]  # of the segments in `tree`: number of the parent there, −1 for the whole
    tree: tuple[Tensor, ...]  # nodes of all segments that are or were, in order of their making
    leaves: tuple[int, ...]  # numbers in `tree` of `segments`
    best: Mapping[int, Halves]  # by number in `tree`: the best cut of each segment looked at, None if there is none
    chosen: int  # number in `tree` of the segment that was cut last; None at the start
    why: str  # at the end: why no more are cut

    @property
    def labels(self) -> Tensor:
        """(n,) int64: the number of the segment of each node."""
        return _labels(self.segments)


def recursive_ncut(W: Tensor, *, n_segments: int, max_ncut: float = 1.0, smoothest: float = SMOOTHEST) -> Clustering:
    """Part a graph in up to K segments by cutting it in two again and again.

    Args:
        W: (n, n) symmetric, nonnegative.
        n_segments: K ≥ 1; fewer come out where no cut is good enough.
        max_ncut: in [0, 2]: a segment stays whole if its best Ncut exceeds this.
        smoothest: in [0, 1]: a segment stays whole if its eigenvector is smoother than this, see `smoothness`; 1 takes all.

    Returns:
        Clustering on the device of W; `objective` is the largest Ncut that was cut, 0 if none was.

    Convention:
        Ncut counts the edges inside the segment only, as if the rest of the graph were not there. All thresholds between
        two different entries are tried, where Shi and Malik try some at equal steps.

    Raises:
        InputError: W is no affinity, or a number is out of range.

    Cost: at most 2 K − 3 eigenproblems, each on a smaller graph than the one before it.

    Reference: Shi and Malik 2000.
    """
    check_affinity(W)
    clustering = cut_recursively(
        len(W), lambda nodes: _halve(W[nodes][:, nodes]), n_segments=n_segments, max_ncut=max_ncut, smoothest=smoothest
    )
    return dataclasses.replace(clustering, labels=clustering.labels.to(W.device))


def recursive_ncut_steps(
    W: Tensor, *, n_segments: int, max_ncut: float = 1.0, smoothest: float = SMOOTHEST
) -> Iterator[RecursiveCutState]:
    """The run of `recursive_ncut` with the same arguments, cut by cut.

    Yields:
        "look-0", "cut-1", … and "end"; the labels of the last one are those of `recursive_ncut`.

    Raises:
        InputError: as `recursive_ncut`.
    """
    check_affinity(W)
    return _cuts(
        len(W), lambda nodes: _halve(W[nodes][:, nodes]), n_segments=n_segments, max_ncut=max_ncut, smoothest=smoothest
    )


def cut_recursively(
    n: int, halve: Callable[[Tensor], Halves | None], *, n_segments: int, max_ncut: float, smoothest: float
) -> Clustering:
    """Cut n nodes in up to K segments with any function that finds the best cut of some nodes.

    Args:
        n: number of nodes.
        halve: takes the numbers of some nodes, ascending, on the CPU; returns their best cut, or None if there is none.
        n_segments: K ≥ 1.
        max_ncut: in [0, 2].
        smoothest: in [0, 1].

    Raises:
        InputError: a number is out of range.
    """
    rounds: list[Round] = []
    origins = {0: "Cuts the whole picture."}  # of the segments, in words
    for state in _cuts(n, halve, n_segments=n_segments, max_ncut=max_ncut, smoothest=smoothest):
        if state.phase == "cut":
            halves = state.best[state.chosen]
            rounds.append(_round(n, state.tree[state.chosen], halves, origins[state.chosen]))
            left, found = len(state.tree) - 2, len(state.tree) - 1
            origins |= {left: f"Cuts what cut {len(rounds)} left.", found: f"Cuts what cut {len(rounds)} found."}
    cuts = [r.ncut for r in rounds]
    segments = state.segments
    return Clustering(
        labels=_labels(segments),
        objective=max(cuts, default=0.0),
        n_iter=len(cuts),
        converged=True,
        facts={"cuts": len(cuts), **({"ncut": cuts[0], "largest_ncut": max(cuts)} if cuts else {})},
        notes=(f"{len(segments)} of {n_segments} segments: {state.why}",) if len(segments) < n_segments else (),
        rounds=tuple(rounds),
    )


def _cuts(
    n: int, halve: Callable[[Tensor], Halves | None], *, n_segments: int, max_ncut: float, smoothest: float
) -> Iterator[RecursiveCutState]:
    """Look at the segments, cut the best one, and so on; arguments and errors as of `cut_recursively`."""
    check_range("n_segments", n_segments, lo=1)
    check_range("max_ncut", max_ncut, lo=0, hi=2)
    check_range("smoothest", smoothest, lo=0, hi=1)
    tree, parents, leaves = [torch.arange(n)], [-1], [0]
    best: dict[int, Halves] = {}  # of the segments looked at so far
    chosen: int = NOT_YET
    phase, cuts = "look", 0
    while True:
        enough = len(leaves) >= n_segments
        if not enough:
            best |= {i: halve(tree[i]) or NOT_YET for i in leaves if i not in best}
        known = MappingProxyType(dict(best))
        segments = tuple(tree[i] for i in leaves)
        yield RecursiveCutState(
            f"{phase}-{cuts}", phase, cuts, segments, tuple(parents), tuple(tree), tuple(leaves), known, chosen, ""
        )
        following, why = (None, "") if enough else _next({i: best[i] for i in leaves}, max_ncut, smoothest)
        if following is None:
            yield RecursiveCutState(
                "end", "end", cuts, segments, tuple(parents), tuple(tree), tuple(leaves), known, chosen, why
            )
            return
        chosen, phase, cuts = following, "cut", cuts + 1
        nodes, inside = tree[chosen], best[chosen].side.cpu()
        leaves[leaves.index(chosen)] = len(tree)
        leaves.append(len(tree) + 1)
        tree += [nodes[~inside], nodes[inside]]
        parents += [chosen, chosen]


def _labels(segments: tuple[Tensor, ...]) -> Tensor:
    labels = torch.empty(sum(map(len, segments)), dtype=torch.int64)
    for label, nodes in enumerate(segments):
        labels[nodes] = label
    return labels


def _round(n: int, nodes: Tensor, halves: Halves, origin: str) -> Round:
    """A cut of some nodes on all n."""
    v, side, out = torch.zeros(n), torch.zeros(n, dtype=torch.bool), torch.ones(n, dtype=torch.bool)
    v[nodes], side[nodes], out[nodes] = halves.v.cpu().float(), halves.side.cpu(), False
    return Round(v, side, side, out, halves.ncut, remark=origin)


def smoothness(v: Tensor) -> float:
    """How evenly the entries of a vector fill their range: lowest over highest bin of a histogram, in [0, 1].

    A vector that varies continuously fills all bins and could be cut anywhere; one that parts two groups leaves some empty.
    """
    counts = torch.histc(v.double(), _BINS)
    return float(counts.min() / counts.max())


def _next(best: dict[int, Halves | None], max_ncut: float, smoothest: float) -> tuple[int | None, str]:
    """The segment to cut next; None, and why, if all stay whole."""
    cuts = {i: halves for i, halves in best.items() if halves is not None}
    stable = {i: halves.ncut for i, halves in cuts.items() if halves.smoothness <= smoothest}
    if not cuts:
        return None, "the others have nothing to cut."
    if not stable:
        return None, "the eigenvectors of the others vary smoothly, so no threshold is better than the next."
    i = min(stable, key=stable.__getitem__)
    if stable[i] > max_ncut:
        return None, f"the next cut would have an Ncut of {stable[i]:.3f}. Raise max_ncut to go on."
    return i, ""


def _halve(W: Tensor) -> Halves | None:
    """The threshold of lowest Ncut on the second eigenvector of the graph."""
    if len(W) < 2:
        return None
    v = smallest_eigenpairs(W, n_vectors=2).fiedler
    thresholds, values = ncut_sweep(W, v)
    if len(values) == 0:
        return None
    lowest = values.argmin()
    return Halves(v > thresholds[lowest], float(values[lowest]), smoothness(v), v, thresholds, values)
