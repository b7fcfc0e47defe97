"""Pictures in, labels out."""

from segcore.image.decode import levels_note, picture_size, read_image
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
from segcore.image.labels import LabelFile, parse_label, read_labels, read_mask
from segcore.image.raster import MAX_PIXELS
from segcore.image.source import PictureFile

__all__ = [
    "MAX_PIXELS",
    "LabelFile",
    "PictureFile",
    "cells_to_pixels",
    "digest",
    "fit_to_grid",
    "levels_note",
    "parse_label",
    "picture_size",
    "read_image",
    "read_labels",
    "read_mask",
    "relabel_by_size",
    "scaled_picture",
    "scaled_to_pixels",
    "segments_of",
    "soft_to_scaled",
]
