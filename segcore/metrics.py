"""Agreement of segmentations: the region benchmark of BSDS500, and the overlap of masks.

With R the regions of a segmentation, G those of a ground truth, N_rg the pixels they share and n all pixels:

    covering(G ← R) = Σ_g |g| max_r IoU(r, g) / Σ_g |g|
    Rand index      = share of pixel pairs that both join, or both part            (averaged over annotators: PRI)
    VoI             = H(R | G) + H(G | R), in bits

A benchmark has several segmentations of each picture, its levels, and several ground truths, its annotators.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from segcore.errors import InputError

LabelMap = np.ndarray | Tensor

_SMALL = 1 << 16  # labels within a range of this size are counted, others are sorted


@dataclass(frozen=True, slots=True)
class Covering:
    """Covering of the ground truths, in [0, 1]; more is better."""

    ods: float  # one level for all pictures
    ois: float  # the best level of each picture
    best: float  # the best level of each region


@dataclass(frozen=True, slots=True)
class Index:
    """A score of whole segmentations: PRI in [0, 1], more is better, or VoI in bits, less is better."""

    ods: float  # one level for all pictures
    ois: float  # the best level of each picture


@dataclass(frozen=True, slots=True)
class PictureScores:
    """What each level of one picture reaches."""

    area: int  # pixels of all regions of all annotators
    covered: tuple[float, ...]  # per level, Σ |g| max IoU over the same regions, in pixels
    covered_best: float  # the same with the best level for each region
    pri: tuple[float, ...]  # per level, mean over annotators
    voi: tuple[float, ...]  # per level, mean over annotators, in bits

    @property
    def covering(self) -> Covering:
        """Covering of this picture alone, where one level for all pictures is the picture's best level."""
        best = max(self.covered) / self.area
        return Covering(ods=best, ois=best, best=self.covered_best / self.area)


@dataclass(frozen=True, slots=True)
class RegionBenchmark:
    """The region benchmark's scores, and what they were collected from."""

    covering: Covering
    pri: Index
    voi: Index
    pictures: tuple[PictureScores, ...]


def region_benchmark(
    segmentations: Sequence[Sequence[LabelMap]], ground_truths: Sequence[Sequence[LabelMap]]
) -> RegionBenchmark:
    """Score segmentations against several human ones, as the BSDS500 benchmark does.

    Args:
        segmentations: per picture its label maps (height, width), one per level, as many for every picture. Level i should
            mean the same for all pictures, for instance the same K.
        ground_truths: per picture its label maps of the same size, one per annotator, at least one.

    Returns:
        Scores of all pictures together; the rows of the pictures stay available.

    Convention:
        Covering is pooled: the sums run over all regions of all annotators and pictures. PRI and VoI are means over
        annotators, then over pictures. Covering, PRI and VoI each choose their own best level.

    Raises:
        InputError: there is no picture, level or annotator, their numbers or sizes disagree, or labels are no whole numbers.

    Cost: one pass over the pixels for each pair of level and annotator, about 1 ms for 321 × 481 pixels.

    Reference: Arbeláez, Maire, Fowlkes and Malik 2011, and their code evaluation_reg_image.m and collect_eval_reg.m.
    """
    if len(segmentations) != len(ground_truths):
        raise InputError(
            f"There must be ground truths for each picture; got {len(segmentations)} pictures and "
            f"{len(ground_truths)} lists of ground truths.",
            field="ground_truths",
        )
    return collect_scores(
        [score_picture(levels, truths) for levels, truths in zip(segmentations, ground_truths, strict=True)]
    )


def score_picture(levels: Sequence[LabelMap], annotators: Sequence[LabelMap]) -> PictureScores:
    """Score the levels of one picture against its annotators; see `region_benchmark`.

    Raises:
        InputError: a list is empty, sizes disagree, or labels are not whole numbers.
    """
    for name, maps, what in (("segmentations", levels, "segmentation"), ("ground_truths", annotators, "ground truth")):
        if len(maps) == 0:
            raise InputError(f"A picture must have at least one {what}; got an empty list.", field=name)
    truths = [_dense(truth, "A ground truth") for truth in annotators]
    overlaps, pris, vois = [], [], []
    for level in levels:
        pred = _dense(level, "A segmentation")
        tables = [_table(pred, truth) for truth in truths]
        overlaps.append(np.concatenate([_best_iou(table) for table in tables]))
        pris.append(float(np.mean([_rand_index(table) for table in tables])))
        vois.append(float(np.mean([_voi(table) for table in tables])))
    areas = np.concatenate([np.bincount(labels.ravel()) for labels, _ in truths])
    return PictureScores(
        area=int(areas.sum()),
        covered=tuple(float(areas @ overlap) for overlap in overlaps),
        covered_best=float(areas @ np.max(overlaps, axis=0)),
        pri=tuple(pris),
        voi=tuple(vois),
    )


def collect_scores(pictures: Sequence[PictureScores]) -> RegionBenchmark:
    """Put the scores of single pictures together; see `region_benchmark`.

    Raises:
        InputError: there is no picture, or the pictures have different numbers of levels.
    """
    if len(pictures) == 0:
        raise InputError("There must be at least one picture to score; got an empty list.", field="segmentations")
    counts = sorted({len(p.covered) for p in pictures})
    if len(counts) > 1:
        raise InputError(
            f"Every picture must have the same number of levels; got {counts[0]} and {counts[-1]}.", field="segmentations"
        )
    area = sum(p.area for p in pictures)
    covered, pri, voi = (np.array([getattr(p, name) for p in pictures]) for name in ("covered", "pri", "voi"))
    return RegionBenchmark(
        covering=Covering(
            ods=float(covered.sum(0).max() / area),
            ois=float(covered.max(1).sum() / area),
            best=sum(p.covered_best for p in pictures) / area,
        ),
        pri=Index(ods=float(pri.mean(0).max()), ois=float(pri.max(1).mean())),
        voi=Index(ods=float(voi.mean(0).min()), ois=float(voi.min(1).mean())),
        pictures=tuple(pictures),
    )


