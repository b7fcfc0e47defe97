"""Scores of objects against their definitions, brute force and scikit-learn."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.metrics import fbeta_score

from segcore import InputError
from segcore.metrics import best_union_iou, box_iou, f_beta, f_beta_curve, mask_accuracy, mask_iou, max_f_beta


@pytest.fixture(params=[0, 1, 2])
def masks(request):
    rng = np.random.default_rng(request.param)
    return rng.random((9, 13)) < 0.4, rng.random((9, 13)) < 0.3


def test_f_beta_is_that_of_scikit_learn(masks):
    found, there = masks
    assert f_beta(found, there) == pytest.approx(fbeta_score(there.ravel(), found.ravel(), beta=0.3**0.5), rel=1e-12)
    assert f_beta(found, there, beta2=4) == pytest.approx(fbeta_score(there.ravel(), found.ravel(), beta=2), rel=1e-12)


def test_f_beta_by_hand():
    found, there = np.array([1, 1, 1, 0]), np.array([1, 0, 0, 1])
    precision, recall = 1 / 3, 1 / 2
    assert f_beta(found, there) == pytest.approx(1.3 * precision * recall / (0.3 * precision + recall))
    nothing = np.zeros(4)
    assert (f_beta(nothing, nothing), f_beta(nothing, there), f_beta(there, nothing)) == (1, 0, 0)
    assert f_beta(torch.tensor(there), 255 * there) == 1


def test_precision_weighs_more_than_recall():
    there = np.array([1, 1, 0, 0])
    assert f_beta(np.array([1, 0, 0, 0]), there) > f_beta(np.array([1, 1, 1, 1]), there)


def test_the_curve_is_f_beta_at_each_threshold(masks):
    _, there = masks
    soft = np.random.default_rng(4).normal(size=there.shape) + there
    stretched = (soft - soft.min()) / (soft.max() - soft.min())
    expected = [f_beta(stretched >= t, there) for t in np.linspace(0, 1, 255)]
    np.testing.assert_allclose(f_beta_curve(torch.tensor(soft), there), expected, rtol=1e-12)
    assert max_f_beta(soft, there) == pytest.approx(max(expected))


def test_the_scale_of_a_soft_map_does_not_matter(masks):
    _, there = masks
    soft = np.random.default_rng(5).integers(0, 64, there.shape) / 64
    np.testing.assert_array_equal(f_beta_curve(soft, there), f_beta_curve(8 * soft - 4, there))


def test_a_hard_mask_has_one_f_beta(masks):
    found, there = masks
    curve = f_beta_curve(found, there)
    assert curve[0] == pytest.approx(f_beta(np.ones_like(found), there))
    np.testing.assert_allclose(curve[1:], f_beta(found, there))
    np.testing.assert_allclose(f_beta_curve(np.ones_like(found), there), f_beta(np.ones_like(found), there))
    assert f_beta_curve(np.zeros_like(found), there)[1:].max() == 0


def test_accuracy_is_the_share_of_equal_pixels(masks):
    found, there = masks
    assert mask_accuracy(found, there) == pytest.approx((found == there).mean())
    assert mask_accuracy(found, ~found) == 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_the_best_union_is_the_best_of_all_unions(seed, share):
    """With much object the union of all segments would win, which is no choice; the best one leaves out one of them."""
    rng = np.random.default_rng(seed)
    labels, there = rng.integers(0, 5, (7, 8)) * 3, rng.random((7, 8)) < share
    unions = [u for r in range(1, 5) for u in itertools.combinations(range(0, 15, 3), r)]
    assert best_union_iou(labels, there) == pytest.approx(max(mask_iou(np.isin(labels, u), there) for u in unions))


def test_of_two_segments_the_better_side_counts(masks):
    found, there = masks
    assert best_union_iou(found, there) == pytest.approx(max(mask_iou(found, there), mask_iou(~found, there)))
    assert best_union_iou(np.zeros_like(found), there) == pytest.approx(there.mean())


def test_boxes_overlap_as_their_masks_do():
    rng = np.random.default_rng(7)
    for _ in range(50):
        boxes = []
        for _ in range(2):
            (x0, x1), (y0, y1) = np.sort(rng.choice(12, 2, replace=False)), np.sort(rng.choice(9, 2, replace=False))
            boxes.append((x0, y0, x1, y1))
        painted = np.zeros((2, 9, 12), bool)
        for mask, (x0, y0, x1, y1) in zip(painted, boxes, strict=True):
            mask[y0:y1, x0:x1] = True
        assert box_iou(*boxes) == pytest.approx(mask_iou(*painted))


@pytest.mark.parametrize("score", [mask_iou, mask_accuracy, f_beta, f_beta_curve, best_union_iou])
def test_other_sizes_are_refused(score):
    with pytest.raises(InputError, match="same size"):
        score(np.zeros((3, 4), int), np.zeros((4, 3), int))


def test_what_is_no_number_is_refused():
    with pytest.raises(InputError, match="finite"):
        f_beta_curve(np.array([0.0, np.nan]), np.array([0, 1]))
    with pytest.raises(InputError, match="at least one pixel"):
        mask_accuracy(np.zeros((0, 3)), np.zeros((0, 3)))
