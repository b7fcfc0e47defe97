"""Recursive normalized cuts: one cut at a time, as a tree."""

from typing import Any

import torch
from torch import Tensor

from demo.shared.sequence import At, Code, Frame, Number, Question, html_number
from demo.shared.texts import plural
from demo.steps.algorithm import POINTS_AND_PICTURE, Algorithm, Run, curve, stage
from demo.steps.data import Data
from demo.steps.show.graph import ncut_sum
from demo.steps.texts import recursive as _T
from segcore.cut.ncut import cut_and_volumes
from segcore.cut.recursive import Halves, RecursiveCutState, recursive_ncut_steps


def make(data: Data) -> Run:
    """All cuts, and the end."""
    s = data.asked.settings
    call: dict[str, Any] = {"n_segments": s.n_segments, "max_ncut": s.max_ncut, "smoothest": s.max_smoothness}
    states = list(recursive_ncut_steps(data.W, **call))
    imports, setup = data.code(graph=True)
    code = Code(
        (
            *imports, "from segcore.cut.ncut import cut_and_volumes",
            "from segcore.cut.recursive import recursive_ncut_steps",
        ),
        setup,
        f"recursive_ncut_steps(W, {', '.join(f'{k}={v!r}' for k, v in call.items())})",
    )  # fmt: skip
    frames = [_frame(data, state) for state in states]
    start = states[min(1, len(states) - 1)]
    chosen = start.chosen
    i = 0 if chosen is None else int(_nodes_of(start, chosen)[int(start.best[chosen].v.abs().argmax())])
    return Run(frames, _questions(data, states), code, start.name, i)


def _nodes_of(state: RecursiveCutState, part: int) -> Tensor:
    return state.tree[part]


def _frame(data: Data, state: RecursiveCutState) -> Frame:
    part = _part_on_view(state)
    labels = state.labels
    title = _T.titles[state.phase].format(round=state.round)
    views = stage(data, title, labels=labels)
    views.append(_tree(data, state, labels))
    numbers: list[Number] = [Number("segments", len(state.segments), "len(state.segments)")]
    formula: list[list[Any]] = [[_T.formula]]
    halves = state.best.get(part)
    if halves is not None:
        views += _cut_views(data, state, part, halves)
        more, lines = _numbers(data, state, part, halves)
        numbers += more
        formula += lines
    return Frame(state.name, title, _said(data, state, part), views, numbers, formula)


def _part_on_view(state: RecursiveCutState) -> int:
    """The part that was cut last; at the start the whole, in the end the best of those that stay whole."""
    if state.phase == "end":
        known = {i: state.best[i] for i in state.leaves if state.best.get(i) is not None}
        return min(known, key=lambda i: known[i].ncut) if known else state.chosen
    return 0 if state.chosen is None else state.chosen


def _said(data: Data, state: RecursiveCutState, part: int) -> str:
    if state.phase == "look":
        return _T.said_look.format(words=data.words)
    if state.phase == "end":
        return _T.said_end.format(n=len(state.segments), why=state.why or _T.enough)
    found, left = state.tree[-1], state.tree[-2]
    ncut = state.best[part].ncut
    return _T.said_cut.format(n=plural(len(found), data.word), rest=plural(len(left), data.word), ncut=ncut)


def _cut_views(data: Data, state: RecursiveCutState, part: int, halves: Halves) -> list[dict[str, Any]]:
    nodes = state.tree[part]
    v = torch.zeros(data.n)
    v[nodes] = halves.v.float()
    out = torch.ones(data.n, dtype=torch.bool)
    out[nodes] = False
    views = [stage(data, _T.vector[state.phase], values=v, ramp="diverging", out=out)[0]]
    if halves.values is not None and halves.thresholds is not None and len(halves.values):
        best = int(halves.values.argmin())
        views.append(
            curve(
                _T.sweep, [{"x": halves.thresholds.float(), "y": halves.values.float()}], top=2.0, xlabel="t", pointed=v,
                lines=[{"x": float(halves.thresholds[best]), "name": _T.best.format(ncut=float(halves.values[best]))}],
            )
        )  # fmt: skip
    return views


