"""One result against what a human drew on the same picture: scores, pairs, and the pixels at fault."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import torch
from torch import Tensor

from segcore.cut.components import bounding_box, largest_component
from segcore.errors import InputError
from segcore.image import LabelFile, cells_to_pixels
from segcore.metrics import (
    CORLOC_IOU,
    Box,
    LabelScores,
    Matching,
    best_union_iou,
    box_iou,
    f_beta,
    f_beta_curve,
    mask_accuracy,
    mask_iou,
    match,
    overlap,
    score_labels,
)
from segcore.metrics.tables import dense
from segcore.types import Segmentation

# What is the matter with a pixel: codes of `Comparison.errors`.
RIGHT, WRONG, UNPAIRED, MISSED, EXTRA, LEFT_OUT = range(6)

NO_BACKGROUND = (
    "The ground truth names no background, which would be the value 0, so it does not say what the object is: IoU of the "
    "object, F_β and CorLoc cannot be measured."
)
ONE_VALUE = (
    "The ground truth holds one value only. Covering, Rand index and VoI still tell how much the picture was cut up, but "
    "there is no border to find: IoU of an object, F_β and CorLoc cannot be measured."
)


@dataclass(frozen=True, eq=False, slots=True)
class ObjectScores:
    """An object that was found against the object that is there."""

    iou: float  # of the side, or the objects together, that the method calls the object, in [0, 1]
    best_iou: float  # of the better side, or the best union of segments: what another choice could reach
    f_beta: float  # of the mask, in [0, 1]
    curve: np.ndarray  # (255,) F_β over thresholds of the soft map, see `f_beta_curve`; of the mask where there is none
    accuracy: float  # of the pixels, in [0, 1]
    box_iou: float  # of the found box with the true box that fits it best

    @property
    def max_f_beta(self) -> float:
        """Largest F_β over the thresholds, in [0, 1]."""
        return float(self.curve.max())

    @property
    def found_box(self) -> bool:
        """Whether the box is right, of which CorLoc is the share over pictures."""
        return self.box_iou >= CORLOC_IOU


@dataclass(frozen=True, eq=False, slots=True)
class Comparison:
    """A result beside its ground truth."""

    regions: tuple[str, ...]  # names of the true regions, by ascending label
    areas: tuple[float, ...]  # share of the counted pixels that each region holds
    segments: tuple[int, ...]  # labels of the segments that hold counted pixels, ascending
    matching: Matching
    scores: LabelScores
    objects: ObjectScores | None  # where the method finds objects and the truth names them
    truth: Tensor  # (height, width) int32: numbers of the true regions; −1 where left out
    paired: Tensor  # (height, width) int32: number of the region that each pixel's segment stands for; −1 for none
    errors: Tensor  # (height, width) uint8: RIGHT, WRONG, …
    notes: tuple[str, ...]


def compare(result: Segmentation, truth: LabelFile, *, ignore: int | None = None) -> Comparison:
    """Measure one result against one label map.

    Args:
        result: of the pipeline.
        truth: label map of the picture's size.
        ignore: label of `truth` whose pixels count for nothing.

    Raises:
        InputError: the sizes differ, or no pixel is left.

    Cost: some passes over the pixels.
    """
    labels = truth.labels.numpy()
    check_size(labels, result, "The ground truth")
    pred = result.label_map.numpy()
    o = overlap(pred, labels, ignore=ignore)
    matching = match(o.table)
    numbers, names = dense(labels, "A ground truth")
    number_of = {name: i for i, name in enumerate(o.regions)}
    numbered = np.array([number_of.get(name, -1) for name in names.tolist()], np.int32)[numbers]
    partner = np.full(int(pred.max()) + 1, -1, np.int32)
    partner[list(o.segments)] = matching.partner
    paired = partner[pred]
    drawn, why_not = object_numbers(o.regions) if result.has_background else (None, "")
    errors = np.full(pred.shape, WRONG, np.uint8)
    objects = None
    if drawn is None:
        errors[paired < 0] = UNPAIRED
        errors[paired == numbered] = RIGHT
    else:
        there = np.array([*drawn, 0], np.int32)[numbered]  # −1, left out, takes the last entry
        of_both = np.array([[RIGHT, EXTRA], [MISSED, RIGHT]], np.uint8)
        errors = of_both[(there > 0).view(np.uint8), (pred > 0).view(np.uint8)]
        objects = score_objects(result, there, counted=None if ignore is None else numbered >= 0)
    errors[numbered < 0] = LEFT_OUT
    notes = [ONE_VALUE] if len(o.regions) == 1 else [why_not] if why_not else []
    if ignore is not None and ignore not in labels:
        notes.append(f"No pixel of the ground truth is {truth.name(ignore)}, so nothing is left out.")
    return Comparison(
        regions=tuple(truth.name(label) for label in o.regions),
        areas=tuple((o.table.sum(0) / o.table.sum()).tolist()),
        segments=o.segments,
        matching=matching,
        scores=score_labels(o.table, matching),
        objects=objects,
        truth=torch.from_numpy(numbered),
        paired=torch.from_numpy(paired),
        errors=torch.from_numpy(errors),
        notes=tuple(notes),
    )


def score_objects(result: Segmentation, truth: np.ndarray, *, counted: np.ndarray | None = None) -> ObjectScores:
    """Measure what an object method found.

    Args:
        result: of a method that knows a background.
        truth: (height, width) integers from 0, or bool: 0 is the background, every other label an object; with at least one
            object pixel among the counted ones.
        counted: (height, width) bool, pixels that count; all if None.

    Convention:
        Masks are those of all objects together. The box that was found is that of the largest 4-connected piece of the first
        object; each object of the truth has one box, and the one that fits best counts. The soft map is the vector that a
        two-way cut divides, turned so that the object is high, before pieces are chosen and before the CRF.

    Raises:
        InputError: the method knows no background, or the sizes differ.
    """
    if not result.has_background:
        raise InputError(
            f"{result.settings.method} does not part a picture in object and background; take a two-way method, such as "
            "fiedler, or maskcut.",
            field="method",
        )
    check_size(truth, result, "The ground truth")
    pick = slice(None) if counted is None else counted
    labels, there = result.label_map.numpy(), truth > 0
    found, soft = labels > 0, soft_map(result)
    return ObjectScores(
        iou=mask_iou(found[pick], there[pick]),
        best_iou=max(mask_iou(found[pick], there[pick]), best_union_iou(labels[pick], there[pick])),
        f_beta=f_beta(found[pick], there[pick]),
        curve=f_beta_curve((found if soft is None else soft.numpy())[pick], there[pick]),
        accuracy=mask_accuracy(found[pick], there[pick]),
        box_iou=_box_iou(labels, truth),
    )


def soft_map(result: Segmentation) -> Tensor | None:
    """(height, width): the vector of a two-way cut, larger on the object; None where the method cuts no vector."""
    cut = result.cut
    if cut is None:
        return None
    v, side = cut.v.double().cpu(), cut.side.cpu()
    if bool(side.any()) and not bool(side.all()) and bool(v[side].mean() < v[~side].mean()):
        v = -v
    cells = torch.arange(len(v))
    return v[cells_to_pixels(cells, result.features.geometry).long()]


def object_numbers(labels: Sequence[int]) -> tuple[list[int] | None, str]:
    """Tell objects from background among the labels of a map.

    Args:
        labels: those that occur and count, ascending.

    Returns:
        For each label 0 if it is the background, or the number of the object, from 1; or None with a sentence that says why
        no object can be told.

    Convention:
        0 is the background, every other label an object. Of two labels without a 0, the lower one is the background.
    """
    if len(labels) < 2:
        return None, ONE_VALUE
    if 0 not in labels and len(labels) > 2:
        return None, NO_BACKGROUND
    background = 0 if 0 in labels else labels[0]
    numbers = iter(range(1, len(labels)))
    return [0 if label == background else next(numbers) for label in labels], ""


def check_size(truth: np.ndarray, result: Segmentation, what: str) -> None:
    """Raise InputError, with `field` "image", where a ground truth has another size than the picture: it is never scaled."""
    check_sizes(truth.shape, tuple(result.label_map.shape), what)


def check_sizes(truth: tuple[int, ...], picture: tuple[int, ...], what: str) -> None:
    """The same for sizes, (height, width)."""
    if truth != picture:
        raise InputError(
            f"{what} is {truth[1]} × {truth[0]} px, but its picture {picture[1]} × {picture[0]} px; both must have the same "
            "size, since scaled labels would be other labels.",
            field="image",
        )


def _box_iou(labels: np.ndarray, truth: np.ndarray) -> float:
    """IoU of the box of the first object with the best of the true boxes; 0 where nothing was found."""
    found = labels[labels > 0]
    box = bounding_box(largest_component(torch.from_numpy(labels == found.min()))) if len(found) else None
    return max((box_iou(box, other) for other in _boxes(truth)), default=0.0) if box else 0.0


def _boxes(truth: np.ndarray) -> list[Box]:
    """x0, y0, x1, y1 of each object."""
    found = scipy.ndimage.find_objects(truth.astype(np.int32))
    return [(box[1].start, box[0].start, box[1].stop, box[0].stop) for box in found if box is not None]
