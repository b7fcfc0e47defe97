"""Drawn pictures of stuff: surfaces without a shape of their own, told apart by their texture and hardly by their color.

A picture is parted by smooth random fields into a few regions. A region is filled with the texture of its class in one of
several colors, which classes share, and lies in a light of its own that falls off to one side; then the whole picture is
seen by a camera of random gain, contrast and white balance. So the same class has many colors and one color many classes.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from segcore.checks import check_choice, check_range
from segcore.types import Pictures

SIDE = 128  # px
N_PICTURES = 200

Field = NDArray[np.float32]  # (side, side)


def draw_stuff(name: str, *, n: int = N_PICTURES, side: int = SIDE, seed: int = 0) -> Pictures:
    """Draw a collection.

    Args:
        name: a key of STUFF: "stuff6", six surfaces seen from above, in the spirit of Potsdam-6; "stuff3", sky over
            plants over ground, in the spirit of COCO-Stuff-3; "street4", sky and ground, and before them thin posts and
            round signs, for what gets lost where a picture is made small.
        n: pictures; the first ones are the same whatever their number.
        side: of each, in pixels.
        seed: of all random numbers.

    Returns:
        Pictures with the truth of every pixel.

    Raises:
        InputError: there is no such collection, or a number is out of range.

    Cost: about 5 ms a picture of 128 px.
    """
    check_choice("name", name, tuple(STUFF))
    check_range("n", n, lo=1)
    check_range("side", side, lo=16)
    textures, layout = STUFF[name]
    drawn = [_picture(tuple(textures.values()), layout, side, np.random.default_rng([seed, i])) for i in range(n)]
    digits = len(str(n - 1))
    return Pictures(
        images=tuple(torch.from_numpy(image) for image, _ in drawn),
        names=tuple(f"{name}-{i:0{digits}}" for i in range(n)),
        truth=tuple(torch.from_numpy(labels) for _, labels in drawn),
        classes=tuple(textures),
    )


def _smooth(rng: Generator, side: int, sigma: tuple[float, float]) -> Field:
    """A Gaussian random field of mean 0 and variance 1, with correlation lengths (vertical, horizontal) in pixels."""
    margin = int(3 * max(sigma)) + 1
    noise = rng.standard_normal((side + 2 * margin,) * 2, dtype=np.float32)
    field = cv2.GaussianBlur(noise, (0, 0), sigmaX=max(sigma[1], 1e-3), sigmaY=max(sigma[0], 1e-3))
    inside = field[margin : margin + side, margin : margin + side]
    return np.asarray((inside - inside.mean()) / (inside.std() + 1e-6), np.float32)


def _grid(side: int) -> tuple[Field, Field]:
    y, x = np.mgrid[:side, :side].astype(np.float32)
    return y, x


# Textures: lightness of each pixel about its mean, of standard deviation about 1.


def _waves(rng: Generator, side: int) -> Field:
    """Waves of about 6 px, bent a little, about level."""
    y, x = _grid(side)
    tilt, bend = rng.uniform(-0.15, 0.15), 1.2 * _smooth(rng, side, (10, 10))
    return np.asarray(1.4 * np.sin(2 * np.pi / 6 * (y + tilt * x) + bend + rng.uniform(0, 6)), np.float32)


def _tiles(rng: Generator, side: int) -> Field:
    """Square tiles of 7 px with dark joints."""
    y, x = _grid(side)
    joint = ((y + rng.integers(7)) % 7 < 1.5) | ((x + rng.integers(7)) % 7 < 1.5)
    return np.asarray(np.where(joint, -1.7, 0.7) + 0.2 * _smooth(rng, side, (0, 0)), np.float32)


def _blades(rng: Generator, side: int) -> Field:
    """Upright strokes."""
    return _smooth(rng, side, (4, 0.5))


def _blobs(rng: Generator, side: int) -> Field:
    """Round spots of some pixels."""
    return np.asarray(1.2 * np.tanh(2 * (_smooth(rng, side, (2, 2)) - 0.3)), np.float32)


def _grains(rng: Generator, side: int) -> Field:
    """Every pixel for itself."""
    return _smooth(rng, side, (0, 0))


def _flat(rng: Generator, side: int) -> Field:
    """Next to nothing."""
    return np.asarray(0.12 * _smooth(rng, side, (1, 1)), np.float32)


def _clouds(rng: Generator, side: int) -> Field:
    """Wide and soft."""
    return np.asarray(0.6 * _smooth(rng, side, (5, 9)), np.float32)


def _furrows(rng: Generator, side: int) -> Field:
    """Level strokes."""
    return _smooth(rng, side, (0.6, 5))


# Layouts: how much each of k classes wants each pixel; the largest one has it.


def _patches(rng: Generator, side: int, k: int) -> Field:
    """Two to four of the classes in rounded regions anywhere."""
    fields = np.stack([_smooth(rng, side, (side / 9,) * 2) for _ in range(k)])
    fields[rng.permutation(k)[rng.integers(2, 5) :]] = -9
    return fields


def _layers(rng: Generator, side: int, k: int) -> Field:
    """The classes from top to bottom, with wavy borders at random heights."""
    edges = np.sort(rng.uniform(0.15, 0.85, k - 1)) * side
    y, _ = _grid(side)
    wavy = y + 0.06 * side * _smooth(rng, side, (side / 6, side / 12))
    layer = (wavy[None] > edges[:, None, None]).sum(0)
    return np.asarray(layer == np.arange(k)[:, None, None], np.float32)


def _street(rng: Generator, side: int, k: int) -> Field:
    """Sky over ground, and in front of both a few posts, two pixels wide, some with a round sign on top."""
    y, x = _grid(side)
    horizon = side * rng.uniform(0.5, 0.8) + 0.04 * side * _smooth(rng, side, (side / 6, side / 6))
    wanted = np.stack([y < horizon, y >= horizon, *np.zeros((k - 2, side, side), bool)]).astype(np.float32)
    for at in rng.permutation(np.linspace(0.08, 0.92, 7))[: rng.integers(3, 6)] * side:
        left, top, foot = round(at), side * rng.uniform(0.1, 0.45), side * rng.uniform(0.7, 0.95)
        wanted[2, (left <= x) & (x < left + 2) & (top <= y) & (y < foot)] = 2
        if rng.random() < 0.6:
            wanted[3, (x - left - 0.5) ** 2 + (y - top) ** 2 < (side * rng.uniform(0.03, 0.05)) ** 2] = 3
    return wanted


STUFF: Mapping[str, tuple[Mapping[str, Callable[[Generator, int], Field]], Callable[[Generator, int, int], Field]]] = {
    "stuff6": (
        {"water": _waves, "roofs": _tiles, "grass": _blades, "trees": _blobs, "gravel": _grains, "road": _flat},
        _patches,
    ),
    "street4": ({"sky": _clouds, "ground": _furrows, "post": _flat, "sign": _tiles}, _street),
    "stuff3": ({"sky": _clouds, "plants": _blobs, "ground": _furrows}, _layers),
}

_HUES = np.array(((0.45, 0.5, 0.55), (0.5, 0.42, 0.32), (0.35, 0.48, 0.3), (0.55, 0.52, 0.45)), np.float32)  # RGB, shared


def _picture(
    textures: tuple[Callable[[Generator, int], Field], ...],
    layout: Callable[[Generator, int, int], Field],
    side: int,
    rng: Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    labels = layout(rng, side, len(textures)).argmax(0)
    y, x = (axis - side / 2 for axis in _grid(side))
    light = np.zeros((side, side, 3), np.float32)
    for i in np.unique(labels).tolist():
        color = _HUES[rng.integers(len(_HUES))] * rng.uniform(0.75, 1.35) + rng.normal(0, 0.03, 3)
        contrast = rng.uniform(0.16, 0.26)
        angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.5) / side
        shade = 1 + slope * (np.cos(angle) * x + np.sin(angle) * y)
        value = shade * (1 + contrast * textures[i](rng, side))
        region = labels == i
        light[region] = (value[..., None] * color)[region]
    gain, gamma, balance = rng.uniform(0.75, 1.3), rng.uniform(0.75, 1.3), rng.uniform(0.88, 1.14, 3)
    seen = np.clip(light * gain * balance, 0, 1) ** gamma + rng.normal(0, 0.01, light.shape)
    return np.rint(255 * np.clip(seen, 0, 1)).astype(np.uint8), labels.astype(np.int64)
