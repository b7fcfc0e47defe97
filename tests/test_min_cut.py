"""The minimum cut against enumeration, and what it is shown for: that it isolates a few patches."""

import numpy as np
import pytest
import torch

from segcore.cut.fiedler import fiedler_cut
from segcore.cut.min_cut import lightest_cut, min_cut
from segcore.errors import InputError
from segcore.graph.affinity import cosine_affinity
from segcore.graph.eigen import smallest_eigenpairs
from tests import oracles
from tests.scenes import planted_features


def random_graph(n, density, generator, levels=None):
    W = torch.rand(n, n, generator=generator, dtype=torch.float64) * (torch.rand(n, n, generator=generator) < density)
    W = (W if levels is None else (levels * W).round()).triu(1)
    return W + W.T


@pytest.mark.parametrize("density", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("levels", [None, 3])  # whole weights make many ties
@pytest.mark.parametrize("n", [2, 3, 6, 9])
def test_no_cut_is_lighter(n, density, levels, generator):
    for _ in range(12):
        W = random_graph(n, density, generator, levels)
        members, value = lightest_cut(W.numpy())
        side = torch.from_numpy(members)
        assert value == pytest.approx(oracles.lightest_cut(W), abs=1e-12)
        assert float(W[side][:, ~side].sum()) == pytest.approx(value, abs=1e-12)
        assert 0 < int(side.sum()) < n


def test_two_crowds_are_parted_where_single_nodes_cost_more(generator):
    """Ten and twelve nodes, all joined, and three thin edges between: here the minimum cut is the balanced one."""
    W = torch.zeros(22, 22)
    W[:10, :10] = W[10:, 10:] = 1
    for i in range(3):
        W[i, 12 + i] = W[12 + i, i] = 1
    found = min_cut(W, h=2, w=11)
    assert found.side.tolist() == [True] * 10 + [False] * 12
    assert found.facts["cut"] == pytest.approx(3)
    assert found.cut_value == pytest.approx(oracles.ncut(W, found.side))
    assert found.notes == ()


def test_two_against_two_on_a_complete_graph():
    """All weights are of one order, but the lightest cut is not that of a node."""
    W = torch.full((4, 4), 0.3)
    W[:2, :2] = W[2:, 2:] = 1.0
    found = min_cut(W, h=2, w=2)
    assert found.facts["cut"] == pytest.approx(1.2)
    assert found.side[0] == found.side[1] != found.side[2]


def test_a_patch_is_isolated_where_the_normalized_cut_finds_the_object(generator):
    f, truth = planted_features([(3, 2, 9, 7)], h=12, w=16, generator=generator, noise=0.4)
    W = cosine_affinity(f.flatten(0, 1))
    found = min_cut(W, h=12, w=16)
    assert found.facts["smaller_side"] == 1
    assert "takes 1 of 192 patches away" in found.notes[0]
    normalized = fiedler_cut(W, smallest_eigenpairs(W, n_vectors=2), h=12, w=16, threshold="zero", object_rule="minority")
    assert float((normalized.labels.reshape(12, 16) == truth).float().mean()) > 0.95
    across = W[normalized.side][:, ~normalized.side].sum()
    assert found.facts["cut"] < float(across)
    assert found.cut_value > normalized.cut_value


def test_self_loops_do_not_matter_and_flip_swaps(generator):
    W = random_graph(8, 1.0, generator)
    found = min_cut(W, h=2, w=4)
    assert torch.equal(min_cut(W + torch.diag(torch.rand(8, generator=generator)), h=2, w=4).side, found.side)
    assert torch.equal(min_cut(W, h=2, w=4, flip=True).side, ~found.side)


@pytest.mark.parametrize("n", [2, 4, 60])
def test_equal_weights_take_the_first_node_away(n):
    members, value = lightest_cut(np.ones((n, n)))
    assert value == n - 1
    assert members.sum() == 1


def test_a_graph_in_pieces_is_cut_for_nothing():
    W = torch.block_diag(torch.ones(3, 3), torch.ones(4, 4), torch.zeros(1, 1))
    found = min_cut(W, h=2, w=4)
    assert found.facts["cut"] == 0
    assert float(W[found.side][:, ~found.side].sum()) == 0
    assert min_cut(torch.zeros(4, 4), h=2, w=2).facts["cut"] == 0


def test_one_patch_cannot_be_cut():
    with pytest.raises(InputError, match="at least 2 patches") as error:
        min_cut(torch.ones(1, 1), h=1, w=1)
    assert error.value.field == "max_side"


def test_bad_arguments_are_named():
    for W in (torch.ones(2, 3), -torch.ones(3, 3), torch.full((3, 3), torch.nan)):
        with pytest.raises(InputError, match=r"^W .*[.]$") as error:
            min_cut(W, h=1, w=3)
        assert error.value.field == "W"
    with pytest.raises(InputError, match="object_rule"):
        min_cut(torch.ones(4, 4), h=2, w=2, object_rule="any")
