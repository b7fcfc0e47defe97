"""Runs on pixels: what is pointed at is a block of them, and the numbers are those of its middle pixel."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from demo.steps import texts
from demo.steps.data import Data
from segcore.image import scaled_picture

MOST_BLOCKS = 600


@dataclass(frozen=True, eq=False, slots=True)
class Probes:
    """A pixel in the middle of each block of a grid over a picture."""

    h: int  # rows and columns of the grid
    w: int
    y: Tensor  # (m,) of the pixels
    x: Tensor

    def of(self, values: Tensor) -> Tensor:
        """(m,) or (m, k): entries of (height, width) or (k, height, width) at the pixels."""
        return values[self.y, self.x] if values.ndim == 2 else values[:, self.y, self.x].T

    @property
    def facts(self) -> dict[str, Any]:
        """What the player is told of the grid, in the place of the patches."""
        return {
            "n": self.h * self.w, "h": self.h, "w": self.w, "aspect": [1.0, 1.0], "xy": torch.zeros(self.h * self.w, 2),
            "word": texts.PIXEL_BLOCK, "words": texts.PIXEL_BLOCKS,
        }  # fmt: skip

    def name(self, i: int) -> str:
        """A block in words, counted from 1."""
        return f"{texts.PIXEL_BLOCK} in row {i // self.w + 1}, column {i % self.w + 1}"


def probes(height: int, width: int) -> Probes:
    """A grid of about MOST_BLOCKS blocks over a picture, its blocks about square."""
    side = max((height * width / MOST_BLOCKS) ** 0.5, 1.0)
    h, w = max(round(height / side), 1), max(round(width / side), 1)
    y = (((torch.arange(h) + 0.5) * height / h).long()).clamp_max(height - 1)
    x = (((torch.arange(w) + 0.5) * width / w).long()).clamp_max(width - 1)
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    return Probes(h, w, grid_y.flatten(), grid_x.flatten())


def thin(values: Tensor, step: int) -> Tensor:
    """Every step-th pixel of (height, width)."""
    return values[::step, ::step]


def pixel_map(title: str, values: Tensor, *, step: int, **how: Any) -> dict[str, Any]:
    """A map of pixels, every step-th of them; `how` says what they are: `labels=True`, or a ramp and its range."""
    shown = thin(values, step)
    key = "labels" if how.pop("labels", False) else "values"
    return {"kind": "map", "title": title, "size": list(shown.shape), key: shown.flatten(), "marks": [], **how}


def data_pixels(data: Data) -> Tensor:
    """(height, width, 3) uint8: the picture as the backbone saw it, without the border that fills the last patches."""
    features = data.value("features")
    return scaled_picture(features.pixels, features.geometry).cpu()
