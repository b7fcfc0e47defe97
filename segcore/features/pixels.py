"""The pixels themselves as a grid of cells, for methods that need no patches."""

import torch
from torch import Tensor

from segcore.image.grid import fit_to_grid
from segcore.types import FeatureGrid


def pixel_grid(picture: Tensor, *, most: int) -> FeatureGrid:
    """Scale a picture down until its longer side fits, and take each pixel for a cell.

    Args:
        picture: (height, width, 3) uint8.
        most: longest side in pixels; a picture that fits stays as it is.

    Returns:
        Features (h, w, 3): R, G and B in [0, 1]; the patch is 1 pixel.
    """
    pixels, geometry = fit_to_grid(picture, max_side=min(most, max(picture.shape[:2])), patch=1)
    return FeatureGrid(
        f=pixels.to(torch.float32) / 255,
        geometry=geometry,
        pixels=pixels,
        origin="colors of the pixels",
        source="no weights needed",
    )
