"""Every comparison fails for a wrong answer."""

import pytest
import torch

from tests.asserts import assert_close, assert_same_partition, assert_same_subspace, assert_simplex


def test_close_fails_for_another_value():
    assert_close(torch.ones(3), torch.ones(3) * (1 + 5e-5))
    with pytest.raises(AssertionError):
        assert_close(torch.ones(3), torch.ones(3) * 1.001)


def test_same_partition_ignores_labels_but_not_members():
    assert_same_partition(torch.tensor([0, 0, 1]), torch.tensor([1, 1, 0]))
    with pytest.raises(AssertionError, match="adjusted Rand"):
        assert_same_partition(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]))


def test_same_subspace_ignores_rotation_but_not_direction():
    basis = torch.eye(4)[:, :2]
    rotated = basis @ torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    assert_same_subspace(rotated, basis, angle=1e-6)
    with pytest.raises(AssertionError, match="angle"):
        assert_same_subspace(torch.eye(4)[:, 1:3], basis, angle=1e-3)


def test_simplex_fails_for_a_wrong_sum_and_for_a_negative_entry():
    assert_simplex(torch.full((4, 2), 0.5), dim=1)
    with pytest.raises(AssertionError):
        assert_simplex(torch.full((4, 2), 0.6), dim=1)
    with pytest.raises(AssertionError, match="negative"):
        assert_simplex(torch.tensor([[-0.5, 1.5]]), dim=1)
