"""What a playground is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from demo.playgrounds.blocks import View
from demo.playgrounds.fields import Field, State


class Source(Protocol):
    """Where a playground that works on a picture gets it."""

    def picture(self, *, max_side: int) -> np.ndarray:
        """(height, width, 3) uint8: the picture, shrunk to this longer side."""

    def labels(self) -> np.ndarray | None:
        """(h, w): the segments of the picture on the patch grid, or None while they are not computed."""


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
        formula: what it computes.
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
