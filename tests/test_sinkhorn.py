"""Sinkhorn's balance: its marginals, its form, and the assignment that it becomes."""

import pytest
import torch
from scipy.optimize import linear_sum_assignment

from segcore import InputError
from segcore.cluster.sinkhorn import sinkhorn, sinkhorn_steps


def scores(seed, n=24, k=4):
    return torch.rand(n, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("seed", range(3))
def test_all_clusters_are_used_alike_in_the_end(seed):
    S = scores(seed) + torch.tensor([1.0, 0, 0, 0])  # a cluster that all would take
    assert sinkhorn(S, temperature=0.1, rounds=0).mean(0)[0] > 0.9
    Q = sinkhorn(S, temperature=0.1, rounds=200)
    torch.testing.assert_close(Q.sum(1), torch.ones(24).double())
    torch.testing.assert_close(Q.mean(0), torch.full((4,), 0.25).double(), atol=1e-6, rtol=0)


def test_each_round_comes_closer_and_rows_always_sum_to_one():
    states = list(sinkhorn_steps(scores(1) + torch.tensor([0.5, 0, 0, 0]), temperature=0.1, rounds=5))
    assert [state.name for state in states] == ["softmax", *(f"round-{i}" for i in range(1, 6))]
    away = [float((state.use - 0.25).abs().sum()) for state in states]
    assert away == sorted(away, reverse=True)
    assert all(torch.allclose(state.Q.sum(1), torch.ones(24).double()) for state in states)


def test_it_scales_rows_and_columns_and_changes_nothing_else():
    """ln Q − S / ε = a_i + b_k: of the balanced Q the one with the largest entropy for its score."""
    S = scores(2)
    rest = sinkhorn(S, temperature=0.2, rounds=50).log() - S / 0.2
    mixed = rest - rest.mean(0) - rest.mean(1, keepdim=True) + rest.mean()
    torch.testing.assert_close(mixed, torch.zeros_like(mixed), atol=1e-9, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_with_a_small_temperature_it_is_the_best_assignment(seed):
    S = scores(seed)
    Q = sinkhorn(S, temperature=0.005, rounds=3000)
    rows, columns = linear_sum_assignment(-S.repeat_interleave(6, 1).numpy())
    assert torch.equal(Q.argmax(1)[rows], torch.from_numpy(columns // 6))


def test_more_clusters_than_points_and_what_is_refused():
    Q = sinkhorn(scores(0, n=3, k=50), rounds=100)
    torch.testing.assert_close(Q.sum(0), torch.full((50,), 3 / 50).double(), atol=1e-3, rtol=0)
    with pytest.raises(InputError, match="temperature"):
        sinkhorn(scores(0), temperature=0.0)
