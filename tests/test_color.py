"""Lab color and position: right colors, sensible scales, and no division by zero."""

import pytest
import torch

from segcore.errors import InputError
from segcore.features.color import LEAST_SPREAD, POSITION_WEIGHT, color_features
from segcore.numerics import normalize_rows
from segcore.types import Geometry
from tests.asserts import assert_close

PATCH = 8


def features(cells=None, *, pixels=None):
    """Features of a picture given by the color of each cell (h, w, 3), or by its pixels."""
    if pixels is None:
        pixels = cells.repeat_interleave(PATCH, 0).repeat_interleave(PATCH, 1)
    size = pixels.shape[0], pixels.shape[1]
    return color_features(pixels, Geometry(size, size, PATCH))


def random_pixels(h, w, generator):
    return torch.randint(0, 256, (h * PATCH, w * PATCH, 3), generator=generator, dtype=torch.uint8)


def spread(x):
    return x.square().sum(-1).mean().sqrt()


def test_color_is_the_mean_lab_of_the_cell(generator):
    from skimage.color import rgb2lab

    pixels = random_pixels(3, 4, generator)
    lab = torch.from_numpy(rgb2lab(pixels.numpy())).float()
    mean = torch.stack([cell.mean((0, 1)) for row in lab.split(PATCH, 0) for cell in row.split(PATCH, 1)]).reshape(3, 4, 3)
    centered = mean - mean.mean((0, 1))
    # OpenCV looks the cube roots up in a table; the two agree to a tenth of a Lab unit.
    assert_close(features(pixels=pixels).f[..., :3] * spread(centered), centered, atol=0.1)


def test_color_decides_and_place_breaks_ties(generator):
    f = features(pixels=random_pixels(6, 9, generator)).f
    assert_close(f.mean((0, 1)), torch.zeros(5), atol=1e-5)
    assert_close(spread(f[..., :3]), torch.tensor(1.0))
    assert_close(spread(f[..., 3:]), torch.tensor(POSITION_WEIGHT))
    assert POSITION_WEIGHT < 0.5


def test_two_colors_fall_apart_wherever_they_are():
    """What the affinity sees: cosines, clipped at 0."""
    cells = torch.zeros(4, 6, 3, dtype=torch.uint8)
    cells[::2] = 200  # stripes, so that place cannot help
    X = normalize_rows(features(cells).X)
    S = X @ X.T
    same = cells[..., 0].flatten()[:, None] == cells[..., 0].flatten()
    assert S[same].min() > 0.5
    assert S[~same].max() < 0


def test_place_points_right_and_down():
    f = features(torch.full((3, 4, 3), 90, dtype=torch.uint8)).f
    assert bool((f[:, 1:, 3] > f[:, :-1, 3]).all())
    assert bool((f[1:, :, 4] > f[:-1, :, 4]).all())


def test_mirrored_picture_mirrors_the_features(generator):
    pixels = random_pixels(3, 5, generator)
    f, mirrored = features(pixels=pixels).f, features(pixels=pixels.flip(1)).f
    assert_close(mirrored.flip(1), f * torch.tensor([1, 1, 1, -1, 1]), atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 4), (1, 1), (1, 5), (5, 1)])
@pytest.mark.parametrize("level", [0, 127, 255])
def test_one_color_leaves_place_alone(shape, level):
    f = features(torch.full((*shape, 3), level, dtype=torch.uint8)).f
    assert bool(f.isfinite().all())
    assert_close(f[..., :3], torch.zeros(*shape, 3), atol=1e-4)


def test_noise_of_a_flat_picture_is_not_blown_up(generator):
    cells = torch.randint(127, 129, (6, 6, 3), generator=generator, dtype=torch.uint8)
    assert spread(features(cells).f[..., :3]) < 1 / LEAST_SPREAD


def test_facts_of_the_grid():
    pixels = torch.zeros(16, 24, 3, dtype=torch.uint8)
    geometry = Geometry((50, 75), (14, 22), PATCH)
    grid = color_features(pixels, geometry)
    assert (grid.f.shape, grid.f.dtype, grid.attention) == ((2, 3, 5), torch.float32, None)
    assert grid.geometry is geometry
    assert grid.pixels is pixels
    assert grid.origin == "Lab color and position of each cell"


@pytest.mark.parametrize(
    ("pixels", "sentence"),
    [
        (torch.zeros(16, 25, 3, dtype=torch.uint8), r"pixels must have shape \(16, 24, 3\); got \(16, 25, 3\)"),
        (torch.zeros(16, 24, 3), "pixels must be uint8"),
    ],
)
def test_other_pixels_are_refused(pixels, sentence):
    with pytest.raises(InputError, match=sentence):
        color_features(pixels, Geometry((16, 24), (16, 24), PATCH))
