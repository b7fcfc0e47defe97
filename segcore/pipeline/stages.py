"""The stages between a picture and its label map.

    picture ─► weights ─► features ─► w_feat, w_knn ─► affinity ─► spectrum ─► partition ─► cells ─► upsampled ─► label_map
    picture ─► features (pixels) ─► pixel_graph ─► partition ─► …

A stage is a pure function. Its positional parameters are named after the stages whose values it takes, its keyword-only
parameters after the settings it reads. From the signatures follow which stages a method needs, which settings matter, and
the keys of the cache; none of it is written a second time.
"""

import dataclasses
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from segcore.features import BACKBONES
from segcore.graph.affinity import color_knn_affinity, combine_affinities, cosine_affinity
from segcore.graph.eigen import smallest_eigenpairs
from segcore.graph.implicit import implicit_affinity
from segcore.graph.pixels import PixelGraph, pixel_affinity, sparse_eigenpairs
from segcore.image import (
    cells_to_pixels,
    relabel_by_size,
    scaled_picture,
    scaled_to_pixels,
)
from segcore.pipeline.backbones import load_model
from segcore.pipeline.criteria import CRITERIA
from segcore.pipeline.methods import METHODS
from segcore.pipeline.reader import Reader
from segcore.refine.crf import crf_kernels, mean_field_of, unary_from_probabilities
from segcore.refine.permutohedral import Lattice
from segcore.runtime.device import check_memory, graph_fits
from segcore.settings import Settings, params
from segcore.types import Affinity, Bipartition, Clustering, FeatureGrid, Spectrum
from segcore.upsample import Weights, upsample, upsampling_weights

Run = Callable[..., Any]
_Stage = TypeVar("_Stage", bound=Run)

_BASIS_COLUMNS = 400  # vectors of length n that the eigensolver holds
MOST_SOFT_SEGMENTS = 64  # upsampling and CRF keep a few numbers per pixel for each segment
PIXEL_VECTORS = 9  # eigenpairs of a graph of pixels, the constant vector among them


@dataclass(frozen=True, slots=True)
class Warmth:
    """What lets a stage start from its latest value instead of from nothing."""

    like: tuple[str, ...]  # the stages whose values must be those of then
    start: str  # what of that value is handed in as `start`


_WARMTH: dict[Run, Warmth] = {}


def stage(*, warmed_by: tuple[str, ...], start: str) -> Callable[[_Stage], _Stage]:
    """Declare that a stage takes an optional `start`, which saves work and leaves the answer as it is within its tolerance.

    Args:
        warmed_by: stages; the latest value may be a start where these, and the settings that are read, are as they were.
        start: name of the part of that value which is handed in, and alone kept.
    """

    def mark(run: _Stage) -> _Stage:
        _WARMTH[run] = Warmth(warmed_by, start)
        return run

    return mark


def warmth_of(run: Run) -> Warmth | None:
    """What `stage` declared."""
    return _WARMTH.get(run)


def plan(
    settings: Settings, goals: Collection[str] = ("label_map",), given: Collection[str] = (), *, of_patches: bool = False
) -> dict[str, Run]:
    """The stages behind the goals, in order; only those that the method needs for them, and none whose value is given.

    `of_patches`: for goals that judge the patches of the backbone, also where the method cuts pixels.
    """
    stages = _stages(settings, of_patches=of_patches)
    needed = set(goals)
    for name in reversed(stages):
        if name in needed and name not in given:
            needed.update(signature(stages[name])[0])
    return {name: run for name, run in stages.items() if name in needed and name not in given}


def _stages(settings: Settings, *, of_patches: bool = False) -> dict[str, Run]:
    """All stages in order, each after those whose values it takes."""
    backbone, method = BACKBONES.get(settings.backbone), METHODS[settings.method]
    of_pixels = None if of_patches else method.features
    # Pixels that are cells have their labels already, unless a network says how probable they are.
    blends = settings.upsampling != "nearest" if of_pixels is None else method.of_network
    return {
        "features": of_pixels or (_features if backbone is None or backbone.needs_weights else _colors),
        "pixel_graph": _pixel_graph,
        "w_feat": _w_feat,
        "w_knn": _w_knn,
        "affinity": _affinity,
        "spectrum": _spectrum,
        **{name: criterion.run for name, criterion in CRITERIA.items()},
        "partition": method.auto if settings.auto_k and method.auto else method.run,
        "cells": _ordered,
        "upsampling_weights": _upsampling_weights,
        "upsampled": _upsampled if of_pixels is None else _pixels_already,
        "crf_kernels": _crf_kernels,
        "label_map": _refined if settings.crf else _likeliest if blends else _nearest,
    }


