"""Strokes: lines in the coordinates of the picture, so that they fit a picture of any size, a file, an address and a test.

A stroke has a label 1 … MOST_LABELS, or 0 to take marks away; a width as a share of the picture's longer side; and points
(x, y), 0 … 1 from the left to the right edge and from the top to the bottom edge. Where strokes overlap, the later one
counts.
"""

import base64
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from segcore.errors import InputError, shortened

MOST_LABELS = 8
MOST_STROKES = 200
MOST_POINTS = 2000  # of one stroke
_STEPS = 4095  # of a coordinate in a text: a fourth of a pixel at 1,024 px
_WIDTH_STEPS = 1000
_FAR = 4.0  # a point this far outside moves nothing but the direction in which a line leaves the picture
_SUBPIXEL = 4  # bits


@dataclass(frozen=True, slots=True)
class Stroke:
    """One line of a pen."""

    label: int  # 1 … MOST_LABELS; 0 takes marks away
    width: float  # share of the longer side of the picture
    points: tuple[tuple[float, float], ...]  # (x, y) as shares of the picture's width and height


Strokes = tuple[Stroke, ...]


def read_strokes(value: Any) -> Strokes:
    """Make strokes of what JSON holds: a list of {"label", "width", "points"}, or an object with such a list as "strokes".

    Raises:
        InputError: it is something else, or breaks a limit; one sentence that names the stroke.
    """
    if isinstance(value, str | bytes):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise _refusal(f"The strokes are no JSON: {error}.") from None
    if isinstance(value, dict):
        value = value.get("strokes")
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise _refusal('Strokes are a list of {"label": 1, "width": 0.02, "points": [[x, y], …]}.')
    if len(value) > MOST_STROKES:
        raise _refusal(f"There may be {MOST_STROKES} strokes; these are {len(value)}. Undo some of them.")
    return tuple(_stroke(item, i + 1) for i, item in enumerate(value))


def strokes_json(strokes: Iterable[Stroke]) -> list[dict[str, Any]]:
    """The list that `read_strokes` reads."""
    return [
        {"label": s.label, "width": round(s.width, 4), "points": [[round(x, 4), round(y, 4)] for x, y in s.points]}
        for s in strokes
    ]


def strokes_text(strokes: Iterable[Stroke]) -> str:
    """Strokes as a short text of letters, digits, - and _, for an address or a command line."""
    numbers: list[int] = []
    for stroke in strokes:
        numbers += [stroke.label, max(1, round(stroke.width * _WIDTH_STEPS)), len(stroke.points)]
        last = (0, 0)
        for point in stroke.points:
            at = (round(point[0] * _STEPS), round(point[1] * _STEPS))
            numbers += [_zigzag(at[0] - last[0]), _zigzag(at[1] - last[1])]
            last = at
    packed = zlib.compress(b"".join(map(_varint, numbers)), 9, wbits=-15)
    return base64.urlsafe_b64encode(packed).decode("ascii").rstrip("=")


