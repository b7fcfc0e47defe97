"""Features of pictures as colors, matches between two pictures, and their files: `segcore.feature_colors` and others."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segcore.checks import check_choice
from segcore.cluster.colors import (
    COLOR_VECTORS,
    OneColor,
    PatchColors,
    check_differing,
    eigenvector_colors,
    joint_eigenvectors,
    one_color,
    pca_colors,
)
from segcore.cluster.matches import Matches, best_buddies, spread_pairs
from segcore.cluster.place import without_place
from segcore.errors import InputError
from segcore.image import scaled_picture
from segcore.pipeline import default_pipeline, make_settings
from segcore.settings import Settings
from segcore.show.files import result_png
from segcore.show.paint import Picture, to_bytes
from segcore.types import FeatureGrid, Geometry
from segcore.upsample import upsample

COLORS = ("pca", "eigenvectors")
ENDINGS = (".features.npz", ".colors.png")
_HALF = torch.finfo(torch.float16).max


@dataclass(frozen=True, eq=False, slots=True)
class ColoredPicture:
    """A picture whose patches have colors."""

    features: FeatureGrid
    colors: Tensor  # (h, w, 3) float32 in [0, 1]


@dataclass(frozen=True, eq=False, slots=True)
class MatchedPictures:
    """Two pictures, and which patch of one is which of the other."""

    first: FeatureGrid
    second: FeatureGrid
    matches: Matches
    pairs: Tensor  # (k, 2) int64: some of the best buddies, spread over what there is


def feature_colors(
    pictures: Sequence[Any],
    settings: Settings | None = None,
    *,
    colors: str = "pca",
    shifts: int = 1,
    n_vectors: int = COLOR_VECTORS,
    **overrides: Any,
) -> tuple[ColoredPicture, ...]:
    """Color the patches of some pictures by their features, so that what is alike has one color in all of them.

    Args:
        pictures: as `segment` takes each of them.
        settings: all tunables; the defaults if None. Backbone, facet, block, max_side and seed count.
        colors: "pca", the first three principal components; or "eigenvectors" of the normalized cut.
        shifts: s > 1 makes patches of a part of their side, at s² times the cost.
        n_vectors: how many eigenvectors.
        **overrides: single settings by name, e.g. `facet="token"`.

    Returns:
        Features and colors of each picture.

    Raises:
        InputError: there is no picture, one cannot be read, a setting breaks a rule, or no two patches differ.
        ModelError: as `segment`.

    Cost: the backbone s² times for each picture; features are remembered as those of `segment` are.
    """
    check_choice("colors", colors, COLORS)
    made = make_settings(settings, **overrides)
    grids = [default_pipeline().features(picture, made, shifts=shifts) for picture in pictures]
    one_colors = [one_color(g.pixels) for g in grids]
    found = patch_colors([g.f for g in grids], one_colors, colors, n_vectors=n_vectors, seed=made.seed)
    return tuple(ColoredPicture(grid, c) for grid, c in zip(grids, found.colors, strict=True))


def patch_colors(
    fs: Sequence[Tensor], one_colors: Sequence[OneColor], colors: str, *, n_vectors: int = COLOR_VECTORS, seed: int = 0
) -> PatchColors:
    """Colors of features (h, w, d), one after another, of pictures with what `one_color` says of each.

    Raises:
        InputError: as `feature_colors`.
    """
    check_differing(one_colors)
    if colors == "pca":
        return pca_colors(fs)
    return eigenvector_colors(joint_eigenvectors(fs, n_vectors=n_vectors, seed=seed)[0], seed=seed)


def match_pictures(
    first: Any,
    second: Any,
    settings: Settings | None = None,
    *,
    n_pairs: int = 10,
    place: bool = False,
    figures: tuple[Tensor, Tensor] | None = None,
    **overrides: Any,
) -> MatchedPictures:
    """Find the patches of two pictures that are each other's nearest.

    Args:
        first: a picture, as `segment` takes it.
        second: another, of any size.
        settings: all tunables; the defaults if None. Backbone, facet, block and max_side count.
        n_pairs: how many of the best buddies are taken as `pairs`.
        place: match the features as they are, with what they know of the place of a patch; else `without_place`.
        figures: (h, w) bool for each picture: the patches that may be in a pair.
        **overrides: single settings by name.

    Returns:
        Both grids, the nearest patch of each patch, and the pairs.

    Raises:
        InputError: a picture cannot be read, a setting breaks a rule, or a figure does not fit its grid.
        ModelError: as `segment`.

    Cost: the backbone for each, then O(n m d).
    """
    made = make_settings(settings, **overrides)
    a, b = (default_pipeline().features(picture, made) for picture in (first, second))
    return match_grids(a, b, n_pairs=n_pairs, place=place, figures=figures)


def match_grids(
    a: FeatureGrid,
    b: FeatureGrid,
    *,
    n_pairs: int,
    place: bool = False,
    figures: tuple[Tensor, Tensor] | None = None,
) -> MatchedPictures:
    """The same of features that are there already.

    Convention:
        The most salient pair of a cluster is the one to whose patches [CLS] pays most attention, as Amir et al. take it; of
        backbones without attention the one of the largest cosine.
    """
    masks = (None, None) if figures is None else tuple(_checked(m, g) for m, g in zip(figures, (a, b), strict=True))
    X, Y = (f.flatten(0, 1) for f in ((a.f, b.f) if place else without_place((a.f, b.f))))
    found = best_buddies(X, Y, figure=masks[0], other_figure=masks[1])
    salience = None
    if a.attention is not None and b.attention is not None:
        looks = [g.attention.mean(0).flatten() / g.attention.mean() for g in (a, b) if g.attention is not None]
        salience = (looks[0][found.buddies[:, 0]] + looks[1][found.buddies[:, 1]]) / 2
    pairs = spread_pairs(X, Y, found, n_pairs=n_pairs, salience=salience)
    return MatchedPictures(a, b, found, pairs)


def _checked(mask: Tensor, grid: FeatureGrid) -> Tensor:
    if mask.shape != grid.f.shape[:2]:
        raise InputError(
            f"A figure must be a mask of the grid, {tuple(grid.f.shape[:2])}; got {tuple(mask.shape)}.", field="figures"
        )
    return mask.flatten().bool()


# ---- Files ----


def painted(colors: Tensor, pixels: Tensor, geometry: Geometry, *, upsampling: str) -> Picture:
    """Colors of patches carried to pixels.

    Args:
        colors: (h, w, 3) in [0, 1].
        pixels: what the backbone saw.
        geometry: how its patches lie over the picture.
        upsampling: a choice of the setting; the colors are blended, which for all but "guided" is the same as to color
            features that were blended so.

    Returns:
        (scaled height, scaled width, 3) uint8.
    """
    values = upsample(colors.permute(2, 0, 1).float().cpu(), pixels.cpu(), upsampling=upsampling)
    shown: NDArray[np.floating] = scaled_picture(values.permute(1, 2, 0), geometry).clamp(0, 1).numpy() * 255
    return to_bytes(shown)


def features_npz(f: Tensor, geometry: Geometry) -> bytes:
    """Features as a compressed NPZ.

    Returns:
        `f` (h, w, d) float16; `image_size` and `scaled_size` (height, width) in pixels and `patch`, the side of a cell in
        pixels of the scaled picture, as `Geometry` has them.
    """
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        f=f.clamp(-_HALF, _HALF).half().cpu().numpy(),
        image_size=np.array(geometry.image_size),
        scaled_size=np.array(geometry.scaled_size),
        patch=np.array(geometry.patch),
    )
    return buffer.getvalue()


def colors_png(colors: Tensor, pixels: Tensor, geometry: Geometry, *, upsampling: str) -> bytes:
    """`painted` as a PNG."""
    return result_png(painted(colors, pixels, geometry, upsampling=upsampling))


@dataclass(frozen=True)
class SavedFeatures(Sequence[Tensor]):
    """Features in files of `features_npz`, read when they are asked for: memory holds one picture at a time."""

    files: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: Any) -> Any:
        """(h, w, d) float32 of picture i."""
        with np.load(self.files[i]) as arrays:
            return torch.from_numpy(arrays["f"]).float()

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self.files)))
