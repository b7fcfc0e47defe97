"""Drawn pictures of objects that recur: each kind has a shape and a texture, and another color, size and place every time.

Behind them lies a smooth ground of random color. So no color tells a kind, and no place does; texture and shape do.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
import scipy.ndimage
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from segcore.checks import check_range
from segcore.types import Pictures

SIDE = 256  # px
N_PICTURES = 12
GROUND = "ground"  # class 0

_LEAST_DISTANCE = 0.5  # of two colors, in RGB of [0, 1]
_TRIES = 50

Mask = NDArray[np.bool_]  # (side, side)
Field = NDArray[np.float32]  # (side, side), in [0, 1]


def draw_objects(*, n: int = N_PICTURES, side: int = SIDE, kinds: int = 3, seed: int = 0) -> Pictures:
    """Draw a collection.

    Args:
        n: pictures; the first ones are the same whatever their number.
        side: of each, in pixels.
        kinds: of objects, from 1 to 3; each picture shows two or three, of any kinds.
        seed: of all random numbers.

    Returns:
        Pictures with the truth of every pixel: 0 the ground, 1 … the kinds.

    Raises:
        InputError: a number is out of range.
    """
    check_range("n", n, lo=1)
    check_range("side", side, lo=64)
    check_range("kinds", kinds, lo=1, hi=len(KINDS))
    drawn = [_picture(np.random.default_rng([seed, i]), side, kinds, first=i % kinds) for i in range(n)]
    digits = len(str(n - 1))
    return Pictures(
        images=tuple(torch.from_numpy(image) for image, _ in drawn),
        names=tuple(f"objects-{i:0{digits}}" for i in range(n)),
        truth=tuple(torch.from_numpy(labels) for _, labels in drawn),
        classes=(GROUND, *list(KINDS)[:kinds]),
    )


def instance_map(truth: Tensor) -> Tensor:
    """(height, width) int64 of truth (height, width) with 0 on the ground: 0 there, 1, 2, … each object, as no two touch."""
    numbered, _ = scipy.ndimage.label(truth.numpy() > 0)
    return torch.from_numpy(numbered.astype(np.int64))


def _picture(rng: Generator, side: int, kinds: int, *, first: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    ground, other = rng.uniform(0.15, 0.85, (2, 3))
    slope = rng.uniform(0, 2 * np.pi)
    ramp = (0.5 + 0.5 * (np.cos(slope) * (x - 0.5) + np.sin(slope) * (y - 0.5)))[..., None]
    image = ground + 0.25 * (other - ground) * ramp
    labels = np.zeros((side, side), np.int64)
    wanted = [first, *rng.integers(0, kinds, rng.integers(1, 3))]
    for kind in wanted:
        mask = _placed(rng, list(KINDS.values())[kind][0], labels, y, x)
        if mask is None:
            continue
        light, dark = _colors(rng, ground)
        texture = list(KINDS.values())[kind][1](rng, y, x)[..., None]
        image = np.where(mask[..., None], dark + (light - dark) * texture, image)
        labels[mask] = kind + 1
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.6) + rng.normal(0, 0.01, image.shape)
    return (255 * image.clip(0, 1)).round().astype(np.uint8), labels


def _placed(
    rng: Generator, shape: Callable[[Field, Field], Mask], labels: NDArray[np.int64], y: Field, x: Field
) -> Mask | None:
    """A place where the shape touches none that is there; None where none was found."""
    for _ in range(_TRIES):
        radius = rng.uniform(0.16, 0.23)
        cy, cx = rng.uniform(radius, 1 - radius, 2)
        turn = rng.uniform(0, 2 * np.pi)
        v, u = (y - cy) / radius, (x - cx) / radius
        around = np.hypot(u, v) < 1.4
        if not (labels[around] > 0).any():
            return shape(np.cos(turn) * v - np.sin(turn) * u, np.sin(turn) * v + np.cos(turn) * u)
    return None


def _colors(rng: Generator, ground: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 3): two colors far from each other, and their mean from the ground."""
    while True:
        pair: NDArray[np.float64] = rng.uniform(0, 1, (2, 3))
        if (
            np.linalg.norm(pair[0] - pair[1]) > 1.4 * _LEAST_DISTANCE
            and np.linalg.norm(pair.mean(0) - ground) > _LEAST_DISTANCE / 2
        ):
            return pair


def _disk(v: Field, u: Field) -> Mask:
    mask: Mask = np.hypot(u, v) < 1
    return mask


def _square(v: Field, u: Field) -> Mask:
    mask: Mask = np.maximum(abs(u), abs(v)) < 0.85
    return mask


def _triangle(v: Field, u: Field) -> Mask:
    mask: Mask = (v < 0.65) & (v > 1.8 * abs(u) - 1.0)
    return mask


def _checks(rng: Generator, y: Field, x: Field) -> Field:
    a, b = rng.uniform(0, 1, 2)
    tiles: Field = ((np.floor(14 * (y + a)) + np.floor(14 * (x + b))) % 2).astype(np.float32)
    return tiles


def _stripes(rng: Generator, y: Field, x: Field) -> Field:
    turn, phase = rng.uniform(-0.3, 0.3), rng.uniform(0, 1)
    wave: Field = (np.sin(2 * np.pi * (22 * (np.cos(turn) * y + np.sin(turn) * x) + phase)) > 0).astype(np.float32)
    return wave


def _plain(_rng: Generator, y: Field, _x: Field) -> Field:
    return np.ones_like(y)


# What each kind is: its shape in coordinates in which it fills the unit disk, and its texture.
KINDS: Mapping[str, tuple[Callable[[Field, Field], Mask], Callable[[Generator, Field, Field], Field]]] = MappingProxyType(
    {
        "checked disk": (_disk, _checks),
        "striped square": (_square, _stripes),
        "plain triangle": (_triangle, _plain),
    }
)
