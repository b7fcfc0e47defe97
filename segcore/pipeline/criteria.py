"""The criteria that choose K, each a stage: which values and settings it reads, its signature says, as that of a method."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from segcore.cluster import choose
from segcore.cluster.choose import Choice
from segcore.cluster.gmm import gaussian_mixture, principal_components
from segcore.cluster.kmeans import check_n_clusters, kmeans
from segcore.cluster.spectral import embedding
from segcore.errors import InputError
from segcore.runtime.device import make_generator
from segcore.settings import params
from segcore.types import Clustering, FeatureGrid, Spectrum


@dataclass(frozen=True, slots=True)
class Criterion:
    """One way to choose K."""

    title: str
    formula: str  # of what is largest at the chosen K, in plain text
    source: str
    run: Callable[..., Choice]


def _silhouette(features: FeatureGrid, *, n_init: int, seed: int) -> Choice:
    X = choose.sample(_enough(features.X), make_generator(seed))

    def cluster(rows: Tensor, k: int) -> Clustering:
        return kmeans(rows, n_clusters=k, n_init=n_init, generator=make_generator(seed))

    return choose.silhouette(lambda _: X, cluster, n=len(features.X))


def _bic(features: FeatureGrid, *, covariance: str, pca_dims: int, seed: int) -> Choice:
    Y, _ = principal_components(_enough(features.X), n_dims=pca_dims)

    def cluster(rows: Tensor, k: int) -> Clustering:
        return gaussian_mixture(rows, n_clusters=k, covariance=covariance, generator=make_generator(seed))

    return choose.bic(choose.sample(Y, make_generator(seed)), cluster, n=len(Y))


def _eigengap(spectrum: Spectrum) -> Choice:
    m = len(_enough(spectrum.eigenvalues))
    return choose.eigengap(spectrum, most=min(m - 1, int(params()["n_segments"].bounds[1])))


def _embedding_silhouette(spectrum: Spectrum, *, n_init: int, seed: int) -> Choice:
    """The silhouette in the embedding that spectral clustering makes for each K."""
    _enough(spectrum.eigenvalues)
    V = choose.sample(spectrum.V, make_generator(seed))
    rows = dataclasses.replace(spectrum, V=V)

    def cluster(Y: Tensor, k: int) -> Clustering:
        return kmeans(Y, n_clusters=k, n_init=n_init, generator=make_generator(seed))

    return choose.silhouette(lambda k: embedding(rows, k), cluster, n=len(spectrum.V), most=V.shape[1])


def _enough(rows: Tensor) -> Tensor:
    """The rows, if there are enough to choose K from them."""
    if len(rows) < 3:
        check_n_clusters(2, len(rows))
        raise InputError(
            "Choosing K needs at least 3 patches and 3 eigenvectors. Switch auto_k off, or raise max_side or n_vectors.",
            field="auto_k",
        )
    return rows


CRITERIA: Mapping[str, Criterion] = {
    "eigengap": Criterion("Eigengap of W", "μₖ − μₖ₋₁ at k = K", "von Luxburg 2007, section 8.3", _eigengap),
    "embedding_silhouette": Criterion(
        "Silhouette of spectral clustering", "mean of (b − a) / max(a, b)", "Rousseeuw 1987", _embedding_silhouette
    ),
    "silhouette": Criterion("Silhouette of k-means", "mean of (b − a) / max(a, b)", "Rousseeuw 1987", _silhouette),
    "bic": Criterion("BIC of the Gaussian mixture", "2 log L − p log n", "Schwarz 1978", _bic),
}
