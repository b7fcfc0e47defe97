"""Panoptic quality: stuff and things in one score.

A segment is the pixels of one class and one instance. A segment that was found and one that is there are a match where they
are of one class and their IoU is above ½; no segment can have two such partners, as both would need more than half of it.
Per class, with TP the matches, FP and FN the segments without one:

    PQ = Σ IoU over the matches / (|TP| + ½ |FP| + ½ |FN|) = SQ · RQ
    SQ = mean IoU of the matches                RQ = |TP| / (|TP| + ½ |FP| + ½ |FN|)

Void, pixels that nobody labelled, and crowds, segments that hold several things, are ignored: in the union of a pair, pixels
that are void in the truth do not count; a crowd is no partner and nobody misses it; and a segment without a partner is no
false positive where void and the crowds of its class have more than half of it.

Reference: Kirillov, He, Girshick, Rother and Dollár 2019, "Panoptic segmentation"; evaluation.py of panopticapi.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from segcore.errors import InputError
from segcore.metrics.tables import LabelMap, check_same_size, dense, table_of

MATCH_IOU = 0.5
Segment = tuple[int, int]  # class, instance; instance 0 for stuff


@dataclass(frozen=True, slots=True)
class Match:
    """A segment that was found and its partner."""

    found: Segment
    true: Segment
    iou: float


@dataclass(frozen=True, slots=True)
class ClassQuality:
    """The scores of one class, in [0, 1]."""

    label: int
    is_thing: bool
    pq: float
    sq: float  # 0 without a match
    rq: float
    tp: int
    fp: int
    fn: int


@dataclass(frozen=True, slots=True)
class PanopticQuality:
    """All scores; means run over the classes that have a match, a false positive or a false negative."""

    classes: tuple[ClassQuality, ...]
    matches: tuple[Match, ...]
    false_positives: tuple[Segment, ...]
    false_negatives: tuple[Segment, ...]

    def mean(self, name: str, *, things: bool | None = None) -> float:
        """Mean of `pq`, `sq` or `rq` over all classes, or over things or stuff alone; 0 where there are none."""
        values = [getattr(c, name) for c in self.classes if things is None or c.is_thing == things]
        return float(np.mean(values)) if values else 0.0

    @property
    def pq(self) -> float:
        """Mean PQ of the classes."""
        return self.mean("pq")


def panoptic_quality(
    classes: LabelMap,
    instances: LabelMap,
    true_classes: LabelMap,
    true_instances: LabelMap,
    *,
    things: Collection[int],
    void: int | None = None,
    crowds: Collection[Segment] = (),
) -> PanopticQuality:
    """Score a panoptic segmentation.

    Args:
        classes: label map of what was found: the class of each pixel, whole numbers.
        instances: of the same shape: which thing of its class; what stands at pixels of stuff does not count.
        true_classes: the same for what is there.
        true_instances: the same.
        things: classes that are counted one by one; all others are stuff, one segment per class.
        void: the class, on either side, of pixels without a label.
        crowds: segments of the truth that hold several things of their class.

    Raises:
        InputError: sizes disagree, there are no pixels, or labels are not whole numbers.

    Cost: a sort of the pixels and the table of all pairs of segments.
    """
    found, found_names = _segments(classes, instances, things, "A segmentation")
    there, there_names = _segments(true_classes, true_instances, things, "A ground truth")
    table = table_of((found, np.arange(len(found_names))), (there, np.arange(len(there_names))))
    empty = np.array([s[0] == void for s in there_names])
    crowded = np.array([s in crowds for s in there_names])
    same_class = np.array([[a[0] == b[0] != void for b in there_names] for a in found_names])
    unlabelled = table[:, empty].sum(1, keepdims=True)
    areas = table.sum(1, keepdims=True)
    ious = table / (areas + table.sum(0) - table - unlabelled).clip(1)
    pairs = np.argwhere((ious > MATCH_IOU) & same_class & ~crowded)
    matches = tuple(Match(found_names[i], there_names[j], float(ious[i, j])) for i, j in pairs)
    ignored = 2 * (unlabelled + (table * (same_class & crowded)).sum(1, keepdims=True)) > areas
    alone = tuple(s for i, s in enumerate(found_names) if i not in pairs[:, 0] and s[0] != void and not ignored[i, 0])
    missed = tuple(s for j, s in enumerate(there_names) if j not in pairs[:, 1] and not empty[j] and not crowded[j])
    labels = sorted({s[0] for s in (*alone, *missed, *(m.true for m in matches))})
    scores = tuple(_class_quality(label, label in things, matches, alone, missed) for label in labels)
    return PanopticQuality(scores, matches, alone, missed)


def _segments(
    classes: LabelMap, instances: LabelMap, things: Collection[int], what: str
) -> tuple[np.ndarray, list[Segment]]:
    """Numbers of the segments, one per pixel, and their names."""
    a, b = (np.asarray(m.cpu() if isinstance(m, Tensor) else m) for m in (classes, instances))
    check_same_size(a, b)
    for labels in (a, b):
        if labels.dtype.kind not in "iub":
            raise InputError(f"{what} must hold whole numbers; got {labels.dtype}. Convert it first.", field="labels")
    b = np.where(np.isin(a, list(things)), b, 0)
    (a, class_names), (b, instance_names) = dense(a, what), dense(b, what)
    numbers, flat = np.unique(a.astype(np.int64) * len(instance_names) + b, return_inverse=True)
    rows, columns = np.divmod(numbers, len(instance_names))
    return flat.reshape(a.shape), [(int(class_names[i]), int(instance_names[j])) for i, j in zip(rows, columns, strict=True)]


def _class_quality(
    label: int, is_thing: bool, matches: tuple[Match, ...], alone: tuple[Segment, ...], missed: tuple[Segment, ...]
) -> ClassQuality:
    ious = [m.iou for m in matches if m.true[0] == label]
    fp, fn = (sum(s[0] == label for s in segments) for segments in (alone, missed))
    sq = float(np.mean(ious)) if ious else 0.0
    rq = len(ious) / (len(ious) + (fp + fn) / 2)
    return ClassQuality(label, is_thing, sq * rq, sq, rq, len(ious), fp, fn)
