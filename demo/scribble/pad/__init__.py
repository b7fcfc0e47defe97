"""The pad: a picture to draw strokes on, with the result under them."""

from pathlib import Path
from typing import Any, ClassVar, NotRequired, TypedDict

from demo.scribble import texts
from demo.shared.components.base import Component
from segcore.scribble.strokes import MOST_LABELS, MOST_POINTS, MOST_STROKES
from segcore.show.palette import PALETTE


class Result(TypedDict):
    """What lies under the strokes."""

    labels: str  # data: URI of a gray PNG: the value of a pixel is its label, 0 for none
    unsure: str | None  # the same of the entropy, 0 … 255, where there is one
    hint: list[float] | None  # (x, y) as shares of width and height: where it is most unsure


class PadValue(TypedDict):
    """What Python sends; what is left out stays as it is."""

    picture: str | None  # path of a file; None for no picture
    picture_key: str  # same key, same picture: the strokes stay
    width: int
    height: int
    alt: str
    strokes: NotRequired[list[dict[str, Any]]]  # take the place of what is drawn
    names: NotRequired[dict[str, str]]  # by label
    result: NotRequired[Result | None]  # None takes the old one away


class Drawn(TypedDict):
    """What Python gets."""

    strokes: list[dict[str, Any]]
    picture_key: str | None


class ScribblePad(Component):
    """Strokes of up to eight labels on a picture, by mouse, touch, pen and keys.

    Events: `input`, when the strokes have changed: drawn, undone, redone, cleared.
    """

    files = Path(__file__).parent
    pictures = ("picture",)
    about = 'strokes: a list of {"label", "width", "points"}'

    told: ClassVar = {
        "palette": PALETTE.hex(MOST_LABELS),
        "most": MOST_LABELS,
        "most_strokes": MOST_STROKES,
        "most_points": MOST_POINTS,
        "words": texts.PAD,
    }
    empty = texts.EMPTY

    def __init__(self, *, opacity: float = 0.5, elem_id: str | None = None, **kwargs: Any):
        """Make the component.

        Args:
            opacity: of the result at the start, in [0, 1].
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        super().__init__(None, fixed={"opacity": opacity}, elem_id=elem_id, **kwargs)

    def preprocess(self, payload: Any) -> Any:
        """A `Drawn`: the strokes, which may be anything a client sends, and the picture they were drawn on."""
        payload = payload if isinstance(payload, dict) else {}
        key = payload.get("picture_key")
        drawn: Drawn = {"strokes": payload.get("strokes") or [], "picture_key": key if isinstance(key, str) else None}
        return drawn
