"""A step as a picture of 1280 × 720: title, what is drawn, the formula, and the numbers, as the page has them."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.shared.film.curve import draw_curve
from demo.shared.film.page import columns, draw_words
from demo.shared.film.pen import FINE, INKS, Box, Pen, corner, fitted, plain
from demo.shared.sequence import Frame, array, html_number
from demo.steps.data import Data
from segcore.show.paint import Picture, borders, paint_ramp
from segcore.show.palette import DIVERGING, PALETTE, SEQUENTIAL, hex_to_rgb

_COLORS = 20
_LABELS, _VALUES, _HINT = 0.62, 0.88, 0.24  # opacity over the picture
_MANY, _SOME = 600, 250  # points: many are small
_MOST_VIEWS = 3
_LEGEND = 22
_ROOM = 0.06  # of a plane that says no bounds


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
    pen = Pen(INKS[theme])
    chosen = frame.variants[0] if frame.variants else None
    views = [view for view in (chosen.views if chosen else frame.views) if view["kind"] in _DRAWN][:_MOST_VIEWS]
    numbers = frame.numbers if chosen is None or chosen.numbers is None else chosen.numbers
    shown = [f"{n.symbol} = {html_number(n.value, scale=n.scale)}" for n in numbers]
    draw_words(pen, title=frame.title, number=number, said=frame.said, formula=formula, numbers=shown, credit=credit)
    for view, (left, top, width, height) in zip(views, columns([1] * len(views)), strict=True):
        pen.lines((left, top), plain(str(view["title"])), 17, width, most=2, color=pen.ink.ink)
        _DRAWN[view["kind"]](pen, view, data, (left, top + 46, width, height - 46))
    return pen.picture()


def _colors(view: Mapping[str, Any], n: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """(n, 3) colors of rows, and which have one."""
    if view.get("labels") is not None:
        labels = array(view["labels"]).ravel().astype(int)
        return hex_to_rgb(PALETTE.hex(_COLORS))[labels % _COLORS], labels >= 0
    if view.get("values") is None:
        return np.full((n, 3), 140, np.uint8), np.zeros(n, bool)
    values = array(view["values"]).ravel().astype(float)
    known = np.isfinite(values)
    lo, hi = view.get("range") or _range(values[known], view.get("ramp", ""))
    share = (np.where(known, values, lo) - lo) / (hi - lo if hi > lo else 1)
    return paint_ramp(share[None], DIVERGING if view.get("ramp") == "diverging" else SEQUENTIAL)[0], known


def _range(values: NDArray[Any], ramp: str) -> tuple[float, float]:
    """The ends of a ramp for values: those of a diverging one lie alike on both sides of 0."""
    if not values.size:
        return 0.0, 1.0
    most = float(np.abs(values).max())
    return (-most, most) if ramp == "diverging" else (float(values.min()), float(values.max()))


def _map(pen: Pen, view: Mapping[str, Any], data: Data, box: Box) -> None:
    room = box[3] - (_LEGEND if view.get("values") is not None else 0)
    box = fitted((*box[:3], room), float(data.shown["ratio"]))
    size = (round(box[2] * FINE), round(box[3] * FINE))
    picture = Image.open(data.shown["picture"]).convert("RGB").resize(size)
    if view.get("values") is not None or view.get("matrix"):
        picture = picture.convert("L").convert("RGB")
    pen.image.paste(picture, corner(box))
    h, w = view.get("size") or (data.h, data.w)
    wide, high = data.shown["aspect"]
    whole = (round(size[0] / wide), round(size[1] / high))  # of the grid, of which the picture covers a part
    if view.get("labels") is not None or view.get("values") is not None:
        colors, known = _colors(view, h * w)
        opacity = _HINT if view.get("borders") else _LABELS if view.get("labels") is not None else _VALUES
        mask = known.reshape(h, w) * np.uint8(255 * opacity)
        tile = colors.reshape(h, w, 3)
        if view.get("borders"):
            edge = borders(array(view["labels"]).reshape(h, w).astype(int))
            tile, mask = (
                np.where(edge[..., None], np.array([255, 255, 160], np.uint8), tile),
                np.where(edge, np.uint8(255), mask),
            )
        resized = Image.fromarray(np.ascontiguousarray(tile)).resize(whole, Image.Resampling.NEAREST).crop((0, 0, *size))
        over = Image.fromarray(np.ascontiguousarray(mask)).resize(whole, Image.Resampling.NEAREST).crop((0, 0, *size))
        pen.image.paste(resized, corner(box), over)
    cell = (box[2] / wide / w, box[3] / high / h)
    if view.get("lit") is not None:
        for i in np.flatnonzero(array(view["lit"]))[: h * w]:
            x, y = box[0] + (i % w) * cell[0], box[1] + (i // w) * cell[1]
            pen.box((x, y, *cell), "#14181f", 1.6)
            pen.box((x, y, *cell), "#ffffff", 0.9)
    for mark in view.get("marks", ()):
        i = int(mark["i"])
        x, y = box[0] + (i % w + 0.5) * cell[0], box[1] + (i // w + 0.5) * cell[1]
        pen.disc(x, y, 9, "#ffffff", "#14181f", 1.5)
        pen.text((x, y), str(mark["text"]), 11, "#14181f", anchor="mm")
    _legend(pen, view, box)


def _legend(pen: Pen, view: Mapping[str, Any], box: Box) -> None:
    """The ramp with the numbers at its ends, below."""
    if view.get("values") is None:
        return
    values = array(view["values"]).ravel().astype(float)
    lo, hi = view.get("range") or _range(values[np.isfinite(values)], view.get("ramp", ""))
    stops = DIVERGING if view.get("ramp") == "diverging" else SEQUENTIAL
    top = box[1] + box[3] + 8
    pen.paste(paint_ramp(np.linspace(0, 1, 200)[None].repeat(8, 0), stops), (box[0] + 60, top, 140, 9))
    pen.text((box[0] + 54, top + 4), f"{lo:.3g}", 13, pen.ink.quiet, anchor="rm")
    pen.text((box[0] + 206, top + 4), f"{hi:.3g}", 13, pen.ink.quiet, anchor="lm")


def _scatter(pen: Pen, view: Mapping[str, Any], data: Data, box: Box) -> None:
    drawn = view.get("moved") if view.get("moved") is not None else view.get("xy")
    xy = array(data.xy if drawn is None else drawn).reshape(-1, 2).astype(float)
    x0, x1, y0, y1 = view.get("bounds") or _bounds(array(data.xy), whole=not data.is_picture)
    pen.box(box, pen.ink.quiet, 0.7)
    scale = min((box[2] - 20) / ((x1 - x0) or 1), (box[3] - 20) / ((y1 - y0) or 1))
    left, top = box[0] + (box[2] - scale * (x1 - x0)) / 2, box[1] + (box[3] - scale * (y1 - y0)) / 2

    def place(point: Any) -> tuple[float, float]:
        return left + (point[0] - x0) * scale, top + (y1 - point[1]) * scale

    if view.get("edges"):
        pairs, weights = array(view["edges"]["pairs"]).reshape(-1, 2), array(view["edges"]["weights"])
        base = array(data.xy)
        for (i, j), weight in zip(pairs, weights, strict=True):
            color = pen.ink.ink + f"{round(255 * min(1.0, 0.06 + 0.4 * float(weight))):02x}"
            pen.line((place(base[i]), place(base[j])), color, 0.4 + 1.6 * float(weight))
    colors, known = _colors(view, len(xy))
    lit = array(view["lit"]).ravel().astype(bool) if view.get("lit") is not None else np.zeros(len(xy), bool)
    out = array(view["out"]).ravel().astype(bool) if view.get("out") is not None else np.zeros(len(xy), bool)
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
        pen.draw.polygon([(a * FINE, b * FINE) for a, b in rhomb], fill=color)
        pen.line([*rhomb, rhomb[0]], "#ffffff", 3)
        pen.line([*rhomb, rhomb[0]], "#14181f", 1.5)
        pen.text(
            (x, y), str(k + 1), 10, "#ffffff" if sum(hex_to_rgb((color,))[0].tolist()) < 380 else "#14181f", anchor="mm"
        )


def _trail(pen: Pen, trail: Any, place: Any, color: str) -> None:
    points = [place(p) for p in trail]
    for width, hue in ((4.0, "#ffffff"), (2.0, color)):
        for start, end in pairwise(points):
            pen.line((start, end), hue, width)


def _ellipse(pen: Pen, ellipse: Mapping[str, Any], place: Any) -> None:
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


def _matrix(pen: Pen, view: Mapping[str, Any], _data: Data, box: Box) -> None:
    m = int(view["m"])
    rows = array(view["orders"][-1]["rows"]).astype(int)
    values = array(view["matrix"]).reshape(m, m)[rows][:, rows].astype(float)
    lo, hi = _range(values.ravel(), view.get("ramp", ""))
    share = (values - lo) / ((hi - lo) or 1)
    box = fitted(box, 1.0)
    if view.get("ramp") == "diverging":
        pen.paste(paint_ramp(share, DIVERGING), box)
    else:
        pen.paste(paint_ramp(np.sqrt(share), SEQUENTIAL), box)


def _tree(pen: Pen, view: Mapping[str, Any], _data: Data, box: Box) -> None:
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
        pen.text((x[i], y + min(13, row / 4)), node["lines"][0].split()[0], 12, pen.ink.ink, anchor="ma")


def _curve(pen: Pen, view: Mapping[str, Any], _data: Data, box: Box) -> None:
    draw_curve(pen, view, box)


_DRAWN = {"map": _map, "scatter": _scatter, "curve": _curve, "matrix": _matrix, "tree": _tree}
