"""What users run instead, each called as its users call it."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segcore.bench.measure import Missing


def need(module: str) -> Any:
    """The module, or word that it is missing here.

    Raises:
        Missing: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise Missing(f"pip install {module.partition('.')[0].replace('sklearn', 'scikit-learn')}") from error


def tokencut_eigh(W: Tensor) -> Callable[[], Tensor]:
    """TokenCut: scipy.linalg.eigh(D − W, D, subset_by_index=[1, 2]); the vectors (n, 2)."""
    A = W.cpu().numpy()
    D = np.diag(A.sum(1))

    def run() -> Tensor:
        return torch.from_numpy(need("scipy.linalg").eigh(D - A, D, subset_by_index=[1, 2])[1])

    return run


def deep_spectral_eigsh(W: Tensor, n_vectors: int) -> Callable[[], Tensor]:
    """Deep Spectral: scipy.sparse.linalg.eigsh(D − W, k, sigma=0, which="LM", M=D); the vectors behind the first."""
    A = W.cpu().numpy()
    D = np.diag(A.sum(1))

    def run() -> Tensor:
        values, vectors = need("scipy.sparse.linalg").eigsh(D - A, k=n_vectors, sigma=0, which="LM", M=D)
        return torch.from_numpy(vectors[:, np.argsort(values)][:, 1:].copy())

    return run


def lobpcg(W: Tensor, n_vectors: int) -> Callable[[], Tensor]:
    """torch.lobpcg on the symmetric normalized Laplacian, mapped back."""
    deg = W.sum(1)
    L = torch.eye(len(W), device=W.device) - W * deg.rsqrt()[:, None] * deg.rsqrt()

    def run() -> Tensor:
        torch.manual_seed(0)
        values, vectors = torch.lobpcg(L, k=n_vectors, largest=False, niter=200)
        return (vectors * deg.rsqrt()[:, None])[:, values.argsort()][:, 1:]

    return run


def sklearn_spectral(W: Tensor, k: int) -> Callable[[], Tensor]:
    """sklearn.cluster.spectral_clustering on the ready affinity."""
    A = W.cpu().numpy()
    return lambda: torch.from_numpy(need("sklearn.cluster").spectral_clustering(A, n_clusters=k, random_state=0))


def sklearn_kmeans(X: Tensor, k: int, n_init: int) -> Callable[[], float]:
    """sklearn.cluster.KMeans; the inertia."""
    rows = X.cpu().numpy()
    return lambda: float(need("sklearn.cluster").KMeans(k, n_init=n_init, random_state=0).fit(rows).inertia_)


def sklearn_mixture(X: Tensor, k: int, covariance: str) -> Callable[[], float]:
    """sklearn.mixture.GaussianMixture; the mean log-likelihood of a row. In float64: float32 ends in an error here."""
    rows = X.double().cpu().numpy()

    def run() -> float:
        mixture = need("sklearn.mixture").GaussianMixture(k, covariance_type=covariance, random_state=0)
        return float(mixture.fit(rows).lower_bound_)

    return run


def numpy_affinity(X: Tensor) -> Callable[[], Tensor]:
    """The recipe of Deep Spectral in NumPy: F Fᵀ ⊙ (F Fᵀ > 0)."""
    rows = X.cpu().numpy()

    def run() -> Tensor:
        F = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        S = F @ F.T
        return torch.from_numpy(S * (S > 0))

    return run


def sklearn_neighbors(psi: Tensor, k: int) -> Callable[[], Tensor]:
    """sklearn.neighbors.kneighbors_graph; the distances to the k nearest, sorted."""
    rows = psi.cpu().numpy()

    def run() -> Tensor:
        graph = need("sklearn.neighbors").kneighbors_graph(rows, k, mode="distance")
        return torch.from_numpy(np.sort(graph.data.reshape(len(rows), k), axis=1))

    return run


def torch_eigh(n: int, device: torch.device) -> Callable[[], Any]:
    """torch.linalg.eigh of a float32 n × n matrix: a yardstick for machines that do not have the C++ CRF."""
    A = torch.randn(n, n, generator=torch.Generator().manual_seed(0)).to(device)
    A = A + A.T
    return lambda: torch.linalg.eigh(A)
