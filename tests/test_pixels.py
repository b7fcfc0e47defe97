"""The graph of pixels by its definition, its eigenvectors against dense ones, and the cuts of drawn pictures."""

import colorsys
import math

import numpy as np
import pytest
import torch

from segcore import Pipeline, Settings
from segcore.cut.ncut import ncut_sweep, ncut_value
from segcore.cut.pixel_cuts import halve_by, recursive_pixel_ncut, sparse_ncut_sweep
from segcore.errors import InputError
from segcore.features.pixels import pixel_grid
from segcore.graph.eigen import smallest_eigenpairs
from segcore.graph.pixels import LEAST_WEIGHT, PixelGraph, pixel_affinity, sparse_eigenpairs
from tests import oracles
from tests.asserts import assert_same_partition, assert_same_subspace
from tests.scenes import gradient, one_color, two_discs, vertical_stripes

WEIGHTS = {"sigma_features": 0.05, "sigma_space": 9.0, "radius": 3.0}


def noise(h, w, generator):
    return torch.randint(0, 256, (h, w, 3), generator=generator, dtype=torch.uint8)


def graph(pixels, n_vectors=9, **weights):
    W = pixel_affinity(pixels, **{**WEIGHTS, **weights})
    return PixelGraph(W, sparse_eigenpairs(W, n_vectors=min(n_vectors, W.shape[0])))


@pytest.mark.parametrize("shape", [(6, 9), (1, 8), (8, 1), (2, 2), (1, 1)])
@pytest.mark.parametrize("radius", [1.5, 3.0, 4.5])
def test_weights_are_their_definition(shape, radius, generator):
    pixels = noise(*shape, generator)
    F = np.zeros((*shape, 3))
    for y, x in np.ndindex(*shape):
        hue, s, v = colorsys.rgb_to_hsv(*(pixels[y, x] / 255).tolist())
        F[y, x] = v, v * s * math.sin(2 * math.pi * hue), v * s * math.cos(2 * math.pi * hue)
    W = pixel_affinity(pixels, sigma_features=0.5, sigma_space=9.0, radius=radius).toarray()
    expected = oracles.pixel_affinity(F, 0.5, 9.0, radius)
    assert np.array_equal(W > 0, expected > 0)
    np.testing.assert_allclose(W, np.where(expected > 0, np.maximum(expected, LEAST_WEIGHT), 0), rtol=1e-3)  # hue in float32


