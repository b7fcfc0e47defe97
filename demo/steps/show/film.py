"""A step as a picture of 1280 × 720: title, what is drawn, the formula, and the numbers, as the page has them."""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from demo.shared.contact_sheet import Font, font_of, wrapped
from demo.shared.sequence import Coarse, Frame, html_number
from demo.steps.data import Data
from segcore.show.paint import Picture, borders, paint_ramp
from segcore.show.palette import DIVERGING, PALETTE, SEQUENTIAL, hex_to_rgb

WIDTH, HEIGHT = 1280, 720
_FINE = 2  # it is drawn so many times as large, and shrunk
_COLORS = 20
_LABELS, _VALUES, _HINT = 0.62, 0.88, 0.24  # opacity over the picture
_MARGIN, _GAP, _TOP, _BOTTOM = 36, 24, 128, 560  # of the frame, and of what is drawn in it
_MANY, _SOME = 600, 250  # points: many are small
_MOST_VIEWS = 3
_LEGEND = 22
_ROOM = 0.06  # of a plane that says no bounds


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

Box = tuple[float, float, float, float]  # left, top, width, height


def film_frame(frame: Frame, data: Data, *, formula: str, number: str, credit: str, theme: str = "light") -> Picture:
    """Draw a step.

    Args:
        frame: with its tensors.
        data: what it ran on.
        formula: HTML of text, `<sub>` and `<sup>`.
        number: which step of how many.
        credit: of the picture.
        theme: a key of INKS.

    Returns:
        (720, 1280, 3) uint8.

    Cost: some 100 ms.
    """
    pen = _Pen(INKS[theme])
    chosen = frame.variants[0] if frame.variants else None
    views = [view for view in (chosen.views if chosen else frame.views) if view["kind"] in _DRAWN][:_MOST_VIEWS]
    numbers = frame.numbers if chosen is None or chosen.numbers is None else chosen.numbers
    pen.rich((_MARGIN, 22), html.escape(frame.title), 34)
    pen.text((WIDTH - _MARGIN, 32), number, 20, pen.ink.quiet, anchor="ra")
    pen.lines((_MARGIN, 68), frame.said, 21, WIDTH - 2 * _MARGIN, most=2)
    width = (WIDTH - 2 * _MARGIN - _GAP * (len(views) - 1)) / max(1, len(views))
    for at, view in enumerate(views):
        left = _MARGIN + at * (width + _GAP)
        pen.lines((left, _TOP), _plain(str(view["title"])), 17, width, most=2, color=pen.ink.ink)
        _DRAWN[view["kind"]](pen, view, data, (left, _TOP + 46, width, _BOTTOM - _TOP - 46))
    pen.rich((_MARGIN, _BOTTOM + 22), formula, 25)
    shown = " · ".join(_plain(f"{n.symbol} = {html_number(n.value, scale=n.scale)}") for n in numbers)
    pen.lines((_MARGIN, _BOTTOM + 66), shown, 20, WIDTH - 2 * _MARGIN, most=2, color=pen.ink.ink)
    pen.text((WIDTH - _MARGIN, HEIGHT - 30), credit, 14, pen.ink.quiet, anchor="ra")
    return pen.picture()


def _plain(text: str) -> str:
    """HTML and `_1` in letters alone, with indices and powers of digits as small ones."""
    raised = re.sub(r"<sup>([−\d]+)</sup>", lambda m: m[1].translate(_RAISED), text)
    lowered = re.sub(r"_(\d+)", lambda m: m[1].translate(_LOWERED), raised)
    return html.unescape(re.sub(r"<[^>]*>", "", lowered))


