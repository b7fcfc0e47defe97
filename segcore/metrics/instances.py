"""Separate masks with scores against the separate objects that are there.

In the order of the scores, a mask takes the object left that it overlaps most, if their IoU is at least t. With tp(r) how
many of the r best masks of all pictures took one, and n objects:

    AP_t = mean over 101 recalls ρ of max_{r: tp(r)/n ≥ ρ} tp(r)/r,   AP = mean over t = .50, .55 … .95,   AR = mean_t tp_t/n
    mBO    = mean over the objects of a picture of the largest IoU with any mask; a mask may serve twice
    FG-ARI = adjusted Rand index of the pixels of objects: says nothing of how well the ground is cut
    surest = the largest IoU of a picture's surest mask with any object, mean over pictures
    CorLoc = share of the pictures where some mask's box overlaps an object's box with an IoU of at least 0.5

Reference: COCO (Lin and others 2014) for AP and AR, with one class, objects of any size and the 100 best masks of a picture;
Seitzer and others 2023 for mBO and FG-ARI.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segcore.errors import InputError
from segcore.metrics.boxes import iou_matrix
from segcore.metrics.objects import CORLOC_IOU
from segcore.metrics.regions import adjusted_rand_of
from segcore.metrics.tables import LabelMap, contingency

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # IoUs from which on a mask is right
RECALLS = np.linspace(0, 1, 101)
_MEANS = ("mbo", "fg_ari", "surest", "corloc")  # over the pictures with objects
MOST_MASKS = 100  # of a picture: those of the largest scores

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class InstanceScores:
    """Agreement of masks with objects, over pictures; all in [0, 1] but FG-ARI in [−1, 1], and more is better."""

    ap50: float  # of masks that are right from an IoU of 0.5 on
    ap: float  # mean over the ten thresholds
    ar: float  # share of the objects that are found, mean over the ten thresholds
    mbo: float  # mean over the pictures with objects, as are the next three
    fg_ari: float
    surest: float
    corloc: float


@dataclass(frozen=True, eq=False, slots=True)
class InstanceCounts:
    """What a picture adds to the scores."""

    scores: Floats  # (m,) of its masks, descending, at most MOST_MASKS
    right: Bools  # (10, m): whether the mask took an object, by threshold
    n_objects: int
    mbo: float  # NaN without objects, as the next three
    fg_ari: float
    surest: float  # 0 where there are no masks
    corloc: float


def count_instances(
    masks: NDArray[np.bool_] | Tensor,
    scores: Sequence[float] | NDArray[np.floating] | Tensor,
    truth: LabelMap,
    *,
    ignore: int | None = None,
) -> InstanceCounts:
    """Compare the masks of one picture with its objects.

    Args:
        masks: (m, height, width) bool; they may overlap, and m may be 0.
        scores: (m,) how sure each is; only their order matters.
        truth: (height, width) label map of the objects; 0 is the ground, and each other label an object.
        ignore: label of `truth` whose pixels count for nothing.

    Raises:
        InputError: sizes disagree, scores are not finite, or labels are not whole numbers.

    Cost: O(m · height · width).
    """
    found, sure, there = _checked(masks, scores, truth, ignore)
    order = np.argsort(-sure, kind="stable")
    labels = [label for label in np.unique(there).tolist() if label != 0]
    objects = np.stack([there == label for label in labels]) if labels else np.zeros((0, *there.shape), bool)
    ious = _ious(found, objects)
    best = order[:MOST_MASKS]
    mbo = fg_ari = surest = corloc = float("nan")
    if labels:
        mbo = float(ious.max(0, initial=0).mean())
        surest = float(ious[order[:1]].max(initial=0))
        inside = there != 0
        fg_ari = adjusted_rand_of(contingency(_flat(found[order])[inside], there[inside]))
        corloc = float((iou_matrix(_boxes(found), _boxes(objects)) >= CORLOC_IOU).any())
    return InstanceCounts(sure[best], _taken(ious[best]), len(labels), mbo, fg_ari, surest, corloc)


def instance_scores(counts: Sequence[InstanceCounts]) -> InstanceScores:
    """The scores of pictures together.

    Raises:
        InputError: none of them has an object.
    """
    n = sum(c.n_objects for c in counts)
    if n == 0:
        raise InputError("None of the pictures has an object: all pixels of all masks are 0, the ground.", field="masks")
    order = np.argsort(-np.concatenate([c.scores for c in counts]), kind="stable")
    right = np.concatenate([c.right for c in counts], 1)[:, order]
    precisions = [_average_precision(row, n) for row in right]
    with_objects = [c for c in counts if c.n_objects]
    means = {name: float(np.mean([getattr(c, name) for c in with_objects])) for name in _MEANS}
    ap50, ap, ar = float(precisions[0]), float(np.mean(precisions)), float((right.sum(1) / n).mean())
    return InstanceScores(ap50=ap50, ap=ap, ar=ar, **means)


def recall_of(ious: Floats, *, least: float = 0.5) -> float:
    """Share of the objects (columns) that some mask (rows) overlaps with at least this IoU; NaN without objects."""
    return float((ious.max(0, initial=0) >= least).mean()) if ious.shape[1] else float("nan")


def _checked(
    masks: NDArray[np.bool_] | Tensor,
    scores: Sequence[float] | NDArray[np.floating] | Tensor,
    truth: LabelMap,
    ignore: int | None,
) -> tuple[Bools, Floats, NDArray[np.int64]]:
    """Masks, scores and truth as arrays, with the pixels of `ignore` on the ground."""
    found = np.asarray(masks.cpu() if isinstance(masks, Tensor) else masks).astype(bool)
    sure = np.asarray(scores.cpu() if isinstance(scores, Tensor) else scores, np.float64)
    there = np.asarray(truth.cpu() if isinstance(truth, Tensor) else truth)
    if there.dtype.kind not in "iub":
        raise InputError(
            f"The masks of a picture must hold whole numbers; got {there.dtype}. Convert them first.", field="masks"
        )
    if found.ndim != 3 or found.shape[1:] != there.shape:
        raise InputError(
            f"Masks must be (m, height, width) as the truth is {there.shape}; got {found.shape}.", field="masks"
        )
    if sure.shape != (len(found),) or not np.isfinite(sure).all():
        raise InputError(f"Each of {len(found)} masks needs a finite score; got {sure.shape}.", field="scores")
    if ignore is not None:
        counted = there != ignore
        return found & counted, sure, np.where(counted, there, 0)
    return found, sure, there


def _ious(a: Bools, b: Bools) -> Floats:
    """(m, n) IoU of all pairs of masks (m, height, width) and (n, height, width); 0 where both are empty."""
    x, y = (masks.reshape(len(masks), np.prod(masks.shape[1:], dtype=int)).astype(np.float32) for masks in (a, b))
    both = (x @ y.T).astype(np.float64)  # exact up to 2²⁴ pixels
    union = x.sum(1, dtype=np.float64)[:, None] + y.sum(1, dtype=np.float64)[None] - both
    ious: Floats = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return ious


def _taken(ious: Floats) -> Bools:
    """(10, m): whether each mask, best first, takes an object at each threshold."""
    m, n = ious.shape
    right = np.zeros((len(THRESHOLDS), m), bool)
    for row, threshold in zip(right, THRESHOLDS, strict=True):
        free = np.ones(n, bool)
        for i in range(m):
            left = np.where(free, ious[i], -1)
            # Of equal ones the last, as in the published code.
            j = n - 1 - int(left[::-1].argmax()) if n else 0
            if n and left[j] >= min(threshold, 1 - 1e-10):
                free[j], row[i] = False, True
    return right


def _average_precision(right: Bools, n: int) -> float:
    """Mean over 101 recalls of the largest precision from there on."""
    true = right.cumsum()
    precision = true / np.maximum(np.arange(1, len(right) + 1), 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(true / n, RECALLS, side="left")
    return float(np.append(envelope, 0.0)[np.minimum(at, len(right))].mean())


def _flat(masks: Bools) -> NDArray[np.int64]:
    """(height, width): the first mask, from 1, that holds a pixel; 0 for none."""
    labels: NDArray[np.int64] = (
        np.where(masks.any(0), masks.argmax(0) + 1, 0) if len(masks) else np.zeros(masks.shape[1:], np.int64)
    )
    return labels


def _boxes(masks: Bools) -> Floats:
    """(m, 4) x, y, width, height; zeros for an empty mask."""
    boxes = np.zeros((len(masks), 4))
    for box, mask in zip(boxes, masks, strict=True):
        if mask.any():
            y, x = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            box[:] = x[0], y[0], x[-1] + 1 - x[0], y[-1] + 1 - y[0]
    return boxes
