"""TokenCut against its rules written out with LAPACK, on scenes, and where there is nothing to find."""

import numpy as np
import pytest
import torch

from segcore.cut.ncut import ncut_value
from segcore.cut.tokencut import binary_affinity, second_vector, tokencut
from segcore.errors import InputError
from tests import oracles
from tests.scenes import planted_features


@pytest.mark.parametrize("tau", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("shape", [(9, 13), (15, 6)])
def test_it_follows_the_rules(tau, shape, generator):
    for _ in range(4):
        f = torch.randn(*shape, 6, generator=generator) + 0.4
        assert np.array_equal(tokencut(f, tau=tau).side.reshape(shape).numpy(), oracles.tokencut(f, tau, 1e-5))


def test_it_follows_the_rules_on_a_grid_too_large_for_the_dense_solver(generator):
    f, _ = planted_features([(4, 3, 14, 12), (20, 10, 25, 18)], h=20, w=28, generator=generator, noise=1.5)
    assert np.array_equal(tokencut(f).side.reshape(20, 28).numpy(), oracles.tokencut(f, 0.2, 1e-5))


def test_the_vector_is_that_of_lapack(generator):
    f = torch.randn(21, 22, 5, generator=generator)
    W = binary_affinity(f.reshape(-1, 5), tau=0.2, edge_floor=1e-5)
    v, exact = second_vector(W).fiedler, torch.from_numpy(oracles.second_generalized_vector(W.numpy()))
    assert min(float((v - exact).abs().max()), float((v + exact).abs().max())) < 1e-7 * float(exact.abs().max())


def test_graph_is_binary(generator):
    X = torch.randn(12, 3, generator=generator)
    X[4] = 0
    W = binary_affinity(X, tau=0.1, edge_floor=1e-3)
    assert np.allclose(W.numpy(), oracles.binary_graph(X, 0.1, 1e-3))
    assert bool((W[4] == 1e-3).all())  # not even joined to itself


def test_object_is_the_planted_one(generator):
    f, truth = planted_features([(3, 2, 9, 7)], h=12, w=16, generator=generator)
    found = tokencut(f)
    assert torch.equal(found.labels.reshape(12, 16), truth)
    assert found.box == (3, 2, 9, 7)
    W = binary_affinity(f.flatten(0, 1), tau=0.2, edge_floor=1e-5)
    assert found.cut_value == pytest.approx(ncut_value(W, truth.flatten() > 0))
    assert bool(found.v[found.side].min() > found.threshold)
    assert torch.equal(tokencut(7.0 * f).side, found.side)  # lengths do not count


def test_only_the_piece_around_the_peak_is_the_object(generator):
    f, truth = planted_features([(1, 1, 6, 6), (10, 2, 13, 5)], h=12, w=16, generator=generator, noise=0.05)
    f[2:5, 10:13] = f[1:4, 1:4]  # the small box holds the same thing as the large one
    found = tokencut(f).labels.reshape(12, 16)
    assert bool((found > 0).any())
    assert not bool(((found > 0) & (truth == 1)).any() and ((found > 0) & (truth == 2)).any())


def test_swapped_it_is_the_piece_of_the_other_side_that_lies_farthest_out(generator):
    f, truth = planted_features([(3, 2, 9, 7)], h=12, w=16, generator=generator)
    found, other = tokencut(f), tokencut(f, flip=True)
    assert torch.equal(other.labels.reshape(12, 16), 1 - truth)
    assert bool(other.side[other.v.argmax()])
    assert bool(other.v[other.side].min() > other.threshold)
    assert other.cut_value == pytest.approx(found.cut_value)
    assert (found.facts["object"], other.facts["object"]) == ("peak", "peak, swapped")


@pytest.mark.parametrize("f", [torch.ones(5, 6, 3), torch.zeros(5, 6, 3), torch.randn(1, 1, 4)])
def test_nothing_to_cut_is_no_object_and_a_note(f):
    found = tokencut(f)
    assert not bool(found.side.any())
    assert found.v.isfinite().all()
    assert found.box is None
    assert "no object" in found.notes[0]


def test_a_weak_cut_is_noted(generator):
    noise = torch.randn(20, 20, 64, generator=generator) + torch.randn(64, generator=generator)
    assert any("There may be no object" in note for note in tokencut(noise).notes)
    f, _ = planted_features([(3, 2, 9, 7)], h=12, w=16, generator=generator)
    assert not any("no object" in note for note in tokencut(f).notes)


@pytest.mark.parametrize("shape", [(1, 2), (1, 9), (7, 1)])
def test_thin_grids(shape, generator):
    found = tokencut(torch.randn(*shape, 4, generator=generator))
    assert found.side.shape == (shape[0] * shape[1],)
    assert found.v.isfinite().all()


@pytest.mark.parametrize(
    ("f", "arguments", "field"),
    [
        (torch.zeros(4, 4), {}, "f"),
        (torch.full((4, 4, 2), torch.nan), {}, "f"),
        (torch.ones(4, 4, 2), {"tau": 1.5}, "tau"),
        (torch.ones(4, 4, 2), {"tau": float("nan")}, "tau"),
        (torch.ones(4, 4, 2), {"edge_floor": 0.0}, "edge_floor"),
    ],
)
def test_bad_arguments_are_named(f, arguments, field):
    with pytest.raises(InputError, match=rf"^{field} .*[.]$") as error:
        tokencut(f, **arguments)
    assert error.value.field == field
