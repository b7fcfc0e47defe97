"""A curve of a movie, with its axes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.shared.film.pen import Box, Pen
from demo.shared.sequence import array

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


def draw_curve(pen: Pen, view: Mapping[str, Any], box: Box) -> None:
    """Draw a view of the kind "curve" of the player into a box; nothing where it has no points."""
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
    ys = array(series["y"])
    xs = np.arange(len(ys)) if series.get("x") is None else array(series["x"])
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


def _series(pen: Pen, view: Mapping[str, Any], axes: _Axes, line: Line, hue: str) -> None:
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


def _levels(pen: Pen, view: Mapping[str, Any], axes: _Axes) -> None:
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
