"""Mutual information: a joint table one edits, and soft clusterings of pairs."""

import functools

import torch
from torch import Tensor

from demo.playgrounds import show, texts
from demo.playgrounds.fields import Choice, Number, State, Table
from demo.playgrounds.games.convolution import tensor
from demo.playgrounds.playground import Playground, Preset, Source
from demo.playgrounds.show import View, number
from segcore.metrics.information import Information, ascend, mutual_information
from segcore.metrics.soft_pairs import SoftPairs, draw_pairs, information_of_pairs

STEPS = 80
STEP_LENGTH = 4.0  # so short that one sees it climb
GRID = 21  # values of each of the two axes of the map
POINTS = 60


def view(state: State, _source: Source) -> View:
    """The table, or the clustering."""
    return _of_pairs(state) if state["of"] == "pairs" else _of_table(state)


def _of_table(state: State) -> View:
    value = mutual_information(tensor(state["P"]).numpy())
    x, y = value.P.sum(1), value.P.sum(0)
    said = [
        texts.TERM.format(
            i=i, j=j, p=number(p), x=number(x[i]), y=number(y[j]), term=number(value.terms[i, j]) if p else texts.ZERO_TERM
        )
        for i in range(len(x))
        for j, p in enumerate(value.P[i].tolist())
    ]
    names = [f"x{_low(i)}" for i in range(len(x))], [f"y{_low(j)}" for j in range(len(y))]
    entered = show.table("P", texts.TITLES["P"], tensor(state["P"]), edit="P", rows=names[0], columns=names[1])
    sums = [
        show.table("Px", "P(x)", x[:, None], rows=names[0], plain=True),
        show.table("Py", "P(y)", y[None], columns=names[1], plain=True),
    ]
    terms = show.table("terms", texts.TITLES["terms"], value.terms, points="cell", rows=names[0], columns=names[1])
    cells = torch.arange(value.P.size).reshape(-1, 1)
    a, b = value.P.shape
    return {
        "rows": [
            [entered, *sums, terms],
            [_bars(value, "X", "Y")],
            [_facts(value, "X", "Y")],
        ],
        "links": show.links(
            "terms",
            show.factor("P", cells),
            show.factor("Px", cells // b),
            show.factor("Py", cells % b),
            said=said,
            start=min(1, a * b - 1),
        ),
        "focus": "P",
        "hide": [*_PAIRS],
    }


def _of_pairs(state: State) -> View:
    k, sharpness, balance, agreement = (state[name] for name in ("k", "sharpness", "balance", "agreement"))
    pairs = SoftPairs(k, sharpness, balance, agreement)
    value = information_of_pairs(pairs)
    names = [str(i) for i in range(k)]
    grid = _map(k, agreement)
    at = round(balance * (GRID - 1)) * GRID + round(sharpness * (GRID - 1))
    climb = _climb(pairs, state["aside"])
    return {
        "rows": [
            [
                show.table("P", texts.TITLES["Pz"], value.P, rows=names, columns=names),
                show.result(show.table("map", texts.TITLES["map"], grid, heat=True, note=texts.MAP_NOTE, points="cell")),
            ],
            [_bars(value, "z", "z'")],
            [_facts(value, "z", "z'")],
            [show.curve(texts.TITLES["climb"], list(range(len(climb))), [("I(z, z')", [v.I for v in climb]),
                          ("H(z)", [v.H_x for v in climb]), ("H(z | z')", [v.H_x_given_y for v in climb])])],
        ],
        "links": show.links("map", said=[
            texts.MAP_CELL.format(balance=number(i / (GRID - 1)), sharpness=number(j / (GRID - 1)), I=number(v))
            for i, row in enumerate(grid.tolist()) for j, v in enumerate(row)
        ], start=at),
        "hide": ["rows", "columns", "P"],
    }  # fmt: skip


@functools.lru_cache(maxsize=64)
def _map(k: int, agreement: float) -> Tensor:
    """(GRID, GRID): I over balance and sharpness."""
    steps = [i / (GRID - 1) for i in range(GRID)]
    return torch.tensor([[information_of_pairs(SoftPairs(k, s, b, agreement)).I for s in steps] for b in steps])


@functools.lru_cache(maxsize=64)
def _climb(pairs: SoftPairs, aside: float) -> tuple[Information, ...]:
    z, partner = draw_pairs(pairs, n=POINTS, aside=aside, generator=torch.Generator().manual_seed(0))
    return ascend(z, partner, n_steps=STEPS, rate=STEP_LENGTH).information


def _bars(value: Information, x: str, y: str) -> show.Block:
    most = value.H_xy or 1.0
    return show.bars(texts.TITLES["bars"], most, [
        (f"H({x}, {y})", 0, value.H_xy, "both"),
        (f"H({x})", 0, value.H_x, "x"),
        (f"H({y})", value.H_x_given_y, value.H_xy, "y"),
        (f"H({x} | {y})", 0, value.H_x_given_y, "x"),
        (f"I({x}; {y})", value.H_x_given_y, value.H_x, "shared"),
        (f"H({y} | {x})", value.H_x, value.H_xy, "y"),
    ])  # fmt: skip


def _facts(value: Information, x: str, y: str) -> show.Block:
    h_x, h_y, h_xy, given = (number(v) for v in (value.H_x, value.H_y, value.H_xy, value.H_x_given_y))
    most = min(value.P.shape)
    return show.facts(
        (f"I({x}; {y})", f"{number(value.I)} bits", f"H({x}) − H({x} | {y}) = {h_x} − {given}"),
        ("", "", f"H({x}) + H({y}) − H({x}, {y}) = {h_x} + {h_y} − {h_xy}"),
        (f"H({x})", f"{h_x} bits", f"−Σ P({x}) log₂ P({x})"),
        (f"H({x} | {y})", f"{given} bits", f"H({x}, {y}) − H({y}) = {h_xy} − {h_y}"),
        (texts.MOST, f"{number(torch.tensor(float(most)).log2().item())} bits", f"log₂ {most}"),
    )


def _low(i: int) -> str:
    return "₀₁₂₃₄₅₆₇₈₉"[i]


_PAIRS = ("k", "sharpness", "balance", "agreement", "aside")
PLAYGROUND = Playground(
    "information",
    "Mutual information",
    texts.LEADS["information"],
    r"$I(X; Y) = \sum_{x, y} P(x, y) \log_2 \frac{P(x, y)}{P(x)\, P(y)} = H(X) - H(X \mid Y) = H(X) + H(Y) - H(X, Y)$",
    (
        Choice("of", "Of", "table", {"table": "a joint table", "pairs": "a clustering of pairs z, z'"}),
        Number("rows", "Values of X", 2, 2, 6),
        Number("columns", "Values of Y", 2, 2, 6),
        Table("P", "P", ((0.25, 0.25), (0.5, 0)), lambda s: s["rows"], lambda s: s["columns"], lo=0, hi=1e6),
        Number("k", "Clusters k", 3, 2, 6),
        Number("sharpness", "Sharpness", 0.9, 0, 1, step=0.05, help=texts.SHARPNESS_HELP),
        Number("balance", "Balance", 0.9, 0, 1, step=0.05, help=texts.BALANCE_HELP),
        Number("agreement", "Agreement of the pairs", 1, 0, 1, step=0.05, help=texts.AGREEMENT_HELP),
        Number("aside", "Start aside", 0.2, 0, 1, step=0.05, help=texts.ASIDE_HELP),
    ),
    (
        Preset("Third table: 0.3113 bits", "002.8", {}),
        Preset("First table: independent, 0 bits", "002.8", {"P": [[0.25, 0.25], [0.25, 0.25]]}),
        Preset("Second table: determined, 1 bit", "002.8", {"P": [[0.5, 0], [0, 0.5]]}),
        Preset("The most for k = 3", "002.9", {"rows": 3, "columns": 3, "P": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}),
        Preset("More clusters than classes", "002.10", {
            "rows": 6, "columns": 3, "P": [[2, 0, 0], [1, 0, 0], [0, 2, 0], [0, 1, 0], [0, 0, 2], [0, 0, 1]]}),
        Preset("A good clustering", "002.9", {"of": "pairs", "sharpness": 1, "balance": 1}),
        Preset("Degenerate: all in one cluster", "002.9", {"of": "pairs", "sharpness": 1, "balance": 0, "aside": 0}),
        Preset("Degenerate: all undecided", "002.9", {"of": "pairs", "sharpness": 0, "balance": 1, "aside": 0}),
        Preset("Leaving the undecided one", "002.9", {"of": "pairs", "sharpness": 0, "balance": 1, "aside": 0.3}),
    ),
    view,
)  # fmt: skip
