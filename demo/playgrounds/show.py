"""The parts that a playground's view is made of, as the browser is told of them; it draws them and computes nothing.

A view is a list of rows of blocks. Tables may belong together: an output, and the factors of its terms, each with the cells
that an output reads. From them the browser lights windows and spells out sums.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from segcore.numerics import settled
from segcore.show.files import data_uri, jpeg, png

Block = dict[str, Any]
View = dict[str, Any]


def rounded(values: ArrayLike | Tensor, *, given: bool = False) -> list[Any]:
    """Numbers with nine significant digits: more than is shown, and short on the way.

    Args:
        values: any shape.
        given: a visitor wrote them; what is computed is 0 where it is rounding noise.
    """
    array = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, np.float64)
    flat = [_short(value if given else settled(value)) for value in array.ravel().tolist()]
    shaped: list[Any] = np.array(flat, dtype=object).reshape(array.shape).tolist()
    return shaped


def table(
    key: str,
    title: str,
    values: ArrayLike | Tensor,
    *,
    edit: str | None = None,
    pad: int = 0,
    points: str | None = None,
    heat: bool = False,
    note: str = "",
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    plain: bool = False,
) -> Block:
    """A table of numbers.

    Args:
        key: by which links name it.
        title: above it.
        values: (rows, columns), with the ring of padding.
        edit: name of the field that its cells, without the ring, belong to.
        pad: width of the ring.
        points: what of it is one output that can be pointed at, a "cell" or a "row"; None for nothing.
        heat: drawn as colors alone.
        note: below it.
        rows: names of its rows.
        columns: names of its columns.
        plain: without colors.
    """
    return {
        "block": "table", "id": key, "title": title, "values": rounded(values, given=edit is not None), "edit": edit,
        "pad": pad, "points": points,
        "heat": heat, "note": note, "rows": list(rows), "columns": list(columns), "plain": plain,
    }  # fmt: skip


def result(block: Block) -> Block:
    """A block that gives an answer away, so that it is hidden while results are covered.

    Curves, bars, checks, facts, and the outputs of links are so by themselves.
    """
    return {**block, "result": True}


def row_of(key: str, title: str, source: str, shape: tuple[int, int], *, note: str = "") -> Block:
    """A table that shows the row of a hidden one that belongs to the output that is pointed at."""
    return {"block": "table", "id": key, "title": title, "row_of": source, "shape": list(shape), "note": note}


def sign(text: str) -> Block:
    """A sign between two tables."""
    return {"block": "sign", "text": text}


def hidden(values: ArrayLike | Tensor) -> Block:
    """A table (rows, columns) that is not drawn, but that others and sums read."""
    array = np.asarray(values)
    return {"values": rounded(array.ravel()), "columns": int(array.shape[1])}


def factor(key: str, cells: list[list[int]] | Tensor | None = None) -> Block:
    """One factor of the terms of each output.

    Args:
        key: of a table, or of a hidden one.
        cells: (outputs, terms) flat cells of it; None for all of them in order, the same for each output.
    """
    return {"table": key, "cells": cells.tolist() if isinstance(cells, Tensor) else cells}


def links(out: str, *factors: Block, name: str = "", said: Sequence[str] = (), start: int = 0) -> Block:
    """How the outputs come about.

    Args:
        out: key of the table of outputs.
        factors: of each term; the sum of the products is the output.
        name: of an output in the sentence, such as "y".
        said: a sentence per output, in place of the sum.
        start: the output that is pointed at in the beginning.
    """
    return {"out": out, "factors": list(factors), "name": name or out, "said": list(said), "start": start}


def facts(*rows: tuple[str, str, str], title: str = "") -> Block:
    """Lines of symbol, value, and what it comes from or means."""
    return {"block": "facts", "title": title, "rows": [list(row) for row in rows]}


def bars(title: str, most: float, rows: Sequence[tuple[str, float, float, str]]) -> Block:
    """Bars on one axis: name, from, to, and a key of the colors x, y, both, shared."""
    return {"block": "bars", "title": title, "most": most, "rows": [[n, *rounded([a, b]), kind] for n, a, b, kind in rows]}


def curve(title: str, x: Sequence[float], series: Sequence[tuple[str, Sequence[float]]]) -> Block:
    """Lines over one axis."""
    lines = [{"name": name, "y": rounded(y)} for name, y in series]
    return {"block": "curve", "title": title, "x": rounded(x), "series": lines}


def checks(*rows: tuple[bool, str]) -> Block:
    """Claims that were tried just now."""
    return {"block": "checks", "rows": [[bool(ok), text] for ok, text in rows]}


def words(text: str) -> Block:
    """A paragraph."""
    return {"block": "words", "text": text}


def picture(
    key: str,
    title: str,
    image: np.ndarray,
    *,
    at: tuple[str, str] | None = None,
    grid: tuple[int, int] | None = None,
    boxes: Sequence[tuple[float, float, float, float, str]] = (),
    dots: Sequence[tuple[float, float, str]] = (),
    note: str = "",
    smooth: bool = False,
) -> Block:
    """A picture.

    Args:
        key: by which links name it.
        title: above it.
        image: (height, width, 3) uint8.
        at: names of the fields that hold the row and the column that were clicked.
        grid: rows and columns that are clicked; the picture's own size if not given.
        boxes: top, left, height, width in cells of the grid, and color.
        dots: row and column in cells, and color.
        note: below it.
        smooth: a photograph, enlarged with smooth edges; else pixels stay squares and colors exact.
    """
    return {
        "block": "picture", "id": key, "title": title, "src": data_uri(jpeg(image) if smooth else png(image)),
        "grid": list(grid or image.shape[:2]), "shape": list(image.shape[:2]),
        "at": list(at) if at else None, "boxes": [[*rounded(b[:4]), b[4]] for b in boxes],
        "dots": [[*rounded(d[:2]), d[2]] for d in dots], "note": note, "smooth": smooth,
    }  # fmt: skip


def number(value: float, digits: int = 4) -> str:
    """A number for a sentence; rounding noise is 0."""
    value = settled(value)
    whole = value == int(value) and abs(value) < 1e15
    return (str(int(value)) if whole else f"{value:.{digits}g}").replace("-", "−")


def _short(value: float) -> float:
    return int(value) if value == int(value) and abs(value) < 1e15 else float(f"{value:.9g}")
