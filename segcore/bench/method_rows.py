"""The rows of the bench for whole methods, each against the recipe of its authors on the same features."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from segcore.bench import opponents, recipes
from segcore.bench.measure import Row
from segcore.bench.scenes import graph_of, patch_features, scene
from segcore.cluster.gmm import principal_components
from segcore.cluster.mean_shift import mean_shift, spread
from segcore.cut.dino_seg import dino_seg
from segcore.cut.fiedler import fiedler_cut
from segcore.cut.lost import lost
from segcore.cut.maskcut import maskcut
from segcore.cut.min_cut import min_cut
from segcore.cut.pixel_cuts import recursive_pixel_ncut
from segcore.cut.recursive import recursive_ncut
from segcore.cut.tokencut import EDGE_FLOOR, tokencut
from segcore.graph.eigen import smallest_eigenpairs
from segcore.graph.pixels import PixelGraph, pixel_affinity, sparse_eigenpairs
from segcore.runtime.device import make_generator
from segcore.settings import DEFAULTS
from segcore.types import Bipartition

_SIDE = 30  # n = 900
_SECOND = "≤ 1 s"
_RULES: dict[str, Any] = {"threshold": DEFAULTS.threshold, "object_rule": DEFAULTS.object_rule}


def method_rows(device: torch.device) -> Iterator[Row]:
    """Each method on the features of 30 × 30 patches, and normalized cuts on the pixels of a small picture."""
    image, X = patch_features(_SIDE, 384, device)
    f, d = X.unflatten(0, (_SIDE, _SIDE)), DEFAULTS
    # Of the features of a random layer most cosines are high; centered, some are positive and some negative, as DINO's are.
    f = f - f.mean((0, 1))
    W = graph_of(image, X, _SIDE)
    yield Row(
        "Fiedler vector and its best cut, n = 900",
        lambda: fiedler_cut(W, smallest_eigenpairs(W, n_vectors=d.n_vectors), h=_SIDE, w=_SIDE, **_RULES),
        {"scipy eigh (TokenCut)": opponents.tokencut_eigh(W)},
        target=_SECOND,
    )
    yield Row(
        "TokenCut, n = 900",
        lambda: _mask(tokencut(f, tau=d.tau)),
        {"the authors' recipe": recipes.tokencut(f, d.tau, EDGE_FLOOR)},
        _same_mask,
        _SECOND,
    )
    yield Row(
        f"MaskCut, {d.n_objects} objects, n = 900",
        lambda: maskcut(f, n_objects=d.n_objects, tau=d.mask_tau).any(0),
        {"the authors' recipe": recipes.maskcut(f, d.n_objects, d.mask_tau, EDGE_FLOOR)},
        _same_mask,
        _SECOND,
    )
    yield Row(
        "LOST, n = 900",
        lambda: _mask(lost(f, n_potentials=d.n_potentials)),
        {"the authors' recipe": recipes.lost(f, d.n_potentials)},
        _same_mask,
        _SECOND,
    )
    attention = torch.rand(6, _SIDE, _SIDE, generator=make_generator(3)).to(device)
    yield Row("DINO attention, n = 900", partial(dino_seg, attention), target=_SECOND)
    yield Row(
        f"recursive normalized cuts, n = 900, K = {d.n_segments}",
        lambda: recursive_ncut(W, n_segments=d.n_segments, max_ncut=2.0, smoothest=1.0),
        {"scipy eigh for every part": recipes.recursive_ncut(W, d.n_segments)},
        target=_SECOND,
    )
    quarter = graph_of(*patch_features(15, 384, device), 15)
    yield Row(
        "minimum cut, n = 225",
        lambda: min_cut(quarter, h=15, w=15).facts["cut"],
        {"networkx stoer_wagner": recipes.stoer_wagner(quarter)},
        lambda ours, theirs: None if abs(ours - theirs) <= 1e-4 * theirs else f"weight {ours:.6g}, not {theirs:.6g}",
        repetitions=1,
    )
    yield Row("minimum cut, n = 900", lambda: min_cut(W, h=_SIDE, w=_SIDE), target=_SECOND)
    Y = principal_components(X, n_dims=d.pca_dims)[0] / spread(X)
    yield Row(
        "mean shift, n = 900",
        lambda: mean_shift(Y, bandwidth=d.bandwidth).objective,
        {"sklearn MeanShift": recipes.sklearn_mean_shift(Y, d.bandwidth)},
        lambda ours, theirs: None if abs(ours - theirs) <= 0.1 * theirs + 1 else f"{ours:.0f} modes, not {theirs:.0f}",
        _SECOND,
        3,
    )
    yield from _pixel_rows()


def _pixel_rows() -> Iterator[Row]:
    d = DEFAULTS
    pixels = scene(d.pixel_side * 3 // 4, d.pixel_side)
    make = partial(pixel_affinity, pixels, sigma_features=d.sigma_features, sigma_space=d.sigma_space, radius=d.radius)
    W = make()
    yield Row(
        f"9 eigenvectors of the pixels, {d.pixel_side} px",
        lambda: sparse_eigenpairs(W, n_vectors=9).eigenvalues,
        {"scipy eigsh on (D − W, D)": recipes.pixel_eigsh(W, 9)},
        lambda ours, theirs: None if float((ours - theirs).abs().max()) <= 1e-6 else "the eigenvalues differ",
        repetitions=2,
    )
    yield Row(
        f"normalized cuts on pixels, {d.pixel_side} px",
        lambda: recursive_pixel_ncut(
            PixelGraph(graph := make(), sparse_eigenpairs(graph, n_vectors=9)),
            n_segments=d.n_segments,
            max_ncut=d.max_ncut,
            smoothest=d.max_smoothness,
        ),
        target="≤ 3 s",
        repetitions=2,
    )


def _mask(cut: Bipartition) -> Tensor:
    return cut.side.reshape(_SIDE, _SIDE)


def _same_mask(ours: Tensor, theirs: Any) -> str | None:
    union = float((ours | theirs).sum())
    iou = float((ours & theirs).sum()) / union if union else 1.0
    return None if iou >= 0.99 else f"the masks have an IoU of {iou:.3f}"
