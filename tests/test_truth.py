"""One result against its truth: scores, pairs, and pixels at fault."""

import dataclasses

import numpy as np
import pytest
import torch

from segcore import InputError, Pipeline, Settings
from segcore.evaluate.compare import (
    EXTRA,
    LEFT_OUT,
    MISSED,
    RIGHT,
    UNPAIRED,
    WRONG,
    compare,
    object_numbers,
    score_objects,
    soft_map,
)
from segcore.image import LabelFile
from segcore.metrics import contingency, f_beta, mask_iou, matched_accuracy, max_f_beta, score_labels
from tests.scenes import two_discs

SETTINGS = Settings(backbone="color", max_side=96, n_segments=3)
PICTURE, TRUTH = two_discs()


@pytest.fixture(scope="module")
def pipeline():
    return Pipeline(device="cpu", cache_bytes=64 << 20)


def drawn(labels, colors=False):
    return LabelFile(torch.as_tensor(labels).long(), colors)


def run(pipeline, **changes):
    return pipeline.run(PICTURE, SETTINGS.replace(**changes))


def test_a_result_agrees_fully_with_itself(pipeline):
    result = run(pipeline)
    found = compare(result, drawn(result.label_map))
    assert (found.scores.miou, found.scores.voi, found.objects, found.notes) == (1, 0, None, ())
    assert set(found.errors.unique().tolist()) == {RIGHT}
    assert torch.equal(found.paired, found.truth)


def test_names_and_gaps_of_labels_do_not_matter(pipeline):
    result = run(pipeline)
    plain = compare(result, drawn(TRUTH))
    odd = compare(result, drawn(torch.tensor([7, 0x1000384, 0x1FF0000])[TRUTH], colors=True))
    assert odd.scores == plain.scores
    assert odd.regions == ("#070707", "#000384", "#ff0000")
    assert torch.equal(odd.errors, plain.errors)


def test_errors_are_the_pixels_that_accuracy_misses(pipeline):
    result = run(pipeline, n_segments=6)
    found = compare(result, drawn(TRUTH))
    right = (found.errors == RIGHT).float().mean()
    assert float(right) == pytest.approx(found.scores.accuracy) == matched_accuracy(result.label_map, TRUTH)
    assert found.scores == score_labels(contingency(result.label_map, TRUTH))
    alone = [label for label, g in zip(found.segments, found.matching.partner, strict=True) if g < 0]
    assert len(alone) == 3
    assert torch.equal(found.errors == UNPAIRED, torch.isin(result.label_map, torch.tensor(alone)))
    assert set(found.errors.unique().tolist()) <= {RIGHT, WRONG, UNPAIRED}
    assert sum(found.areas) == pytest.approx(1)


def test_left_out_pixels_are_shown_and_not_counted(pipeline):
    result, truth = run(pipeline), TRUTH.clone()
    truth[:10] = 255
    found = compare(result, drawn(truth), ignore=255)
    assert torch.equal(found.errors == LEFT_OUT, truth == 255)
    assert found.scores == score_labels(contingency(result.label_map[10:], TRUTH[10:]))
    assert found.regions == ("0", "1", "2")
    (note,) = compare(result, drawn(TRUTH), ignore=255).notes
    assert "No pixel of the ground truth is 255" in note


def test_objects_are_scored_where_the_method_finds_objects(pipeline):
    result = run(pipeline, method="fiedler")
    found, mask, there = compare(result, drawn(TRUTH)), result.label_map > 0, TRUTH > 0
    o = found.objects
    assert o.iou == mask_iou(mask, there)
    assert o.f_beta == f_beta(mask, there)
    assert o.best_iou == max(mask_iou(mask, there), mask_iou(~mask, there))
    assert o.max_f_beta == max_f_beta(soft_map(result), there)
    assert o.accuracy == float((mask == there).double().mean())
    codes = torch.where(mask == there, RIGHT, torch.where(there, MISSED, EXTRA))
    assert torch.equal(found.errors.long(), codes)


