"""Upsampling: each way as the linear map it is, on numbers and on the labels of the picture."""

import torch
import torch.nn.functional as F
from torch import Tensor

from demo.playgrounds import show, texts
from demo.playgrounds.fields import Choice, Number, State, Table
from demo.playgrounds.games.convolution import tensor
from demo.playgrounds.games.upsampling import labels as upsampling_labels
from demo.playgrounds.games.upsampling.ways import GUIDED, HOW, KERNEL, Op, plain, repeated
from demo.playgrounds.playground import Playground, Preset, Source
from demo.playgrounds.show import View, number
from segcore.taught.convolution import transposed_size
from segcore.taught.linear import matrix_of
from segcore.upsample.transposed import (
    has_even_overlap,
    overlap_counts,
    resize_convolution,
    transposed_convolution,
    zero_inserted,
)
from segcore.upsample.unpooling import Pooled, max_pool, max_unpool

X = ((1, 2, 3), (0, 9, 4), (7, 5, 2))
ONES = ((1,) * 6,) * 6
STEP = tuple((0, 0, 0, 200, 200, 200) for _ in range(6))
FINE = (
    (1, 2, 6, 3, 0, 1),
    (3, 5, 2, 1, 4, 2),
    (1, 2, 2, 1, 1, 0),
    (7, 3, 4, 8, 3, 2),
    (0, 1, 5, 2, 6, 4),
    (2, 6, 1, 3, 1, 2),
)
OTHER = (
    (4, 1, 1, 2, 0, 8),
    (0, 2, 1, 5, 3, 1),
    (6, 0, 3, 1, 9, 1),
    (1, 2, 1, 2, 0, 2),
    (1, 1, 1, 7, 2, 1),
    (1, 5, 2, 0, 1, 3),
)


def view(state: State, source: Source) -> View:
    """The numbers, or the labels of the picture."""
    return upsampling_labels.view(state, source) if state["on"] == "labels" else _on_numbers(state)


def _fine(state: State) -> tuple[int, int]:
    return state["rows"] * state["factor"], state["columns"] * state["factor"]


def _on_numbers(state: State) -> View:
    how = state["how"]
    x = tensor(state["x"])
    pooled = max_pool(tensor(state["fine"])[None, None], factor=state["factor"]) if how == "unpooling" else None
    if pooled is not None:
        x = pooled.values[0, 0]
    op = _op(state, pooled)
    size = (x.shape[0], x.shape[1])
    M = matrix_of(op, size)
    y = op(x[None, None])[0, 0]
    reads = [row.nonzero()[:, 0].tolist() for row in M]
    cells = [[o * M.shape[1] + i for i in row] for o, row in enumerate(reads)]
    x_table = show.table("x", texts.TITLES["pooled" if pooled is not None else "coarse"], x, edit=None if pooled else "x")
    y_table = show.table("y", HOW[how], y, points="cell")
    weights = show.row_of("Mi", texts.TITLES["weights"], "M", size)
    rows = [
        [*_before(state), x_table, show.sign("→"), y_table, weights],
        _beside(state, x),
        [show.checks(*_checks(state, op, x, y))],
        [show.facts(*_facts(state, y)), show.table("matrix", texts.TITLES["M_up"], M, heat=True, points="row")],
    ]
    start = min(int(0.5 * y.shape[0]) * y.shape[1] + int(0.4 * y.shape[1]), y.numel() - 1)
    if how in {"unpooling", "nails"} and y.flatten()[start] == 0:
        start = int(y.flatten().abs().argmax())  # most outputs are 0 there, which would show nothing
    return {
        "rows": [row for row in rows if row],
        "hidden": {"M": show.hidden(M)},
        "links": show.links("y", show.factor("M", cells), show.factor("x", reads), start=start),
        "focus": "x",
        "hide": _hidden(state),
    }


