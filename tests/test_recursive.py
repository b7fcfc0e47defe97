"""Recursive normalized cuts: values by definition, order, what stops them, graphs that fall apart."""

import pytest
import torch

from segcore.cut.recursive import Halves, cut_recursively, recursive_ncut, smoothness
from segcore.errors import InputError
from tests import oracles
from tests.asserts import assert_same_partition
from tests.oracles import random_affinity


def groups(sizes, *, generator, across=0.02):
    truth = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    noise = torch.rand(len(truth), len(truth), generator=generator)
    return torch.where(truth[:, None] == truth, 1.0, across) + 0.005 * (noise + noise.T), truth


def test_two_groups_are_cut_at_their_ncut(generator):
    W, truth = groups((9, 5), generator=generator)
    found = recursive_ncut(W, n_segments=2)
    assert_same_partition(found.labels, truth)
    assert found.facts["ncut"] == pytest.approx(oracles.ncut(W, truth.bool()), rel=1e-4)


def test_one_cut_is_the_best_of_all_two_way_cuts_of_a_plain_graph(generator):
    W, _ = groups((6, 4), generator=generator, across=0.1)
    assert recursive_ncut(W, n_segments=2).objective == pytest.approx(oracles.best_ncut(W), rel=1e-4)


def test_all_groups_are_found_and_the_ncut_is_that_inside_a_segment(generator):
    W, truth = groups((8, 6, 5, 7), generator=generator)
    found = recursive_ncut(W, n_segments=4)
    assert_same_partition(found.labels, truth)
    assert (found.facts["cuts"], found.n_iter) == (3, 3)
    alone = recursive_ncut(W[:14, :14], n_segments=2).objective  # the last cut parts two groups, whatever the others do
    assert found.objective <= max(alone, found.facts["largest_ncut"]) + 1e-6


def test_segments_with_the_lowest_ncut_are_cut_first():
    """Four nodes; a stand-in for the eigensolver that knows a price for each segment."""
    prices = {(0, 1, 2, 3): 0.1, (0, 1): 0.5, (2, 3): 0.2}

    def halve(nodes):
        price = prices.get(tuple(nodes.tolist()))
        side = torch.arange(len(nodes)) >= len(nodes) // 2
        return price and Halves(side, price, 0.0, side.double())

    assert cut_recursively(4, halve, n_segments=3, max_ncut=2, smoothest=1).labels.tolist() == [0, 0, 1, 2]
    stopped = cut_recursively(4, halve, n_segments=4, max_ncut=0.3, smoothest=1)
    assert stopped.labels.tolist() == [0, 0, 1, 2]
    assert stopped.facts == {"cuts": 2, "ncut": 0.1, "largest_ncut": 0.2}
    assert "0.500. Raise max_ncut" in stopped.notes[0]


def test_rounds_tell_which_nodes_were_cut_and_how(generator):
    W, truth = groups((8, 6, 5), generator=generator)
    found = recursive_ncut(W, n_segments=3)
    first, second = found.rounds
    assert not bool(first.out.any())
    # The second cut works inside one side of the first, and says which.
    assert torch.equal(~second.out, first.side) or torch.equal(~second.out, ~first.side)
    assert second.remark == f"Cuts what cut 1 {'found' if bool(first.side[~second.out].any()) else 'left'}."
    assert not bool((second.side & second.out).any())
    assert not bool(second.v[second.out].any())
    assert_same_partition(first.side.long() + 2 * second.side.long(), truth)
    inside = W[~second.out][:, ~second.out]
    assert second.ncut == pytest.approx(oracles.ncut(inside, second.side[~second.out]), rel=1e-4)


def test_each_node_may_become_a_segment(generator):
    W = random_affinity(6, generator=generator)
    assert sorted(recursive_ncut(W, n_segments=6, max_ncut=2.0, smoothest=1.0).labels.tolist()) == list(range(6))
    more = recursive_ncut(W, n_segments=9, max_ncut=2.0, smoothest=1.0)
    assert int(more.labels.max()) == 5
    assert "6 of 9 segments" in more.notes[0]


def test_max_ncut_stops_where_the_next_cut_is_worse(generator):
    W, truth = groups((8, 6, 7), generator=generator)
    found = recursive_ncut(W, n_segments=10, max_ncut=0.5)
    assert_same_partition(found.labels, truth)
    assert recursive_ncut(W, n_segments=10, max_ncut=0.0).labels.tolist() == [0] * 21


def test_a_smooth_vector_is_not_cut(generator):
    """On a chain the eigenvector is a cosine: no threshold is better than the next."""
    near = (torch.arange(120)[:, None] - torch.arange(120)).abs() <= 1
    chain = near.double()
    assert recursive_ncut(chain, n_segments=2).n_iter == 0
    assert recursive_ncut(chain, n_segments=2, smoothest=1.0).n_iter == 1
    W, _ = groups((9, 5), generator=generator)
    assert recursive_ncut(W, n_segments=2).n_iter == 1


def test_smoothness_is_lowest_over_highest_bin():
    assert smoothness(torch.linspace(-1, 1, 1000)) > 0.95
    assert smoothness(torch.tensor([-1.0] * 5 + [1.0] * 5)) == 0
    assert smoothness(torch.zeros(7)) == 0


def test_components_are_parted_first_at_no_cost(generator):
    W, truth = groups((8, 6, 5), generator=generator)
    W = W * (truth[:, None] == truth)
    W[0, 0] = 3.0
    found = recursive_ncut(W, n_segments=3)
    assert_same_partition(found.labels, truth)
    assert found.objective == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("W", [torch.zeros(5, 5), torch.ones(5, 5), torch.eye(5), torch.ones(1, 1), torch.zeros(1, 1)])
def test_graphs_without_structure_give_some_answer(W):
    found = recursive_ncut(W, n_segments=3)
    assert sorted(found.labels.unique().tolist()) == list(range(int(found.labels.max()) + 1))
    assert found.objective == found.objective


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"n_segments": 0}, "n_segments"), ({"max_ncut": 3.0}, "max_ncut"), ({"smoothest": -0.1}, "smoothest")],
)
def test_bad_arguments_are_named(arguments, field):
    with pytest.raises(InputError, match=rf"^{field} .*[.]$") as error:
        recursive_ncut(torch.ones(3, 3), **{"n_segments": 2, **arguments})
    assert error.value.field == field
    with pytest.raises(InputError, match="negative"):
        recursive_ncut(-torch.ones(3, 3), n_segments=2)
