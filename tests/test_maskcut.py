"""MaskCut against its rules written out with LAPACK, and on scenes with several objects."""

import numpy as np
import pytest
import torch

from segcore.cut.maskcut import maskcut, maskcut_objects
from segcore.cut.tokencut import EDGE_FLOOR, binary_affinity
from segcore.errors import InputError
from tests import oracles
from tests.scenes import planted_features

BOXES = [(2, 2, 8, 7), (11, 1, 16, 6), (5, 9, 15, 12)]


@pytest.mark.parametrize("shape", [(9, 13), (14, 7), (10, 10)])
@pytest.mark.parametrize("tau", [0.15, 0.4])
def test_it_follows_the_rules(shape, tau, generator):
    for _ in range(4):
        f = torch.randn(*shape, 6, generator=generator) + 0.3
        expected = [mask for mask in oracles.maskcut(f, 4, tau) if mask.any()]
        found = maskcut(f, n_objects=4, tau=tau).numpy()
        assert len(found) == len(expected)
        assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_three_objects_are_found_one_by_one(generator):
    f, truth = planted_features(BOXES, h=15, w=19, generator=generator)
    masks = maskcut(f)
    assert masks.shape == (3, 15, 19)
    assert masks.dtype == torch.bool
    assert {int(truth[mask].unique()) for mask in masks} == {1, 2, 3}
    assert all(torch.equal(mask, truth == int(truth[mask][0])) for mask in masks)
    assert torch.equal(maskcut(f, n_objects=1)[0], masks[0])


def test_masks_never_overlap_and_none_is_empty(generator):
    for _ in range(5):
        masks = maskcut(torch.randn(8, 11, 4, generator=generator) + 0.3, n_objects=6, tau=0.2)
        assert int(masks.sum(0).max()) <= 1
        assert bool(masks.flatten(1).any(1).all())


def test_labels_are_the_masks_in_their_order(generator):
    f, _ = planted_features(BOXES, h=15, w=19, generator=generator)
    objects, masks = maskcut_objects(f), maskcut(f)
    assert objects.has_background
    assert torch.equal(objects.labels.reshape(15, 19), (masks * torch.arange(1, 4)[:, None, None]).sum(0))
    assert objects.spectrum.V.shape == (15 * 19, 4)
    assert not objects.spectrum.one_graph
    for i, mask in enumerate(masks, 1):  # the object of a round is at the high end of its vector
        v = objects.spectrum.V[:, i]
        assert bool(mask.flatten()[v.argmax()])


def test_rounds_tell_what_was_taken_and_what_was_left_of_the_graph(generator):
    f, _ = planted_features(BOXES, h=15, w=19, generator=generator)
    objects = maskcut_objects(f, n_objects=5)
    taken = torch.zeros(15 * 19, dtype=torch.bool)
    for r in objects.rounds:
        assert torch.equal(r.out, taken)
        X = f.flatten(0, 1) * ~taken[:, None]
        assert torch.allclose(r.degree, binary_affinity(X, tau=0.15, edge_floor=EDGE_FLOOR).sum(1))
        if bool(taken.any()):  # what was taken has only edges of weight ε
            assert float(r.degree[taken].max()) == pytest.approx(15 * 19 * EDGE_FLOOR)
        assert torch.equal(r.side, r.v > r.v.mean())
        assert bool((r.found <= (r.side & ~taken)).all())
        assert bool(r.found.any()) != r.remark.startswith("Dropped")
        taken = taken | r.found
    assert torch.equal(taken, objects.labels > 0)
    assert len(objects.rounds) == objects.n_iter
    assert any(r.remark for r in objects.rounds)  # three objects, five rounds


def test_three_corners_are_background_even_with_the_peak(generator):
    """A frame that is much smaller than what it frames has the larger entries, but it is no object."""
    truth = torch.zeros(12, 12, dtype=torch.bool)
    truth[1:-1, 1:-1] = True
    directions = torch.linalg.qr(torch.randn(16, 2, generator=generator))[0].T
    f = directions[truth.long()] + 0.02 * torch.randn(12, 12, 16, generator=generator)
    assert torch.equal(maskcut(f, n_objects=1)[0], truth)


@pytest.mark.parametrize("f", [torch.ones(5, 6, 3), torch.zeros(5, 6, 3), torch.randn(1, 1, 4)])
def test_nothing_to_cut_is_no_mask(f):
    assert maskcut(f).shape == (0, *f.shape[:2])
    objects = maskcut_objects(f)
    assert not bool(objects.labels.any())
    assert "no object" in objects.notes[0]
    assert objects.spectrum is None


def test_rounds_without_an_object_are_noted(generator):
    f, _ = planted_features(BOXES[:1], h=15, w=19, generator=generator, noise=0.01)
    objects = maskcut_objects(f, n_objects=5)
    assert objects.facts["objects"] < 5
    assert any("of 5 rounds" in note for note in objects.notes) or objects.n_iter < 5


@pytest.mark.parametrize(
    ("f", "arguments", "field"),
    [
        (torch.zeros(4, 4), {}, "f"),
        (torch.full((4, 4, 2), torch.inf), {}, "f"),
        (torch.ones(4, 4, 2), {"tau": -1.5}, "tau"),
        (torch.ones(4, 4, 2), {"n_objects": 0}, "n_objects"),
    ],
)
def test_bad_arguments_are_named(f, arguments, field):
    with pytest.raises(InputError, match=rf"^{field} .*[.]$") as error:
        maskcut(f, **arguments)
    assert error.value.field == field
