"""Panoptic quality against brute force over sets of pixels, and its theory."""

import numpy as np
import pytest

from segcore import InputError
from segcore.metrics.panoptic import panoptic_quality

THINGS = {2, 3}


def by_hand(classes, instances, true_classes, true_instances):
    """PQ per class from sets of pixels, one segment after the other."""

    def segments(a, b):
        found = {}
        for at, (label, instance) in enumerate(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)):
            found.setdefault((label, instance if label in THINGS else 0), set()).add(at)
        return found

    ours, theirs = segments(classes, instances), segments(true_classes, true_instances)
    scores = {}
    for label in {key[0] for key in (*ours, *theirs)}:
        mine = [pixels for key, pixels in ours.items() if key[0] == label]
        there = [pixels for key, pixels in theirs.items() if key[0] == label]
        ious = [len(a & b) / len(a | b) for a in mine for b in there if len(a & b) / len(a | b) > 0.5]
        fp, fn = len(mine) - len(ious), len(there) - len(ious)
        scores[label] = sum(ious) / (len(ious) + fp / 2 + fn / 2)
    return scores


def scene(rng):
    blocks = rng.integers(0, 4, (3, 4)), rng.integers(0, 3, (3, 4))
    return [np.kron(b, np.ones((3, 3), int)) for b in blocks]


def disturbed(rng, maps, share):
    return [np.where(rng.random(m.shape) < share, rng.integers(0, 4, m.shape), m) for m in maps]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.6])
def test_equals_sets_of_pixels(share):
    rng = np.random.default_rng(0)
    for _ in range(25):
        truth = scene(rng)
        found = disturbed(rng, truth, share)
        result = panoptic_quality(*found, *truth, things=THINGS)
        expected = by_hand(*found, *truth)
        assert {c.label: c.pq for c in result.classes} == pytest.approx(expected)
        assert result.pq == pytest.approx(np.mean(list(expected.values())))
        for c in result.classes:
            assert c.pq == pytest.approx(c.sq * c.rq)
            assert c.pq <= min(c.sq, c.rq) + 1e-12
        used = [m.true for m in result.matches], [m.found for m in result.matches]
        assert all(len(set(names)) == len(names) for names in used)  # no segment has two partners


def test_a_perfect_answer_and_renamed_instances():
    truth = scene(np.random.default_rng(1))
    renamed = [truth[0], 7 - truth[1]]
    result = panoptic_quality(*renamed, *truth, things=THINGS)
    assert result.pq == 1
    assert not result.false_positives
    assert not result.false_negatives


def test_instances_of_stuff_do_not_count():
    classes, zeros = np.array([[0, 0, 1, 1]]), np.zeros((1, 4), int)
    assert panoptic_quality(classes, np.array([[1, 2, 3, 4]]), classes, zeros, things=THINGS).pq == 1


def test_two_things_in_one_segment_cost_both():
    """Semantic labels are perfect, and yet neither of two things of equal size is found."""
    classes = np.full((2, 4), 2)
    there = np.array([[1, 1, 2, 2]] * 2)
    result = panoptic_quality(classes, np.ones_like(there), classes, there, things=THINGS)
    (score,) = result.classes
    assert (score.tp, score.fp, score.fn, result.pq) == (0, 1, 2, 0.0)


