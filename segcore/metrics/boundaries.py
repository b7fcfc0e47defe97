"""Agreement of boundaries: the boundary benchmark of BSDS500, for segmentations.

A pixel of a boundary is right if it has a partner in the boundary that a human drew: the partners are an assignment, one to
one, of pixels not farther apart than a tolerance. With the counts of all pictures and annotators,

    precision = found pixels with a partner in any annotator's boundary / found pixels
    recall    = drawn pixels with a partner / drawn pixels, over all annotators
    F         = 2 · precision · recall / (precision + recall)

Reference: Martin, Fowlkes and Malik 2004; Arbeláez, Maire, Fowlkes and Malik 2011, and their code
evaluation_bdry_image.m and collect_eval_bdry.m.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.sparse import coo_array, coo_matrix
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial import cKDTree
from skimage.morphology import thin

from segcore.errors import InputError
from segcore.metrics.tables import LabelMap, check_same_size, dense

TOLERANCE = 0.0075  # of the picture's diagonal
_PRICE = 100  # of a pixel without a partner, in tolerances: pairs are made wherever they can be
_THIN: Callable[[np.ndarray], np.ndarray] = thin  # which comes without types
_BETWEEN = 100  # points on the line between two levels, as the benchmark interpolates


@dataclass(frozen=True, slots=True)
class BoundaryCounts:
    """What each level of one picture reaches, in pixels."""

    recalled: tuple[int, ...]  # drawn pixels with a partner, over all annotators
    drawn: int  # drawn pixels, over all annotators
    right: tuple[int, ...]  # found pixels with a partner in any annotator's boundary
    found: tuple[int, ...]

    @property
    def f(self) -> tuple[float, ...]:
        """F of each level, in [0, 1]."""
        return tuple(_f(*_rates(np.array(row))) for row in self.table)

    @property
    def table(self) -> list[tuple[int, int, int, int]]:
        """Per level recalled, drawn, right and found."""
        return [(a, self.drawn, b, c) for a, b, c in zip(self.recalled, self.right, self.found, strict=True)]


@dataclass(frozen=True, slots=True)
class BoundaryBenchmark:
    """The boundary benchmark's scores, in [0, 1], and what they were collected from; more is better."""

    ods: float  # F at one level for all pictures, or between two neighboring ones
    ois: float  # F with the best level of each picture
    recall: float  # that of ods
    precision: float
    pictures: tuple[BoundaryCounts, ...]


def boundary_benchmark(
    segmentations: Sequence[Sequence[LabelMap]], ground_truths: Sequence[Sequence[LabelMap]]
) -> BoundaryBenchmark:
    """Score the boundaries of segmentations against several human ones, as the BSDS500 benchmark does.

    Args:
        segmentations: per picture its label maps (height, width), one per level, as many for every picture.
        ground_truths: per picture its label maps of the same size, one per annotator, at least one.

    Returns:
        F of all pictures together; the counts of the pictures stay available.

    Convention:
        Both boundaries are those of `boundary_map`. As in the benchmark's code, ods looks for the best F also between
        neighboring levels, with precision and recall interpolated linearly, and an assignment is of least total distance
        among the largest ones. Its own solver lets pixels without a partner choose at random; here the optimum is exact.

    Raises:
        InputError: there is no picture, level or annotator, their numbers or sizes disagree, or labels are no whole numbers.

    Cost: an assignment for each pair of level and annotator, about 10 ms for 321 × 481 pixels.
    """
    if len(segmentations) != len(ground_truths):
        raise InputError(
            f"There must be ground truths for each picture; got {len(segmentations)} pictures and "
            f"{len(ground_truths)} lists of ground truths.",
            field="ground_truths",
        )
    return collect_boundaries([count_boundaries(*pair) for pair in zip(segmentations, ground_truths, strict=True)])