def test_eigenpairs_are_the_dense_ones(generator):
    W = pixel_affinity((noise(23, 31, generator) // 3), **WEIGHTS)
    found, expected = (
        sparse_eigenpairs(W, n_vectors=6),
        smallest_eigenpairs(torch.from_numpy(W.toarray()), n_vectors=6),
    )
    torch.testing.assert_close(found.eigenvalues, expected.eigenvalues, rtol=1e-6, atol=1e-12)
    assert_same_subspace(found.V[:, :5], expected.V[:, :5], angle=1e-4)
    gram = found.V.T @ (torch.from_numpy(W.sum(1))[:, None] * found.V)
    torch.testing.assert_close(gram, torch.eye(6, dtype=torch.float64), rtol=0, atol=1e-8)
    assert float(found.residuals.max()) < 1e-8


def test_sweep_is_the_dense_one(generator):
    W = pixel_affinity(noise(7, 9, generator), **WEIGHTS)
    v = torch.randn(63, generator=generator, dtype=torch.float64).round(decimals=1)
    for found, expected in zip(sparse_ncut_sweep(W, v.numpy()), ncut_sweep(torch.from_numpy(W.toarray()), v), strict=True):
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-9)


@pytest.mark.parametrize("scene", [two_discs, vertical_stripes])
def test_drawn_pictures_fall_apart_along_their_edges(scene):
    image, truth = scene()
    found = recursive_pixel_ncut(graph(image), n_segments=int(truth.max()) + 1, smoothest=1.0)
    assert_same_partition(found.labels, truth.flatten())


def test_the_first_cut_has_the_ncut_it_says(generator):
    pixels = noise(9, 12, generator)
    g = graph(pixels)
    found = recursive_pixel_ncut(g, n_segments=2, smoothest=1.0)
    W = torch.from_numpy(g.W.toarray())
    assert found.objective == pytest.approx(ncut_value(W, found.labels == 1), rel=1e-9)
    assert found.spectrum is g.spectrum


def test_specks_are_no_segments(generator):
    """A lone odd pixel is the cheapest cut there is, but too small to be a segment."""
    image, truth = two_discs()
    speckled = image.clone()
    for y, x in [(3, 3), (40, 30), (20, 60)]:
        speckled[y, x] = torch.tensor([255, 255, 0])
    found = recursive_pixel_ncut(graph(speckled), n_segments=3, smoothest=1.0)
    assert_same_partition(found.labels, truth.flatten())
    more = recursive_pixel_ncut(graph(speckled), n_segments=7, smoothest=1.0)
    assert int(more.labels.bincount().min()) >= 15  # 0.5 % of the picture


def test_specks_of_a_vector_change_sides():
    image, truth = vertical_stripes(n=2)
    v = torch.where(truth == 1, 1.0, -1.0).double()
    v[10:12, 10:12] = 1.1  # four pixels that the threshold would put on the other side of the picture
    W = pixel_affinity(image, **WEIGHTS)
    found = halve_by(W, v.flatten().numpy(), least=5)
    assert torch.equal(found.side.reshape(truth.shape), truth == 1)
    assert found.ncut == pytest.approx(ncut_value(torch.from_numpy(W.toarray()), truth.flatten() == 1), rel=1e-9)
    assert not torch.equal(halve_by(W, v.flatten().numpy(), least=4).side.reshape(truth.shape), truth == 1)


@pytest.mark.parametrize("scene", [one_color, gradient])
def test_smooth_pictures_stay_whole_under_the_published_bound(scene):
    found = recursive_pixel_ncut(graph(scene()[0]), n_segments=4)
    assert found.n_iter == 0
    assert "vary smoothly" in found.notes[0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 30), (30, 1), (2, 2)])
def test_small_pictures(shape, generator):
    found = recursive_pixel_ncut(graph(noise(*shape, generator)), n_segments=3, smoothest=1.0)
    assert found.labels.shape == (shape[0] * shape[1],)
    assert sorted(found.labels.unique().tolist()) == list(range(int(found.labels.max()) + 1))


def test_the_picture_is_never_enlarged():
    grid = pixel_grid(two_discs()[0], most=160)
    assert grid.f.shape == (48, 64, 3)
    assert grid.geometry.patch == 1
    assert pixel_grid(two_discs()[0], most=32).f.shape == (24, 32, 3)


def test_vectors_lie_on_the_grid_of_the_result():
    result = Pipeline(device="cpu").run(two_discs()[0], Settings(method="ncut_pixels", n_segments=3))
    assert result.spectrum.V.shape == (result.features.geometry.n, 9)
    assert result.cell_labels.shape == (48, 64)
    assert "weights" not in {stage.name for stage in result.stages}  # no backbone is loaded for nothing
    again = Pipeline(device="cpu").run(two_discs()[0], Settings(method="ncut_pixels", n_segments=3))
    assert torch.equal(result.spectrum.V, again.spectrum.V)


@pytest.mark.parametrize(
    ("pixels", "weights", "field"),
    [
        (torch.zeros(4, 4), {}, "pixels"),
        (torch.zeros(4, 4, 3), {}, "pixels"),
        (torch.zeros(0, 4, 3, dtype=torch.uint8), {}, "pixels"),
        (torch.zeros(4, 4, 3, dtype=torch.uint8), {"radius": 0.0}, "radius"),
        (torch.zeros(4, 4, 3, dtype=torch.uint8), {"sigma_space": -1.0}, "sigma_space"),
        (torch.zeros(4, 4, 3, dtype=torch.uint8), {"sigma_features": float("nan")}, "sigma_features"),
    ],
)
def test_bad_arguments_are_named(pixels, weights, field):
    with pytest.raises(InputError, match=rf"^{field} .*[.]$") as error:
        pixel_affinity(pixels, **{**WEIGHTS, **weights})
    assert error.value.field == field
