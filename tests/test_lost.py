"""LOST against its rules written out, on scenes, and at its doors."""

import numpy as np
import pytest
import torch

from segcore.cut.lost import lost
from segcore.errors import InputError
from tests import oracles
from tests.scenes import planted_features


@pytest.mark.parametrize("shape", [(6, 9), (11, 4), (1, 12)])
@pytest.mark.parametrize("n_potentials", [1, 7, 100])
def test_it_follows_the_rules(shape, n_potentials, generator):
    for _ in range(4):
        f = torch.randn(*shape, 5, generator=generator) * torch.rand(*shape, 1, generator=generator)
        found = lost(f, n_potentials=n_potentials)
        assert np.array_equal(found.side.reshape(shape).numpy(), oracles.lost(f, n_potentials))


def signed_scene(generator):
    """A ground whose patches resemble each other, and a box that resembles only itself."""
    f, truth = planted_features([(3, 2, 9, 7)], h=12, w=16, generator=generator, noise=0.0)
    f = f - 0.2 * f[3, 4] * (truth == 0)[..., None] - 0.2 * f[0, 0] * (truth == 1)[..., None]
    return f, truth


def test_object_and_box_are_the_planted_ones(generator):
    f, truth = signed_scene(generator)
    found = lost(f)
    assert torch.equal(found.labels.reshape(12, 16), truth)
    assert found.box == (3, 2, 9, 7)
    assert found.cut_value == pytest.approx(0, abs=1e-6)
    assert bool((found.v[found.side] > 0).all())


def test_lengths_count(generator):
    """Unlike a cosine, a product lets a long vector outvote the others in the sum M."""
    f, _ = signed_scene(generator)
    loud = f.clone()
    loud[3, 4] = f[3, 4] + 50 * f[0, 0]
    assert not torch.equal(lost(loud).side, lost(f).side)


def test_one_potential_is_the_seed_alone(generator):
    found = lost(torch.randn(6, 7, 5, generator=generator), n_potentials=1)
    assert found.facts["similar_patches"] == 1


def test_everything_alike_fills_the_picture():
    found = lost(torch.ones(4, 5, 3))
    assert bool(found.side.all())
    assert found.box == (0, 0, 5, 4)
    assert "whole picture" in found.notes[0]
    assert lost(torch.ones(1, 1, 3)).box == (0, 0, 1, 1)


@pytest.mark.parametrize(
    ("f", "arguments", "field"),
    [
        (torch.zeros(4, 4), {}, "f"),
        (torch.full((4, 4, 2), torch.nan), {}, "f"),
        (torch.ones(4, 4, 2), {"n_potentials": 0}, "n_potentials"),
    ],
)
def test_bad_arguments_are_named(f, arguments, field):
    with pytest.raises(InputError, match=rf"^{field} .*[.]$") as error:
        lost(f, **arguments)
    assert error.value.field == field


def test_features_without_length_are_refused_in_words():
    with pytest.raises(InputError, match=r"all 0.*Choose another backbone") as error:
        lost(torch.zeros(4, 4, 2))
    assert error.value.field == "f"
