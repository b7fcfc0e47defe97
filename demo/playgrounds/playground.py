"""What a playground is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from demo.playgrounds.fields import Field, State
from demo.playgrounds.show import View


@dataclass(frozen=True, eq=False, slots=True)
class Segmented:
    """A picture and its segments on the patch grid."""

    grid: np.ndarray  # (h, w) int64 labels
    pixels: np.ndarray  # (h·factor, w·factor, 3) uint8: the picture, border extension included
    size: tuple[int, int]  # height and width without the extension
    truth: np.ndarray | None  # (height, width) drawn labels, where the picture has them

    @property
    def factor(self) -> int:
        """Pixels per cell and axis."""
        return len(self.pixels) // len(self.grid)

    @property
    def guide(self) -> Tensor:
        """(3, h·factor, w·factor) float32: the colors, 0 … 255."""
        return torch.from_numpy(self.pixels).permute(2, 0, 1).float()


class Source(Protocol):
    """Where a playground that works on a picture gets it."""

    def picture(self, *, max_side: int) -> np.ndarray:
        """(height, width, 3) uint8: the picture, shrunk to this longer side."""

    def segmented(self) -> Segmented | None:
        """The picture with its segments, or None while they are not computed."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A state worth seeing, such as a figure of the lectures."""

    title: str
    seed: str  # row of the inventory of the lectures that it shows, or ""
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Playground:
    """One playground: what can be changed, and what is seen of it.

    Attributes:
        key: in the address.
        title: in the list.
        lead: what it is about, one or two sentences.
        formula: what it computes; LaTeX between dollar signs.
        fields: what can be changed; tables follow the numbers that size them.
        presets: states to begin with; the first is what the fields are by default.
        view: what is seen in a state. Raises InputError where there is nothing to see.
        has_picture: whether it works on the picture.
    """

    key: str
    title: str
    lead: str
    formula: str
    fields: tuple[Field, ...]
    presets: Sequence[Preset]
    view: Callable[[State, Source], View]
    has_picture: bool = False