def _op(state: State, pooled: Pooled | None) -> Op:
    """The chosen way on numbers."""
    factor, how = state["factor"], state["how"]
    weight = tensor(state["w"])
    guide = tensor(state["guide"])[None] if how in GUIDED else torch.zeros(1, *_fine(state), dtype=torch.float64)
    if pooled is not None:
        places = max_pool(tensor(state["other"])[None, None], factor=factor) if state["indices"] == "foreign" else pooled
        return lambda x: max_unpool(x, repeated(places, len(x)))
    if how == "transposed":
        return lambda x: transposed_convolution(x, weight, stride=factor, padding=state["padding"])
    if how == "resize":
        return lambda x: resize_convolution(x, weight, factor=factor, mode=state["mode"])
    return plain(how, factor, guide, state["sigma_cells"], state["sigma_color"])


def _before(state: State) -> list[show.Block]:
    """What is changed beside x."""
    how = state["how"]
    if how == "unpooling":
        tables = [show.table("fine", texts.TITLES["fine"], tensor(state["fine"]), edit="fine")]
        if state["indices"] == "foreign":
            tables.append(show.table("other", texts.TITLES["other"], tensor(state["other"]), edit="other"))
        return [*tables, show.sign("→")]
    if how in GUIDED:
        return [show.table("guide", texts.TITLES["fine_guide"], tensor(state["guide"]), edit="guide")]
    if how in KERNEL:
        return [show.table("w", texts.TITLES["w"], tensor(state["w"]), edit="w")]
    return []


def _beside(state: State, x: Tensor) -> list[show.Block]:
    """The overlap and the zero-padded view of a transposed convolution."""
    if state["how"] != "transposed":
        return []
    k, options = (state["kernel"],) * 2, {"stride": state["factor"], "padding": state["padding"]}
    counts = overlap_counts((x.shape[0], x.shape[1]), kernel=k, **options)
    tables = [show.result(show.table("overlap", texts.TITLES["overlap"], counts))]
    if state["padding"] < state["kernel"]:
        spread = zero_inserted(x[None, None], kernel=k, **options)[0, 0]
        tables.append(show.table("spread", texts.TITLES["spread"], spread, note=texts.SPREAD_NOTE))
    return tables


def _checks(state: State, op: Op, x: Tensor, y: Tensor) -> list[tuple[bool, str]]:
    ones = op(torch.ones_like(x)[None, None])[0, 0]
    even = bool(torch.allclose(ones, torch.ones_like(ones)))
    inside = bool(y.min() >= x.min() - 1e-9) and bool(y.max() <= x.max() + 1e-9)
    low, high = number(float(y.min())), number(float(y.max()))
    checks = [
        (even, texts.CONSTANT_CHECK),
        (inside, texts.RANGE_CHECK.format(low=low, high=high, lo=number(float(x.min())), hi=number(float(x.max())))),
    ]
    k, s = state["kernel"], state["factor"]
    if state["how"] == "transposed":
        text = texts.EVEN if has_even_overlap(k, s) else texts.UNEVEN
        checks.append((has_even_overlap(k, s), text.format(k=k, s=s)))
        if state["padding"] < k:
            spread = zero_inserted(x[None, None], kernel=(k, k), stride=s, padding=state["padding"])
            again = F.conv2d(spread, tensor(state["w"]).flip(0, 1)[None, None])[0, 0]
            checks.append((bool(torch.allclose(again, y)), texts.SPREAD_CHECK))
    return checks


def _facts(state: State, y: Tensor) -> list[tuple[str, str, str]]:
    n, s, k, p = state["rows"], state["factor"], state["kernel"], state["padding"]
    if state["how"] == "transposed":
        formula = f"(n − 1)·s − 2p + k = ({n} − 1)·{s} − 2·{p} + {k}"
        size = transposed_size(n, kernel=k, stride=s, padding=p)
    else:
        formula, size = f"n·s = {n}·{s}", y.shape[0]
    return [("o", str(size), formula), (texts.WAY, "", texts.WAYS[state["how"]])]


