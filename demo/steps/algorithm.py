"""What the page knows of an algorithm, and what its steps are drawn with."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from demo.shared.sequence import Coarse, Code, Frame, Question
from demo.steps.data import Data

OF_PICTURES = ("pca_dims", "knn_weight")  # settings that mean nothing on points: they have two dimensions, and no color
POINTS_AND_PICTURE, PICTURE_ONLY = ("points", "picture"), ("picture",)


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """All steps of a run, as they are drawn."""

    frames: list[Frame]
    questions: list[Question]
    code: Code
    start: str  # name of the frame that the page opens at
    point: int = 0  # row that is pointed at when the page opens
    facts: dict[str, Any] = field(default_factory=dict)  # further fixed entries of the player's value


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One entry of the page's list.

    Attributes:
        title: in the list.
        lead: the question that its steps answer.
        source: paper.
        formula: HTML.
        reads: settings that have a control.
        on: what it can run on.
        make: the steps for some data.
        needs_graph: of points, whose γ then has a control.
    """

    title: str
    lead: str
    source: str
    formula: str
    reads: tuple[str, ...]
    on: tuple[str, ...]
    make: Callable[[Data], Run]
    needs_graph: bool = False

    @property
    def told(self) -> str:
        """Question, formula and source, as HTML."""
        return f'<p class="lead">{self.lead}</p><p class="law">{self.formula}</p><p class="source">{self.source}</p>'


def stage(
    data: Data,
    title: str,
    *,
    labels: Tensor | None = None,
    values: Tensor | Coarse | None = None,
    ramp: str = "sequential",
    lit: Tensor | None = None,
    out: Tensor | None = None,
    range: list[float] | None = None,  # noqa: A002 – the name that the browser reads
    marks: "Iterable[tuple[int, str]]" = (),
    **plane: Any,
) -> list[dict[str, Any]]:
    """The views that most steps have: the picture's patches, and all rows as points in the plane.

    Args:
        data: whose rows are shown.
        title: of the first view.
        labels: (n,) whole numbers, colored; −1 stays as it is.
        values: (n,) on a color ramp, where there are no labels.
        ramp: "sequential", or "diverging" around 0.
        lit: (n,) bool, outlined.
        out: (n,) bool, crossed out.
        range: ends of the ramp, if not those of the values.
        marks: rows with a few letters beside them.
        plane: further entries of the scatter plot: centers, was, ellipses, moved, circle.
    """
    common: dict[str, Any] = {"labels": labels, "values": values, "ramp": ramp, "lit": lit, "out": out, "range": range}
    common = {name: value for name, value in common.items() if value is not None}
    common["marks"] = [{"i": i, "text": text} for i, text in marks]
    scatter = {"kind": "scatter", "title": data.plane if data.is_picture else title, **common, **plane}
    if not data.is_picture:
        return [scatter]
    return [{"kind": "map", "title": title, **common}, scatter]


def curve(title: str, series: Iterable[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """A plot of one or more lines: each has `y`, and may have `x`, `name`, `faint`, `dots`."""
    return {"kind": "curve", "title": title, "series": list(series), **more}


def near_middle(data: Data) -> int:
    """The row in the middle of the picture, or of the points."""
    if data.is_picture:
        return data.h // 2 * data.w + data.w // 2
    return int((data.xy - data.xy.mean(0)).norm(dim=1).argmin())


def only(n: int, i: int) -> Tensor:
    """(n,) bool: row i alone."""
    return torch.arange(n) == i


def places(points: Tensor) -> list[list[float]]:
    """Pairs for the browser, with four digits behind the point."""
    return [[round(x, 4), round(y, 4)] for x, y in points.tolist()]
