"""Agreement of whole segmentations: the region benchmark of BSDS500, and the indices of pairs of pixels.

With R the regions of a segmentation, G those of a ground truth, N_rg the pixels they share and n all pixels:

    covering(G ← R) = Σ_g |g| max_r IoU(r, g) / Σ_g |g|
    Rand index      = share of pixel pairs that both join, or both part            (averaged over annotators: PRI)
    VoI             = H(R | G) + H(G | R), in bits

A benchmark has several segmentations of each picture, its levels, and several ground truths, its annotators.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segcore.errors import InputError
from segcore.metrics.tables import LabelMap, contingency, dense, iou_table, table_of


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
    truths = [dense(truth, "A ground truth") for truth in annotators]
    overlaps, pris, vois = [], [], []
    for level in levels:
        pred = dense(level, "A segmentation")
        tables = [table_of(pred, truth) for truth in truths]
        overlaps.append(np.concatenate([best_iou(table) for table in tables]))
        pris.append(float(np.mean([rand_index_of(table) for table in tables])))
        vois.append(float(np.mean([voi_of(table) for table in tables])))
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


def covering(pred: LabelMap, truth: LabelMap) -> float:
    """Mean over the pixels of `truth` of the IoU between their region and the region of `pred` that fits it best.

    Not symmetric. Arguments and errors as of `contingency`; the result lies in (0, 1].
    """
    return covering_of(contingency(pred, truth))


def rand_index(pred: LabelMap, truth: LabelMap) -> float:
    """Share of the pairs of pixels on which two label maps agree, joined or parted; its mean over annotators is the PRI.

    Symmetric. Arguments and errors as of `contingency`; the result lies in [0, 1], and is 1 for a single pixel.
    """
    return rand_index_of(contingency(pred, truth))


def adjusted_rand_index(pred: LabelMap, truth: LabelMap) -> float:
    """Rand index less what chance would reach, scaled so that equal partitions have 1.

    Symmetric. Arguments and errors as of `contingency`. The result lies in [−0.5, 1]; its mean over all ways to deal out the
    same labels to the pixels is 0, and it is exactly 0 where one of the maps is a single region and the other is not.

    Reference: Hubert and Arabie 1985.
    """
    return adjusted_rand_of(contingency(pred, truth))


def voi(pred: LabelMap, truth: LabelMap) -> float:
    """Variation of information between two label maps, in bits: a metric, 0 where they are the same partition.

    Arguments and errors as of `contingency`; the result lies in [0, 2 log2(number of labels)].
    """
    return voi_of(contingency(pred, truth))


def best_iou(table: np.ndarray) -> np.ndarray:
    """(n_true,): for each region of the ground truth, its largest IoU with a region of the segmentation."""
    best: np.ndarray = iou_table(table).max(0)
    return best


def covering_of(table: np.ndarray) -> float:
    """`covering` of the maps behind a contingency table."""
    return float(table.sum(0) @ best_iou(table) / table.sum())


def rand_index_of(table: np.ndarray) -> float:
    """`rand_index` of the maps behind a contingency table."""
    n = float(table.sum())
    if n < 2:
        return 1.0
    together, rows, columns = (np.square(x.astype(np.float64)).sum() for x in (table, table.sum(1), table.sum(0)))
    return float(1 - ((rows + columns) / 2 - together) / (n * (n - 1) / 2))


def adjusted_rand_of(table: np.ndarray) -> float:
    """`adjusted_rand_index` of the maps behind a contingency table."""
    together, rows, columns, everything = (_pairs(x) for x in (table, table.sum(1), table.sum(0), table.sum()))
    by_chance = rows * (columns / everything) if everything else 0.0
    most = (rows + columns) / 2
    # Both differ by 0 only where both maps are one region, or one region per pixel: the same partition.
    return float((together - by_chance) / (most - by_chance)) if most != by_chance else 1.0


def _pairs(counts: np.ndarray) -> float:
    """How many pairs of pixels lie in the same group."""
    x = counts.astype(np.float64)
    return float((x * (x - 1) / 2).sum())


def voi_of(table: np.ndarray) -> float:
    """`voi` of the maps behind a contingency table."""
    joint, rows, columns = (_entropy(x) for x in (table, table.sum(1), table.sum(0)))
    return max(0.0, 2 * joint - rows - columns)  # rounding may leave −1e-16


def _entropy(counts: np.ndarray) -> float:
    """In bits."""
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log2(p)).sum())
