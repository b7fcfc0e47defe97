"""The boundary benchmark against exhaustive assignments, a dense solver, and the boundaries that BSDS500 stores."""

import itertools

import numpy as np
import pytest
import scipy.io
import torch
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix

from segcore.errors import InputError
from segcore.metrics import boundary_benchmark, boundary_map, collect_boundaries, correspondence, count_boundaries
from segcore.metrics.boundaries import TOLERANCE, BoundaryCounts, _assign


def halves(column, height=40, width=60):
    return np.broadcast_to(np.arange(width) >= column, (height, width)).astype(int)


def f_of(recall, precision):
    return 2 * recall * precision / (recall + precision)


def dense_assignment(a, b, max_distance):
    """All pixels against all pixels and as many stand-ins, as one dense problem."""
    at_a, at_b = np.argwhere(a), np.argwhere(b)
    n, m = len(at_a), len(at_b)
    distance = np.hypot(*(at_a[:, None] - at_b[None]).transpose(2, 0, 1))
    cost = np.full((n + m, n + m), 100 * max_distance)
    cost[:n, :m] = np.where(distance <= max_distance, distance, 1e9)
    cost[n:, m:] = 0
    rows, columns = linear_sum_assignment(cost)
    pairs = (rows < n) & (columns < m)
    return int(pairs.sum()), float(distance[rows[pairs], columns[pairs]].sum())


@pytest.mark.parametrize("seed", range(8))
def test_as_many_pairs_as_a_dense_solver_makes(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.random((14, 18)) < 0.15, rng.random((14, 18)) < 0.2
    ours, theirs = correspondence(a, b, max_distance=2.3)
    n_pairs, _ = dense_assignment(a, b, 2.3)
    assert ours.sum() == theirs.sum() == n_pairs
    assert not (ours & ~a).any()
    assert not (theirs & ~b).any()
    back = correspondence(b, a, max_distance=2.3)
    assert back[0].sum() == n_pairs


@pytest.mark.parametrize("seed", range(6))
def test_the_pairs_are_those_of_an_exhaustive_search(seed):
    """Five pixels against five: no other assignment makes more pairs, or as many at less distance."""
    cells = np.random.default_rng(seed).permutation(30)[:10]
    a, b = (np.isin(np.arange(30), part).reshape(5, 6) for part in (cells[:5], cells[5:]))
    distance = np.hypot(*(np.argwhere(a)[:, None] - np.argwhere(b)[None]).transpose(2, 0, 1))
    orders = [distance[np.arange(5), list(order)] for order in itertools.permutations(range(5))]
    n_pairs, total = min((-int((d <= 1.5).sum()), float(d[d <= 1.5].sum())) for d in orders)
    near = coo_matrix(np.where(distance <= 1.5, distance, 0))
    rows, columns = _assign(near, 1.5)
    assert (-len(rows), float(distance[rows, columns].sum())) == (n_pairs, pytest.approx(total))
    assert correspondence(a, b, max_distance=1.5)[0].sum() == len(rows)


def test_two_pixels_do_not_share_a_partner():
    a, b = np.zeros((5, 5), bool), np.zeros((5, 5), bool)
    a[2, 1] = a[2, 3] = b[2, 2] = True
    ours, theirs = correspondence(a, b, max_distance=1.0)
    assert ours.sum() == theirs.sum() == 1
    assert correspondence(a, b, max_distance=0.9)[0].sum() == 0


def test_boundaries_are_those_that_bsds_stores(data):
    files = sorted((data / "bsds500" / "groundTruth" / "val").glob("*.mat"))[:4]
    if not files:
        pytest.skip(f"BSDS500 is not in {data}")
    for file in files:
        for annotator in scipy.io.loadmat(file)["groundTruth"].ravel():
            stored = annotator["Boundaries"][0, 0] > 0
            assert np.array_equal(boundary_map(annotator["Segmentation"][0, 0].astype(int)), stored)


def test_a_boundary_is_one_pixel_wide_and_closed():
    disc = (np.hypot(*(np.mgrid[:50, :60] - 25)) < 15).astype(int)
    line = boundary_map(disc)
    assert 60 < line.sum() < 110  # the circumference is 94, in steps along both axes or the diagonal
    assert not (line[:-1, :-1] & line[1:, :-1] & line[:-1, 1:] & line[1:, 1:]).any()
    assert np.array_equal(boundary_map(5 - 3 * disc), line)
    assert boundary_map(halves(30)).sum() == 40
    assert boundary_map(np.zeros((9, 9), int)).sum() == 0
    assert np.array_equal(boundary_map(torch.from_numpy(disc)), line)


def test_a_shift_within_the_tolerance_costs_nothing():
    tolerance = TOLERANCE * np.hypot(400, 600)  # 5.4 pixels
    truth = halves(300, 400, 600)
    scores = [boundary_benchmark([[halves(300 + shift, 400, 600)]], [[truth]]).ods for shift in (0, 5, 6)]
    assert tolerance < 6
    assert scores == [1.0, 1.0, 0.0]


def test_annotators_are_counted_as_the_benchmark_counts_them():
    """Found pixels may be right for any annotator; drawn ones count for each of them."""
    left, right = halves(15), halves(45)
    both = halves(15) + halves(45)
    counts = count_boundaries([both, left], [left, right])
    assert counts.table == [(80, 80, 80, 80), (40, 80, 40, 40)]
    assert counts.f == (1.0, f_of(0.5, 1.0))
    three = count_boundaries([both + halves(30)], [left])
    assert three.table == [(40, 40, 40, 120)]


def test_one_level_for_all_or_the_best_of_each():
    pictures = [BoundaryCounts((90, 40), 100, (90, 40), (100, 50)), BoundaryCounts((10, 80), 100, (10, 80), (100, 100))]
    scores = collect_boundaries(pictures)
    assert scores.ois == pytest.approx(0.85)
    levels = [(100 / 200, 100 / 200), (120 / 200, 120 / 150)]
    line = [tuple(t * b + (1 - t) * a for a, b in zip(*levels, strict=True)) for t in np.linspace(0, 1, 100)]
    assert scores.ods == pytest.approx(max(f_of(*point) for point in line))
    assert f_of(scores.recall, scores.precision) == pytest.approx(scores.ods)


def test_between_two_levels_f_may_be_better_than_at_both():
    """Recall 0.9 at precision 0.3, and the other way round: half way both are 0.6."""
    pictures = [BoundaryCounts((90, 30), 100, (30, 90), (100, 100))]
    scores = collect_boundaries(pictures)
    assert scores.ods == pytest.approx(0.6, abs=1e-4)
    assert scores.ois == pytest.approx(f_of(0.9, 0.3))


def test_one_segment_has_no_boundary():
    scores = boundary_benchmark([[np.zeros((20, 20), int)]], [[np.arange(400).reshape(20, 20) // 200]])
    assert scores.ods == scores.ois == scores.precision == scores.recall == 0.0


@pytest.mark.parametrize(
    ("levels", "truths", "sentence"),
    [
        ([], [[halves(3)]], "1 lists of ground truths"),
        ([[halves(3)]], [[]], "at least one ground truth"),
        ([[]], [[halves(3)]], "at least one segmentation"),
        ([[halves(3)]], [[halves(3, 20, 20)]], "must have the same size"),
        ([[halves(3) + 0.5]], [[halves(3)]], "whole numbers"),
        ([[halves(3)], [halves(3)] * 2], [[halves(3)]] * 2, "same number of levels"),
    ],
)
def test_what_cannot_be_scored_is_said(levels, truths, sentence):
    with pytest.raises(InputError, match=sentence):
        boundary_benchmark(levels, truths)
