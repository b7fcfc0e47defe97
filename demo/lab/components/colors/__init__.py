"""One or two pictures in the colors of their features, with numbered pairs of patches that match."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypedDict

from demo.lab import texts
from demo.shared.components.base import Component, with_urls
from segcore.show.palette import DIVERGING, PALETTE


class PictureShown(TypedDict):
    """A picture."""

    title: str
    key: str  # same key, same picture: the chosen patch stays
    picture: str  # path of a file
    colors: str  # data: URI, of the picture without border extension
    width: int
    height: int
    h: int
    w: int
    aspect: list[float]  # share of the grid's width and height that the picture covers


class Histogram(TypedDict):
    """Of the first component, from 0 to 1."""

    counts: list[int]
    threshold: float


class MatchesShown(TypedDict):
    """The nearest patches of two pictures."""

    nearest: list[int]  # of the second picture, for each patch of the first
    cosine: str  # export.pack_floats
    back: list[int]
    back_cosine: str
    pairs: list[list[int]]  # numbered on the pictures
    said: str


class Block(TypedDict):
    """A picture of the strip, which is a button."""

    title: str
    image: str  # data: URI
    caption: str
    block: int  # as the setting counts
    pressed: bool


class ColorsValue(TypedDict):
    """What a `ColorsPanel` shows; or `message` alone, a sentence."""

    token: str  # comes back with each question
    lead: str
    note: str
    pictures: list[PictureShown]  # one or two
    histogram: Histogram | None
    matches: MatchesShown | None
    strip: list[Block]
    strip_said: str


class Answer(TypedDict):
    """The cosines of a patch; or `problem` alone, a sentence."""

    side: int  # 0 or 1: in which picture it is
    row: int
    column: int
    maps: list[str]  # export.pack_floats of (h, w), with all patches of each picture


class ColorsPanel(Component):
    """Pictures in which a patch is picked; its match, and how similar all others are.

    Events: `threshold`, when a user cuts the histogram; its `gr.EventData` has `at`. `block`, when a block of the strip is
    taken; it has `block`.
    """

    files = Path(__file__).parent
    happens = ("threshold", "block")
    about = "pictures in the colors of their features"
    told: ClassVar = {"stops": DIVERGING, "palette": PALETTE.hex(30), "words": texts.COLORS_WORDS}
    empty = texts.COLORS_EMPTY

    def __init__(
        self,
        value: ColorsValue | None = None,
        *,
        probe: Callable[[Any], Answer | dict[str, str]],
        elem_id: str | None = None,
        **kwargs: Any,
    ):
        """Make the component.

        Args:
            value: what is shown, or None.
            probe: takes {"token", "side", "row", "column"} as the browser sends them, and returns an `Answer`. It must judge
                them.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """

        def ask(question: Any) -> Answer | dict[str, str]:  # Gradio marks what it is given, which a bound method refuses
            return probe(question)

        super().__init__(value, elem_id=elem_id, server_functions=[ask], **kwargs)

    def postprocess(self, value: Any) -> Any:
        """Turn paths of files into what Gradio serves."""
        if not value or "pictures" not in value:
            return value
        return {**value, "pictures": [with_urls(picture, "picture") for picture in value["pictures"]]}
