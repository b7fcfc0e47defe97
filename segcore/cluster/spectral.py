"""Spectral clustering: the rows of the first K eigenvectors of a Laplacian, clustered by k-means.

(von Luxburg, A tutorial on spectral clustering, 2007, section 4.)
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.cluster.kmeans import KMeansState, check_n_clusters, kmeans, kmeans_steps
from segcore.errors import InputError
from segcore.graph.eigen import smallest_eigenpairs
from segcore.graph.laplacian import degrees, quadratic_form, safe_degrees
from segcore.numerics import normalize_rows
from segcore.types import NOT_YET, Clustering, Spectrum


@dataclass(frozen=True, eq=False, slots=True)
class SpectralState:
    """What is known after one of the steps from the graph to its segments; what is not known yet is None."""

    name: str  # "weights", "degrees", "laplacian", "eigenvalues", "vector-0", "vector-1", …, "rows", "assign-1", …
    phase: str  # the name without its number
    W: Tensor  # (n, n)
    degree: Tensor = NOT_YET  # (n,)
    spectrum: Spectrum = NOT_YET
    index: int = NOT_YET  # of the vector that the step is about
    rows: Tensor = NOT_YET  # (n, k) what k-means sees
    kmeans: KMeansState = NOT_YET

    @property
    def labels(self) -> Tensor:
        """(n,) int64, from the first assignment on."""
        return self.kmeans.labels if self.kmeans else NOT_YET

    def energy(self, x: Tensor) -> float:
        """xᵀLx with L = D − W, in float64."""
        return quadratic_form(self.W, x)

    def rayleigh(self, x: Tensor) -> float:
        """xᵀLx / xᵀDx: the eigenvalue where x solves L x = μ D x."""
        mass = safe_degrees(degrees(self.W)).double()
        return self.energy(x) / float((mass * x.double().square()).sum())


def spectral_clustering(spectrum: Spectrum, *, n_clusters: int, n_init: int, generator: torch.Generator) -> Clustering:
    """Partition the nodes of a graph into K clusters.

    Args:
        spectrum: at least K eigenpairs.
        n_clusters: K.
        n_init: restarts of k-means.
        generator: CPU generator.

    Returns:
        Clustering of the n nodes; `objective` is the inertia in the embedding.

    Convention:
        The first K columns of V, the constant one included; for the symmetric Laplacian the rows are scaled to length 1, as
        in the algorithm of Ng, Jordan and Weiss.

    Raises:
        InputError: K exceeds the number of nodes or of eigenvectors.
    """
    return kmeans(_rows(spectrum, n_clusters), n_clusters=n_clusters, n_init=n_init, generator=generator)


def _rows(spectrum: Spectrum, n_clusters: int) -> Tensor:
    """The embedding, where the spectrum has enough vectors for it."""
    n, m = spectrum.V.shape
    check_n_clusters(n_clusters, n)
    if n_clusters > m:
        raise InputError(
            f"{n_clusters} segments need {n_clusters} eigenvectors; the spectrum has {m}. Raise n_vectors.",
            field="n_vectors",
        )
    return embedding(spectrum, n_clusters)


def spectral_steps(
    W: Tensor, *, n_clusters: int, n_vectors: int, laplacian: str, n_init: int, generator: torch.Generator
) -> Iterator[SpectralState]:
    """From a graph to its segments: `smallest_eigenpairs`, then `spectral_clustering`, step by step.

    Args:
        W: (n, n) symmetric, nonnegative.
        n_clusters: K.
        n_vectors: eigenpairs to compute, K … n.
        laplacian: as for `smallest_eigenpairs`.
        n_init: restarts of k-means.
        generator: CPU generator.

    Yields:
        "weights", "degrees", "laplacian", "eigenvalues", one "vector-i" for each of the first K + 1 vectors, "rows", and
        then the states of `kmeans_steps` on the rows; the labels of the last one are those of `spectral_clustering`.

    Raises:
        InputError: as the two.
    """
    yield SpectralState("weights", "weights", W)
    degree = degrees(W)
    yield SpectralState("degrees", "degrees", W, degree)
    yield SpectralState("laplacian", "laplacian", W, degree)
    spectrum = smallest_eigenpairs(W, n_vectors=n_vectors, laplacian=laplacian)
    yield SpectralState("eigenvalues", "eigenvalues", W, degree, spectrum)
    for i in range(min(n_clusters + 1, spectrum.V.shape[1])):
        yield SpectralState(f"vector-{i}", "vector", W, degree, spectrum, i)
    rows = _rows(spectrum, n_clusters)
    yield SpectralState("rows", "rows", W, degree, spectrum, NOT_YET, rows)
    for state in kmeans_steps(rows, n_clusters=n_clusters, n_init=n_init, generator=generator):
        yield SpectralState(state.name, state.phase, W, degree, spectrum, NOT_YET, rows, state)


def embedding(spectrum: Spectrum, k: int) -> Tensor:
    """(n, k): the nodes as spectral clustering in k clusters sees them."""
    Y = spectrum.V[:, :k]
    return normalize_rows(Y) if spectrum.laplacian == "symmetric" else Y
