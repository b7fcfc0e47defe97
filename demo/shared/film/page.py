"""What stands around the drawings of a movie."""

import html
from collections.abc import Sequence

from demo.shared.film.pen import HEIGHT, MARGIN, WIDTH, Box, Pen, plain

_GAP, _TOP, _BOTTOM = 24, 128, 560  # between drawings, and where they begin and end


def columns(shares: Sequence[float]) -> list[Box]:
    """Places for drawings beside each other, as wide as these shares say."""
    room = WIDTH - 2 * MARGIN - _GAP * (len(shares) - 1)
    left, found = float(MARGIN), []
    for share in shares:
        width = room * share / sum(shares)
        found.append((left, float(_TOP), width, float(_BOTTOM - _TOP)))
        left += width + _GAP
    return found


def draw_words(
    pen: Pen, *, title: str, number: str, said: str, formula: str, numbers: Sequence[str], credit: str = ""
) -> None:
    """Write all that is no drawing.

    Args:
        pen: writes.
        title: in large letters.
        number: which picture of how many.
        said: below the title, two lines at most.
        formula: HTML of text, `<sub>` and `<sup>`.
        numbers: such as "E = 12", in plain text or HTML of text.
        credit: of the picture.
    """
    pen.rich((MARGIN, 22), html.escape(title), 34)
    pen.text((WIDTH - MARGIN, 32), number, 20, pen.ink.quiet, anchor="ra")
    pen.lines((MARGIN, 68), said, 21, WIDTH - 2 * MARGIN, most=2)
    pen.rich((MARGIN, _BOTTOM + 22), formula, 25)
    pen.lines((MARGIN, _BOTTOM + 66), " · ".join(map(plain, numbers)), 20, WIDTH - 2 * MARGIN, most=2, color=pen.ink.ink)
    pen.text((WIDTH - MARGIN, HEIGHT - 30), credit, 14, pen.ink.quiet, anchor="ra")