class _Pen:
    """Draws in the lengths of the frame."""

    def __init__(self, ink: Ink):
        self.ink = ink
        self.image = Image.new("RGB", (WIDTH * _FINE, HEIGHT * _FINE), ink.paper)
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def picture(self) -> Picture:
        return np.asarray(self.image.reduce(_FINE))

    def font(self, size: float) -> Font:
        return font_of(round(size * _FINE))

    def text(self, at: tuple[float, float], text: str, size: float, color: str, *, anchor: str = "la") -> float:
        """Write; returns the width."""
        font = self.font(size)
        self.draw.text((at[0] * _FINE, at[1] * _FINE), text, fill=color, font=font, anchor=anchor)
        return font.getlength(text) / _FINE

    def lines(
        self, at: tuple[float, float], text: str, size: float, width: float, *, most: int, color: str | None = None
    ) -> None:
        """Write between words into lines; what is too much ends in dots."""
        found = wrapped(text, self.font(size), round(width * _FINE))
        if len(found) > most:
            found = [*found[: most - 1], found[most - 1] + " …"]
        for i, line in enumerate(found):
            self.text((at[0], at[1] + i * size * 1.25), line, size, color or self.ink.quiet)

    def rich(self, at: tuple[float, float], text: str, size: float) -> None:
        """Write HTML of text, `<sub>` and `<sup>`; it shrinks to the width of the frame."""
        pieces = [(html.unescape(p), d) for p, d in _pieces(text) if p]
        wide = sum(self.font(size * (0.68 if d else 1)).getlength(p) for p, d in pieces) / _FINE
        size *= min(1.0, (WIDTH - 2 * _MARGIN - (150 if size > 30 else 0)) / max(wide, 1))
        x = at[0]
        for piece, shift in pieces:
            x += self.text(
                (x, at[1] + size * (0.95 + shift)), piece, size * (0.68 if shift else 1), self.ink.ink, anchor="ls"
            )

    def line(self, points: Iterable[tuple[float, float]], color: str, width: float) -> None:
        places = [(x * _FINE, y * _FINE) for x, y in points]
        self.draw.line(places, fill=color, width=max(1, round(width * _FINE)), joint="curve")

    def disc(self, x: float, y: float, r: float, fill: Any, rim: str | None = None, width: float = 1) -> None:
        box = [(x - r) * _FINE, (y - r) * _FINE, (x + r) * _FINE, (y + r) * _FINE]
        self.draw.ellipse(box, fill=fill, outline=rim, width=max(1, round(width * _FINE)))

    def box(self, box: Box, color: str, width: float = 1) -> None:
        left, top, wide, high = (v * _FINE for v in box)
        self.draw.rectangle([left, top, left + wide, top + high], outline=color, width=max(1, round(width * _FINE)))

    def paste(self, picture: NDArray[np.uint8], box: Box) -> None:
        size = (max(1, round(box[2] * _FINE)), max(1, round(box[3] * _FINE)))
        self.image.paste(Image.fromarray(picture).resize(size, Image.Resampling.NEAREST), _corner(box))


def _corner(box: Box) -> tuple[int, int]:
    return round(box[0] * _FINE), round(box[1] * _FINE)


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


def _array(values: Any) -> NDArray[Any]:
    tensor = values.values if isinstance(values, Coarse) else values
    return tensor.detach().cpu().numpy() if isinstance(tensor, Tensor) else np.asarray(tensor)


