"""Several captioned pictures on one sheet, to be saved or put on a slide."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from segcore.show.files import png
from segcore.show.paint import Picture

_FONTS = ("DejaVuSans.ttf", "Arial.ttf", "arial.ttf")  # have the signs of formulas; Pillow's own lacks many
_HEADING, _TITLE, _TEXT = 34, 24, 19  # height of the letters, in pixels
_LEADING = 1.4  # from line to line, in heights of the letters
_PAPER, _INK, _QUIET = "#ffffff", "#14181f", "#4a5261"
_GAP, _LEAST_WIDTH = 28, 320
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Captioned:
    """One place on the sheet."""

    title: str
    lines: tuple[str, ...]
    picture: Picture | None = None  # None where there is only something to say


def contact_sheet(heading: str, lines: Sequence[str], cells: Sequence[Captioned]) -> bytes:
    """Draw pictures side by side, each below its title and above its lines.

    Args:
        heading: on top of the sheet.
        lines: below the heading.
        cells: at least one. Pictures keep their pixels; small ones are enlarged by a whole factor.

    Returns:
        A PNG, up to four pictures wide.
    """
    pictures = [None if cell.picture is None else _enlarged(cell.picture) for cell in cells]
    width = max([_LEAST_WIDTH, *(picture.width for picture in pictures if picture)])
    blocks = []
    for cell, picture in zip(cells, pictures, strict=True):
        title = _text([cell.title], _TITLE, _INK, width)
        blocks.append(_stacked([title, *([picture] if picture else []), _text(cell.lines, _TEXT, _QUIET, width)], width))
    columns = {1: 1, 2: 2, 4: 2}.get(len(cells), 3 if len(cells) <= 9 else 4)
    full = columns * (width + _GAP) - _GAP
    rows = [_beside(blocks[i : i + columns], full) for i in range(0, len(blocks), columns)]
    head = [_text([heading], _HEADING, _INK, full), _text(lines, _TEXT, _QUIET, full)]
    body = _stacked([_stacked(head, full), *rows], full, gap=_GAP)
    sheet = Image.new("RGB", (body.width + 2 * _GAP, body.height + 2 * _GAP), _PAPER)
    sheet.paste(body, (_GAP, _GAP))
    return png(np.asarray(sheet))


def _enlarged(picture: Picture) -> Image.Image:
    factor = ceil(_LEAST_WIDTH / picture.shape[1])
    return Image.fromarray(picture.repeat(factor, axis=0).repeat(factor, axis=1))


def _text(paragraphs: Iterable[str], size: int, color: str, width: int) -> Image.Image:
    """Lines of text, wrapped between words to a width; a word that is too long is cut off at the edge."""
    font, leading = font_of(size), ceil(size * _LEADING)
    lines = [line for paragraph in paragraphs for line in wrapped(paragraph, font, width)]
    image = Image.new("RGB", (width, max(1, leading * len(lines))), _PAPER)
    draw = ImageDraw.Draw(image)
    for i, line in enumerate(lines):
        draw.text((0, i * leading), line, fill=color, font=font)
    return image


def wrapped(paragraph: str, font: Font, width: int) -> list[str]:
    """Lines of words that are no wider than this; a word alone may be."""
    lines: list[str] = []
    for word in paragraph.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@cache
def font_of(size: int) -> Font:
    """The first of a few fonts that is here, its letters so many pixels high."""
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def _stacked(images: Sequence[Image.Image], width: int, gap: int = 8) -> Image.Image:
    stack = Image.new("RGB", (width, sum(i.height for i in images) + gap * (len(images) - 1)), _PAPER)
    y = 0
    for image in images:
        stack.paste(image, (0, y))
        y += image.height + gap
    return stack


def _beside(images: Sequence[Image.Image], width: int) -> Image.Image:
    row = Image.new("RGB", (width, max(i.height for i in images)), _PAPER)
    for i, image in enumerate(images):
        row.paste(image, (i * (image.width + _GAP), 0))
    return row