def contingency(pred: LabelMap, truth: LabelMap) -> np.ndarray:
    """Count the pixels that each label of one map shares with each label of another.

    Args:
        pred: label map of any shape; labels are any integers, also with gaps.
        truth: label map of the same shape.

    Returns:
        (n_pred, n_true) int64, rows and columns in ascending order of the labels that occur.

    Raises:
        InputError: the sizes disagree, there are no pixels, or labels are not whole numbers.
    """
    return _table(_dense(pred, "A segmentation"), _dense(truth, "A ground truth"))


def match_labels(table: np.ndarray) -> np.ndarray:
    """Match rows with columns one to one so that they share as many pixels as can be (Hungarian assignment).

    Args:
        table: (a, b) shared pixels, as of `contingency`.

    Returns:
        (a,) int64: the column of each row; −1 for rows without one, of which there are some where a > b.

    Cost: O(max(a, b)³). Reference: Kuhn 1955, as SciPy solves it.
    """
    rows, columns = linear_sum_assignment(table, maximize=True)
    partner = np.full(len(table), -1)
    partner[rows] = columns
    return partner


def covering(pred: LabelMap, truth: LabelMap) -> float:
    """Mean over the pixels of `truth` of the IoU between their region and the region of `pred` that fits it best.

    Not symmetric. Arguments and errors as of `contingency`; the result lies in (0, 1].
    """
    table = contingency(pred, truth)
    return float(table.sum(0) @ _best_iou(table) / table.sum())


def rand_index(pred: LabelMap, truth: LabelMap) -> float:
    """Share of the pairs of pixels on which two label maps agree, joined or parted; its mean over annotators is the PRI.

    Symmetric. Arguments and errors as of `contingency`; the result lies in [0, 1], and is 1 for a single pixel.
    """
    return _rand_index(contingency(pred, truth))


def voi(pred: LabelMap, truth: LabelMap) -> float:
    """Variation of information between two label maps, in bits: a metric, 0 where they are the same partition.

    Arguments and errors as of `contingency`; the result lies in [0, 2 log2(number of labels)].
    """
    return _voi(contingency(pred, truth))


def mask_iou(pred: LabelMap, truth: LabelMap) -> float:
    """Intersection over union of two masks; 1 where both are empty.

    Args:
        pred: bool of any shape, or numbers of which all but 0 belong to the mask.
        truth: the same, of the same shape.

    Raises:
        InputError: the sizes disagree.
    """
    a, b = (np.asarray(mask) != 0 for mask in (pred, truth))
    _check_same_size(a, b)
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0


def _dense(label_map: LabelMap, what: str) -> tuple[np.ndarray, int]:
    """The same partition with labels 0 … k − 1 in ascending order of the old ones, and k."""
    labels = np.asarray(label_map.cpu() if isinstance(label_map, Tensor) else label_map)
    if labels.dtype.kind not in "iub":
        raise InputError(f"{what} must hold whole numbers; got {labels.dtype}. Convert it first.", field="labels")
    if labels.size == 0:
        raise InputError(f"{what} must have at least one pixel; got shape {labels.shape}.", field="labels")
    lowest, highest = int(labels.min()), int(labels.max())
    if highest - lowest >= _SMALL:
        found, dense = np.unique(labels, return_inverse=True)
        return dense.reshape(labels.shape), len(found)
    shifted = labels.astype(np.int64) - lowest
    number = np.cumsum(np.bincount(shifted.ravel()) > 0) - 1
    return number[shifted], int(number[-1]) + 1


def _table(pred: tuple[np.ndarray, int], truth: tuple[np.ndarray, int]) -> np.ndarray:
    (a, n_a), (b, n_b) = pred, truth
    _check_same_size(a, b)
    return np.bincount((a * n_b + b).ravel(), minlength=n_a * n_b).reshape(n_a, n_b)


def _check_same_size(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape:
        raise InputError(
            f"A segmentation and its ground truth must have the same size; got {a.shape} and {b.shape}.", field="labels"
        )


def _best_iou(table: np.ndarray) -> np.ndarray:
    """(n_true,): for each region of the ground truth, its largest IoU with a region of the segmentation."""
    union = table.sum(1, keepdims=True) + table.sum(0) - table
    return (table / union).max(0)


def _rand_index(table: np.ndarray) -> float:
    n = float(table.sum())
    if n < 2:
        return 1.0
    together, rows, columns = (np.square(x.astype(np.float64)).sum() for x in (table, table.sum(1), table.sum(0)))
    return float(1 - ((rows + columns) / 2 - together) / (n * (n - 1) / 2))


def _voi(table: np.ndarray) -> float:
    joint, rows, columns = (_entropy(x) for x in (table, table.sum(1), table.sum(0)))
    return max(0.0, 2 * joint - rows - columns)  # rounding may leave −1e-16


def _entropy(counts: np.ndarray) -> float:
    """In bits."""
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log2(p)).sum())
