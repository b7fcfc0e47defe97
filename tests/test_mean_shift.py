"""Mean shift against scikit-learn on blobs, its stopping, and bandwidths that are too wide or too narrow."""

import pytest
import torch
from sklearn.cluster import MeanShift

from segcore.cluster.mean_shift import mean_shift, spread
from segcore.errors import InputError
from tests.asserts import assert_same_partition


def blobs(generator, sizes=(40, 30, 20), d=3, apart=4.0):
    truth = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    centers = apart * torch.eye(d)[: len(sizes)]
    return centers[truth] + 0.3 * torch.randn(len(truth), d, generator=generator), truth


def test_blobs_are_found_without_saying_how_many(generator):
    X, truth = blobs(generator)
    found = mean_shift(X, bandwidth=2.0)
    assert_same_partition(found.labels, truth)
    assert found.facts["modes"] == found.objective == 3
    assert found.converged
    assert found.notes == ()


@pytest.mark.parametrize("bandwidth", [1.2, 2.0, 3.0])
def test_it_is_that_of_scikit_learn(bandwidth, generator):
    X, _ = blobs(generator, sizes=(30, 25, 20, 10), d=4)
    expected = MeanShift(bandwidth=bandwidth).fit(X.numpy())
    assert_same_partition(mean_shift(X, bandwidth=bandwidth).labels, torch.from_numpy(expected.labels_))


def test_a_row_belongs_to_the_hill_that_it_climbs():
    """A long slope up to 3, and a small crowd at −1.5, which is nearer to the foot of the slope than its top is."""
    slope = 3 * torch.linspace(0, 1, 80).sqrt()
    found = mean_shift(torch.cat([slope, torch.full((9,), -1.5)])[:, None], bandwidth=1.0)
    assert found.labels.tolist() == [0] * 80 + [1] * 9


def test_moving_and_scaling_change_nothing(generator):
    X, _ = blobs(generator)
    labels = mean_shift(X, bandwidth=2.0).labels
    assert_same_partition(mean_shift(X + 1000, bandwidth=2.0).labels, labels)
    assert_same_partition(mean_shift(5 * X, bandwidth=10.0).labels, labels)


def test_one_mode_and_a_mode_for_each_row_are_noted(generator):
    X = torch.randn(50, 3, generator=generator)
    wide, narrow = mean_shift(X, bandwidth=100.0), mean_shift(X, bandwidth=1e-3)
    assert wide.facts["modes"] == 1
    assert "Lower the bandwidth" in wide.notes[0]
    assert narrow.facts["modes"] == 50
    assert "Raise the bandwidth" in narrow.notes[0]


def test_a_stop_before_rest_is_noted(generator):
    X = torch.rand(200, 2, generator=generator)
    found = mean_shift(X, bandwidth=0.2, max_iter=1)
    assert not found.converged
    assert "stopped at 1 steps" in found.notes[-1]


@pytest.mark.parametrize("X", [torch.ones(1, 1), torch.zeros(7, 3), torch.ones(2, 5)])
def test_equal_rows_are_one_segment(X):
    assert mean_shift(X, bandwidth=0.5).labels.tolist() == [0] * len(X)


def test_spread_is_the_root_mean_square_distance():
    assert spread(torch.tensor([[3.0, 0.0], [-3.0, 0.0]])) == pytest.approx(3)
    assert spread(torch.ones(4, 2)) == 1


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_bandwidths_are_refused(bandwidth):
    with pytest.raises(InputError, match=r"^bandwidth .*[.]$") as error:
        mean_shift(torch.ones(3, 2), bandwidth=bandwidth)
    assert error.value.field == "bandwidth"
    with pytest.raises(InputError, match="NaN"):
        mean_shift(torch.full((3, 2), torch.nan), bandwidth=1.0)
