"""Pictures in, labels out."""

from segcore.image.decode import MAX_PIXELS, read_image
from segcore.image.grid import (
    cells_to_pixels,
    digest,
    fit_to_grid,
    relabel_by_size,
    scaled_picture,
    scaled_to_pixels,
    segments_of,
    soft_to_scaled,
)

__all__ = [
    "MAX_PIXELS",
    "cells_to_pixels",
    "digest",
    "fit_to_grid",
    "read_image",
    "relabel_by_size",
    "scaled_picture",
    "scaled_to_pixels",
    "segments_of",
    "soft_to_scaled",
]
