"""The random walker against a direct solver, scikit-image, and what harmonic means."""

import numpy as np
import pytest
import torch
from skimage.segmentation import random_walker as skimage_walker

from segcore.errors import InputError
from segcore.image import read_image
from segcore.runtime.places import EXAMPLES
from segcore.scribble.energy import contrast_links
from segcore.scribble.grid import OFFSETS, ends
from segcore.scribble.walker import random_walker
from segcore.show.paint import shrink


def scene(side=60, name="coffee", n_labels=2):
    image = torch.from_numpy(shrink(read_image(EXAMPLES / f"{name}.jpg").numpy(), max_side=side))
    seeds = torch.zeros(image.shape[:2], dtype=torch.uint8)
    h, w = seeds.shape
    seeds[h // 3, w // 3 : w // 2] = 1
    seeds[2:-2, 2] = 2
    if n_labels > 2:
        seeds[-3, w // 2 :] = 5
    return image, seeds


def test_the_probabilities_are_harmonic():
    """Every unmarked value is the mean of its neighbors by their links."""
    image, seeds = scene(n_labels=3)
    w = contrast_links(image, weight=1.0)
    labels, P = random_walker(seeds, w, tol=1e-10)
    assert labels == (1, 2, 5)
    assert torch.allclose(P.sum(0), torch.ones(seeds.shape), atol=1e-5)
    for row, label in enumerate(labels):
        p = P[row].double().numpy()
        assert (p[seeds == label] == 1).all()
        sums, weights = np.zeros(p.shape), np.zeros(p.shape)
        links = np.maximum(w.double().numpy(), 1e-6 * float(w.max()))
        for d, offset in enumerate(OFFSETS):
            a, b = ends(offset)
            c = links[d][a]
            sums[a] += c * p[b]
            sums[b] += c * p[a]
            weights[a] += c
            weights[b] += c
        free = seeds.numpy() == 0
        assert np.abs(sums / weights - p)[free].max() < 1e-4


def test_the_same_as_scikit_image():
    """With its links: 4 neighbors, exp(−β ‖Δz‖² / (10 σ √channels)) + 1e-10."""
    image, seeds = scene(side=48, n_labels=3)
    data = image.double().numpy() / 255
    beta = 130
    scale = beta / (10 * data.std()) / np.sqrt(3)
    w = torch.zeros(4, *seeds.shape, dtype=torch.float64)
    for d, offset in enumerate(OFFSETS[:2]):
        a, b = ends(offset)
        w[d][a] = torch.from_numpy(np.exp(-scale * ((data[a] - data[b]) ** 2).sum(-1)) + 1e-10)
    w[2:] = 0
    theirs = skimage_walker(
        data, np.searchsorted([0, 1, 2, 5], seeds), beta=beta, mode="bf", channel_axis=-1, return_full_prob=True
    )
    _, ours = random_walker(seeds, w, tol=1e-10)
    # Ours lifts links of zero, as between diagonal neighbors here, to a millionth.
    assert np.abs(ours.numpy() - theirs).max() < 2e-3
    assert (ours.argmax(0).numpy() == theirs.argmax(0)).mean() > 0.999


def test_it_settles_on_large_pictures_and_the_tolerance_is_enough():
    image, seeds = scene(side=400)
    w = contrast_links(image, weight=1.0)
    loose, tight = random_walker(seeds, w)[1], random_walker(seeds, w, tol=1e-9)[1]
    assert float((loose - tight).abs().max()) < 0.01


def test_links_of_any_size_give_the_same():
    image, seeds = scene()
    a = random_walker(seeds, contrast_links(image, weight=1.0))[1]
    b = random_walker(seeds, contrast_links(image, weight=150.0))[1]
    assert torch.allclose(a, b, atol=1e-3)


def test_edges_without_any_pixel_left_and_one_label():
    seeds = torch.tensor([[1, 2], [2, 1]])
    P = random_walker(seeds, torch.ones(4, 2, 2))[1]
    assert torch.equal(P.argmax(0) + 1, seeds)
    labels, P = random_walker(torch.tensor([[0, 3]]), torch.zeros(4, 1, 2))
    assert labels == (3,)
    assert P.tolist() == [[[1.0, 1.0]]]
    _, P = random_walker(torch.tensor([[1, 0, 2]]), torch.zeros(4, 1, 3))
    assert P[:, 0, 1].tolist() == pytest.approx([0.5, 0.5])


def test_bad_input_is_one_sentence():
    with pytest.raises(InputError, match="Nothing is marked"):
        random_walker(torch.zeros(3, 3, dtype=torch.uint8), torch.ones(4, 3, 3))
    with pytest.raises(InputError, match="negative link"):
        random_walker(torch.ones(3, 3, dtype=torch.uint8), -torch.ones(4, 3, 3))
    with pytest.raises(InputError, match="pairwise must have shape"):
        random_walker(torch.ones(3, 3, dtype=torch.uint8), torch.ones(4, 3, 4))