@dataclass(frozen=True, slots=True)
class Described:
    """A stage for somebody who looks for its code."""

    name: str
    takes: tuple[str, ...]  # stages; the picture among them
    settings: tuple[str, ...]  # that it reads
    switch: str  # the setting that brings it in; "" for a stage of the settings as they are
    place: str  # file, from the folder of the package, and line


def described(settings: Settings) -> tuple[Described, ...]:
    """The stages of a method in order; beside those of these settings the ones that auto_k and crf bring in."""
    found: dict[tuple[str, Run], str] = {}
    for switch in ("", "auto_k", "crf"):
        for pair in plan(settings.replace(**{switch: True}) if switch else settings).items():
            found.setdefault(pair, switch)
    order = tuple(_stages(settings))
    ordered = sorted(found.items(), key=lambda item: order.index(item[0][0]))
    stages = tuple(Described(name, *signature(run), switch, _place(run)) for (name, run), switch in ordered)
    return (Described("weights", (), ("backbone",), "", _place(load_model)), *stages) if needs_backbone(settings) else stages


def _place(run: Run) -> str:
    path = Path(inspect.getfile(run)).relative_to(Path(__file__).parents[2])
    return f"{path.as_posix()}:{inspect.getsourcelines(run)[1]}"


class PixelLabels:
    """The last stages alone: labels of the pixels of one picture, from labels of its patches, wherever these come from."""

    def __init__(self, features: FeatureGrid, settings: Settings):
        """Take a picture.

        Args:
            features: of the picture.
            settings: upsampling and crf, with what they read, count.
        """
        self._settings = settings
        self._of_picture: dict[str, Any] = {"features": features}

    def __call__(self, cells: Clustering | Bipartition) -> Tensor:
        """(height, width) uint8 or int32.

        Args:
            cells: labels of the patches; shares of all segments as `resp`, where labels that do not occur are among them.
        """
        values = {**self._of_picture, "cells": cells}
        for name, run in plan(self._settings, given=values.keys(), of_patches=True).items():
            values[name] = apply(run, values, self._settings)
            if set(signature(run)[0]) <= {"features"}:  # of the picture alone: kept for its next labels
                self._of_picture[name] = values[name]
        label_map: Tensor = values["label_map"].label_map
        return label_map