def as_panopticapi(classes, instances, true_classes, true_instances, void, crowds):
    """Its rules over sets of pixels: class → (sum of IoUs, TP, FP, FN), of classes where one of these is not 0."""

    def segments(a, b):
        found = {}
        for at, (label, instance) in enumerate(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)):
            found.setdefault((label, instance if label in THINGS else 0), set()).add(at)
        unlabelled = set().union(*(pixels for key, pixels in found.items() if key[0] == void))
        return {key: pixels for key, pixels in found.items() if key[0] != void}, unlabelled

    (ours, _), (theirs, unlabelled) = segments(classes, instances), segments(true_classes, true_instances)
    scores = {label: [0.0, 0, 0, 0] for label, _ in (*ours, *theirs)}
    hit, met = set(), set()
    for there, b in theirs.items():
        for found, a in ours.items():
            if there in crowds or there[0] != found[0]:
                continue
            iou = len(a & b) / (len(a) + len(b) - len(a & b) - len(a & unlabelled))
            if iou > 0.5:
                scores[there[0]][0] += iou
                scores[there[0]][1] += 1
                hit, met = hit | {there}, met | {found}
    for there in theirs:
        scores[there[0]][3] += there not in hit and there not in crowds
    for found, a in ours.items():
        crowd = set().union(*(theirs[s] for s in crowds if s in theirs and s[0] == found[0]))
        if found not in met and not (len(a & unlabelled) + len(a & crowd)) / len(a) > 0.5:
            scores[found[0]][2] += 1
    return {label: s for label, s in scores.items() if sum(s[1:])}


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4])
def test_void_and_crowds_are_those_of_panopticapi(share):
    rng = np.random.default_rng(1)
    different = 0
    for _ in range(40):
        truth = scene(rng)
        crowds = {(2, 1), (3, 2)}
        found = disturbed(rng, truth, share)
        result = panoptic_quality(*found, *truth, things=THINGS, void=0, crowds=crowds)
        expected = as_panopticapi(*found, *truth, 0, crowds)
        assert {c.label: (c.tp, c.fp, c.fn) for c in result.classes} == {k: tuple(s[1:]) for k, s in expected.items()}
        quality = {k: s[0] / (s[1] + s[2] / 2 + s[3] / 2) for k, s in expected.items()}
        assert {c.label: c.pq for c in result.classes} == pytest.approx(quality)
        different += result.pq != panoptic_quality(*found, *truth, things=THINGS).pq
    assert share == 0 or different > 30


def test_void_and_crowds_by_hand():
    """Void 0, thing 2. Ten pixels; three are void. Found: a thing of six, of which the true one has four and void two."""
    there, found = np.array([[2, 2, 2, 2, 0, 0, 0, 1, 1, 1]]), np.array([[2, 2, 2, 2, 2, 2, 1, 1, 1, 1]])
    zeros = np.zeros((1, 10), int)
    result = panoptic_quality(found, zeros, there, zeros, things=THINGS, void=0)
    assert [(c.label, c.pq) for c in result.classes] == [(1, 1.0), (2, 1.0)]  # 4 / (6 + 4 − 4 − 2), 3 / (4 + 3 − 3 − 1)
    plain = panoptic_quality(found, zeros, there, zeros, things=THINGS)
    assert [(c.label, round(c.pq, 3)) for c in plain.classes] == [(0, 0.0), (1, 0.75), (2, 0.667)]
    # A crowd of four: whoever lies in it has neither found nor missed anything; the class is not in the mean.
    small = np.array([[2, 2, 2, 0, 0, 0, 0, 1, 1, 1]])
    crowd = panoptic_quality(small, zeros, there, zeros, things=THINGS, void=0, crowds={(2, 0)})
    assert [(c.label, c.pq) for c in crowd.classes] == [(1, 1.0)]
    # Half of it in void is not more than half.
    half = np.array([[3, 3, 3, 3, 3, 3, 3, 3, 1, 1]]), np.array([[2, 2, 2, 2, 0, 0, 0, 0, 1, 1]])
    (one,) = panoptic_quality(half[0], zeros, half[1], zeros, things=THINGS, void=0).false_positives
    assert one == (3, 0)


def test_bad_maps_are_a_sentence():
    a = np.zeros((2, 2), int)
    with pytest.raises(InputError, match="same size"):
        panoptic_quality(a, a, np.zeros((3, 2), int), np.zeros((3, 2), int), things=THINGS)
    with pytest.raises(InputError, match="whole numbers"):
        panoptic_quality(a * 0.5, a, a, a, things=THINGS)
