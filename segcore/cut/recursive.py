"""Recursive two-way normalized cuts.

(D − W) v = μ D v on the nodes of a segment alone; cut v_1 where Ncut is lowest; of all segments cut the one whose Ncut is
lowest, until there are K of them or no segment has a cut that is good enough and stable.

(Shi and Malik, Normalized cuts and image segmentation, 2000, sections 3 and 4.)
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_range
from segcore.cut.ncut import ncut_sweep
from segcore.graph.eigen import smallest_eigenpairs
from segcore.graph.laplacian import check_affinity
from segcore.types import Clustering, Round

SMOOTHEST = 0.06  # Shi and Malik's bound for the test of stability
_BINS = 10  # of its histogram


@dataclass(frozen=True, eq=False, slots=True)
class Halves:
    """The best cut of the nodes of a segment."""

    side: Tensor  # (m,) bool
    ncut: float
    smoothness: float  # of the vector that was cut, see `smoothness`
    v: Tensor  # (m,) that vector


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
    check_range("n_segments", n_segments, lo=1)
    check_range("max_ncut", max_ncut, lo=0, hi=2)
    check_range("smoothest", smoothest, lo=0, hi=1)
    segments, rounds = [torch.arange(n)], []
    origins = ["Cuts the whole picture."]  # of the segments, in words
    best: dict[int, Halves | None] = {}  # of the segments looked at so far
    why = ""
    while len(segments) < n_segments:
        best |= {i: halve(nodes) for i, nodes in enumerate(segments) if i not in best}
        i, why = _next(best, max_ncut, smoothest)
        halves = None if i is None else best.pop(i)
        if i is None or halves is None:
            break
        nodes, inside = segments[i], halves.side.cpu()
        rounds.append(_round(n, nodes, halves, origins[i]))
        segments[i], origins[i] = nodes[~inside], f"Cuts what cut {len(rounds)} left."
        segments.append(nodes[inside])
        origins.append(f"Cuts what cut {len(rounds)} found.")
    cuts = [r.ncut for r in rounds]
    labels = torch.empty(n, dtype=torch.int64)
    for label, nodes in enumerate(segments):
        labels[nodes] = label
    return Clustering(
        labels=labels,
        objective=max(cuts, default=0.0),
        n_iter=len(cuts),
        converged=True,
        facts={"cuts": len(cuts), **({"ncut": cuts[0], "largest_ncut": max(cuts)} if cuts else {})},
        notes=(f"{len(segments)} of {n_segments} segments: {why}",) if len(segments) < n_segments else (),
        rounds=tuple(rounds),
    )


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
    return Halves(v > thresholds[lowest], float(values[lowest]), smoothness(v), v)