def _numbers(data: Data, state: RecursiveCutState, part: int, halves: Halves) -> tuple[list[Number], list[list[Any]]]:
    nodes = state.tree[part]
    cut, a, b = cut_and_volumes(data.W[nodes][:, nodes], halves.side)
    code = f"cut_and_volumes(W[state.tree[{part}]][:, state.tree[{part}]], state.best[{part}].side)"
    numbers = [
        Number("cut", cut, f"{code}[0]"),
        Number("vol A", a, f"{code}[1]"),
        Number("vol B", b, f"{code}[2]"),
        Number("Ncut", halves.ncut, f"state.best[{part}].ncut"),
        Number("smoothness", halves.smoothness, f"state.best[{part}].smoothness"),
    ]
    v = torch.zeros(data.n)
    v[nodes] = halves.v.float()
    lines: list[list[Any]] = [
        [ncut_sum(cut, a, b, halves.ncut)],
        ["v<sub>1</sub>(i) in this part = ", At(v)],
    ]
    s = data.asked.settings
    if halves.ncut > s.max_ncut:
        lines.append([_T.too_dear.format(ncut=html_number(halves.ncut), most=f"{s.max_ncut:g}")])
    if halves.smoothness > s.max_smoothness:
        lines.append([_T.too_smooth.format(smoothness=html_number(halves.smoothness), most=f"{s.max_smoothness:g}")])
    return numbers, lines


def _tree(data: Data, state: RecursiveCutState, labels: Tensor) -> dict[str, Any]:
    nodes = []
    for i, (parent, members) in enumerate(zip(state.parents, state.tree, strict=True)):
        halves = state.best.get(i)
        leaf = i in state.leaves
        ncut = [] if halves is None else [f"Ncut {halves.ncut:.3g}"]
        nodes.append(
            {
                "parent": parent, "lines": [plural(len(members), data.word), *ncut],
                "label": int(labels[members[0]]) if leaf else -1,
                "state": "now" if i == state.chosen else "whole" if leaf else "cut",
            }
        )  # fmt: skip
    of = torch.empty(data.n, dtype=torch.int64)
    for i in state.leaves:
        of[state.tree[i]] = i
    return {"kind": "tree", "title": _T.tree, "nodes": nodes, "of": of, "note": _T.tree_note.format(words=data.words)}


def _questions(data: Data, states: list[RecursiveCutState]) -> list[Question]:
    named = {state.name: state for state in states}
    asked = []
    for number in (1, 2):
        before, after = named.get(f"cut-{number}"), named.get(f"cut-{number + 1}")
        if before is None or after is None:
            continue
        hits = torch.zeros(data.n, dtype=torch.bool)
        hits[after.tree[after.chosen]] = True
        asked.append(
            Question(
                f"next-{number + 1}", _T.ask_next.format(number=number + 1, word=data.word), before.name, after.name,
                _T.why_next.format(ncut=after.best[after.chosen].ncut), hits,
            )
        )  # fmt: skip
    if "cut-1" in named:
        first = named["cut-1"]
        small = min(len(first.tree[1]), len(first.tree[2])) / data.n
        asked.append(
            Question(
                "share", _T.ask_share.format(words=data.words), "look-0", "cut-1", _T.why_share.format(share=small),
                0 if small < 0.1 else 1 if small < 0.3 else 2, options=_T.share_options,
            )
        )  # fmt: skip
    return asked


RECURSIVE = Algorithm(
    _T.name, _T.lead, "Shi and Malik 2000", "Ncut(A, B) = cut(A, B) · (1 / vol A + 1 / vol B)",
    ("n_segments", "knn_weight", "max_ncut", "max_smoothness"), POINTS_AND_PICTURE, make, needs_graph=True,
)  # fmt: skip