def count_boundaries(levels: Sequence[LabelMap], annotators: Sequence[LabelMap]) -> BoundaryCounts:
    """Count the pixels of one picture; see `boundary_benchmark`.

    Raises:
        InputError: a list is empty, sizes disagree, or labels are not whole numbers.
    """
    for name, maps, what in (("segmentations", levels, "segmentation"), ("ground_truths", annotators, "ground truth")):
        if len(maps) == 0:
            raise InputError(f"A picture must have at least one {what}; got an empty list.", field=name)
    drawn = [boundary_map(truth) for truth in annotators]
    counts = [_count(boundary_map(level), drawn) for level in levels]
    recalled, right, found = zip(*counts, strict=True)
    return BoundaryCounts(recalled, sum(int(b.sum()) for b in drawn), right, found)


def collect_boundaries(pictures: Sequence[BoundaryCounts]) -> BoundaryBenchmark:
    """Put the counts of single pictures together; see `boundary_benchmark`.

    Raises:
        InputError: there is no picture, or the pictures have different numbers of levels.
    """
    counts = sorted({len(p.found) for p in pictures})
    if len(counts) != 1:
        raise InputError(
            f"Every picture must have the same number of levels, and there must be one; got {counts}.", field="segmentations"
        )
    tables = np.array([p.table for p in pictures])  # (pictures, levels, 4)
    rates = [_rates(level) for level in tables.sum(0)]
    recall, precision = max(_line(rates), key=lambda point: _f(*point))
    best = [table[int(np.argmax(p.f))] for table, p in zip(tables, pictures, strict=True)]
    return BoundaryBenchmark(_f(recall, precision), _f(*_rates(np.sum(best, 0))), recall, precision, tuple(pictures))


def class_boundary_f(pred: np.ndarray, truth: np.ndarray, n_classes: int, *, ignore: int = -1) -> np.ndarray:
    """How well the outlines of each class agree, as segmentation networks are scored.

    Args:
        pred: (height, width) classes 0 … n_classes − 1.
        truth: (height, width) the same, or `ignore`; outlines within the tolerance of such pixels count nothing.
        n_classes: K.
        ignore: class of the pixels that count for nothing.

    Returns:
        (K,) F in [0, 1] of each class: of its outline's pixels, precision is the share of the found ones that are not
        farther than TOLERANCE diagonals from a drawn one, recall the share of the drawn ones near a found one. NaN for a
        class that the truth does not hold; 0 where it is not found.

    Convention:
        Not one to one, as in `boundary_benchmark`: two found pixels may share a drawn one. An outline is the pixels of a
        class with a neighbor, among four, of another class; the border of the picture is none.

    Cost: two distance transforms per class.

    Reference: Csurka, Larlus and Perronnin 2013, as used by Badrinarayanan, Kendall and Cipolla 2017.
    """
    check_same_size(pred, truth)
    reach = TOLERANCE * float(np.hypot(*truth.shape))
    counted = _away(truth == ignore) > reach
    found, f = np.where(truth == ignore, ignore, pred), np.full(n_classes, np.nan)
    for c in range(n_classes):
        if not (truth == c).any():
            continue
        ours, theirs = _outline(found == c) & counted, _outline(truth == c) & counted
        if not theirs.any():
            continue
        near_theirs, near_ours = _away(theirs) <= reach, _away(ours) <= reach
        f[c] = _f(float(near_ours[theirs].mean()), float(near_theirs[ours].mean()) if ours.any() else 0.0)
    return f


def _outline(mask: np.ndarray) -> np.ndarray:
    """The pixels of a mask beside one, among four, that is not."""
    inner = np.pad(mask, 1, mode="edge")
    return np.asarray(mask & ~(inner[2:, 1:-1] & inner[:-2, 1:-1] & inner[1:-1, 2:] & inner[1:-1, :-2]))


def _away(mask: np.ndarray) -> np.ndarray:
    """(height, width) distance of each pixel from the nearest of a mask; infinite where there is none."""
    return np.asarray(distance_transform_edt(~mask)) if mask.any() else np.full(mask.shape, np.inf)


