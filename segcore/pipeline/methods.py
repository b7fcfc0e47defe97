"""The methods: for each name a title, its formula and source, and the function that runs it.

A method is a function of stage values (its positional parameters, named like the stages of the pipeline: `features`,
`affinity`, `spectrum`) and of settings (its keyword-only parameters, named like fields of `Settings`). So which settings a
method reads, and which stages it needs, is said by its signature and nowhere else.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from segcore.cluster.choose import Choice
from segcore.cluster.gmm import gaussian_mixture, principal_components
from segcore.cluster.kmeans import kmeans
from segcore.cluster.mean_shift import mean_shift, spread
from segcore.cluster.slic import slic
from segcore.cluster.spectral import spectral_clustering
from segcore.cut.dino_seg import dino_seg, head_here
from segcore.cut.fiedler import fiedler_cut
from segcore.cut.lost import lost
from segcore.cut.maskcut import maskcut_objects
from segcore.cut.min_cut import min_cut
from segcore.cut.pixel_cuts import recursive_pixel_ncut
from segcore.cut.recursive import recursive_ncut
from segcore.cut.tokencut import tokencut
from segcore.errors import InputError
from segcore.features.pixels import pixel_grid
from segcore.graph.pixels import PixelGraph
from segcore.pipeline.reader import Reader
from segcore.runtime.device import check_graph_fits, make_generator
from segcore.types import Affinity, Bipartition, Clustering, FeatureGrid, Spectrum

if TYPE_CHECKING:
    from segcore.pipeline.learned_model import LearnedModel


@dataclass(frozen=True, slots=True)
class Method:
    """One way to turn patches into segments."""

    title: str
    formula: str  # one line, LaTeX
    source: str
    run: Callable[..., Clustering | Bipartition]
    features: Callable[..., FeatureGrid] | None = None  # makes its cells from the picture, if they are not patches
    auto: Callable[..., Clustering] | None = None  # runs in the place of `run` where the data choose K
    criterion: str | None = None  # the stage that then chooses it
    finds_objects: bool = False  # parts the picture in objects and background, not only in segments
    of_network: bool = False  # takes the labels of a network that `learn` trained, and how probable they are


def _kmeans(features: FeatureGrid, *, n_segments: int, n_init: int, seed: int) -> Clustering:
    return kmeans(features.X, n_clusters=n_segments, n_init=n_init, generator=make_generator(seed))


def _auto_kmeans(features: FeatureGrid, silhouette: Choice, *, n_init: int, seed: int) -> Clustering:
    return _with_choice(silhouette, _kmeans(features, n_segments=silhouette.k, n_init=n_init, seed=seed))


def _gmm(features: FeatureGrid, *, n_segments: int, covariance: str, pca_dims: int, seed: int) -> Clustering:
    Y, share = principal_components(features.X, n_dims=pca_dims)
    mixture = gaussian_mixture(Y, n_clusters=n_segments, covariance=covariance, generator=make_generator(seed))
    note = f"The mixture lives in the first {Y.shape[1]} principal components, which hold {share:.0%} of the variance."
    return dataclasses.replace(
        mixture, facts={**mixture.facts, "pca_dims": Y.shape[1], "pca_share": share}, notes=(*mixture.notes, note)
    )


def _auto_gmm(features: FeatureGrid, bic: Choice, *, covariance: str, pca_dims: int, seed: int) -> Clustering:
    return _with_choice(bic, _gmm(features, n_segments=bic.k, covariance=covariance, pca_dims=pca_dims, seed=seed))


def _spectral(spectrum: Spectrum, *, n_segments: int, n_init: int, seed: int) -> Clustering:
    return spectral_clustering(spectrum, n_clusters=n_segments, n_init=n_init, generator=make_generator(seed))


def _auto_spectral(spectrum: Spectrum, eigengap: Choice, *, n_init: int, seed: int) -> Clustering:
    return _with_choice(eigengap, _spectral(spectrum, n_segments=eigengap.k, n_init=n_init, seed=seed))


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
        knn_share=affinity.knn_share,
    )


def _ncut(affinity: Affinity, *, n_segments: int, max_ncut: float, max_smoothness: float) -> Clustering:
    return recursive_ncut(_stored(affinity), n_segments=n_segments, max_ncut=max_ncut, smoothest=max_smoothness)


def _ncut_pixels(pixel_graph: PixelGraph, *, n_segments: int, max_ncut: float, max_smoothness: float) -> Clustering:
    return recursive_pixel_ncut(pixel_graph, n_segments=n_segments, max_ncut=max_ncut, smoothest=max_smoothness)


def _min_cut(features: FeatureGrid, affinity: Affinity, *, object_rule: str, flip: bool) -> Bipartition:
    g = features.geometry
    return min_cut(_stored(affinity), h=g.h, w=g.w, object_rule=object_rule, flip=flip)


def _mean_shift(features: FeatureGrid, *, bandwidth: float, pca_dims: int) -> Clustering:
    Y, _ = principal_components(features.X, n_dims=pca_dims)
    return mean_shift(Y / spread(features.X), bandwidth=bandwidth)


def _slic(features: FeatureGrid, *, n_superpixels: int, compactness: float) -> Clustering:
    return slic(features.pixels, n_superpixels=n_superpixels, compactness=compactness)


def _tokencut(features: FeatureGrid, *, tau: float, flip: bool) -> Bipartition:
    check_graph_fits(features.geometry.n, features.f.device)
    return tokencut(features.f, tau=tau, flip=flip)


def _maskcut(features: FeatureGrid, *, n_objects: int, mask_tau: float) -> Clustering:
    check_graph_fits(features.geometry.n, features.f.device)
    return maskcut_objects(features.f, n_objects=n_objects, tau=mask_tau)


def _lost(features: FeatureGrid, *, n_potentials: int) -> Bipartition:
    check_graph_fits(features.geometry.n, features.f.device)
    return lost(features.f, n_potentials=n_potentials)


def _dino_seg(features: FeatureGrid, *, attention_head: int, attention_mass: float) -> Bipartition:
    if features.attention is None:
        return dino_seg(None)  # refuses in words
    head, notes = head_here(features.attention, attention_head)
    cut = dino_seg(features.attention, head=head, mass=attention_mass)
    return dataclasses.replace(cut, notes=(*cut.notes, *notes))


def _own_labels(picture: Tensor, weights: Reader) -> FeatureGrid:
    return _labelling(weights).own_labels(picture)


def _network(features: FeatureGrid, weights: Reader) -> Clustering:
    return _labelling(weights).clustering(features)


def _labelling(weights: Reader) -> "LearnedModel":
    from segcore.pipeline.learned_model import network_of  # only here, since it doubles the start of a command

    return network_of(weights.model)


def _small_pixels(picture: Tensor, *, pixel_side: int) -> FeatureGrid:
    return pixel_grid(picture, most=pixel_side)


def _all_pixels(picture: Tensor, *, max_side: int) -> FeatureGrid:
    return pixel_grid(picture, most=max_side)


def _stored(affinity: Affinity) -> Tensor:
    """W, for the methods that take it apart; refuses one that is only computed row by row."""
    if not isinstance(affinity.W, Tensor):
        raise InputError(
            f"This method needs all of W, and that of {affinity.W.shape[0]:,} patches does not fit into memory. "
            "Lower max_side, or choose spectral or fiedler.",
            field="max_side",
        )
    return affinity.W


def _with_choice(choice: Choice, clustering: Clustering) -> Clustering:
    facts = {**clustering.facts, "chosen_k": choice.k, "chosen_by": choice.rule}
    return dataclasses.replace(clustering, facts=facts, notes=(*clustering.notes, choice.note))


METHODS: Mapping[str, Method] = {
    "kmeans": Method(
        "k-means",
        r"\min_{c_1 \ldots c_K} \sum_i \min_k \lVert x_i - c_k \rVert^2",
        "Lloyd 1982; start: k-means++, Arthur and Vassilvitskii 2007",
        _kmeans,
        auto=_auto_kmeans,
        criterion="silhouette",
    ),
    "gmm": Method(
        "Gaussian mixture",
        r"\gamma_{ik} = \pi_k \mathcal{N}(x_i \mid \mu_k, \Sigma_k) / \sum_j \pi_j \mathcal{N}(x_i \mid \mu_j, \Sigma_j)",
        "Dempster, Laird and Rubin 1977",
        _gmm,
        auto=_auto_gmm,
        criterion="bic",
    ),
    "spectral": Method(
        "Spectral clustering",
        r"(D - W) v = \mu D v, \quad \text{k-means on the rows of } (v_0 \ldots v_{K-1})",
        "von Luxburg 2007; Melas-Kyriazi et al. 2022",
        _spectral,
        auto=_auto_spectral,
        criterion="eigengap",
    ),
    "fiedler": Method(
        "Fiedler vector, two-way",
        r"(D - W) v_1 = \mu_1 D v_1, \quad \text{object} = \{ i : v_1(i) > t \}",
        "Shi and Malik 2000; Melas-Kyriazi et al. 2022",
        _fiedler,
        finds_objects=True,
    ),
    "ncut": Method(
        "Normalized cuts, recursive",
        r"\operatorname{Ncut}(A, B) = \operatorname{cut}(A, B) \, (1 / \operatorname{vol} A + 1 / \operatorname{vol} B)",
        "Shi and Malik 2000",
        _ncut,
    ),
    "ncut_pixels": Method(
        "Normalized cuts on pixels",
        r"w_{ij} = e^{-\lVert F_i - F_j \rVert^2 / \sigma_I} \, e^{-\lVert X_i - X_j \rVert^2 / \sigma_X}"
        r" \; [\lVert X_i - X_j \rVert < r]",
        "Shi and Malik 2000",
        _ncut_pixels,
        _small_pixels,
    ),
    "min_cut": Method(
        "Minimum cut",
        r"\min_{A, B} \operatorname{cut}(A, B) = \sum_{i \in A, j \in B} w_{ij}",
        "Nagamochi, Ono and Ibaraki 1994",
        _min_cut,
        finds_objects=True,
    ),
    "mean_shift": Method(
        "Mean shift",
        r"y \leftarrow \operatorname{mean} \{ x_i : \lVert x_i - y \rVert \le h \}",
        "Comaniciu and Meer 2002",
        _mean_shift,
    ),
    "slic": Method(
        "SLIC superpixels",
        r"\lVert \mathrm{Lab}_i - \mathrm{Lab}_c \rVert^2 + (m / s)^2 \lVert xy_i - xy_c \rVert^2",
        "Achanta et al. 2012",
        _slic,
        _all_pixels,
    ),
    "tokencut": Method(
        "TokenCut",
        r"w_{ij} = [\cos(f_i, f_j) > \tau], \text{ else } \varepsilon; \quad v_1(i) > \operatorname{mean} v_1",
        "Wang et al. 2022",
        _tokencut,
        finds_objects=True,
    ),
    "maskcut": Method(
        "MaskCut",
        r"\text{TokenCut on } f \odot (1 - \text{masks so far}), \text{ again and again}",
        "Wang et al. (CutLER) 2023",
        _maskcut,
        finds_objects=True,
    ),
    "lost": Method(
        "LOST",
        r"\text{seed} = \arg\min_i \#\{ j : f_i^\top f_j > 0 \}; \quad \sum_{p \text{ like the seed}} f_p^\top f_i > 0",
        "Siméoni et al. 2021",
        _lost,
        finds_objects=True,
    ),
    "dino_seg": Method(
        "DINO attention",
        r"\text{smallest set with } \sum_i a_i \ge 0.6; \quad a \propto \exp(q_{\text{CLS}} k_i^\top / \sqrt{d})",
        "Caron et al. 2021",
        _dino_seg,
        finds_objects=True,
    ),
    "network": Method(
        "Trained network",
        r"y_u = \operatorname{arg\,max}_k \; p_k(u)",
        "whatever `segcore learn` or the page Learn has trained, with its classes, clusters or objects",
        _network,
        _own_labels,
        of_network=True,
    ),
}
