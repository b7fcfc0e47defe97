"""The published object and cut methods as their authors' code runs them, in NumPy, SciPy and scikit-learn.

Written anew after the papers and their code, step by step and with the same solvers, for the bench alone.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segcore.bench.opponents import need

Mask = NDArray[np.bool_]


def tokencut(f: Tensor, tau: float, floor: float) -> Callable[[], Tensor]:
    """Wang et al. 2022: a binary graph, the second generalized eigenvector by eigh, its peak's component."""
    features = f.double().cpu().numpy()

    def run() -> Tensor:
        v = _second_vector(features, tau, floor)
        side = v > v.mean()
        peak = int(np.abs(v).argmax())
        return torch.from_numpy(_piece((side if side[peak] else ~side).reshape(features.shape[:2]), peak))

    return run


def maskcut(f: Tensor, n_objects: int, tau: float, floor: float) -> Callable[[], Tensor]:
    """Wang et al. 2023: the same, again and again, without the patches found before; the union of all masks."""
    features = f.double().cpu().numpy()

    def run() -> Tensor:
        h, w = features.shape[:2]
        taken, last = np.zeros((h, w), bool), np.zeros((h, w), bool)
        for i in range(n_objects):
            v = _second_vector(features * ~taken[..., None], tau, floor)
            if np.count_nonzero((v > v.mean())[[0, w - 1, -w, -1]]) <= 1:  # a sign that lets three corners be seen
                v = -v
            side = v > v.mean()
            if np.count_nonzero(side[[0, w - 1, -w, -1]]) >= 3 or not side[np.abs(v).argmax()]:
                side, v = ~side, -v
            mask = _piece(side.reshape(h, w), int(v.argmax()))
            overlap = int((mask & last).sum()) / max(1, int((mask | last).sum()))
            if i and (overlap > 0.5 or np.count_nonzero(mask) <= 0.01 * h * w):
                mask = np.zeros((h, w), bool)
            taken, last = taken | mask, mask
        return torch.from_numpy(taken)

    return run


def lost(f: Tensor, n_potentials: int) -> Callable[[], Tensor]:
    """Siméoni et al. 2021: the patch with fewest positive products, those like it, and all that point their way."""
    features = f.cpu().numpy()

    def run() -> Tensor:
        h, w, d = features.shape
        A = features.reshape(-1, d) @ features.reshape(-1, d).T
        order = np.argsort((A > 0).sum(0), kind="stable")
        seed = int(order[0])
        like = order[:n_potentials][A[seed, order[:n_potentials]] > 0]
        return torch.from_numpy(_piece((A[like].sum(0) > 0).reshape(h, w), seed))

    return run


def recursive_ncut(W: Tensor, n_segments: int) -> Callable[[], Tensor]:
    """Shi and Malik 2000: halve by the threshold of lowest Ncut, every part anew by eigh; the lowest Ncut goes first."""
    A = W.double().cpu().numpy()

    def halve(nodes: NDArray[np.int64]) -> tuple[float, Mask]:
        part = A[np.ix_(nodes, nodes)]
        deg = part.sum(1)
        order = np.argsort(_generalized(part))
        P = part[np.ix_(order, order)]
        volume = deg[order].cumsum()[:-1]
        inside = np.array([P[: i + 1, : i + 1].sum() for i in range(0, len(order) - 1, max(1, len(order) // 30))])
        volume = volume[:: max(1, len(order) // 30)][: len(inside)]
        across = volume - inside
        values = across / volume + across / (deg.sum() - volume)
        best = int(values.argmin())
        side = np.zeros(len(nodes), bool)
        side[order[: best * max(1, len(order) // 30) + 1]] = True
        return float(values[best]), side

    def run() -> Tensor:
        labels = np.zeros(len(A), np.int64)
        halves = {0: halve(np.arange(len(A)))}
        for new in range(1, n_segments):
            old = min(halves, key=lambda k: halves[k][0])
            nodes = np.flatnonzero(labels == old)
            labels[nodes[halves[old][1]]] = new
            for k in (old, new):
                nodes = np.flatnonzero(labels == k)
                halves[k] = halve(nodes) if len(nodes) > 3 else (np.inf, np.zeros(len(nodes), bool))
        return torch.from_numpy(labels)

    return run


def pixel_eigsh(W: object, n_vectors: int) -> Callable[[], Tensor]:
    """Shi and Malik 2000 on pixels, as Python users run it: scipy.sparse.linalg.eigsh(D − W, k, sigma=0, M=D)."""
    sparse, linalg = need("scipy.sparse"), need("scipy.sparse.linalg")
    D = sparse.diags_array(W.sum(1))  # type: ignore[attr-defined]

    def run() -> Tensor:
        return torch.from_numpy(np.sort(linalg.eigsh((D - W).tocsc(), k=n_vectors, sigma=-1e-9, which="LM", M=D)[0]))

    return run


def stoer_wagner(W: Tensor) -> Callable[[], float]:
    """networkx.stoer_wagner; the weight of the lightest cut."""
    networkx = need("networkx")
    A = W.double().cpu().numpy().copy()
    np.fill_diagonal(A, 0)
    graph = networkx.from_numpy_array(A)
    return lambda: float(networkx.stoer_wagner(graph)[0])


def sklearn_mean_shift(X: Tensor, bandwidth: float) -> Callable[[], float]:
    """sklearn.cluster.MeanShift; the number of modes."""
    rows = X.double().cpu().numpy()
    return lambda: float(len(need("sklearn.cluster").MeanShift(bandwidth=bandwidth).fit(rows).cluster_centers_))


def _second_vector(features: NDArray[np.float64], tau: float, floor: float) -> NDArray[np.float64]:
    rows = features.reshape(-1, features.shape[-1])
    F = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return _generalized(np.where(tau < F @ F.T, 1.0, floor))


def _generalized(A: NDArray[np.float64]) -> NDArray[np.float64]:
    """The second eigenvector of (D − A) v = μ D v."""
    D = np.diag(A.sum(1))
    v: NDArray[np.float64] = need("scipy.linalg").eigh(D - A, D, subset_by_index=[1, 2])[1][:, 0]
    return v


def _piece(mask: Mask, cell: int) -> Mask:
    """The 4-connected component that holds a cell."""
    numbers = need("scipy.ndimage").label(mask)[0]
    piece: Mask = (numbers == numbers.flat[cell]) & mask
    return piece
