"""Frames of a camera, one after the other: each is looked at from where the last one was left.

What is shown of a single picture may have any sign, and any numbering of its segments. From frame to frame both must stay,
or all flickers. So k-means begins at the means of the last labels, eigenvectors at the last ones and with their signs, and
colors at the last axes; labels and vectors are ones that the picture alone could have had, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from segcore.checks import check_choice
from segcore.cluster.colors import one_color
from segcore.cluster.kmeans import kmeans
from segcore.cluster.spectral import embedding
from segcore.cut.dino_seg import head_here
from segcore.cut.tokencut import tokencut
from segcore.errors import InputError
from segcore.graph.eigen import smallest_eigenpairs
from segcore.pipeline.reader import Reader
from segcore.pipeline.stages import apply, plan
from segcore.runtime.device import make_generator
from segcore.settings import Settings
from segcore.types import FeatureGrid, Spectrum

SIDES = (96, 256)  # pixels of a frame's longer side
_RESTARTS = 4  # of k-means in the first frame; those that follow have a start
_STAYS = 0.85  # of what the colors are made of, from frame to frame: half of it is renewed in four frames
_TAIL = 0.02  # share of the patches beyond each end of a color's range


@dataclass(frozen=True, eq=False, slots=True)
class LiveFrame:
    """What is seen in one frame, and all that the next one starts from.

    Attributes:
        view: a key of VIEWS.
        shape: (h, w) patches.
        covered: see `Geometry`.
        kind: "labels", "signed" (values in [−1, 1] about the threshold 0), "positive" (values in [0, 1]), or "colors".
        values: (n,) int64 labels 0 … K − 1, (n,) float32 values, or (n, 3) float32 colors in [0, 1].
        block: (n, b) of the eigenpairs, where the view has some.
        palette: how features became colors, where they did.
        notes: sentences for the person who looks on.
    """

    view: str
    shape: tuple[int, int]
    covered: tuple[float, float]
    kind: str
    values: Tensor
    block: Tensor | None = None
    palette: "ColorAxes | None" = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class ColorAxes:
    """From features to colors, with what was seen in the frames before; all float64."""

    mean: Tensor  # (d,)
    covariance: Tensor  # (d, d)
    axes: Tensor  # (d, 3) of length 1
    span: Tensor  # (2, 3) where the colors begin and end on their axes


@dataclass(frozen=True, slots=True)
class LiveView:
    """One way to look at frames; `look` takes features, settings and the last frame of the same kind, or None."""

    title: str
    look: Callable[[FeatureGrid, Settings, LiveFrame | None], LiveFrame]


def look(reader: Reader, picture: Tensor, settings: Settings, *, view: str, before: LiveFrame | None = None) -> LiveFrame:
    """Look at a frame.

    Args:
        reader: the backbone.
        picture: (height, width, 3) uint8.
        settings: facet, block, K, λ, the graph and the attention head count; `max_side` is the frame's longer side here, and
            is brought into SIDES.
        view: a key of VIEWS.
        before: what the frame before gave; it is not used where it has another view, another shape or another K.

    Returns:
        The frame, h × w patches.

    Raises:
        InputError: there is no such view, the frame has fewer patches than K, it has one color only where features are
            to be colors, or the backbone has no attention where that is to be seen.

    Cost: the model once, and a few milliseconds at 28 × 28 patches.
    """
    check_choice("view", view, tuple(VIEWS))
    least, most = SIDES
    features = reader.having(max_side=min(max(settings.max_side, least), most)).read(picture)
    g = features.geometry
    follows = before is not None and (before.view, before.shape) == (view, (g.h, g.w))
    return replace(VIEWS[view].look(features, settings, before if follows else None), view=view)


def _kmeans(features: FeatureGrid, settings: Settings, before: LiveFrame | None) -> LiveFrame:
    return _labelled(features, features.X, settings, before)


def _spectral(features: FeatureGrid, settings: Settings, before: LiveFrame | None) -> LiveFrame:
    spectrum = _spectrum(features, settings, before, n_vectors=settings.n_segments)
    rows = embedding(spectrum, min(settings.n_segments, spectrum.V.shape[1]))
    return replace(_labelled(features, rows, settings, before), block=spectrum.block)


def _fiedler(features: FeatureGrid, settings: Settings, before: LiveFrame | None) -> LiveFrame:
    spectrum = _spectrum(features, settings, before, n_vectors=2)
    v = spectrum.fiedler.float()
    if before is not None and float(v @ before.values) < 0:
        v = -v
    return _shaped(features, "signed", v / v.abs().max().clamp_min(torch.finfo(v.dtype).tiny), block=spectrum.block)


def _tokencut(features: FeatureGrid, settings: Settings, _before: LiveFrame | None) -> LiveFrame:
    found = tokencut(features.f, tau=settings.tau)
    return _shaped(features, "labels", found.side.long(), notes=found.notes)


def _attention(features: FeatureGrid, settings: Settings, _before: LiveFrame | None) -> LiveFrame:
    if features.attention is None:
        raise InputError(
            f"{features.origin} has no class token whose attention could be shown. "
            "Choose another backbone, or another view.",
            field="view",
        )
    head, notes = head_here(features.attention, settings.attention_head)
    a = features.attention[head].flatten()
    return _shaped(features, "positive", a / a.max(), notes=notes)


def _colors(features: FeatureGrid, _settings: Settings, before: LiveFrame | None) -> LiveFrame:
    if one_color(features.pixels) is not None:
        raise InputError("The frame has one color only; there are no principal components to color.", field="view")
    X = features.X.double()
    old = before.palette if before is not None else None
    if old is not None and old.mean.shape != X.shape[1:]:  # another backbone
        old = None
    mean = _held(old.mean if old else None, X.mean(0))
    covariance = _held(old.covariance if old else None, X.T.cov(correction=0))
    axes = torch.linalg.eigh(covariance)[1][:, -3:]
    axes = axes.flip(1) if old is None else _as_before(axes, old.axes)
    projected = (X - mean) @ axes
    ends = torch.tensor([_TAIL, 1 - _TAIL], dtype=X.dtype, device=X.device)
    lo, hi = span = _held(old.span if old else None, torch.quantile(projected, ends, dim=0))
    shown = ((projected - lo) / (hi - lo).clamp_min(torch.finfo(X.dtype).tiny)).clamp(0, 1).float()
    return _shaped(features, "colors", shown, palette=ColorAxes(mean, covariance, axes, span))


def _held(old: Tensor | None, new: Tensor) -> Tensor:
    """A mean over the frames, of which the last ones count most."""
    return new if old is None else _STAYS * old + (1 - _STAYS) * new


VIEWS: Mapping[str, LiveView] = {
    "colors": LiveView("Features as colors", _colors),
    "attention": LiveView("Attention of a head", _attention),
    "kmeans": LiveView("k-means", _kmeans),
    "spectral": LiveView("Spectral clustering", _spectral),
    "fiedler": LiveView("Fiedler vector", _fiedler),
    "tokencut": LiveView("TokenCut", _tokencut),
}


def _shaped(features: FeatureGrid, kind: str, values: Tensor, **more: Any) -> LiveFrame:
    g = features.geometry
    return LiveFrame("", (g.h, g.w), g.covered, kind, values, **more)


def _labelled(features: FeatureGrid, rows: Tensor, settings: Settings, before: LiveFrame | None) -> LiveFrame:
    """k-means of these rows, from the means of the last labels."""
    k, start = settings.n_segments, None
    if before is not None and len(before.values.unique()) == k == int(before.values.max()) + 1:
        start = torch.stack([rows[before.values == i].mean(0) for i in range(k)])
    found = kmeans(rows, n_clusters=k, n_init=_RESTARTS, generator=make_generator(settings.seed), start=start)
    return _shaped(features, "labels", found.labels)


def _spectrum(features: FeatureGrid, settings: Settings, before: LiveFrame | None, *, n_vectors: int) -> Spectrum:
    values: dict[str, Any] = {"features": features}
    for name, run in plan(settings, ("affinity",), given=values.keys(), of_patches=True).items():
        values[name] = apply(run, values, settings)
    W, n = values["affinity"].W, features.geometry.n
    start = before.block if before is not None else None
    return smallest_eigenpairs(W, n_vectors=min(max(n_vectors, 2), n), laplacian=settings.laplacian, start=start)


def _as_before(axes: Tensor, old: Tensor) -> Tensor:
    """The axes (d, 3) turned among themselves until they lie as near to the old ones as they can (Procrustes)."""
    U, _, Vh = torch.linalg.svd(axes.T @ old)
    turned: Tensor = axes @ (U @ Vh)
    return turned