def boundary_map(label_map: LabelMap) -> np.ndarray:
    """Draw the boundaries between the regions of a (height, width) label map, one pixel wide.

    Returns:
        (height, width) bool: the pixels that differ from one of their neighbors to the right, below and below right, thinned
        until nothing changes; what BSDS500 stores beside each human segmentation.

    Raises:
        InputError: labels are no whole numbers, or there are none.

    Reference: Guo and Hall 1989 for the thinning.
    """
    labels = dense(label_map, "A segmentation")[0]
    further = np.pad(labels, ((0, 1), (0, 1)), mode="edge")
    differs = (further[1:, :-1] != labels) | (further[:-1, 1:] != labels) | (further[1:, 1:] != labels)
    return _THIN(differs)


def correspondence(a: np.ndarray, b: np.ndarray, *, max_distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Pair the pixels of two boundaries, one to one: as many pairs as can be, of least total distance.

    Args:
        a: (height, width) bool.
        b: the same shape.
        max_distance: in pixels; the two of a pair are not farther apart.

    Returns:
        Two (height, width) bool: the pixels of a that have a partner, and those of b.

    Raises:
        InputError: the shapes differ.

    Cost: a sparse assignment problem of as many rows as there are pixels that could have a partner.

    Convention:
        The problem is solved exactly: a pixel without a partner costs 100 · max_distance, as in the benchmark.
    """
    check_same_size(a, b)
    at_a, at_b = np.argwhere(a), np.argwhere(b)
    matched_a, matched_b = np.zeros_like(a, dtype=bool), np.zeros_like(b, dtype=bool)
    if len(at_a) and len(at_b):
        near = cKDTree(at_a).sparse_distance_matrix(cKDTree(at_b), max_distance, output_type="coo_matrix")
        for matched, at, pixels in zip((matched_a, matched_b), (at_a, at_b), _assign(near, max_distance), strict=True):
            matched[tuple(at[pixels].T)] = True
    return matched_a, matched_b


def _assign(near: coo_matrix, max_distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a sparse matrix of distances that are paired."""
    rows, row = np.unique(near.row, return_inverse=True)
    columns, column = np.unique(near.col, return_inverse=True)
    n, m = len(rows), len(columns)
    if n == 0:
        return rows, columns
    # Each row has a stand-in to pair with, at the price of two pixels without a partner: it leaves out a column, too. So all
    # rows can be paired. A zero would be no edge, hence the + 1, which all solutions pay alike.
    left, right = np.concatenate([row, np.arange(n)]), np.concatenate([column, m + np.arange(n)])
    cost = np.concatenate([near.data, np.full(n, 2 * _PRICE * max_distance)]) + 1
    i, j = min_weight_full_bipartite_matching(coo_array((cost, (left, right)), shape=(n, m + n)).tocsr())
    return rows[i[j < m]], columns[j[j < m]]


def _count(found: np.ndarray, drawn: Sequence[np.ndarray]) -> tuple[int, int, int]:
    right, recalled = np.zeros_like(found), 0
    for boundary in drawn:
        ours, theirs = correspondence(found, boundary, max_distance=TOLERANCE * float(np.hypot(*found.shape)))
        right |= ours
        recalled += int(theirs.sum())
    return recalled, int(right.sum()), int(found.sum())


def _rates(counts: np.ndarray) -> tuple[float, float]:
    """Recall and precision; 0 where there is nothing to count."""
    recalled, drawn, right, found = (float(x) for x in counts)
    return recalled / max(drawn, 1.0), right / max(found, 1.0)


def _line(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points, and those on the straight lines from each to the next."""
    between = np.linspace(0, 1, _BETWEEN)[:, None]
    steps = [np.array(b) * between + np.array(a) * (1 - between) for a, b in pairwise(points)]
    return [*points, *(tuple(p) for p in np.concatenate(steps))] if steps else list(points)


def _f(recall: float, precision: float) -> float:
    return float(2 * recall * precision / (recall + precision)) if recall + precision else 0.0
