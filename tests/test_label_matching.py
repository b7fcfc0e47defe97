"""Hungarian matching of labels and the scores that follow, against brute force, scikit-learn and examples by hand."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from segcore import InputError
from segcore.metrics import (
    adjusted_rand_index,
    contingency,
    covering,
    mask_iou,
    match,
    matched_accuracy,
    matched_iou,
    overlap,
    pooled,
    rand_index,
    score_labels,
    voi,
)


@pytest.fixture(params=[0, 1, 2, 3])
def pair(request):
    rng = np.random.default_rng(request.param)
    return rng.integers(0, rng.integers(2, 6), (9, 13)), rng.integers(0, rng.integers(2, 6), (9, 13))


def best_of_all_pairings(pred, truth):
    """Mean IoU over the true regions of the best way to give each its own segment, or none."""
    segments, regions = np.unique(pred).tolist(), np.unique(truth).tolist()
    segments += [None] * len(regions)
    ways = itertools.permutations(segments, len(regions))
    return max(
        np.mean([0 if s is None else mask_iou(pred == s, truth == g) for s, g in zip(way, regions, strict=True)])
        for way in ways
    )


def test_the_matching_is_the_best_of_all(pair):
    pred, truth = pair
    assert matched_iou(pred, truth) == pytest.approx(best_of_all_pairings(pred, truth), rel=1e-12)


def test_accuracy_counts_the_pixels_in_the_pairs(pair):
    pred, truth = pair
    found = match(contingency(pred, truth))
    right = sum(
        ((pred == s) & (truth == np.unique(truth)[g])).sum()
        for s, g in zip(np.unique(pred), found.partner, strict=True)
        if g >= 0
    )
    assert matched_accuracy(pred, truth) == pytest.approx(right / pred.size, rel=1e-12)


def test_scikit_learn_agrees_on_the_adjusted_rand_index(pair):
    a, b = pair
    assert adjusted_rand_index(a, b) == pytest.approx(adjusted_rand_score(a.ravel(), b.ravel()), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([0, 0, 0, 0], [3, 3, 3, 3]),
        ([0, 1, 2, 3], [3, 2, 1, 0]),
        ([0, 0, 0, 0], [0, 1, 2, 3]),
        ([0, 0, 0, 0], [0, 0, 1, 1]),
        ([0, 1, 0, 1], [0, 0, 1, 1]),
        ([5], [7]),
    ],
)
def test_degenerate_partitions_as_scikit_learn_has_them(a, b):
    assert adjusted_rand_index(np.array(a), np.array(b)) == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)


def test_chance_has_an_adjusted_rand_index_of_zero():
    rng = np.random.default_rng(0)
    a, b = np.repeat([0, 1, 2], [30, 20, 10]), np.repeat([0, 1], 30)
    drawn = [adjusted_rand_index(rng.permutation(a), b) for _ in range(2000)]
    assert abs(np.mean(drawn)) < 4 * np.std(drawn) / np.sqrt(len(drawn))


def test_equal_partitions_are_perfect_whatever_the_names(pair):
    a, _ = pair
    renamed = 1000 - 7 * a
    scores = score_labels(contingency(a, renamed))
    assert (scores.miou, scores.accuracy, scores.adjusted_rand, scores.covering, scores.rand) == (1, 1, 1, 1, 1)
    assert scores.voi == 0


def test_all_scores_come_from_one_table(pair):
    a, b = pair
    scores = score_labels(contingency(a, b))
    assert scores.miou == matched_iou(a, b)
    assert scores.accuracy == matched_accuracy(a, b)
    assert (scores.adjusted_rand, scores.covering) == (adjusted_rand_index(a, b), covering(a, b))
    assert (scores.rand, scores.voi) == (rand_index(a, b), voi(a, b))


def test_more_segments_than_regions_leave_some_alone():
    truth = np.array([0, 0, 0, 0, 1, 1])
    pred = np.array([0, 0, 0, 2, 1, 1])
    found = match(contingency(pred, truth))
    assert found.partner.tolist() == [0, 1, -1]
    np.testing.assert_allclose(found.ious, [3 / 4, 1])
    assert (found.miou, found.accuracy) == (pytest.approx(7 / 8), pytest.approx(5 / 6))


def test_fewer_segments_than_regions_count_zero():
    truth, pred = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 1, 1, 1, 1])
    found = match(contingency(pred, truth))
    assert sorted(found.ious.tolist()) == [0, 0.5, 1]
    assert (found.miou, found.accuracy) == (pytest.approx(0.5), pytest.approx(4 / 6))


def test_a_pair_that_shares_nothing_is_no_pair():
    pred, truth = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])
    assert match(np.array([[2, 0], [2, 0]])).partner.tolist().count(-1) == 1
    assert match(contingency(pred, truth)).partner.tolist() == [0, 1]


def test_left_out_pixels_count_for_nothing():
    rng = np.random.default_rng(1)
    pred, truth = rng.integers(0, 3, (8, 9)), rng.integers(0, 3, (8, 9))
    truth[0] = 255
    pred[0, 0] = 9  # a segment that lives on left-out pixels only
    o = overlap(torch.tensor(pred), truth, ignore=255)
    assert (o.segments, o.regions) == ((0, 1, 2), (0, 1, 2))
    np.testing.assert_array_equal(o.table, contingency(pred[1:], truth[1:]))
    assert overlap(pred, truth, ignore=77).regions == (0, 1, 2, 255)
    with pytest.raises(InputError, match="left out"):
        overlap(pred, np.full_like(pred, 255), ignore=255)


def test_pooled_tables_are_those_of_the_pictures_side_by_side():
    rng = np.random.default_rng(2)
    preds, truths = rng.integers(0, 4, (3, 50)), 20 * rng.integers(0, 3, (3, 50))
    truths[1][truths[1] == 20] = 40  # not every picture shows every class
    whole = pooled([overlap(p, t) for p, t in zip(preds, truths, strict=True)])
    assert (whole.segments, whole.regions) == ((0, 1, 2, 3), (0, 20, 40))
    np.testing.assert_array_equal(whole.table, contingency(preds.ravel(), truths.ravel()))


def test_one_pairing_for_all_pictures_is_never_better_than_one_each():
    """Accuracy of the best pooled pairing by pixels cannot exceed the best of each picture; here the roles swap."""
    truth = np.array([0, 0, 0, 1])
    tables = [overlap(truth, truth), overlap(1 - truth, truth)]
    assert [match(o.table).accuracy for o in tables] == [1, 1]
    assert match(pooled(tables).table).accuracy == 0.5