@cache
def signature(run: Run) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the stages whose values a stage takes, and of the settings it reads."""
    parameters = inspect.signature(run).parameters.values()
    inputs = tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)
    return inputs, tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name in params())


def apply(run: Run, values: Mapping[str, Any], settings: Settings) -> Any:
    """The value of a stage, of those that it takes and the settings it reads; nothing is remembered."""
    inputs, tunables = signature(run)
    return run(*(values[i] for i in inputs), **{t: getattr(settings, t) for t in tunables})


def settings_read(settings: Settings) -> set[str]:
    """Names of the settings that can change the result, given these: what the chosen method and its stages read."""
    tunables = {name for run in plan(settings).values() for name in signature(run)[1]}
    method = METHODS[settings.method]
    switches = {
        "auto_k": method.auto is not None,
        "backbone": needs_backbone(settings),
        "upsampling": method.features is None,
    }
    return tunables | {"method", "crf"} | {name for name, is_read in switches.items() if is_read}


def needs_backbone(settings: Settings, goals: Collection[str] = ("label_map",), *, of_patches: bool = False) -> bool:
    """Whether the goals, as of `plan`, need the patches of a backbone, not pixels alone."""
    return any("weights" in signature(run)[0] for run in plan(settings, goals, of_patches=of_patches).values())


def _features(picture: Tensor, weights: Reader, *, facet: str, block: int, max_side: int) -> FeatureGrid:
    return weights.having(facet=facet, block=block, max_side=max_side).read(picture)


def _colors(picture: Tensor, weights: Reader, *, max_side: int) -> FeatureGrid:
    return weights.having(max_side=max_side).read(picture)


def _w_feat(features: FeatureGrid) -> Tensor | None:
    return cosine_affinity(features.X) if _fits(features) else None


def _w_knn(features: FeatureGrid, *, knn_neighbors: int, pixel_space: str) -> Tensor:
    g = features.geometry
    return color_knn_affinity(features.pixels, h=g.h, w=g.w, n_neighbors=knn_neighbors, space=pixel_space)


def _affinity(features: FeatureGrid, w_feat: Tensor | None, w_knn: Tensor, *, knn_weight: float) -> Affinity:
    if w_feat is not None:
        return Affinity(*combine_affinities(w_feat, w_knn, knn_weight=knn_weight))
    W = implicit_affinity(features.X, w_knn, knn_weight=knn_weight)
    share = knn_weight * float(w_knn.values().sum()) / max(float(W.sum()), torch.finfo(W.dtype).tiny)
    note = f"W of {features.geometry.n:,} patches does not fit into memory; its rows are computed anew in every product."
    return Affinity(W, share, (note,))


@stage(warmed_by=("w_feat", "w_knn"), start="block")
def _spectrum(affinity: Affinity, *, laplacian: str, n_vectors: int, start: Tensor | None = None) -> Spectrum:
    n = affinity.W.shape[0]
    return smallest_eigenpairs(affinity.W, n_vectors=min(n_vectors, n), laplacian=laplacian, start=start)


def _pixel_graph(features: FeatureGrid, *, sigma_features: float, sigma_space: float, radius: float) -> PixelGraph:
    W = pixel_affinity(features.pixels, sigma_features=sigma_features, sigma_space=sigma_space, radius=radius)
    return PixelGraph(W, sparse_eigenpairs(W, n_vectors=min(PIXEL_VECTORS, features.geometry.n)))


@dataclass(frozen=True, eq=False, slots=True)
class _LabelMap:
    """The label of each pixel, and what the refinement changed."""

    label_map: Tensor
    facts: Mapping[str, float | int | str]
    notes: tuple[str, ...] = ()


def _nearest(features: FeatureGrid, cells: Clustering | Bipartition) -> _LabelMap:
    label_map = cells_to_pixels(cells.labels, features.geometry).cpu()
    return _without_gaps(label_map, cells, {"crf": "off"}, "The picture has fewer pixels than patches, so there is none for")


@dataclass(frozen=True, eq=False, slots=True)
class _Soft:
    """How much each pixel of the scaled picture belongs to each segment."""

    P: Tensor | None  # (k, scaled height, scaled width), or None where there are too many segments for it
    facts: Mapping[str, float | int | str]
    notes: tuple[str, ...] = ()


def _upsampling_weights(features: FeatureGrid, *, upsampling: str) -> Weights:
    return upsampling_weights(features.pixels, patch=features.geometry.patch, upsampling=upsampling)


def _upsampled(
    features: FeatureGrid, cells: Clustering | Bipartition, upsampling_weights: Weights, *, upsampling: str
) -> _Soft:
    g, soft = features.geometry, _responsibilities(cells)
    if soft is None:
        note = f"{int(cells.labels.max()) + 1} segments are too many to blend; each pixel has the label of its patch."
        return _Soft(None, {"upsampling": "nearest"}, (note,))
    P = soft.T.reshape(-1, g.h, g.w)
    values = upsample(P, features.pixels, upsampling=upsampling, weights=upsampling_weights)
    shares = _cut_to_picture(values, features).clamp(0, 1)  # the guided filter may leave the range
    return _Soft(shares / shares.sum(0), {"upsampling": upsampling})


def _pixels_already(features: FeatureGrid, cells: Clustering | Bipartition) -> _Soft:
    g, soft = features.geometry, _responsibilities(cells)
    return _Soft(None if soft is None else _cut_to_picture(soft.T.reshape(-1, g.h, g.w), features), {})


def _responsibilities(cells: Clustering | Bipartition) -> Tensor | None:
    """(n, k) shares of the segments in each cell; None where that would be too many numbers."""
    if cells.resp is not None:
        return cells.resp
    return None if int(cells.labels.max()) >= MOST_SOFT_SEGMENTS else torch.nn.functional.one_hot(cells.labels).float()


def _cut_to_picture(values: Tensor, features: FeatureGrid) -> Tensor:
    height, width = features.geometry.scaled_size
    return values[:, :height, :width].contiguous()


def _likeliest(features: FeatureGrid, cells: Clustering | Bipartition, upsampled: _Soft) -> _LabelMap:
    if upsampled.P is None:
        return _nearest(features, cells)
    blocks = cells_to_pixels(cells.labels, features.geometry).cpu()
    label_map = scaled_to_pixels(upsampled.P, features.geometry).cpu()
    # A segment of one patch, such as a minimum cut's, may win nowhere; then it keeps its patch. A class need not be there.
    n = len(upsampled.P)
    lost = (blocks.flatten().bincount(minlength=n) > 0) & (label_map.flatten().bincount(minlength=n) == 0)
    if bool(lost.any()) and not cells.names:
        label_map = torch.where(lost[blocks.long()], blocks, label_map)
    facts: dict[str, float | int | str] = {"crf": "off", "changed_share": _changed_share(label_map, blocks)}
    return _without_gaps(label_map, cells, facts, "The picture has too few pixels for all patches, so there is none for")


def _changed_share(label_map: Tensor, blocks: Tensor) -> float:
    """Share of the pixels that do not have the label of the patch they lie in."""
    return int((label_map != blocks).count_nonzero()) / label_map.numel()


def _crf_kernels(
    features: FeatureGrid,
    *,
    sigma_xy: float,
    sigma_rgb: float,
    compat_bilateral: float,
    sigma_smooth: float,
    compat_smooth: float,
) -> tuple[Lattice, ...]:
    return crf_kernels(
        scaled_picture(features.pixels, features.geometry),
        sigma_xy=sigma_xy,
        sigma_rgb=sigma_rgb,
        compat_bilateral=compat_bilateral,
        sigma_smooth=sigma_smooth,
        compat_smooth=compat_smooth,
    )


def _refined(
    features: FeatureGrid,
    cells: Clustering | Bipartition,
    upsampled: _Soft,
    crf_kernels: tuple[Lattice, ...],
    *,
    crf_steps: int,
    label_confidence: float,
) -> _LabelMap:
    if upsampled.P is None:
        n, rough = int(cells.labels.max()) + 1, _nearest(features, cells)
        note = f"The CRF was left out: it sharpens at most {MOST_SOFT_SEGMENTS} segments, and these are {n}."
        return dataclasses.replace(rough, notes=(note, *rough.notes))
    unary = unary_from_probabilities(upsampled.P, confidence=label_confidence)
    Q = mean_field_of(crf_kernels, unary, n_steps=crf_steps)
    label_map = scaled_to_pixels(Q, features.geometry).cpu()
    blocks = cells_to_pixels(cells.labels, features.geometry).cpu()
    facts: dict[str, float | int | str] = {"crf": "on", "changed_share": _changed_share(label_map, blocks)}
    advice = "Weaker weights or narrower kernels of the CRF keep small segments; it left no pixel to"
    return _without_gaps(label_map, cells, facts, advice)


def _without_gaps(
    label_map: Tensor, cells: Clustering | Bipartition, facts: Mapping[str, float | int | str], reason: str
) -> _LabelMap:
    """Close gaps in the numbers where a segment has no pixel left; objects, background and classes keep theirs."""
    if cells.names:
        return _LabelMap(label_map, facts)
    labels = cells.labels.cpu()
    n = 1 + int(max(labels.max(), label_map.max()))  # a pixel between patches may have a label that is likeliest in none
    before, after = (x.flatten().bincount(minlength=n) > 0 for x in (labels, label_map))
    gone = before & ~after
    if not bool(gone.any()):
        return _LabelMap(label_map, facts)
    among = ", the background among them" if cells.has_background and bool(gone[0]) else ""
    note = f"{reason} {int(gone.sum())} of the segments{among}."
    if not cells.has_background:
        label_map = (after.cumsum(0) - 1).to(label_map.dtype)[label_map.long()]
    return _LabelMap(label_map, facts, (note,))


def _ordered(partition: Clustering | Bipartition) -> Clustering | Bipartition:
    """The same partition with its segments numbered by size; objects and classes keep their numbers."""
    if isinstance(partition, Bipartition) or partition.has_background or partition.names:
        return partition
    labels = relabel_by_size(partition.labels)
    old = torch.empty(int(labels.max()) + 1, dtype=torch.int64, device=labels.device)
    old[labels] = partition.labels
    return dataclasses.replace(partition, labels=labels, resp=None if partition.resp is None else partition.resp[:, old])


def _fits(features: FeatureGrid) -> bool:
    """Whether W can be stored; refuses before it starts what cannot be computed either way."""
    n, d, device = features.geometry.n, features.f.shape[-1], features.f.device
    check_memory(f"Even row by row, W of {n:,} patches", n * (2 * d + _BASIS_COLUMNS) * features.f.element_size(), device)
    return graph_fits(n, device)