def strokes_of_text(text: str) -> Strokes:
    """The strokes of `strokes_text`.

    Raises:
        InputError: the text is damaged, or breaks a limit.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        most = MOST_STROKES * (MOST_POINTS + 2) * 4
        packed = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        unpacking = zlib.decompressobj(wbits=-15)
        values = _unpacked(unpacking.decompress(packed, most))
        if not unpacking.eof:
            raise ValueError("cut off, or too long")
        strokes = []
        while (label := next(values, None)) is not None:
            width, n = next(values), next(values)
            x = y = 0
            points = []
            for _ in range(min(n, MOST_POINTS + 1)):
                x, y = x + _unzigzag(next(values)), y + _unzigzag(next(values))
                points.append([x / _STEPS, y / _STEPS])
            strokes.append({"label": label, "width": width / _WIDTH_STEPS, "points": points})
    except (ValueError, StopIteration, zlib.error):
        raise _refusal("The strokes of this link are damaged; draw them again.") from None
    return read_strokes(strokes)


def rasterize(strokes: Iterable[Stroke], size: tuple[int, int]) -> Tensor:
    """Draw strokes on a grid.

    Args:
        strokes: in their order; what lies outside is clipped.
        size: (height, width) of the grid, in pixels.

    Returns:
        (height, width) uint8: the label of each pixel under a stroke, 0 elsewhere. A line is at least one pixel wide.
    """
    height, width = size
    seeds = np.zeros((height, width), np.uint8)
    one = 1 << _SUBPIXEL
    for stroke in strokes:
        thickness = max(1, round(stroke.width * max(height, width)))
        corners = [((x * width - 0.5) * one, (y * height - 0.5) * one) for x, y in stroke.points]
        line = np.rint(corners).astype(np.int32).reshape(-1, 1, 2)
        if len(line) == 1:
            line = np.concatenate([line, line])
        cv2.polylines(seeds, [line], isClosed=False, color=stroke.label, thickness=thickness, shift=_SUBPIXEL)
    return torch.from_numpy(seeds)


def labels_of(strokes: Iterable[Stroke]) -> tuple[int, ...]:
    """The labels that were drawn, ascending."""
    return tuple(sorted({stroke.label for stroke in strokes if stroke.label}))


def marked_labels(seeds: Tensor, strokes: Strokes) -> tuple[int, ...]:
    """The labels that mark pixels, ascending.

    Raises:
        InputError: there are fewer than two, or one that was drawn lies wholly under others or outside; what to do.
    """
    drawn = labels_of(strokes)
    left = tuple(int(label) for label in seeds.unique().tolist() if label)
    if not drawn or not left:
        raise _refusal("There are no strokes yet. Mark something with label 1, and something else with label 2.")
    gone = sorted(set(drawn) - set(left))
    if gone and len(drawn) > 1:
        raise _refusal(
            f"No pixel of label {gone[0]} is left: its strokes lie under later ones, or outside. Draw it where the others "
            "are not, or undo."
        )
    if len(left) < 2:
        raise _refusal(f"Only label {left[0]} is drawn. Mark something that is not it with another label, too.")
    return left


def _stroke(item: Any, number: int) -> Stroke:
    if not isinstance(item, dict) or not {"label", "width", "points"} <= item.keys():
        raise _refusal(f"Stroke {number} must have label, width and points; got {shortened(repr(item))}.")
    label, width, points = item["label"], item["width"], item["points"]
    if isinstance(label, bool) or label not in range(MOST_LABELS + 1):
        raise _refusal(f"The label of stroke {number} must be from 0 to {MOST_LABELS}; got {shortened(repr(label))}.")
    if not _is_number(width) or not 0 < width <= 1:
        raise _refusal(f"The width of stroke {number} must be above 0 and at most 1; got {shortened(repr(width))}.")
    if not isinstance(points, list | tuple) or not 1 <= len(points) <= MOST_POINTS:
        n = len(points) if isinstance(points, list | tuple) else 0
        raise _refusal(f"Stroke {number} must have from 1 to {MOST_POINTS} points; it has {n}.")
    if not all(isinstance(p, list | tuple) and len(p) == 2 and all(map(_is_number, p)) for p in points):
        raise _refusal(f"The points of stroke {number} must be pairs of finite numbers.")
    near = tuple((min(max(float(x), -_FAR), _FAR), min(max(float(y), -_FAR), _FAR)) for x, y in points)
    return Stroke(int(label), float(width), near)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _zigzag(n: int) -> int:
    return 2 * n if n >= 0 else -2 * n - 1


def _unzigzag(n: int) -> int:
    return n // 2 if n % 2 == 0 else -(n + 1) // 2


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def _unpacked(data: bytes) -> Iterator[int]:
    n = shift = 0
    for byte in data:
        n |= (byte & 127) << shift
        if byte < 128:
            yield n
            n = shift = 0
        elif (shift := shift + 7) > 35:
            raise ValueError("too long")
    if shift:
        raise ValueError("cut off")


def _refusal(sentence: str) -> InputError:
    return InputError(sentence, field="strokes")
