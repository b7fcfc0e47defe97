"""A convolution with its window, as a matrix, and as columns times a kernel."""

import torch
from torch import Tensor

from demo.playgrounds import show, texts
from demo.playgrounds.fields import Choice, Number, State, Table
from demo.playgrounds.playground import Playground, Preset, Source
from demo.playgrounds.show import View, number
from segcore.taught.convolution import convolution_matrix, parameters, reach, taps, unfold

IMAGE = ((-5, 3, 2, -5, 3), (4, 3, 2, 1, -3), (1, 0, 3, 3, 5), (-2, 0, 1, 4, 4), (5, 6, 7, 9, -1))
WEIGHT = ((2, 4, -2), (3, 1, 0), (-1, 0, 0))
ONES = tuple((1,) * 9 for _ in range(9))
WITH_NUMBERS = 260  # cells of a matrix that are still read as numbers

SIZES = (
    Number("rows", "Rows of x", 5, 1, 9),
    Number("columns", "Columns of x", 5, 1, 9),
    Number("kernel", "Kernel k", 3, 1, 9),
    Number("stride", "Stride s", 1, 1, 4),
    Number("padding", "Padding p", 0, 0, 4),
    Number("dilation", "Dilation d", 1, 1, 4),
)
X = Table("x", "x", IMAGE, lambda s: s["rows"], lambda s: s["columns"])
W = Table("w", "W", WEIGHT, lambda s: s["kernel"], lambda s: s["kernel"])


def tensor(rows: list[list[float]]) -> Tensor:
    """The numbers of a field."""
    return torch.tensor(rows, dtype=torch.float64)


def geometry(state: State) -> dict[str, int]:
    """Stride, padding and dilation by the names that `segcore` has for them."""
    return {name: state[name] for name in ("stride", "padding", "dilation")}


def padded(x: Tensor, padding: int) -> Tensor:
    """The picture with its ring of zeros."""
    return torch.nn.functional.pad(x, (padding,) * 4)


def windows(state: State) -> tuple[Tensor, tuple[int, int]]:
    """(o, k²) cells of the padded picture that each output reads; and the output's size."""
    p, k = state["padding"], state["kernel"]
    inner = {"stride": state["stride"], "dilation": state["dilation"]}
    return taps((state["rows"] + 2 * p, state["columns"] + 2 * p), kernel=(k, k), **inner)


def size_facts(state: State, size: tuple[int, int]) -> list[tuple[str, str, str]]:
    """The formula of the output's size with its numbers."""
    k, s, p, d = (state[name] for name in ("kernel", "stride", "padding", "dilation"))

    def line(n: int, out: int) -> tuple[str, str, str]:
        return "o", str(out), f"⌊({n} + 2·{p} − {d}·({k} − 1) − 1) / {s}⌋ + 1"

    lines = [line(state["rows"], size[0])]
    if state["rows"] != state["columns"]:
        lines.append(line(state["columns"], size[1]))
    return [*lines, (texts.SPAN, str(reach(k, d)), f"{d}·({k} − 1) + 1")]


def view(state: State, _source: Source) -> View:
    """The window, the matrix or the columns."""
    x, w = tensor(state["x"]), tensor(state["w"])
    k, p = state["kernel"], state["padding"]
    unfolded = unfold(x[None], kernel=(k, k), **geometry(state))
    y = (unfolded.columns @ w.flatten()).reshape(unfolded.size)
    seen, size = windows(state)
    x_table = show.table("x", texts.TITLES["x"], padded(x, p), edit="x", pad=p)
    w_table = show.table("w", texts.TITLES["w"], w, edit="w")
    y_table = show.table("y", texts.TITLES["y"], y, points="cell")
    rows: list[list[show.Block]] = [[x_table, show.sign("∗"), w_table, show.sign("="), y_table]]
    o, columns = unfolded.columns.shape
    if state["form"] == "matrix":
        M = convolution_matrix(w[None, None], (state["rows"], state["columns"]), **geometry(state))
        rows.append([_matrix("M", texts.TITLES["M"].format(rows=M.shape[0], columns=M.shape[1]), M, texts.MATRIX_NOTE)])
    if state["form"] == "unfold":
        vectors = [show.sign("·"), show.table("wv", "vec(W)", w.reshape(-1, 1)), show.sign("=")]
        vectors.append(show.table("yv", "vec(y)", y.reshape(-1, 1), points="row"))
        title = texts.TITLES["U"].format(rows=o, columns=columns)
        rows.append([_matrix("U", title, unfolded.columns, texts.UNFOLD_NOTE), *vectors])
    c, c_out = state["channels"], state["channels_out"]
    counted = parameters((state["rows"], state["columns"]), size, kernel=(k, k), channels=c, out_channels=c_out)
    n = state["rows"] * state["columns"]
    rows.append([
        show.facts(
            *size_facts(state, size),
            (texts.PARAMETERS, number(counted.convolution), f"k²·c·c' = {k}²·{c}·{c_out}"),
            (texts.IF_CONNECTED, number(counted.fully_connected), f"c·n · c'·o = {c}·{n} · {c_out}·{o}"),
            (texts.UNFOLDED, f"{c * k * k} × {o}", f"c·k² × o, c = {c}"),
        )
    ])  # fmt: skip
    return {"rows": rows, "links": show.links("y", show.factor("w"), show.factor("x", seen)), "focus": "x"}


def _matrix(key: str, title: str, values: Tensor, note: str) -> show.Block:
    return show.table(key, title, values, points="row", heat=values.numel() > WITH_NUMBERS, note=note)


PLAYGROUND = Playground(
    "convolution",
    "Convolution",
    texts.LEADS["convolution"],
    r"$y[i, j] = \sum_a \sum_b W[a, b] \cdot x[s i - p + d a,\; s j - p + d b]$",
    (
        Choice("form", "As", "window", {"window": "a window", "matrix": "a matrix", "unfold": "unfolded windows"}),
        *SIZES,
        X,
        W,
        Number("channels", "Channels c", 1, 1, 512, help=texts.COUNTED_ONLY),
        Number("channels_out", "Channels c'", 1, 1, 512, help=texts.COUNTED_ONLY),
    ),
    (
        Preset("The lecture's picture and kernel", "001.8", {}),
        Preset("Unfold", "001.11", {"form": "unfold"}),
        Preset("As a matrix", "004.23", {"form": "matrix"}),
        Preset("Same size: padding 1", "001.8", {"padding": 1}),
        Preset("Stride 2", "004.21", {"padding": 1, "stride": 2}),
        Preset("Dilation 2", "004.22", {"rows": 7, "columns": 7, "dilation": 2, "x": [[1] * 7] * 7}),
        Preset("Fully connected = a kernel as large as the picture", "004.19", {
            "kernel": 5, "w": [[1, 0, 0, 0, -1]] * 5, "channels": 512, "channels_out": 21}),
        Preset("Edges: Sobel", "", {"rows": 7, "columns": 7, "w": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
                                     "x": [[0, 0, 0, 9, 9, 9, 9]] * 7}),
    ),
    view,
)  # fmt: skip
