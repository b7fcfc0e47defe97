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


def test_bad_maps_are_a_sentence():
    a = np.zeros((2, 2), int)
    with pytest.raises(InputError, match="same size"):
        panoptic_quality(a, a, np.zeros((3, 2), int), np.zeros((3, 2), int), things=THINGS)
    with pytest.raises(InputError, match="whole numbers"):
        panoptic_quality(a * 0.5, a, a, a, things=THINGS)
