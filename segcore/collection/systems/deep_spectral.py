"""Deep Spectral Methods on a collection: eigensegments of each picture, grouped over all of them, then taught to a head."""

from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.cluster.kmeans import kmeans
from segcore.collection.collection import Collection
from segcore.collection.pieces import (
    PieceSettings,
    by_class_token,
    by_patches,
    check_pieces,
    cluster_kmeans,
    gathered,
    group_pieces,
)
from segcore.collection.system import CollectionSystem, GroupSteps, setting
from segcore.cut.foreground import border_cells
from segcore.graph.affinity import color_knn_affinity, combine_affinities, cosine_affinity
from segcore.graph.eigen import smallest_eigenpairs

_ERODE, _DILATE = 2, 5  # cells, as the authors' commands have it
_NEIGHBORS = 20


@dataclass(frozen=True, kw_only=True)
class DeepSpectralSettings(PieceSettings):
    """The tunables of Deep Spectral Methods."""

    # fmt: off
    n_pieces: int = setting(
        15, "Eigensegments", lo=2, hi=64, step=1,
        info="Pieces that each picture is cut into.")
    n_vectors: int = setting(
        15, "Eigenvectors", lo=2, hi=64, step=1,
        info="How many are computed; all but the constant one are clustered.")
    knn_weight: float = setting(
        0.0, "Weight of color", symbol="λ", lo=0.0, hi=100.0, step=0.1,
        info="Of W_knn beside W_feat; the published commands leave it out.")
    n_init: int = setting(5, "Restarts", "Of k-means in each picture.", lo=1, hi=50, step=1)
    # fmt: on


def eigensegments(
    f: Tensor, pixels: Tensor | None, *, n_pieces: int, n_vectors: int, knn_weight: float, n_init: int, seed: int
) -> Tensor:
    """Cut one picture by its eigenvectors v_1, v_2, … of L v = μ D v.

    Args:
        f: (h, w, d) features.
        pixels: (height, width, 3) uint8 of the grid; needed where knn_weight > 0.
        n_pieces: how many; fewer where there are fewer patches.
        n_vectors: m; v_1 … v_{m−1} are clustered.
        knn_weight: λ.
        n_init: restarts of k-means.
        seed: of k-means.

    Returns:
        (h, w) int64: 0 for the piece that holds most of the border (`border_first`), which is taken for the background, and
        1, 2, … for the others.

    Reference: Melas-Kyriazi and others 2022, section 3.4 and their code.
    """
    h, w = f.shape[:2]
    X = f.flatten(0, 1)
    W = cosine_affinity(X)
    if knn_weight > 0 and pixels is not None:
        W, _ = combine_affinities(
            W, color_knn_affinity(pixels, h=h, w=w, n_neighbors=_NEIGHBORS, space="rgb_xy"), knn_weight=knn_weight
        )
    k, m = min(n_pieces, len(X)), min(n_vectors, len(X))
    V = smallest_eigenpairs(W, n_vectors=m).V[:, min(1, m - 1) :].contiguous()
    labels = kmeans(V, n_clusters=k, n_init=n_init, generator=torch.Generator().manual_seed(seed)).labels
    labels = labels.unique(return_inverse=True)[1]
    return border_first(labels.reshape(h, w))


def border_first(labels: Tensor) -> Tensor:
    """Number the pieces (h, w) anew: 0 is the one with most of the `border_cells`, the others keep their order."""
    n = int(labels.max()) + 1
    behind = int(torch.bincount(border_cells(labels), minlength=n).argmax())
    order = torch.tensor([behind, *(j for j in range(n) if j != behind)])
    numbers = torch.empty_like(order)
    numbers[order] = torch.arange(n)
    return numbers[labels]


def run_deep_spectral(collection: Collection, *, n_groups: int, seed: int, settings: DeepSpectralSettings) -> GroupSteps:
    """Cut every picture into eigensegments, cluster them over the collection, and teach the groups to a head."""
    s = settings
    own = s.background == "own"

    def cut(i: int) -> Tensor:
        pixels = collection.grid(i).pixels.cpu() if s.knn_weight > 0 else None
        pieces = eigensegments(
            collection.f(i), pixels, n_pieces=s.n_pieces, n_vectors=s.n_vectors, knn_weight=s.knn_weight, n_init=s.n_init,
            seed=seed,
        )  # fmt: skip
        return pieces if own else pieces + 1

    describe = (
        by_patches(collection) if s.describe == "patches" else by_class_token(collection, erode=_ERODE, dilate=_DILATE)
    )
    with gathered(collection, cut, describe, stage="eigensegments") as steps:
        pieces = yield from steps
        check_pieces(pieces, n_groups - own, what="segment")
        found = cluster_kmeans(pieces, n_groups - own, s, seed=seed)
        return (
            yield from group_pieces("deep_spectral", collection, pieces, found, n_groups=n_groups, settings=s, seed=seed)
        )


DEEP_SPECTRAL = CollectionSystem(
    name="deep_spectral",
    title="Deep Spectral",
    summary="Segments of each picture by eigenvectors, grouped over all pictures, and taught to a head.",
    formula=r"L v = \mu D v, \quad W = f f^\top \odot (f f^\top > 0) + \lambda W_{knn}",
    source="Melas-Kyriazi and others 2022",
    settings=DeepSpectralSettings,
    run=run_deep_spectral,
    learns=True,
)
