"""Recursive normalized cuts on the pixels themselves: the sparse side of `recursive.py`."""

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from segcore.cut.recursive import SMOOTHEST, Halves, cut_recursively, smoothness
from segcore.graph.pixels import PixelGraph, sparse_eigenpairs
from segcore.types import Clustering

_TOL = 1e-4  # of the eigenvalues; a cut of the vector moves by less than a pixel
_LEAST_AREA = 0.005  # share of the picture that a segment must have: the lowest Ncut may be that of a speck of noise


def recursive_pixel_ncut(
    graph: PixelGraph, *, n_segments: int, max_ncut: float = 1.0, smoothest: float = SMOOTHEST
) -> Clustering:
    """Part the pixels in up to K segments by cutting the graph in two again and again.

    Args:
        graph: W (n, n), and its first two eigenpairs at least, for n ≥ 2.
        n_segments: K ≥ 1; fewer come out where no cut is good enough.
        max_ncut: a segment stays whole if its best Ncut exceeds this, in [0, 2].
        smoothest: a segment stays whole if its eigenvector is smoother than this, in [0, 1].

    Returns:
        Clustering, as `recursive_ncut`, with the spectrum of the graph.

    Cost: at most 2 K − 4 further eigenproblems; a picture of 160 × 120 takes about 2 s for K = 5.
    """
    W = graph.W
    least = max(1, round(_LEAST_AREA * W.shape[0]))

    def halve(nodes: Tensor) -> Halves | None:
        if len(nodes) == W.shape[0]:
            return halve_by(W, graph.spectrum.fiedler.numpy(), least=least) if len(nodes) >= 2 else None
        keep = nodes.numpy()
        return _halve(csr_array(W[keep][:, keep]), least)

    clustering = cut_recursively(W.shape[0], halve, n_segments=n_segments, max_ncut=max_ncut, smoothest=smoothest)
    return dataclasses.replace(clustering, spectrum=graph.spectrum)


def sparse_ncut_sweep(W: csr_array, v: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute Ncut of {v > t} for every threshold t between two different entries, as `ncut_sweep` does for a dense W.

    Cost: one sort, and one pass over the edges.
    """
    n = len(v)
    order = v.argsort(kind="stable")
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    edges = W.tocoo()
    first, last = rank[edges.row], rank[edges.col]
    up = first < last
    # An edge is cut by the thresholds from behind its lower end up to its upper end.
    opened = np.bincount(first[up], edges.data[up], n) - np.bincount(last[up], edges.data[up], n)
    cut = opened.cumsum().clip(0)[:-1]
    below = W.sum(1)[order].cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        ncut = cut * (1 / below[:-1] + 1 / (below[-1] - below[:-1]))
    values = v[order]
    here = values[1:] > values[:-1]
    return ((values[1:] + values[:-1]) / 2)[here], np.where(np.isfinite(ncut), ncut, 2.0)[here]


def halve_by(W: csr_array, v: NDArray[np.float64], *, least: int = 1) -> Halves | None:
    """The threshold of lowest Ncut on a vector (n,) that leaves `least` pixels on each side; specks change sides.

    A speck is a connected piece of a side with fewer pixels than that.
    """
    thresholds, values = sparse_ncut_sweep(W, v)
    above = len(v) - np.searchsorted(np.sort(v), thresholds)
    fair = (above >= least) & (len(v) - above >= least)
    if not fair.any():
        return None
    lowest = np.where(fair, values, np.inf).argmin()
    side = _without_specks(W, v > thresholds[lowest], least)
    if side.all() or not side.any():
        return None
    vector = torch.from_numpy(v)
    return Halves(torch.from_numpy(side), _ncut(W, side), smoothness(vector), vector)


def _halve(W: csr_array, least: int) -> Halves | None:
    """The best cut of a segment; one that has fallen apart is cut between its largest piece and the rest, at no cost."""
    if W.shape[0] < 2 * least:
        return None
    pieces, piece = connected_components(W, directed=False)
    if pieces > 1:
        largest = np.bincount(piece).argmax()
        side = torch.from_numpy(piece == largest)
        return Halves(side, 0.0, 0.0, side.double())
    return halve_by(W, sparse_eigenpairs(W, n_vectors=2, tol=_TOL).fiedler.numpy(), least=least)


def _without_specks(W: csr_array, side: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Both sides with their small pieces handed to the other one, which surrounds them."""
    edges = W.tocoo()
    same = side[edges.row] == side[edges.col]
    inner = csr_array((np.ones(int(same.sum()), np.int8), (edges.row[same], edges.col[same])), shape=W.shape)
    piece = connected_components(inner, directed=False)[1]
    return side ^ (np.bincount(piece)[piece] < least)


def _ncut(W: csr_array, side: NDArray[np.bool_]) -> float:
    """Ncut of a side (n,) and the rest, neither empty."""
    deg = W.sum(1)
    inside, outside = float(deg[side].sum()), float(deg[~side].sum())
    cut = float((W @ side.astype(float))[~side].sum())
    return cut / inside + cut / outside
