"""Semantic scores against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, jaccard_score

from segcore import InputError
from segcore.metrics.semantic import semantic_scores


@pytest.mark.parametrize("share", [0.0, 0.2, 0.7])
def test_equals_scikit_learn(share):
    rng = np.random.default_rng(0)
    for _ in range(20):
        truth = rng.integers(0, 4, (7, 9)) * 3 - 2
        pred = np.where(rng.random(truth.shape) < share, rng.integers(0, 6, truth.shape) * 3 - 2, truth)
        scores = semantic_scores(pred, truth)
        labels = sorted({*pred.ravel().tolist(), *truth.ravel().tolist()})
        expected = jaccard_score(truth.ravel(), pred.ravel(), labels=labels, average=None, zero_division=0)
        assert list(scores.iou) == labels
        np.testing.assert_allclose(list(scores.iou.values()), expected)
        assert scores.accuracy == pytest.approx(accuracy_score(truth.ravel(), pred.ravel()))
        assert scores.miou == pytest.approx(expected.mean())


def test_bad_maps_are_a_sentence():
    with pytest.raises(InputError, match="same size"):
        semantic_scores(np.zeros((2, 2), int), np.zeros((2, 3), int))
