"""Spectral clustering: the rows of the first K eigenvectors of a Laplacian, clustered by k-means.

(von Luxburg, A tutorial on spectral clustering, 2007, section 4.)
"""

import torch
from torch import Tensor

from segcore.cluster.kmeans import check_n_clusters, kmeans
from segcore.errors import InputError
from segcore.numerics import normalize_rows
from segcore.types import Clustering, Spectrum


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
    n, m = spectrum.V.shape
    check_n_clusters(n_clusters, n)
    if n_clusters > m:
        raise InputError(
            f"{n_clusters} segments need {n_clusters} eigenvectors; the spectrum has {m}. Raise n_vectors.",
            field="n_vectors",
        )
    return kmeans(embedding(spectrum, n_clusters), n_clusters=n_clusters, n_init=n_init, generator=generator)


def embedding(spectrum: Spectrum, k: int) -> Tensor:
    """(n, k): the nodes as spectral clustering in k clusters sees them."""
    Y = spectrum.V[:, :k]
    return normalize_rows(Y) if spectrum.laplacian == "symmetric" else Y
