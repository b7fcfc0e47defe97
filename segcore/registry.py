"""The methods: for each name a title, its formula and source, and the function that runs it.

A method is a function of stage values (its positional parameters, named like the stages of the pipeline: `features`,
`affinity`, `spectrum`) and of settings (its keyword-only parameters, named like fields of `Settings`). So which settings a
method reads, and which stages it needs, is said by its signature and nowhere else.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from segcore.cluster import choose
from segcore.cluster.gmm import gaussian_mixture, principal_components
from segcore.cluster.kmeans import check_n_clusters, kmeans
from segcore.cluster.spectral import spectral_clustering
from segcore.cut.fiedler import fiedler_cut
from segcore.device import make_generator
from segcore.errors import InputError
from segcore.types import Affinity, Bipartition, Clustering, FeatureGrid, Spectrum


@dataclass(frozen=True, slots=True)
class Method:
    """One way to turn patches into segments."""

    title: str
    formula: str  # one line, LaTeX
    source: str
    run: Callable[..., Clustering | Bipartition]


def _kmeans(features: FeatureGrid, *, n_segments: int, auto_k: bool, n_init: int, seed: int) -> Clustering:
    def cluster(k: int) -> Clustering:
        return kmeans(features.X, n_clusters=k, n_init=n_init, generator=make_generator(seed))

    if auto_k and _can_choose(len(features.X)):
        return _with_choice(*choose.silhouette(features.X, cluster))
    return cluster(n_segments)


def _gmm(features: FeatureGrid, *, n_segments: int, auto_k: bool, covariance: str, pca_dims: int, seed: int) -> Clustering:
    Y, share = principal_components(features.X, n_dims=pca_dims)

    def cluster(k: int) -> Clustering:
        return gaussian_mixture(Y, n_clusters=k, covariance=covariance, generator=make_generator(seed))

    choosing = auto_k and _can_choose(len(Y))
    mixture = _with_choice(*choose.bic(len(Y), cluster)) if choosing else cluster(n_segments)
    note = f"The mixture lives in the first {Y.shape[1]} principal components, which hold {share:.0%} of the variance."
    return dataclasses.replace(
        mixture, facts={**mixture.facts, "pca_dims": Y.shape[1], "pca_share": share}, notes=(*mixture.notes, note)
    )


def _spectral(spectrum: Spectrum, *, n_segments: int, auto_k: bool, n_init: int, seed: int) -> Clustering:
    def cluster(k: int) -> Clustering:
        return spectral_clustering(spectrum, n_clusters=k, n_init=n_init, generator=make_generator(seed))

    m = len(spectrum.eigenvalues)
    if auto_k and _can_choose(m):
        choice = choose.eigengap(spectrum, most=m - 1)
        return _with_choice(choice, cluster(choice.k))
    return cluster(n_segments)


def _fiedler(
    features: FeatureGrid,
    affinity: Affinity,
    spectrum: Spectrum,
    *,
    threshold: str,
    cut_at: float,
    object_rule: str,
    flip: bool,
) -> Bipartition:
    return fiedler_cut(
        affinity.W,
        spectrum,
        h=features.geometry.h,
        w=features.geometry.w,
        threshold=threshold,
        cut_at=cut_at,
        object_rule=object_rule,
        flip=flip,
    )


def _can_choose(n: int) -> bool:
    if n < 3:
        check_n_clusters(2, n)
        raise InputError("Choosing K needs at least 3 patches. Switch auto_k off.", field="auto_k")
    return True


def _with_choice(choice: choose.Choice, clustering: Clustering) -> Clustering:
    facts = {**clustering.facts, "chosen_k": choice.k, "chosen_by": choice.rule}
    return dataclasses.replace(clustering, facts=facts, notes=(*clustering.notes, choice.note))


METHODS: Mapping[str, Method] = {
    "kmeans": Method(
        "k-means",
        r"\min_{c_1 \ldots c_K} \sum_i \min_k \lVert x_i - c_k \rVert^2",
        "Lloyd 1982; start: k-means++, Arthur and Vassilvitskii 2007",
        _kmeans,
    ),
    "gmm": Method(
        "Gaussian mixture",
        r"\gamma_{ik} = \pi_k \mathcal{N}(x_i \mid \mu_k, \Sigma_k) / \sum_j \pi_j \mathcal{N}(x_i \mid \mu_j, \Sigma_j)",
        "Dempster, Laird and Rubin 1977",
        _gmm,
    ),
    "spectral": Method(
        "Spectral clustering",
        r"(D - W) v = \mu D v, \quad \text{k-means on the rows of } (v_0 \ldots v_{K-1})",
        "von Luxburg 2007; Melas-Kyriazi et al. 2022",
        _spectral,
    ),
    "fiedler": Method(
        "Fiedler vector, two-way",
        r"(D - W) v_1 = \mu_1 D v_1, \quad \text{object} = \{ i : v_1(i) > t \}",
        "Shi and Malik 2000; Melas-Kyriazi et al. 2022",
        _fiedler,
    ),
}
