"""From a picture to its patch grid and back: fit, and carry labels to the picture's own pixels.

A pixel is a square of side 1: pixel y has its center at y + ½. When `height` rows are scaled to `scaled` rows, it falls on

    row (y + ½) · scaled / height − ½ of the scaled picture  and on  row ⌊(y + ½) · scaled / (height · patch)⌋ of the grid,

and the same for columns. All functions follow these two formulas, so nothing shifts on the way there and back.
"""

import hashlib

import numpy as np
import scipy.ndimage
import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError
from segcore.numerics import row_blocks
from segcore.types import Geometry, Segment


def digest(image: Tensor) -> str:
    """Fingerprint the values, shape and type of a picture in 32 hexadecimal digits, the same on every machine."""
    state = hashlib.blake2b(f"{tuple(image.shape)} {image.dtype}".encode(), digest_size=16)
    state.update(image.detach().cpu().contiguous().numpy().data)
    return state.hexdigest()


def fit_to_grid(image: Tensor, *, max_side: int, patch: int) -> tuple[Tensor, Geometry]:
    """Scale a picture so that its longer side is `max_side`, then repeat its border until whole patches are full.

    The filter is Pillow's antialiased bicubic one (as torch computes it, several times faster), for shrinking and enlarging
    alike: pictures scaled by it are what the published weights were trained on.

    Args:
        image: (height, width, 3) uint8.
        max_side: in pixels, at least 1; the shorter side is rounded, and at least 1.
        patch: side of a cell in pixels, at least 1.

    Returns:
        (h·patch, w·patch, 3) uint8 with the scaled picture at the upper left, and how the grid lies over the picture.

    Raises:
        InputError: `image` is no such tensor or has no pixels, or a size is below 1.
    """
    check_tensor("image", image, ("height", "width", 3))
    if image.dtype != torch.uint8 or image.numel() == 0:
        got = f"{image.dtype} of shape {tuple(image.shape)}"
        raise InputError(f"image must be uint8 with at least one pixel; got {got}.", field="image")
    check_range("max_side", max_side, lo=1)
    check_range("patch", patch, lo=1)
    height, width = image.shape[:2]
    image_size, longer = (height, width), max(height, width)
    h, w = (max(1, (2 * side * max_side + longer) // (2 * longer)) for side in image_size)  # half goes up
    scaled_size = (h, w)
    geometry = Geometry(image_size=image_size, scaled_size=scaled_size, patch=patch)
    if scaled_size != image_size:
        planes = image.permute(2, 0, 1)[None]
        image = F.interpolate(planes, size=scaled_size, mode="bicubic", antialias=True)[0].permute(1, 2, 0)
    rows, columns = (
        torch.arange(cells * patch, device=image.device).clamp_(max=side - 1)
        for cells, side in zip((geometry.h, geometry.w), scaled_size, strict=True)
    )
    return image[rows][:, columns].contiguous(), geometry


def scaled_picture(pixels: Tensor, geometry: Geometry) -> Tensor:
    """Cut the border extension off the `pixels` of `fit_to_grid`: a view of shape (scaled height, scaled width, 3)."""
    check_tensor("pixels", pixels, (geometry.h * geometry.patch, geometry.w * geometry.patch, 3))
    return pixels[: geometry.scaled_size[0], : geometry.scaled_size[1]]


def cells_to_pixels(labels: Tensor, geometry: Geometry) -> Tensor:
    """Give each pixel of the picture the label of the cell in which its center lies.

    Args:
        labels: (h, w) or (n,) integers or booleans, one per cell, else InputError.
        geometry: of `fit_to_grid`.

    Returns:
        (height, width) uint8 where the labels fit, else int32.
    """
    check_tensor("labels", labels, (geometry.n,) if getattr(labels, "ndim", 2) == 1 else (geometry.h, geometry.w))
    grid = labels.reshape(geometry.h, geometry.w)
    grid = grid.to(_label_type(int(grid.min()), int(grid.max())))
    rows, columns = (  # in whole numbers, so that no rounding moves a border
        torch.arange(1, 2 * side, 2, device=grid.device) * scaled // (2 * side * geometry.patch)
        for side, scaled in zip(geometry.image_size, geometry.scaled_size, strict=True)
    )
    return grid[:, columns][rows]


def soft_to_scaled(P: Tensor, geometry: Geometry) -> Tensor:
    """Interpolate values of the cells bilinearly between the cell centers; beyond the outermost they stay constant.

    Args:
        P: (n, k) of any type, such as responsibilities or one-hot labels; finite, else InputError.
        geometry: of `fit_to_grid`.

    Returns:
        (k, scaled height, scaled width) floats; where the rows of P sum to 1, so do the k values of each pixel.
    """
    check_tensor("P", P, (geometry.n, "k"))
    grid = (P if P.is_floating_point() else P.float()).T.reshape(1, -1, geometry.h, geometry.w)
    values = F.interpolate(grid, size=(geometry.h * geometry.patch, geometry.w * geometry.patch), mode="bilinear")[0]
    return values[:, : geometry.scaled_size[0], : geometry.scaled_size[1]].contiguous()


def scaled_to_pixels(Q: Tensor, geometry: Geometry) -> Tensor:
    """Interpolate soft labels bilinearly from the scaled picture to the picture, and take the largest at each pixel.

    Args:
        Q: (k, scaled height, scaled width) finite floats, else InputError.
        geometry: of `fit_to_grid`.

    Returns:
        (height, width) uint8 where the labels fit, else int32; among equals the first label wins.

    Cost: k passes over the scaled picture, and k values for each pixel between different labels, in blocks of about 64 MB:
    a mean of pixels that all have one label has it, too.
    """
    check_tensor("Q", Q, ("k", *geometry.scaled_size))
    sizes = zip(geometry.image_size, geometry.scaled_size, strict=True)
    (above, below, down), (left, right, along) = (_neighbors(side, scaled, Q) for side, scaled in sizes)
    labels = _first_largest(Q)
    sides = [labels[:, x] for x in (left, right)]
    upper_left, *others = (side[y] for y in (above, below) for side in sides)
    mixed = torch.zeros_like(upper_left, dtype=torch.bool)
    for other in others:
        mixed |= other != upper_left
    columns, width = Q.flatten(1), Q.shape[2]
    places = mixed.nonzero()
    for block in row_blocks(len(places), 8 * len(Q) * Q.element_size()):
        y, x = places[block].unbind(1)
        upper, lower = (
            torch.lerp(columns[:, row[y] * width + left[x]], columns[:, row[y] * width + right[x]], along[x])
            for row in (above, below)
        )
        upper_left[y, x] = _first_largest(torch.lerp(upper, lower, down[y]))
    return upper_left


def _neighbors(side: int, scaled: int, Q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each pixel of a side: the pixels of the scaled side before and behind its center, and the share of the latter.

    Where the latter has no share, both are the same.
    """
    places = ((torch.arange(side, dtype=torch.float64, device=Q.device) + 0.5) * (scaled / side) - 0.5).clamp_(0, scaled - 1)
    before = places.long()
    return before, places.ceil().long(), (places - before).to(Q.dtype)


def _first_largest(values: Tensor) -> Tensor:
    """Take values (k, …).argmax(0), in the type of labels and ten times as fast as torch."""
    labels = torch.zeros(values.shape[1:], dtype=_label_type(0, len(values) - 1), device=values.device)
    best = values[0].clone()
    for label in range(1, len(values)):
        labels.masked_fill_(values[label] > best, label)
        torch.maximum(best, values[label], out=best)
    return labels


def segments_of(label_map: Tensor) -> tuple[Segment, ...]:
    """List area and bounding box of each label that occurs in a (height, width) map of integers from 0, ascending.

    Raises:
        InputError: the shape is another, there is no pixel, or a label is negative.

    Cost: a few passes over the map, whatever the number of labels; memory grows with the largest label.
    """
    check_tensor("label_map", label_map, ("height", "width"))
    labels = label_map.cpu().numpy().astype(np.int32)
    if labels.min(initial=0) < 0 or labels.size == 0:
        raise InputError("label_map must have pixels, and labels from 0; it has none, or negative ones.", field="label_map")
    shares = (np.bincount(labels.ravel()) / labels.size).tolist()
    boxes = scipy.ndimage.find_objects(labels + 1)  # None where a label does not occur
    found = [(label, box) for label, box in enumerate(boxes) if box is not None]
    return tuple(Segment(label, shares[label], (x.start, y.start, x.stop, y.stop)) for label, (y, x) in found)


def relabel_by_size(labels: Tensor) -> Tensor:
    """Number the segments of (n,) integer labels 0, 1, … by falling size, equal ones by first position; returns int64."""
    check_tensor("labels", labels, ("n",))
    positions = torch.arange(len(labels), device=labels.device)
    _, inverse, counts = labels.unique(return_inverse=True, return_counts=True)
    first = torch.full_like(counts, len(labels)).scatter_reduce_(0, inverse, positions, "amin")
    order = (first - counts * (len(labels) + 1)).argsort()  # by count, then by first position
    numbers: Tensor = order.argsort()[inverse]
    return numbers


def _label_type(lowest: int, highest: int) -> torch.dtype:
    return torch.uint8 if lowest >= 0 and highest <= 255 else torch.int32
