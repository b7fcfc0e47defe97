"""What movies are drawn with: a pen on a picture of 1280 × 720, in the colors of a theme."""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from demo.shared.contact_sheet import Font, font_of, wrapped
from segcore.show.paint import Picture

WIDTH, HEIGHT = 1280, 720
FINE = 2  # it is drawn so many times as large, and shrunk
MARGIN = 36  # of the frame

Box = tuple[float, float, float, float]  # left, top, width, height


@dataclass(frozen=True, slots=True)
class Ink:
    """Colors of a frame."""

    paper: str
    ink: str
    quiet: str
    line: str
    here: str


INKS = {
    "light": Ink("#ffffff", "#14181f", "#4a5261", "#0072b2", "#d55e00"),
    "dark": Ink("#0f1420", "#f2f4f8", "#b4bccb", "#56b4e9", "#ff8a3d"),
    "print": Ink("#ffffff", "#000000", "#404040", "#000000", "#707070"),
}

_LOWERED, _RAISED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"), str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def plain(text: str) -> str:
    """HTML and `_1` in letters alone, with indices and powers of digits as small ones."""
    raised = re.sub(r"<sup>([−\d]+)</sup>", lambda m: m[1].translate(_RAISED), text)
    lowered = re.sub(r"_(\d+)", lambda m: m[1].translate(_LOWERED), raised)
    return html.unescape(re.sub(r"<[^>]*>", "", lowered))


class Pen:
    """Draws in the lengths of the frame."""

    def __init__(self, ink: Ink):
        self.ink = ink
        self.image = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), ink.paper)
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def picture(self) -> Picture:
        """What was drawn, (720, 1280, 3) uint8."""
        return np.asarray(self.image.reduce(FINE))

    def font(self, size: float) -> Font:
        """The font of letters of this height."""
        return font_of(round(size * FINE))

    def text(self, at: tuple[float, float], text: str, size: float, color: str, *, anchor: str = "la") -> float:
        """Write; returns the width."""
        font = self.font(size)
        self.draw.text((at[0] * FINE, at[1] * FINE), text, fill=color, font=font, anchor=anchor)
        return font.getlength(text) / FINE

    def lines(
        self, at: tuple[float, float], text: str, size: float, width: float, *, most: int, color: str | None = None
    ) -> None:
        """Write between words into lines; what is too much ends in dots."""
        found = wrapped(text, self.font(size), round(width * FINE))
        if len(found) > most:
            found = [*found[: most - 1], found[most - 1] + " …"]
        for i, line in enumerate(found):
            self.text((at[0], at[1] + i * size * 1.25), line, size, color or self.ink.quiet)

    def rich(self, at: tuple[float, float], text: str, size: float) -> None:
        """Write HTML of text, `<sub>` and `<sup>`; it shrinks to the width of the frame."""
        pieces = [(html.unescape(p), d) for p, d in _pieces(text) if p]
        wide = sum(self.font(size * (0.68 if d else 1)).getlength(p) for p, d in pieces) / FINE
        size *= min(1.0, (WIDTH - 2 * MARGIN - (150 if size > 30 else 0)) / max(wide, 1))
        x = at[0]
        for piece, shift in pieces:
            x += self.text(
                (x, at[1] + size * (0.95 + shift)), piece, size * (0.68 if shift else 1), self.ink.ink, anchor="ls"
            )

    def line(self, points: Iterable[tuple[float, float]], color: str, width: float) -> None:
        """Join points."""
        places = [(x * FINE, y * FINE) for x, y in points]
        self.draw.line(places, fill=color, width=max(1, round(width * FINE)), joint="curve")

    def disc(self, x: float, y: float, r: float, fill: Any, rim: str | None = None, width: float = 1) -> None:
        """A disc of a radius around a point."""
        box = [(x - r) * FINE, (y - r) * FINE, (x + r) * FINE, (y + r) * FINE]
        self.draw.ellipse(box, fill=fill, outline=rim, width=max(1, round(width * FINE)))

    def box(self, box: Box, color: str, width: float = 1) -> None:
        """The outline of a box."""
        left, top, wide, high = (v * FINE for v in box)
        self.draw.rectangle([left, top, left + wide, top + high], outline=color, width=max(1, round(width * FINE)))

    def fill(self, box: Box, color: str) -> None:
        """A box of a color."""
        left, top, wide, high = (v * FINE for v in box)
        self.draw.rectangle([left, top, left + wide, top + high], fill=color)

    def paste(self, picture: NDArray[np.uint8], box: Box) -> None:
        """A picture (h, w, 3) in a box, its pixels as squares."""
        size = (max(1, round(box[2] * FINE)), max(1, round(box[3] * FINE)))
        self.image.paste(Image.fromarray(picture).resize(size, Image.Resampling.NEAREST), corner(box))


def corner(box: Box) -> tuple[int, int]:
    """The upper left corner of a box, in pixels of what is drawn."""
    return round(box[0] * FINE), round(box[1] * FINE)


def _pieces(text: str) -> Iterable[tuple[str, float]]:
    """The text of HTML in pieces, each with how far it is lowered."""
    shift = 0.0
    for piece in re.split(r"(<[^>]*>)", text):
        match piece:
            case "<sub>":
                shift = 0.22
            case "<sup>":
                shift = -0.38
            case "</sub>" | "</sup>":
                shift = 0.0
            case _ if not piece.startswith("<"):
                yield piece, shift


def fitted(box: Box, ratio: float) -> Box:
    """The largest box of this width over height in the upper left of another."""
    width = min(box[2], box[3] * ratio)
    return box[0], box[1], width, width / ratio