def test_the_soft_map_is_high_on_the_object_whichever_side_it_is(pipeline):
    for flip in (False, True):
        result = run(pipeline, method="fiedler", flip=flip, upsampling="nearest")
        soft, mask = soft_map(result), result.label_map > 0
        assert soft.shape == mask.shape
        assert soft[mask].min() >= soft[~mask].max()  # the cut is a threshold of it
    assert soft_map(run(pipeline, method="maskcut")) is None


def test_several_objects_count_together_and_the_best_box_counts(pipeline):
    result = run(pipeline, method="maskcut", mask_tau=0.9)
    assert result.has_background
    o = score_objects(result, TRUTH.numpy())
    assert o.iou == mask_iou(result.label_map > 0, TRUTH > 0)
    itself = score_objects(result, result.label_map.numpy())
    scores = (itself.iou, itself.best_iou, itself.f_beta, itself.max_f_beta, itself.accuracy)
    assert scores == pytest.approx((1, 1, 1, 1, 1))


def test_a_box_is_that_of_the_largest_piece_and_each_object_has_one(pipeline):
    result = run(pipeline, method="fiedler")
    label_map = torch.zeros_like(result.label_map)
    label_map[5:20, 10:30], label_map[40:42, 50:60] = 1, 1  # an object in two pieces
    result = dataclasses.replace(result, label_map=label_map)
    truth = np.zeros(label_map.shape, int)
    truth[5:20, 10:30], truth[30:45, 40:60] = 2, 5
    o = score_objects(result, truth)
    assert (o.box_iou, o.found_box) == (1, True)
    truth[5:20, 10:21] = 0  # 9 of 20 columns are left
    assert score_objects(result, truth).box_iou == pytest.approx(9 / 20)
    assert not score_objects(result, truth).found_box
    nothing = dataclasses.replace(result, label_map=torch.zeros_like(label_map))
    assert score_objects(nothing, truth).box_iou == 0


def test_only_object_methods_have_objects(pipeline):
    with pytest.raises(InputError, match="two-way") as error:
        score_objects(run(pipeline), TRUTH.numpy())
    assert error.value.field == "method"


@pytest.mark.parametrize(
    ("labels", "numbers"),
    [
        ([0, 1, 3], [0, 1, 2]),
        ([0, 9], [0, 1]),
        ([4, 200], [0, 1]),
        ([-3, 0, 5], [1, 0, 2]),
        ([0, 0x100FF00, 0x1FF0000], [0, 1, 2]),
    ],
)
def test_zero_is_the_background_or_the_lower_of_two(labels, numbers):
    assert object_numbers(labels) == (numbers, "")


@pytest.mark.parametrize(("labels", "words"), [([1, 2, 3], "names no background"), ([7], "one value only")])
def test_a_truth_without_objects_is_said(labels, words):
    found, why_not = object_numbers(labels)
    assert found is None
    assert words in why_not


def test_left_out_pixels_are_neither_object_nor_background(pipeline):
    result, truth = run(pipeline, method="fiedler"), TRUTH.clone()
    truth[:, :9] = 255
    found = compare(result, drawn(truth), ignore=255)
    plain = (result.label_map[:, 9:] > 0, TRUTH[:, 9:] > 0)
    assert (found.objects.iou, found.objects.f_beta) == (mask_iou(*plain), f_beta(*plain))
    assert torch.equal(found.errors == LEFT_OUT, truth == 255)


def test_a_truth_of_one_value_tells_what_can_be_measured(pipeline):
    found = compare(run(pipeline, method="fiedler"), drawn(np.full(TRUTH.shape, 3)))
    assert found.objects is None
    (note,) = found.notes
    assert "one value only" in note
    assert 0 < found.scores.covering < 1


def test_another_size_is_refused_with_both_sizes(pipeline):
    with pytest.raises(InputError, match="100 × 50 px, but its picture 64 × 48 px") as error:
        compare(run(pipeline), drawn(np.zeros((50, 100))))
    assert error.value.field == "image"
