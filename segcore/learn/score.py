"""How well clusters agree with the classes of a collection's truth, over all its pictures at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.errors import InputError
from segcore.metrics.instances import InstanceScores, count_instances, instance_scores
from segcore.metrics.matching import match, match_labels
from segcore.metrics.tables import class_table, iou_table
from segcore.nets.masks import mask_ious
from segcore.runtime.stopping import stop_if_asked
from segcore.types import Instances, Pictures

_HALF = 0.5  # IoU from which on an object is found


@dataclass(frozen=True, eq=False, slots=True)
class ClassScores:
    """Agreement of K clusters with the classes, each in [0, 1]."""

    accuracy: float  # share of the pixels whose cluster stands for their class
    miou: float  # mean IoU over the classes
    table: np.ndarray  # (K, n_classes) int64 pixels
    class_of: tuple[int, ...]  # (K) class that each cluster stands for; −1 without one

    @property
    def class_accuracy(self) -> float:
        """Mean over the classes that occur of the share of their pixels that is right."""
        right = np.zeros(self.table.shape[1])
        for i, c in enumerate(self.class_of):
            if c >= 0:
                right[c] += self.table[i, c]
        there = self.table.sum(0) > 0
        return float((right[there] / self.table.sum(0)[there]).mean())

    def names(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """A name for each cluster: that of its class, numbered where a class has several; a number without one."""
        several = np.bincount([c for c in self.class_of if c >= 0], minlength=len(classes)) > 1
        seen = [0] * len(classes)
        out = []
        for i, c in enumerate(self.class_of):
            if c >= 0:
                seen[c] += 1
            out.append(str(i) if c < 0 else f"{classes[c]} {seen[c]}" if several[c] else classes[c])
        return tuple(out)


def score_classes(
    label: Callable[[Tensor], Tensor], pictures: Pictures, *, n_segments: int, known: bool = False
) -> ClassScores:
    """Label all pictures and compare with their truth.

    Args:
        label: a picture (height, width, 3) uint8 → (height, width) clusters 0 … K − 1.
        pictures: with truth; unlabelled pixels do not count.
        n_segments: K. Up to as many clusters as classes are matched one to one, for most right pixels (accuracy) or highest
            IoU (mIoU); of more, each stands for the class of most of its pixels.
        known: nothing is matched: cluster i is class i, as a network with labels has them.

    Raises:
        InputError: there is no truth.
    """
    if not pictures.truth:
        raise InputError("These pictures have no truth to compare with. Give labels too.", field="labels")
    n = len(pictures.classes)
    table = np.zeros((n_segments, n), np.int64)
    for image, truth in zip(pictures.images, pictures.truth, strict=True):
        stop_if_asked()
        table += class_table(label(image).numpy(), truth.numpy(), table.shape)
    return known_scores(table) if known else scores_of_table(table)


def known_scores(table: np.ndarray) -> ClassScores:
    """The scores of pixels (K, K) int64 counted by what they are taken for, and by class; mIoU over classes that occur."""
    ious = known_ious(table)
    there = table.sum(0) > 0
    accuracy = float(np.trace(table) / max(1, table.sum()))
    return ClassScores(accuracy, float(ious[there].mean()) if there.any() else 0.0, table, tuple(range(len(table))))


def known_ious(table: np.ndarray) -> np.ndarray:
    """(K,) IoU of each class with itself, of pixels or shares (K, K); 0 where it occurs on neither side."""
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(np.diag(iou_table(table)))


def scores_of_table(table: np.ndarray) -> ClassScores:
    """The scores of pixels counted by cluster and class, (K, n_classes) int64."""
    k, n = table.shape
    if k > n:
        class_of = np.where(table.sum(1) > 0, table.argmax(1), -1)
        merged = np.zeros((n, n), np.int64)
        np.add.at(merged, class_of[class_of >= 0], table[class_of >= 0])
        there = merged.sum(0) > 0
        miou = float(np.diag(iou_table(merged))[there].mean())
    else:
        class_of = match_labels(table)
        miou = match(table[table.sum(1) > 0][:, table.sum(0) > 0]).miou
    rows = np.flatnonzero(class_of >= 0)
    accuracy = float(table[rows, class_of[rows]].sum() / table.sum())
    return ClassScores(accuracy, miou, table, tuple(class_of.tolist()))


@dataclass(frozen=True, slots=True)
class ObjectRecall:
    """Share of the objects that some mask overlaps with an IoU of at least ½; NaN where there are none."""

    every: float
    untaught: float  # of those that none of the masks of round one shows


def score_recall(
    found: Callable[[Tensor], Instances],
    taught: Callable[[int], Tensor | None],
    pictures: Pictures,
    objects: Sequence[Tensor],
) -> ObjectRecall:
    """Find objects in all pictures, and compare with their label maps.

    Args:
        found: a picture → its objects.
        taught: number of a picture → masks of its patches (m, h, w) bool, or None.
        pictures: that were learned from.
        objects: per picture (height, width) label map, 0 on the ground.
    """
    right, shown = [], []
    for i, (image, truth) in enumerate(zip(pictures.images, objects, strict=True)):
        stop_if_asked()
        each = torch.stack([truth == label for label in truth.unique().tolist() if label != 0] or [truth > truth.max()])
        masks, first = found(image).masks, taught(i)
        right.append(mask_ious(each, masks).amax(1) >= _HALF if len(masks) else torch.zeros(len(each), dtype=torch.bool))
        if first is None or not len(first):
            shown.append(torch.zeros(len(each), dtype=torch.bool))
            continue
        large = F.interpolate(first[None].float(), truth.shape, mode="nearest")[0] > 0
        shown.append(mask_ious(each, large).amax(1) >= _HALF)
    hit, known = torch.cat(right).float(), torch.cat(shown)
    return ObjectRecall(float(hit.mean()), float(hit[~known].mean()))


def score_separation(found: Callable[[Tensor], Instances], pictures: Pictures, objects: Sequence[Tensor]) -> InstanceScores:
    """The scores of separate objects; arguments as of `score_recall`."""
    counts = []
    for image, truth in zip(pictures.images, objects, strict=True):
        stop_if_asked()
        masks = found(image)
        counts.append(count_instances(masks.masks, masks.scores, truth))
    return instance_scores(counts)