def _hidden(state: State) -> list[str]:
    """Names of the fields that the chosen way does not read."""
    how, hidden = state["how"], [*_LABELS]
    reads = {
        "kernel": how in KERNEL,
        "padding": how == "transposed",
        "mode": how == "resize",
        "indices": how == "unpooling",
        "sigma_cells": how in {"joint_bilateral", "pac"},
        "sigma_color": how in GUIDED,
    }
    return hidden + [name for name, read in reads.items() if not read]


_LABELS = ("spread", "row", "column")
PLAYGROUND = Playground(
    "upsampling",
    "Upsampling",
    texts.LEADS["upsampling"],
    r"$y = M x$; transposed convolution: $X = W^T X'$; along edges: "
    r"$y_p = \frac{\sum_q K(f_p, f_q)\, W[p - q]\, x_q}{\sum_q K(f_p, f_q)\, W[p - q]}$",
    (
        Choice("how", "How", "transposed", HOW),
        Choice("on", "On", "numbers", {"numbers": "numbers", "labels": "the labels of the picture"}),
        Number("rows", "Rows of x", 3, 1, 6),
        Number("columns", "Columns of x", 3, 1, 6),
        Number("factor", "Factor = stride s", 2, 2, 4),
        Number("kernel", "Kernel k", 3, 1, 6),
        Number("padding", "Padding p", 0, 0, 3),
        Choice("mode", "Resize by", "nearest", {"nearest": "nearest", "bilinear": "bilinear"}),
        Choice("indices", "Indices of", "own", {"own": "its own pooling", "foreign": "another picture"}),
        Number("sigma_cells", "σ of the place, cells", 0.7, 0.1, 5, step=0.1),
        Number("sigma_color", "σ of the color", 20, 1, 255, help=texts.SIGMA_HELP),
        Number("spread", "Kernel, in cells", 1.5, 0.25, 3, step=0.25),
        Table("x", "x", X, lambda s: s["rows"], lambda s: s["columns"]),
        Table("w", "W", ONES, lambda s: s["kernel"], lambda s: s["kernel"], fill=1),
        Table("guide", "guide", STEP, lambda s: _fine(s)[0], lambda s: _fine(s)[1], lo=0, hi=255),
        Table("fine", "picture", FINE, lambda s: _fine(s)[0], lambda s: _fine(s)[1]),
        Table("other", "other picture", OTHER, lambda s: _fine(s)[0], lambda s: _fine(s)[1]),
        Number("row", "Row", 100, 0, 1023),
        Number("column", "Column", 140, 0, 1023),
    ),
    (
        Preset("Transposed convolution, kernel 3, stride 2", "004.23", {}),
        Preset("Kernel 3, stride 2, a picture of ones: the checkerboard", "004.23", {"x": [[1] * 3] * 3}),
        Preset("Kernel 4, stride 2: even overlap", "004.23", {"kernel": 4, "x": [[1] * 3] * 3}),
        Preset("A kernel that makes it bilinear", "004.23", {
            "padding": 1, "w": [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]]}),
        Preset("Resize-convolution", "004.24", {"how": "resize", "x": [[1] * 3] * 3, "w": [[0.1111] * 3] * 3}),
        Preset("Nearest neighbor", "004.24", {"how": "nearest"}),
        Preset("Bilinear", "004.24", {"how": "bilinear"}),
        Preset("Bicubic leaves the range", "004.24", {"how": "bicubic"}),
        Preset("Bed of nails", "004.23", {"how": "nails"}),
        Preset("Max unpooling", "004.25", {"how": "unpooling"}),
        Preset("Max unpooling with foreign indices", "004.25", {"how": "unpooling", "indices": "foreign"}),
        Preset("Joint bilateral: the guide has the edge", "001.7", {"how": "joint_bilateral"}),
        Preset("Guided filter", "", {"how": "guided"}),
        Preset("Pixel-adaptive", "001.7", {"how": "pac"}),
        Preset("Labels of the picture, pixel-adaptive", "001.7", {"how": "pac", "on": "labels"}),
        Preset("Labels of the picture, transposed: the checkerboard", "004.23", {"on": "labels"}),
    ),
    view,
    has_picture=True,
)  # fmt: skip
