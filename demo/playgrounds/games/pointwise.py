"""A 1 × 1 convolution: the same linear map in every pixel."""

import functools

import torch

from demo.playgrounds import show, texts
from demo.playgrounds.fields import Choice, Number, State, Table
from demo.playgrounds.games.convolution import tensor
from demo.playgrounds.playground import Playground, Preset, Source
from demo.playgrounds.show import View
from segcore.show.paint import to_bytes
from segcore.taught.convolution import convolve, pointwise

FEATURES = ((1, 0, 2, 3, 1, 0), (0, 1, 1, 2, 0, 4), (2, 2, 0, 1, 5, 1))
WEIGHTS = ((1, 0, -1), (0.5, 0.5, 0))
GRAY = [[0.299, 0.587, 0.114]] * 3
SIDE = 200


def view(state: State, source: Source) -> View:
    """The product, or what it makes of the colors of a picture."""
    return _on_picture(state, source) if state["on"] == "picture" else _on_numbers(state)


def _on_numbers(state: State) -> View:
    X, W = tensor(state["X"]), tensor(state["W"])
    d, n, d_out = state["d"], state["n"], state["d_out"]
    out = pointwise(X, W)
    as_layer = convolve(X.reshape(d, 1, n), W.reshape(d_out, d, 1, 1)).reshape(d_out, n)
    pixel, channel = torch.arange(n), torch.arange(d_out)
    w_cells = (channel[:, None] * d + torch.arange(d)).repeat_interleave(n, 0)
    x_cells = (torch.arange(d) * n + pixel[:, None]).repeat(d_out, 1)
    names = [f"p{i}" for i in range(n)]
    return {
        "rows": [
            [
                show.table("W", "W  [D', D]", W, edit="W"), show.sign("·"),
                show.table("X", texts.TITLES["X"], X, edit="X", columns=names), show.sign("="),
                show.table("Y", texts.TITLES["X'"], out, points="cell", columns=names),
            ],
            [show.checks((torch.allclose(out, as_layer), texts.IS_LAYER))],
            [show.facts(
                (texts.PARAMETERS, str(d * d_out), f"D'·D = {d_out}·{d}; {texts.SHARED}"),
                (texts.IF_3X3, str(9 * d * d_out), f"3²·D'·D = 9·{d_out}·{d}"),
                (texts.IF_CONNECTED, str(d * d_out * n * n), f"D'·n · D·n = {d_out}·{n} · {d}·{n}"),
            )],
        ],
        "links": show.links("Y", show.factor("W", w_cells), show.factor("X", x_cells), name="X'"),
        "focus": "W",
        "hide": ["row", "column", "M"],
    }  # fmt: skip


def _on_picture(state: State, source: Source) -> View:
    image = source.picture(max_side=SIDE)
    height, width = image.shape[:2]
    X = torch.from_numpy(image).reshape(-1, 3).T.double()
    out = pointwise(X, tensor(state["M"]))
    row, column = min(state["row"], height - 1), min(state["column"], width - 1)
    at = row * width + column
    mapped = to_bytes(out.T.reshape(height, width, 3).numpy())
    box = (row, column, 1, 1, "#d6007a")
    shown = functools.partial(show.picture, at=("row", "column"), boxes=[box], smooth=True)
    return {
        "rows": [
            [
                shown("before", texts.TITLES["X_picture"], image),
                show.result(shown("after", texts.TITLES["X'_picture"], mapped)),
            ],
            [
                show.table("M", "W", tensor(state["M"]), edit="M"), show.sign("·"),
                show.table("x", texts.AT.format(row=row, column=column), X[:, at : at + 1]), show.sign("="),
                show.table("y", "x'", out[:, at : at + 1], points="row"),
            ],
        ],
        "links": show.links(
            "y",
            show.factor("M", torch.arange(9).reshape(3, 3)),
            show.factor("x", torch.arange(3).repeat(3, 1)),
            name="x'",
        ),
        "focus": "M",
        "hide": ["d", "d_out", "n", "X", "W"],
    }  # fmt: skip


PLAYGROUND = Playground(
    "pointwise",
    "1 × 1 convolution",
    texts.LEADS["pointwise"],
    r"$X' = W X$, that is $x'_p = W x_p$ in every pixel $p$",
    (
        Choice("on", "On", "numbers", {"numbers": "numbers", "picture": "the picture's colors"}),
        Number("d", "Channels in D", 3, 1, 6),
        Number("d_out", "Channels out D'", 2, 1, 6),
        Number("n", "Pixels n", 6, 1, 9),
        Table("X", "X", FEATURES, lambda s: s["d"], lambda s: s["n"]),
        Table("W", "W", WEIGHTS, lambda s: s["d_out"], lambda s: s["d"]),
        Table("M", "W", tuple(map(tuple, GRAY)), 3, 3),
        Number("row", "Row", 80, 0, SIDE - 1),
        Number("column", "Column", 100, 0, SIDE - 1),
    ),
    (
        Preset("A linear map per pixel", "004.20", {}),
        Preset("Scores of classes from features", "001.6", {
            "d": 4, "d_out": 3, "n": 6,
            "X": [[1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 0, 0], [0, 0, 1, 1, 0, 1], [0, 0, 0, 1, 1, 0]],
            "W": [[2, 0, -1, 0], [0, 2, 0, -1], [-1, 0, 1, 2]]}),
        Preset("The picture in gray", "", {"on": "picture"}),
        Preset("Red and blue exchanged", "", {"on": "picture", "M": [[0, 0, 1], [0, 1, 0], [1, 0, 0]]}),
    ),
    view,
    has_picture=True,
)  # fmt: skip
