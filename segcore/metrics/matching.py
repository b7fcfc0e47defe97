"""Labels of a segmentation matched one to one with those of a ground truth (Hungarian assignment), and what follows.

With r(g) the segment that is paired with region g, and pairs chosen so that Σ_g IoU(r(g), g) is largest:

    mIoU           = mean over the true regions g of IoU(r(g), g)
    pixel accuracy = Σ_g |r(g) ∩ g| / n

A region without a partner has IoU 0, and its pixels are wrong; so are those of a segment without a partner.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from segcore.errors import InputError
from segcore.metrics.regions import adjusted_rand_of, covering_of, rand_index_of, voi_of
from segcore.metrics.tables import LabelMap, dense, iou_table, table_of


@dataclass(frozen=True, eq=False, slots=True)
class Overlap:
    """Pixels that the labels of two maps share."""

    table: np.ndarray  # (n_pred, n_true) int64
    segments: tuple[int, ...]  # labels of the rows, ascending
    regions: tuple[int, ...]  # labels of the columns, ascending


@dataclass(frozen=True, eq=False, slots=True)
class Matching:
    """Which segment stands for which true region."""

    partner: np.ndarray  # (n_pred,) int64: column of each row; −1 without one, also where the pair would share no pixel
    ious: np.ndarray  # (n_true,) IoU of each true region with its segment, 0 without one
    accuracy: float  # share of the pixels that lie in a pair, in [0, 1]

    @property
    def miou(self) -> float:
        """Mean IoU over the true regions, in [0, 1]."""
        return float(self.ious.mean())


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Agreement of one segmentation with one ground truth."""

    miou: float  # Hungarian matching, in [0, 1], more is better
    accuracy: float  # of the pixels under the same matching, in [0, 1], more is better
    adjusted_rand: float  # in [−0.5, 1], 0 by chance, more is better
    covering: float  # in [0, 1], more is better
    rand: float  # Rand index, PRI of one annotator, in [0, 1], more is better
    voi: float  # in bits, from 0, less is better


def overlap(pred: LabelMap, truth: LabelMap, *, ignore: int | None = None) -> Overlap:
    """Count shared pixels, and keep the names of the labels.

    Args:
        pred: label map of any shape; labels are any integers, also with gaps.
        truth: label map of the same shape.
        ignore: label of `truth` whose pixels count for nothing, such as the 255 of PASCAL VOC.

    Raises:
        InputError: the sizes disagree, no pixel is left, or labels are not whole numbers.
    """
    rows, columns = dense(pred, "A segmentation"), dense(truth, "A ground truth")
    table = table_of(rows, columns)
    segments, regions = rows[1].tolist(), columns[1].tolist()
    if ignore in regions:
        kept = np.array(regions) != ignore
        left = table[:, kept].sum(1) > 0
        if not left.any():
            raise InputError(f"All pixels of the ground truth are of label {ignore}, which is left out.", field="image")
        table = table[left][:, kept]
        segments = [label for label, stays in zip(segments, left, strict=True) if stays]
        regions.remove(ignore)
    return Overlap(table, tuple(segments), tuple(regions))


def pooled(overlaps: Sequence[Overlap]) -> Overlap:
    """Sum the tables of several pictures, label by label.

    It asks that a label means the same in all pictures, as classes do; labels that are numbered anew in each picture, by
    size for instance, are only as comparable as that.
    """
    segments, regions = (sorted({label for o in overlaps for label in getattr(o, name)}) for name in ("segments", "regions"))
    table = np.zeros((len(segments), len(regions)), np.int64)
    for o in overlaps:
        table[np.ix_(np.searchsorted(segments, o.segments), np.searchsorted(regions, o.regions))] += o.table
    return Overlap(table, tuple(segments), tuple(regions))


def match_labels(table: np.ndarray) -> np.ndarray:
    """Match rows with columns one to one so that the sum over the pairs is largest (Hungarian assignment).

    Args:
        table: (a, b) shared pixels, as of `contingency`, or any other gain of each pair.

    Returns:
        (a,) int64: the column of each row; −1 for rows without one, of which there are some where a > b.

    Cost: O(max(a, b)³). Reference: Kuhn 1955, as SciPy solves it.
    """
    rows, columns = linear_sum_assignment(table, maximize=True)
    partner = np.full(len(table), -1)
    partner[rows] = columns
    return partner


def match(table: np.ndarray) -> Matching:
    """Match segments with true regions so that the mean IoU is largest.

    Args:
        table: (n_pred, n_true) shared pixels, every row and column with at least one.

    Returns:
        The pairs, IoU and accuracy. Means run over the true regions, whatever the number of segments: with fewer segments
        than regions some regions count 0, with more some segments stay alone.

    Convention:
        The pairs maximize the sum of IoU, not of pixels, so another pairing may have a higher pixel accuracy.
    """
    ious = iou_table(table)
    partner = match_labels(ious)
    rows = np.flatnonzero(partner >= 0)
    rows = rows[table[rows, partner[rows]] > 0]
    partner[np.setdiff1d(np.arange(len(partner)), rows)] = -1
    columns = partner[rows]
    matched = np.zeros(table.shape[1])
    matched[columns] = ious[rows, columns]
    return Matching(partner, matched, float(table[rows, columns].sum() / table.sum()))


def score_labels(table: np.ndarray, matching: Matching | None = None) -> LabelScores:
    """All scores of a segmentation against a ground truth.

    Args:
        table: (n_pred, n_true) shared pixels, as of `contingency` or `overlap`.
        matching: of `match`, if it is there already.
    """
    matching = matching or match(table)
    return LabelScores(
        miou=matching.miou,
        accuracy=matching.accuracy,
        adjusted_rand=adjusted_rand_of(table),
        covering=covering_of(table),
        rand=rand_index_of(table),
        voi=voi_of(table),
    )


def matched_iou(pred: LabelMap, truth: LabelMap) -> float:
    """Mean IoU over the true regions, each with the segment that the Hungarian matching gives it; see `match`.

    Arguments and errors as of `contingency`; the result lies in [0, 1].
    """
    return match(overlap(pred, truth).table).miou


def matched_accuracy(pred: LabelMap, truth: LabelMap) -> float:
    """Share of the pixels that lie in a region and in its own segment, under the matching of `matched_iou`."""
    return match(overlap(pred, truth).table).accuracy
