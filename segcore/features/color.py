"""Features without weights: the mean color of each cell and its place.

f(y, x) = ((Lab − mean Lab) / s, w · ((x, y) − mean) / r) with s the spread of the cells' colors and r that of their places.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import cv2
import torch
from torch import Tensor

from segcore.checks import check_tensor
from segcore.errors import InputError
from segcore.features.model import NO_WEIGHTS
from segcore.features.published import BACKBONES, Backbone
from segcore.types import FeatureGrid, Geometry

POSITION_WEIGHT = 0.25  # spread of the places where that of the colors is 1: color decides, place breaks ties
LEAST_SPREAD = 2.3  # a color difference that is just noticeable, in Lab units


@dataclass(frozen=True, slots=True)
class ColorModel:
    """The backbone without weights: a `FeatureModel` that knows no facets, blocks or class token."""

    device: torch.device
    backbone: Backbone = BACKBONES["color"]
    source: str = "no weights needed"
    fingerprint: str = NO_WEIGHTS

    @property
    def patch(self) -> int:
        """Side of a cell, in pixels."""
        return self.backbone.patch

    def to(self, device: torch.device | str) -> Self:
        """The same for another device."""
        return replace(self, device=torch.device(device))

    def untrained(self, *, seed: int) -> Self:  # noqa: ARG002
        """Itself: there is nothing to draw."""
        return self

    def extract(self, pixels: Tensor, geometry: Geometry, **_how: Any) -> FeatureGrid:
        """See `color_features`."""
        return color_features(pixels, geometry)


def color_features(pixels: Tensor, geometry: Geometry) -> FeatureGrid:
    """Describe each cell by its mean CIE Lab color and, weakly, by its place.

    The comparison with deep features: what spectral clustering makes of color alone.

    Args:
        pixels: (h·patch, w·patch, 3) uint8 sRGB, on any device.
        geometry: how the cells lie over the picture.

    Returns:
        Features (h, w, 5): L, a, b, x, y. Tensors lie on the device of the pixels.

    Convention:
        The affinity takes the cosine of two features and clips it at 0. Colors are all positive in L, so without centering
        every pair would look alike; centered on the picture's mean, cells on opposite sides of it are unconnected. Colors
        are divided by their spread (root mean square distance from the mean), so that contrast does not matter, but by no
        less than LEAST_SPREAD, so that the noise of a flat picture is not blown up. D65 white, L in [0, 100].

    Raises:
        InputError: pixels are not those of the geometry.

    Cost: linear in the number of pixels. Deterministic.
    """
    check_tensor("pixels", pixels, (geometry.h * geometry.patch, geometry.w * geometry.patch, 3))
    if pixels.dtype != torch.uint8:
        raise InputError(f"pixels must be uint8, 0 to 255; got {pixels.dtype}.", field="pixels")
    color = cell_colors(torch.from_numpy(pixels.cpu().numpy().astype("float32") / 255), h=geometry.h, w=geometry.w)
    color = color - color.mean((0, 1))
    rows, columns = torch.arange(geometry.h, dtype=torch.float32), torch.arange(geometry.w, dtype=torch.float32)
    y, x = torch.meshgrid(rows - rows.mean(), columns - columns.mean(), indexing="ij")
    place = torch.stack((x, y), dim=-1)
    f = torch.cat(
        (color / _spread(color).clamp_min(LEAST_SPREAD), POSITION_WEIGHT * place / _spread(place).clamp_min(1e-6)), -1
    )
    return FeatureGrid(
        f=f.to(pixels.device),
        geometry=geometry,
        pixels=pixels,
        origin="Lab color and position of each cell",
        source="no weights needed",
    )


def cell_colors(pixels: Tensor, *, h: int, w: int) -> Tensor:
    """(h, w, 3) mean CIE Lab colors of the cells of pixels (h · patch, w · patch, 3), float32 sRGB in [0, 1], on the CPU."""
    lab = torch.from_numpy(cv2.cvtColor(pixels.numpy(), cv2.COLOR_RGB2Lab))
    colors: Tensor = lab.unflatten(0, (h, -1)).unflatten(2, (w, -1)).mean((1, 3))
    return colors


def _spread(x: Tensor) -> Tensor:
    """Root mean square length of centered vectors x (h, w, d)."""
    return x.square().sum(-1).mean().sqrt()
