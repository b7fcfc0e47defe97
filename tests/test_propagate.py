"""Masks that follow by likeness of features, and how they are scored."""

import numpy as np
import pytest
import torch

from segcore.errors import InputError
from segcore.metrics.video import contour_f, region_and_contour
from segcore.track.propagate import carried, on_patches, propagate
from segcore.track.scenes import make_scene
from segcore.track.settings import PropagateSettings


def disk(shape, y, x, r):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return ((rows - y) ** 2 + (columns - x) ** 2 < r * r).astype(np.int64)


def test_a_mask_follows_the_patch_that_looks_the_same():
    """Features that say where a thing is, and nothing else: labels move with them, however they move within the radius."""
    generator = torch.Generator().manual_seed(0)
    looks = torch.nn.functional.normalize(torch.randn(8, 8, 32, generator=generator), dim=-1)
    soft = torch.nn.functional.one_hot(torch.arange(64).reshape(8, 8) % 3, 3).float()
    moved = looks.roll((2, 1), (0, 1))
    found = carried(moved, [(looks, soft)], PropagateSettings(radius=20.0, nearest=1))
    assert torch.equal(found, soft.roll((2, 1), (0, 1)))


def test_labels_stay_shares_and_reach_no_farther_than_the_radius():
    generator = torch.Generator().manual_seed(1)
    f = torch.nn.functional.normalize(torch.randn(6, 9, 4, generator=generator), dim=-1)
    soft = torch.zeros(6, 9, 2)
    soft[..., 0] = 1
    soft[0, 0] = torch.tensor([0.0, 1.0])
    found = carried(f, [(f, soft)] * 3, PropagateSettings(radius=2.0, nearest=4))
    assert torch.allclose(found.sum(-1), torch.ones(6, 9))
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(9), indexing="ij")
    assert (found[..., 1][rows**2 + columns**2 > 4] == 0).all()


def test_patches_hold_the_shares_of_their_pixels():
    labels = np.zeros((16, 24), np.int64)
    labels[:, 12:] = 1
    soft = on_patches(labels, 2, (2, 3), (1.0, 1.0))
    assert soft[0, :, 1].tolist() == [0.0, 0.5, 1.0]


def test_a_figure_of_the_first_frame_is_followed():
    scene = make_scene("easy", 0, n_frames=5, n_objects=3)
    frames = [scene.draw(t) for t in range(5)]
    found = list(propagate(frames, scene.labels(0), PropagateSettings(side=240)))
    assert [c.frame for c in found] == list(range(5))
    assert np.array_equal(found[0].labels, scene.labels(0))
    j = [region_and_contour(c.labels, scene.labels(c.frame))[0] for c in found]
    stays = [region_and_contour(scene.labels(0), scene.labels(c.frame))[0] for c in found]
    assert j[-1] > max(0.4, stays[-1] + 0.1)


def test_sizes_that_disagree_are_told():
    with pytest.raises(InputError, match="all frames have the size of the labels"):
        list(propagate([np.zeros((32, 48, 3), np.uint8)], np.zeros((32, 32))))
    with pytest.raises(InputError, match="At most 31 things"):
        list(propagate([np.zeros((32, 48, 3), np.uint8)], np.full((32, 48), 40)))


def test_region_and_contour():
    shape = (100, 160)
    a = disk(shape, 50, 60, 20)
    assert region_and_contour(a, a) == (1.0, 1.0)
    near, far = disk(shape, 50, 61, 20), disk(shape, 50, 75, 20)
    assert contour_f(near, a) == 1.0  # one pixel off is within 0.8 % of the diagonal
    assert contour_f(a, near) == contour_f(near, a)
    assert contour_f(far, a) < 0.5
    assert contour_f(0 * a, 0 * a) == 1.0
    assert contour_f(a, 0 * a) == 0.0
    two = a + 2 * disk(shape, 50, 120, 20)
    j, f = region_and_contour(a, two)
    assert (j, f) == (0.5, 0.5)
