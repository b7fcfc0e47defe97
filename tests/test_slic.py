"""Superpixels: connected, as many as asked for, along the edges."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from skimage.color import rgb2lab

from segcore.cluster.slic import slic
from segcore.errors import InputError
from segcore.image import read_image
from tests.scenes import EXAMPLES, one_color, two_discs, vertical_stripes


def superpixels(image, **arguments):
    return slic(image, **arguments).labels.reshape(image.shape[:2]).numpy()


def impurity(labels, truth):
    """Share of the pixels that are not of the most frequent kind in their superpixel."""
    counts = np.zeros((labels.max() + 1, truth.max() + 1))
    np.add.at(counts, (labels.ravel(), truth.ravel()), 1)
    return 1 - counts.max(1).sum() / counts.sum()


@pytest.fixture(scope="module")
def photograph():
    return read_image(EXAMPLES / "coffee.jpg")[::3, ::3].contiguous()


@pytest.mark.parametrize("n", [2, 20, 150])
def test_superpixels_are_connected_and_about_as_many(n, photograph):
    labels = superpixels(photograph, n_superpixels=n)
    assert 0.5 * n <= labels.max() + 1 <= 1.3 * n
    for label in range(labels.max() + 1):
        assert scipy.ndimage.label(labels == label)[1] == 1, label


@pytest.mark.parametrize("scene", [two_discs, vertical_stripes])
def test_they_follow_edges(scene):
    image, truth = scene()
    assert impurity(superpixels(image, n_superpixels=40), truth.numpy()) <= 0.005


def test_they_explain_a_photograph_better_than_squares(photograph):
    """Mean squared error of painting each piece with its mean color; the objective is that error in Lab."""

    def error(labels):
        x, flat = photograph.double().numpy().reshape(-1, 3), np.unique(labels, return_inverse=True)[1].ravel()
        means = np.stack([np.bincount(flat, x[:, c]) for c in range(3)], 1) / np.bincount(flat)[:, None]
        return np.square(x - means[flat]).mean()

    found = slic(photograph, n_superpixels=150)
    labels = found.labels.reshape(photograph.shape[:2]).numpy()
    side = int((photograph.shape[0] * photograph.shape[1] / (labels.max() + 1)) ** 0.5)
    y, x = np.mgrid[: photograph.shape[0], : photograph.shape[1]]
    assert error(labels) < 0.7 * error((y // side) * 1000 + x // side)
    lab = rgb2lab(photograph.numpy()).reshape(-1, 3)
    spread = sum(np.square(lab[labels.ravel() == k] - lab[labels.ravel() == k].mean(0)).sum() for k in np.unique(labels))
    assert found.objective == pytest.approx(spread, rel=1e-5)


def test_compactness_makes_squares(photograph):
    def border(m):
        labels = superpixels(photograph, n_superpixels=60, compactness=m)
        return (np.diff(labels, axis=0) != 0).sum() + (np.diff(labels, axis=1) != 0).sum()

    assert border(100.0) < 0.9 * border(10.0)


def test_one_color_gives_pieces_of_about_one_size():
    labels = superpixels(one_color(40, 60)[0], n_superpixels=24)
    assert labels.max() + 1 == 24
    areas = np.bincount(labels.ravel())
    assert 75 <= areas.min() <= areas.max() <= 125


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (2, 3)])
def test_small_pictures(shape, generator):
    image = torch.randint(0, 256, (*shape, 3), generator=generator, dtype=torch.uint8)
    for n in (1, 4, 1000):
        labels = superpixels(image, n_superpixels=n)
        assert sorted(np.unique(labels)) == list(range(labels.max() + 1))


@pytest.mark.parametrize(
    ("pixels", "arguments", "field"),
    [
        (torch.zeros(4, 4), {}, "pixels"),
        (torch.zeros(4, 4, 3), {}, "pixels"),
        (torch.zeros(0, 4, 3, dtype=torch.uint8), {}, "pixels"),
        (one_color()[0], {"n_superpixels": 0}, "n_superpixels"),
        (one_color()[0], {"compactness": 0.0}, "compactness"),
        (one_color()[0], {"n_iter": 0}, "n_iter"),
    ],
)
def test_bad_arguments_are_named(pixels, arguments, field):
    with pytest.raises(InputError, match=rf"^{field} .*[.]$") as error:
        slic(pixels, **{"n_superpixels": 5, **arguments})
    assert error.value.field == field
