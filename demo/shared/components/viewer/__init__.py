"""The picture under its segments."""

from pathlib import Path
from typing import Any, ClassVar, NotRequired, TypedDict

from demo.shared import texts
from demo.shared.components.base import Component
from segcore.show.palette import NEUTRAL


class ViewerValue(TypedDict):
    """What a `Viewer` shows."""

    picture: str  # data: URI, URL, or path of a file
    labels: str  # same, of a PNG by export.display_label_png
    width: int  # of the display, in pixels
    height: int
    palette: list[str]  # "#rrggbb" per label
    names: list[str]  # per label
    areas: list[float]  # per label, share of the picture in [0, 1]
    picture_key: str  # same key, same picture: segments keep their colors
    grid: list[int]  # rows and columns of patches
    alt: str
    aspect: NotRequired[list[float]]  # share of the grid's width and height that the picture covers; [1, 1] if missing
    background: NotRequired[int | None]  # label that always keeps its own color


class Viewer(Component):
    """Masks over a picture, with opacity, before and after, and a legend that isolates segments.

    Everything happens in the browser; nothing is sent back.
    """

    files = Path(__file__).parent
    pictures = ("picture", "labels")
    about = "the picture, its labels, their names, areas and colors"
    told: ClassVar = {"neutral": NEUTRAL, "words": texts.VIEWER}
    empty = "Choose a picture, and its segments appear here."

    def __init__(
        self,
        value: ViewerValue | None = None,
        *,
        opacity: float = 0.55,
        divider: float = 0.0,
        elem_id: str | None = None,
        **kwargs: Any,
    ):
        """Make the component.

        Args:
            value: what is shown, or None.
            opacity: of the masks at the start, in [0, 1].
            divider: share of the width left of the before and after divider at the start, in [0, 1].
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        super().__init__(value, fixed={"opacity": opacity, "divider": divider}, elem_id=elem_id, **kwargs)