def _colors(view: Mapping[str, Any], n: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """(n, 3) colors of rows, and which have one."""
    if view.get("labels") is not None:
        labels = _array(view["labels"]).ravel().astype(int)
        return hex_to_rgb(PALETTE.hex(_COLORS))[labels % _COLORS], labels >= 0
    if view.get("values") is None:
        return np.full((n, 3), 140, np.uint8), np.zeros(n, bool)
    values = _array(view["values"]).ravel().astype(float)
    known = np.isfinite(values)
    lo, hi = view.get("range") or _range(values[known], view.get("ramp", ""))
    share = (np.where(known, values, lo) - lo) / (hi - lo if hi > lo else 1)
    return paint_ramp(share[None], DIVERGING if view.get("ramp") == "diverging" else SEQUENTIAL)[0], known


def _range(values: NDArray[Any], ramp: str) -> tuple[float, float]:
    if not values.size:
        return 0.0, 1.0
    most = float(np.abs(values).max())
    return (-most, most) if ramp == "diverging" else (float(values.min()), float(values.max()))


def _fitted(box: Box, ratio: float) -> Box:
    """The largest box of this width over height in the upper left of another."""
    width = min(box[2], box[3] * ratio)
    return box[0], box[1], width, width / ratio


def _map(pen: _Pen, view: Mapping[str, Any], data: Data, box: Box) -> None:
    room = box[3] - (_LEGEND if view.get("values") is not None else 0)
    box = _fitted((*box[:3], room), float(data.shown["ratio"]))
    size = (round(box[2] * _FINE), round(box[3] * _FINE))
    picture = Image.open(data.shown["picture"]).convert("RGB").resize(size)
    if view.get("values") is not None or view.get("matrix"):
        picture = picture.convert("L").convert("RGB")
    pen.image.paste(picture, _corner(box))
    h, w = view.get("size") or (data.h, data.w)
    wide, high = data.shown["aspect"]
    whole = (round(size[0] / wide), round(size[1] / high))  # of the grid, of which the picture covers a part
    if view.get("labels") is not None or view.get("values") is not None:
        colors, known = _colors(view, h * w)
        opacity = _HINT if view.get("borders") else _LABELS if view.get("labels") is not None else _VALUES
        mask = known.reshape(h, w) * np.uint8(255 * opacity)
        tile = colors.reshape(h, w, 3)
        if view.get("borders"):
            edge = borders(_array(view["labels"]).reshape(h, w).astype(int))
            tile, mask = (
                np.where(edge[..., None], np.array([255, 255, 160], np.uint8), tile),
                np.where(edge, np.uint8(255), mask),
            )
        resized = Image.fromarray(np.ascontiguousarray(tile)).resize(whole, Image.Resampling.NEAREST).crop((0, 0, *size))
        over = Image.fromarray(np.ascontiguousarray(mask)).resize(whole, Image.Resampling.NEAREST).crop((0, 0, *size))
        pen.image.paste(resized, _corner(box), over)
    cell = (box[2] / wide / w, box[3] / high / h)
    if view.get("lit") is not None:
        for i in np.flatnonzero(_array(view["lit"]))[: h * w]:
            x, y = box[0] + (i % w) * cell[0], box[1] + (i // w) * cell[1]
            pen.box((x, y, *cell), "#14181f", 1.6)
            pen.box((x, y, *cell), "#ffffff", 0.9)
    for mark in view.get("marks", ()):
        i = int(mark["i"])
        x, y = box[0] + (i % w + 0.5) * cell[0], box[1] + (i // w + 0.5) * cell[1]
        pen.disc(x, y, 9, "#ffffff", "#14181f", 1.5)
        pen.text((x, y), str(mark["text"]), 11, "#14181f", anchor="mm")
    _legend(pen, view, box)


def _legend(pen: _Pen, view: Mapping[str, Any], box: Box) -> None:
    """The ramp with the numbers at its ends, below."""
    if view.get("values") is None:
        return
    values = _array(view["values"]).ravel().astype(float)
    lo, hi = view.get("range") or _range(values[np.isfinite(values)], view.get("ramp", ""))
    stops = DIVERGING if view.get("ramp") == "diverging" else SEQUENTIAL
    top = box[1] + box[3] + 8
    pen.paste(paint_ramp(np.linspace(0, 1, 200)[None].repeat(8, 0), stops), (box[0] + 60, top, 140, 9))
    pen.text((box[0] + 54, top + 4), f"{lo:.3g}", 13, pen.ink.quiet, anchor="rm")
    pen.text((box[0] + 206, top + 4), f"{hi:.3g}", 13, pen.ink.quiet, anchor="lm")


def _scatter(pen: _Pen, view: Mapping[str, Any], data: Data, box: Box) -> None:
    drawn = view.get("moved") if view.get("moved") is not None else view.get("xy")
    xy = _array(data.xy if drawn is None else drawn).reshape(-1, 2).astype(float)
    x0, x1, y0, y1 = view.get("bounds") or _bounds(_array(data.xy), whole=not data.is_picture)
    pen.box(box, pen.ink.quiet, 0.7)
    scale = min((box[2] - 20) / ((x1 - x0) or 1), (box[3] - 20) / ((y1 - y0) or 1))
    left, top = box[0] + (box[2] - scale * (x1 - x0)) / 2, box[1] + (box[3] - scale * (y1 - y0)) / 2

    def place(point: Any) -> tuple[float, float]:
        return left + (point[0] - x0) * scale, top + (y1 - point[1]) * scale

    if view.get("edges"):
        pairs, weights = _array(view["edges"]["pairs"]).reshape(-1, 2), _array(view["edges"]["weights"])
        base = _array(data.xy)
        for (i, j), weight in zip(pairs, weights, strict=True):
            color = pen.ink.ink + f"{round(255 * min(1.0, 0.06 + 0.4 * float(weight))):02x}"
            pen.line((place(base[i]), place(base[j])), color, 0.4 + 1.6 * float(weight))
    colors, known = _colors(view, len(xy))
    lit = _array(view["lit"]).ravel().astype(bool) if view.get("lit") is not None else np.zeros(len(xy), bool)
    out = _array(view["out"]).ravel().astype(bool) if view.get("out") is not None else np.zeros(len(xy), bool)
    radius = 2.0 if len(xy) > _MANY else 3.4 if len(xy) > _SOME else 4.6
    for i, point in enumerate(xy):
        fill = (*(colors[i].tolist() if known[i] else (140, 140, 140)), 40 if out[i] else 200 if len(xy) > _MANY else 255)
        rim = pen.ink.ink if lit[i] or len(xy) <= _MANY else None
        pen.disc(*place(point), radius, fill, rim, 1.8 if lit[i] and len(xy) <= _MANY else 0.6)
    for ellipse in view.get("ellipses") or ():
        _ellipse(pen, ellipse, place)
    for k, trail in enumerate(view.get("trails") or ()):
        _trail(pen, trail, place, PALETTE.hex(_COLORS)[k % _COLORS])
    for k, center in enumerate(view.get("centers") or ()):
        x, y = place(center)
        rhomb = [(x, y - 10), (x + 10, y), (x, y + 10), (x - 10, y)]
        color = PALETTE.hex(_COLORS)[k % _COLORS]
        pen.draw.polygon([(a * _FINE, b * _FINE) for a, b in rhomb], fill=color)
        pen.line([*rhomb, rhomb[0]], "#ffffff", 3)
        pen.line([*rhomb, rhomb[0]], "#14181f", 1.5)
        pen.text(
            (x, y), str(k + 1), 10, "#ffffff" if sum(hex_to_rgb((color,))[0].tolist()) < 380 else "#14181f", anchor="mm"
        )


def _trail(pen: _Pen, trail: Any, place: Any, color: str) -> None:
    points = [place(p) for p in trail]
    for width, hue in ((4.0, "#ffffff"), (2.0, color)):
        for start, end in pairwise(points):
            pen.line((start, end), hue, width)


def _ellipse(pen: _Pen, ellipse: Mapping[str, Any], place: Any) -> None:
    center, axes = np.array(ellipse["center"]), np.array(ellipse["axes"])
    turn = np.linspace(0, 2 * np.pi, 90)
    color = PALETTE.hex(_COLORS)[int(ellipse["label"]) % _COLORS]
    for reach in (1, 2):
        points = center + reach * (np.cos(turn)[:, None] * axes[0] + np.sin(turn)[:, None] * axes[1])
        pen.line([place(p) for p in points], color, 2)


def _bounds(xy: NDArray[Any], *, whole: bool) -> tuple[float, float, float, float]:
    if whole:
        return -1.25, 1.25, -1.1, 1.1
    low, high = xy.min(0), xy.max(0)
    margin = _ROOM * np.maximum(high - low, 1e-6)
    return float(low[0] - margin[0]), float(high[0] + margin[0]), float(low[1] - margin[1]), float(high[1] + margin[1])


Line = tuple[NDArray[Any], NDArray[Any], Mapping[str, Any]]  # x, y, and what is said of it


@dataclass(frozen=True, eq=False, slots=True)
class _Axes:
    """Where numbers lie."""

    left: float
    top: float
    right: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]

    def place(self, x: float, y: float) -> tuple[float, float]:
        share = min(max((y - self.y[0]) / (self.y[1] - self.y[0]), 0.0), 1.0)
        across = (self.right - self.left) * (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1)
        return self.left + across, self.bottom - (self.bottom - self.top) * (0.04 + 0.92 * share)


def _curve(pen: _Pen, view: Mapping[str, Any], _data: Data, box: Box) -> None:
    lines = [_line_of(series) for series in view["series"]]
    lines = [line for line in lines if len(line[1])]
    if not lines:
        return
    axes = _axes(view, lines, box)
    pen.line(((axes.left, axes.top), (axes.left, axes.bottom), (axes.right, axes.bottom)), pen.ink.quiet, 1)
    for y in axes.y:
        pen.text((axes.left - 6, axes.place(axes.x[0], y)[1]), f"{y:.4g}", 13, pen.ink.quiet, anchor="rm")
    pen.text((axes.left, axes.bottom + 5), f"{axes.x[0]:.4g}", 13, pen.ink.quiet)
    pen.text((axes.right, axes.bottom + 5), f"{axes.x[1]:.4g}", 13, pen.ink.quiet, anchor="ra")
    middle = (axes.left + axes.right) / 2
    pen.text((middle, axes.bottom + 14), str(view.get("xlabel") or ""), 14, pen.ink.quiet, anchor="ma")
    hues = (pen.ink.line, pen.ink.here, "#009e73", "#cc79a7")
    at = 0
    for line in lines:
        _series(pen, view, axes, line, hues[at % len(hues)])
        at += not line[2].get("faint")
    _levels(pen, view, axes)


def _line_of(series: Mapping[str, Any]) -> Line:
    ys = _array(series["y"])
    xs = np.arange(len(ys)) if series.get("x") is None else _array(series["x"])
    return xs, ys, series


def _axes(view: Mapping[str, Any], lines: list[Line], box: Box) -> _Axes:
    xs, ys = np.concatenate([x for x, _, _ in lines]), np.concatenate([y for _, y, _ in lines]).astype(float)
    level = view.get("level")
    ys = np.concatenate([ys[np.isfinite(ys)], [0.0] if view.get("zero") else [], [] if level is None else [level]])
    low, high = float(ys.min()), float(view["top"] if view.get("top") is not None else ys.max())
    high = high if high > low else low + (abs(low) or 1.0)
    bottom = box[1] + min(box[3], 300) - 30
    ends = float(xs.min()), float(xs.max())
    return _Axes(box[0] + 62, box[1] + 6, box[0] + box[2] - 10, bottom, ends, (low, high))


def _series(pen: _Pen, view: Mapping[str, Any], axes: _Axes, line: Line, hue: str) -> None:
    xs, ys, said = line
    points = [axes.place(float(x), float(y)) for x, y in zip(xs, ys, strict=True) if np.isfinite(y)]
    color = pen.ink.quiet + "70" if said.get("faint") else hue
    if said.get("stems"):
        for p in points:
            pen.line((p, (p[0], axes.bottom)), color, 2)
    elif len(points) > 1:
        pen.line(points, color, 1 if said.get("faint") else 2.2)
    if said.get("dots") or said.get("stems"):
        lit = {view.get("at"), *(view.get("lit") or ())}
        for i, p in enumerate(points):
            pen.disc(*p, 5 if i in lit else 2.6, pen.ink.here if i in lit else color)


def _levels(pen: _Pen, view: Mapping[str, Any], axes: _Axes) -> None:
    """A level that is drawn, and thresholds that are taken."""
    level = view.get("level")
    if level is not None:
        y = axes.place(axes.x[0], float(level))[1]
        pen.line(((axes.left, y), (axes.right, y)), pen.ink.here, 1.5)
        pen.text((axes.left + 6, y - 4), f"{view.get('level_name', '')} = {level:.4g}", 13, pen.ink.here, anchor="ld")
    for i, line in enumerate(view.get("lines") or ()):
        x = axes.place(float(line["x"]), axes.y[0])[0]
        pen.line(((x, axes.top), (x, axes.bottom)), pen.ink.here, 1.5)
        late = x > (axes.left + axes.right) / 2
        at = (x - 5 if late else x + 5, axes.top + 15 * i)
        pen.text(at, str(line["name"]), 13, pen.ink.here, anchor="ra" if late else "la")


def _matrix(pen: _Pen, view: Mapping[str, Any], _data: Data, box: Box) -> None:
    m = int(view["m"])
    rows = _array(view["orders"][-1]["rows"]).astype(int)
    values = _array(view["matrix"]).reshape(m, m)[rows][:, rows].astype(float)
    lo, hi = _range(values.ravel(), view.get("ramp", ""))
    share = (values - lo) / ((hi - lo) or 1)
    box = _fitted(box, 1.0)
    if view.get("ramp") == "diverging":
        pen.paste(paint_ramp(share, DIVERGING), box)
    else:
        pen.paste(paint_ramp(np.sqrt(share), SEQUENTIAL), box)


def _tree(pen: _Pen, view: Mapping[str, Any], _data: Data, box: Box) -> None:
    nodes = view["nodes"]
    depth: list[int] = []
    for node in nodes:
        depth.append(0 if node["parent"] < 0 else depth[node["parent"]] + 1)
    children = [[j for j, other in enumerate(nodes) if other["parent"] == i] for i in range(len(nodes))]
    leaves = max(1, sum(not below for below in children))
    x = [0.0] * len(nodes)
    taken = 0

    def visit(i: int) -> None:
        nonlocal taken
        for j in children[i]:
            visit(j)
        if children[i]:
            x[i] = (x[children[i][0]] + x[children[i][-1]]) / 2
        else:
            x[i] = box[0] + (taken + 0.5) * box[2] / leaves
            taken += 1

    visit(0)
    row = min(66.0, (box[3] - 40) / (max(depth) + 1))
    for i, node in enumerate(nodes):
        y = box[1] + 16 + depth[i] * row
        if node["parent"] >= 0:
            pen.line(((x[node["parent"]], box[1] + 16 + (depth[i] - 1) * row), (x[i], y)), pen.ink.quiet, 1.2)
    for i, node in enumerate(nodes):
        y = box[1] + 16 + depth[i] * row
        fill = pen.ink.paper if node["label"] < 0 else PALETTE.hex(_COLORS)[node["label"] % _COLORS]
        rim = pen.ink.here if node["state"] == "now" else pen.ink.ink
        pen.disc(x[i], y, min(11, row / 4), fill, rim, 1.5)
        pen.text((x[i], y + min(13, row / 4)), str(node["short"]), 12, pen.ink.ink, anchor="ma")


_DRAWN = {"map": _map, "scatter": _scatter, "curve": _curve, "matrix": _matrix, "tree": _tree}
