"""Modularity: networkx' numbers, two roads to one answer, and what the second term is for."""

import networkx
import pytest
import torch

from segcore import InputError
from segcore.graph.modularity import (
    excess,
    joined_by_modularity,
    louvain,
    modularity,
    positive_cosines,
    soft_modularity,
)


def random_graph(seed, n=24):
    g = torch.Generator().manual_seed(seed)
    A = (torch.rand(n, n, generator=g) - 0.4).clamp_min(0).double().triu(1)
    return A + A.T, torch.randint(4, (n,), generator=g)


def cliques(sizes):
    kinds = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return (kinds[:, None] == kinds).double().fill_diagonal_(0), kinds


def sets_of(labels):
    return [set((labels == c).nonzero()[:, 0].tolist()) for c in labels.unique()]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("resolution", [0.0, 0.5, 1.0, 2.0])
def test_modularity_is_that_of_networkx(seed, resolution):
    A, labels = random_graph(seed)
    graph = networkx.from_numpy_array(A.numpy())
    expected = networkx.community.modularity(graph, sets_of(labels), resolution=resolution)
    assert modularity(A, labels, resolution=resolution) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_soft_memberships_that_are_hard_have_the_same_modularity(seed):
    A, labels = random_graph(seed)
    S = torch.nn.functional.one_hot(labels, 6).double()
    assert float(soft_modularity(excess(A), S)) == pytest.approx(modularity(A, labels), abs=1e-10)
    batch = soft_modularity(excess(torch.stack([A, 2 * A])), torch.stack([S, S]))
    torch.testing.assert_close(batch[0], batch[1])  # the scale of the weights says nothing


def test_one_group_of_all_is_worth_nothing_and_without_the_second_term_everything():
    A, labels = random_graph(0)
    one = torch.zeros_like(labels)
    assert modularity(A, one) == pytest.approx(0, abs=1e-12)
    assert modularity(A, one, resolution=0) == pytest.approx(1)
    assert modularity(A, labels, resolution=0) < 1
    assert len(joined_by_modularity(A, resolution=0).unique()) == 1  # "one concept takes all"


@pytest.mark.parametrize("find", [joined_by_modularity, lambda A: louvain(A, seed=0)])
def test_cliques_are_found_without_their_number(find):
    A, kinds = cliques([4, 5, 6, 7])
    found = find((A + 0.05).fill_diagonal_(0))
    assert torch.equal(found, kinds)
    parts = torch.tensor([0.25] * 4)
    same, kinds = cliques([5] * 4)
    assert modularity(same, kinds) == pytest.approx(1 - float((parts**2).sum()))  # 1 − Σ share²


@pytest.mark.parametrize("seed", range(4))
def test_unions_are_those_of_networkx(seed):
    A, _ = random_graph(seed)
    graph = networkx.from_numpy_array(A.numpy())
    for k in (None, 3):
        more = {} if k is None else {"cutoff": k, "best_n": k}
        expected = networkx.community.greedy_modularity_communities(graph, weight="weight", **more)
        found = joined_by_modularity(A, n_groups=k)
        assert modularity(A, found) == pytest.approx(networkx.community.modularity(graph, expected), abs=1e-9)
        assert k in (None, len(found.unique()))


def test_louvain_is_no_worse_than_chance_and_the_same_again():
    A, _ = random_graph(1, n=60)
    found = louvain(A, seed=3)
    assert torch.equal(found, louvain(A, seed=3))
    assert modularity(A, found) > modularity(A, torch.arange(60) % 4)


def test_a_graph_without_edges_and_one_node():
    nothing = torch.zeros(3, 3)
    assert modularity(nothing, torch.tensor([0, 0, 1])) == 0
    assert joined_by_modularity(nothing).tolist() == [0, 1, 2]
    assert joined_by_modularity(nothing, n_groups=1).tolist() == [0, 0, 0]
    assert joined_by_modularity(torch.zeros(1, 1)).tolist() == [0]


def test_weights_are_positive_cosines_without_the_patch_itself():
    A = positive_cosines(torch.tensor([[1.0, 0], [1, 1], [-1, 0]]))
    torch.testing.assert_close(A, torch.tensor([[0, 0.5**0.5, 0], [0.5**0.5, 0, 0], [0, 0, 0]]))


def test_what_is_no_graph_is_refused():
    with pytest.raises(InputError, match="≥ 0"):
        modularity(-torch.ones(2, 2), torch.zeros(2))
    with pytest.raises(InputError, match="n_groups"):
        joined_by_modularity(torch.ones(2, 2), n_groups=3)
    with pytest.raises(InputError, match="shape"):
        modularity(torch.ones(2, 3), torch.zeros(2))
