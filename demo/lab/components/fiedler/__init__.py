"""Eigenvectors on the patch grid, and the two-way cut."""

from pathlib import Path
from typing import ClassVar, NotRequired, TypedDict

from demo.lab import texts
from demo.shared.components.base import Component
from segcore.show.palette import DIVERGING


class Vector(TypedDict):
    """One eigenvector."""

    index: int  # 1 is the Fiedler vector
    eigenvalue: float
    residual: float
    values: str  # export.pack_floats of (h, w)


class TwoWayCut(TypedDict):
    """How the Fiedler vector is cut."""

    threshold: float
    ncut: list[list[float]]  # [threshold, Ncut], ascending thresholds
    side_is_positive: bool  # the object is v > threshold


class FiedlerValue(TypedDict):
    """What a `FiedlerPanel` shows."""

    h: int
    w: int
    vectors: list[Vector]
    fiedler: TwoWayCut | None
    picture: str  # data: URI, URL, or path of a file
    width: int
    height: int
    aspect: list[float]  # share of the grid's width and height that the picture covers
    message: str | None  # shown where there are no vectors
    cuttable: NotRequired[list[int]]  # indices with a "Cut here" button; all if missing


class FiedlerPanel(Component):
    """A gallery of eigenvectors; one of them large, with its entries, a histogram and a threshold.

    Events: `cut`, when a user asks for the cut at the threshold on view. Its `gr.EventData` has `index`, `threshold`, and
    `fraction`, the threshold over the largest |entry|.
    """

    files = Path(__file__).parent
    happens = ("cut",)
    pictures = ("picture",)
    about = "eigenvectors on the patch grid, as base64 of 32-bit floats"
    told: ClassVar = {"stops": DIVERGING, "words": texts.VECTORS_WORDS}
    empty = "The eigenvectors of the picture's graph appear here."
