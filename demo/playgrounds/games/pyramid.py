"""ASPP: one kernel at several dilations, side by side, on the picture."""

import functools

import numpy as np
import torch
from torch import Tensor

from demo.playgrounds import show, texts
from demo.playgrounds.fields import Number, State, Table
from demo.playgrounds.games.convolution import tensor
from demo.playgrounds.playground import Playground, Preset, Source
from demo.playgrounds.show import View, number
from segcore.show.paint import paint_ramp
from segcore.show.palette import DIVERGING
from segcore.taught.pyramid import Branch, atrous_pyramid, taps_inside

COLORS = ("#d6007a", "#0072b2", "#e69f00", "#009e73")
CENTER_SURROUND = ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1))
MEAN = [[0.1111] * 3] * 3


def view(state: State, source: Source) -> View:
    """The taps on the picture, a map for each rate, and how many taps each rate loses."""
    x = _map(source.picture(max_side=state["side"]))
    weight = tensor(state["w"])
    rates = [int(r) for r in state["rates"][0]]
    pyramid = atrous_pyramid(x, weight, rates=rates)
    h, w = x.shape
    row, column = min(state["row"], h - 1), min(state["column"], w - 1)
    at = row * w + column
    most = max(float(b.output.abs().max()) for b in pyramid.branches) or 1.0
    shown = functools.partial(show.picture, at=("row", "column"), grid=(h, w))
    maps = [
        shown(f"b{i}", texts.TITLES["branch"].format(d=b.rate, r=b.field), _ramp(b.output / most),
                       boxes=[(row, column, 1, 1, COLORS[i % 4])])
        for i, b in enumerate(pyramid.branches)
    ]  # fmt: skip
    fused = shown("fused", texts.TITLES["fused"], _ramp(pyramid.fused / most))
    # The share of positions with all taps, for every rate: the curve of DeepLabv3.
    every = list(range(1, max(h, w) + 1))
    inside = [taps_inside((h, w), kernel=3, rate=r) for r in every]
    shares = [(name, [float((n == taps).double().mean()) for n in inside]) for name, taps in texts.TAPS.items()]
    return {
        "rows": [
            [
                shown("taps", texts.TITLES["taps"], _gray(x), dots=_dots(pyramid.branches, at, w),
                               note=texts.TAPS_NOTE),
                show.table("w", texts.TITLES["w"], weight, edit="w"),
                show.table("rates", texts.TITLES["rates"], tensor(state["rates"]), edit="rates", plain=True),
            ],
            [show.result(picture) for picture in (*maps, fused)],
            [show.facts(*(_line(b, row, column) for b in pyramid.branches),
                          (texts.FUSED, number(float(pyramid.fused[row, column])), texts.FUSED_FROM),
                          (texts.PARAMETERS, str(9 * len(rates)), texts.SAME_WEIGHTS)),
             show.curve(texts.TITLES["valid"], every, shares)],
        ],
    }  # fmt: skip


def _line(b: Branch, row: int, column: int) -> tuple[str, str, str]:
    inside = int(b.inside[row, column])
    value = number(float(b.output[row, column]))
    return f"d = {b.rate}", value, texts.RATE.format(d=b.rate, r=b.field, inside=inside, full=f"{b.full:.0%}")


def _dots(branches: tuple[Branch, ...], at: int, w: int) -> list[tuple[float, float, str]]:
    """The taps of the place, each rate in its color."""
    return [(i // w, i % w, COLORS[n % 4]) for n, b in enumerate(branches) for i in b.taps[at].tolist() if i >= 0]


def _map(image: np.ndarray) -> Tensor:
    """(h, w): lightness from 0 to 1."""
    return torch.from_numpy(image @ np.array([0.299, 0.587, 0.114]) / 255)


def _gray(x: Tensor) -> np.ndarray:
    return (255 * x.numpy()).round().astype(np.uint8)[..., None].repeat(3, -1)


def _ramp(share: Tensor) -> np.ndarray:
    """Colors from −1 over 0 to 1."""
    return paint_ramp((share.numpy() + 1) / 2, DIVERGING)


PLAYGROUND = Playground(
    "pyramid",
    "ASPP: dilations in parallel",
    texts.LEADS["pyramid"],
    r"$y_d[i, j] = \sum_a \sum_b W[a, b] \cdot x[i + d a,\; j + d b]$ with $a, b \in \{-1, 0, 1\}$: one map for each $d$",
    (
        Number("side", "Side of the map", 65, 9, 129),
        Number("n_rates", "Rates", 4, 1, 4),
        Table("rates", "Rates d", ((6, 12, 18, 24),), 1, lambda s: s["n_rates"], lo=1, hi=200, fill=1, whole=True),
        Table("w", "W", CENTER_SURROUND, 3, 3),
        Number("row", "Row", 24, 0, 128),
        Number("column", "Column", 32, 0, 128),
    ),
    (
        Preset("DeepLab: 6, 12, 18, 24", "004.22", {}),
        Preset("Dilation 1, 2, 3", "004.22", {"n_rates": 3, "rates": [[1, 2, 3]], "side": 33, "row": 12, "column": 16}),
        Preset("Rates beyond the map: a 3 × 3 kernel becomes 1 × 1", "004.22", {
            "side": 17, "rates": [[1, 6, 12, 18]], "row": 6, "column": 8}),
        Preset("Means of small and large surroundings", "004.22", {"w": MEAN, "rates": [[1, 4, 8, 16]]}),
    ),
    view,
    has_picture=True,
)  # fmt: skip
