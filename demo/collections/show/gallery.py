"""What is typical of a group: patches and whole segments, cut out of their pictures."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from demo.collections.board import CutOut
from segcore.collection import Collection, Grouping
from segcore.collection.collection import Sample
from segcore.cut.components import bounding_box, largest_component
from segcore.show.files import data_uri, jpeg

PATCHES, SEGMENTS = 12, 6
_PATCH, _SEGMENT = 64, 96  # px on the page
_AROUND = 40  # px of the scaled picture around the center of a typical patch
_APART = 3  # typical patches of one picture, at most
_DIM = 0.2  # of what surrounds a segment in its box; the rest is gray


def patches_shown(collection: Collection, sample: Sample, likeness: Tensor, inside: Tensor) -> list[CutOut]:
    """The patches most like their group, few of each picture.

    Args:
        collection: the pictures.
        sample: its patches.
        likeness: (m,) of each to the mean of the group.
        inside: (m,) bool, whether it is in the group.
    """
    order = torch.where(inside, likeness, -torch.inf).argsort(descending=True)[: int(inside.sum())]
    taken: dict[int, int] = {}
    found: list[CutOut] = []
    for row in order.tolist():
        i = int(sample.picture[row])
        if taken.get(i, 0) >= _APART:
            continue
        taken[i] = taken.get(i, 0) + 1
        found.append({"picture": i, "image": around(collection, i, int(sample.cell[row]))})
        if len(found) == PATCHES:
            break
    return found


def segments_shown(
    collection: Collection, grouping: Grouping, group: int, picture: Tensor, likeness: Tensor, inside: Tensor
) -> list[CutOut]:
    """The largest piece of a group in each picture whose patches are most like it; `picture` (m,) is that of each patch."""
    n = len(collection)
    count = torch.bincount(picture[inside], minlength=n)
    mean = torch.zeros(n).index_add_(0, picture[inside], likeness[inside]) / count.clamp_min(1)
    order = torch.where(count > 0, mean, -torch.inf).argsort(descending=True)[: min(SEGMENTS, int((count > 0).sum()))]
    return [{"picture": i, "image": _cut_out(collection, i, grouping.labels[i] == group)} for i in order.tolist()]


def around(collection: Collection, i: int, cell: int) -> str:
    """What is seen around a cell of picture i, as a URI."""
    g = collection.geometry(i)
    image = collection.image(i).numpy()
    scale = g.image_size[0] / g.scaled_size[0]
    y, x = (int((c + 0.5) * g.patch * scale) for c in divmod(cell, g.w))
    half = max(8, int(_AROUND * scale / 2))
    part = image[max(0, y - half) : y + half, max(0, x - half) : x + half]
    if part.size == 0:
        part = image
    return data_uri(jpeg(np.asarray(cv2.resize(part, (_PATCH, _PATCH), interpolation=cv2.INTER_AREA), np.uint8), quality=80))


def _cut_out(collection: Collection, i: int, mask: Tensor) -> str:
    """The box around the largest component of a mask (h, w) of cells."""
    g = collection.geometry(i)
    mask = largest_component(mask)
    x0, y0, x1, y1 = bounding_box(mask) or (0, 0, g.w, g.h)
    image = collection.image(i).numpy()
    scale = g.patch * g.image_size[0] / g.scaled_size[0]  # px of the picture in a cell
    top, left = (min(int(c * scale), side - 1) for c, side in zip((y0, x0), image.shape[:2], strict=True))
    part = image[top : max(top + 1, int(y1 * scale)), left : max(left + 1, int(x1 * scale))]
    larger = _SEGMENT / max(part.shape[:2])
    size = max(1, round(part.shape[1] * larger)), max(1, round(part.shape[0] * larger))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA if larger < 1 else cv2.INTER_LINEAR)
    inside: NDArray[np.uint8] = mask[y0:y1, x0:x1].numpy().astype(np.uint8)
    shown = cv2.resize(inside, size, interpolation=cv2.INTER_NEAREST)[..., None] > 0
    return data_uri(jpeg(np.where(shown, small, _DIM * small + (1 - _DIM) * 128).astype(np.uint8), quality=80))
