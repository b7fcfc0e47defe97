"""Small multiples: maps and masks on the patches, over the picture."""

from pathlib import Path
from typing import ClassVar, NotRequired, TypedDict

from demo.shared.components.base import Component
from segcore.show.palette import DIVERGING, SEQUENTIAL

RAMPS = {"diverging": DIVERGING, "sequential": SEQUENTIAL}


class Tile(TypedDict):
    """One map. All arrays are export.pack_floats of (h, w)."""

    title: str
    caption: NotRequired[str]
    kind: str  # a key of RAMPS
    values: NotRequired[str]  # shown as colors on a ramp over their own range; without them the picture shows in color
    mask: NotRequired[str]  # > 0 inside; its outline is drawn, and without values the rest is darkened
    out: NotRequired[str]  # > 0 on the cells that are crossed out
    choose: NotRequired[int]  # the tile is a button, and this is what its event says
    pressed: NotRequired[bool]


class Row(TypedDict):
    """Tiles that belong together."""

    title: str
    text: str
    tiles: list[Tile]


class MapGridValue(TypedDict):
    """What a `MapGrid` shows."""

    h: int
    w: int
    aspect: list[float]  # share of the grid's width and height that the picture covers
    picture: str  # data: URI
    lead: str
    rows: list[Row]


class MapGrid(Component):
    """Rows of maps with a common cursor: the patch under the pointer is marked in all of them, with its values.

    Events: `choose`, when a user takes a tile that can be chosen. Its `gr.EventData` has `index`.
    """

    files = Path(__file__).parent
    happens = ("choose",)
    about = "maps on the patch grid, as base64 of 32-bit floats"
    told: ClassVar = {"ramps": RAMPS}
