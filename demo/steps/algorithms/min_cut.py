"""The minimum cut beside the normalized cut, on one graph."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from demo.shared.sequence import At, Code, Frame, Number, Question, Variant, html_number
from demo.shared.texts import plural
from demo.steps.algorithm import POINTS_AND_PICTURE, Algorithm, Run, curve, stage
from demo.steps.data import Data
from demo.steps.show.graph import ncut_sum
from demo.steps.texts import min_cut as _T
from segcore.cut.min_cut import MinCutState, min_cut_steps
from segcore.cut.ncut import cut_and_volumes, cut_sweep, ncut_value
from segcore.graph.eigen import smallest_eigenpairs
from segcore.graph.laplacian import degrees

_MARKED = 2  # rows: so few would be overlooked


class _Rival:
    """The normalized cut of the same graph: the Fiedler vector at its best threshold."""

    def __init__(self, data: Data):
        self.v = smallest_eigenpairs(data.W, n_vectors=2).fiedler
        self.thresholds, self.cuts, self.ncuts = cut_sweep(data.W, self.v)
        self.best = int(self.ncuts.argmin())
        self.side = self.v > self.thresholds[self.best]
        self.parts = cut_and_volumes(data.W, self.side)


def make(data: Data) -> Run:
    """All rounds of contraction."""
    states = list(min_cut_steps(data.W))
    rival, degree = _Rival(data), degrees(data.W)
    imports, setup = data.code(graph=True)
    code = Code(
        (
            *imports, "import torch", "from segcore.cut.min_cut import min_cut_steps",
            "from segcore.cut.ncut import cut_and_volumes, cut_sweep, ncut_value",
            "from segcore.graph.eigen import smallest_eigenpairs",
        ),
        (
            *setup, "v = smallest_eigenpairs(W, n_vectors=2).fiedler", "thresholds, cuts, ncuts = cut_sweep(W, v)",
            "normalized = v > thresholds[ncuts.argmin()]",
        ),
        "min_cut_steps(W)",
    )  # fmt: skip
    frames = [_frame(data, state, rival, degree) for state in states]
    last = states[-1]
    return Run(frames, _questions(data, last, rival), code, last.name, int(np.argmax(_smaller(last.members))))


def _smaller(members: np.ndarray) -> np.ndarray:
    return members if 2 * members.sum() <= len(members) else ~members


def _frame(data: Data, state: MinCutState, rival: _Rival, degree: Tensor) -> Frame:
    side = torch.from_numpy(_smaller(state.members))
    cut, a, b = cut_and_volumes(data.W, side)
    ncut = ncut_value(data.W, side)
    other_cut, other_a, other_b = rival.parts
    other_ncut = float(rival.ncuts[rival.best])
    members = "torch.from_numpy(state.members)"
    both = [
        Number("cut of the min cut", cut, f"cut_and_volumes(W, {members})[0]"),
        Number("smaller vol of the min cut", min(a, b), f"min(cut_and_volumes(W, {members})[1:])"),
        Number("Ncut of the min cut", ncut, f"ncut_value(W, {members})"),
        Number("cut of the normalized cut", other_cut, "cut_and_volumes(W, normalized)[0]"),
        Number("smaller vol of the normalized cut", min(other_a, other_b), "min(cut_and_volumes(W, normalized)[1:])"),
        Number("Ncut of the normalized cut", other_ncut, "ncuts.min()"),
        Number("merged nodes", len(state.degree), "len(state.degree)"),
    ]
    least = float(state.degree[state.lightest])
    formula: list[list[Any]] = [
        ["d<sub>i</sub> = Σ<sub>j≠i</sub> W<sub>ij</sub> = ", At((degree - data.W.diagonal()).float()), _T.alone],
        [_T.lightest.format(degree=html_number(least), best=html_number(state.best))],
        [f"{_T.min_name}: {ncut_sum(cut, a, b, ncut)}"],
        [f"{_T.ncut_name}: {ncut_sum(other_cut, other_a, other_b, other_ncut)}"],
    ]
    merged = _numbered(state.owner)
    n_side = int(side.sum())
    marks = [(i, _T.here) for i in side.nonzero()[:, 0].tolist()] if n_side <= _MARKED else []
    variants = [
        Variant(_T.both, [
            {**stage(data, _T.min_title.format(n=plural(n_side, data.word)), labels=side.long(), lit=side, marks=marks)[0]},
            {**stage(data, _T.ncut_title.format(n=plural(_few(rival.side), data.word)), labels=rival.side.long())[0]},
            *_curves(rival),
        ]),
        Variant(_T.contraction, stage(data, _T.merged.format(m=len(state.degree)), labels=merged, lit=side)),
    ]  # fmt: skip
    return Frame(
        state.name, _T.title.format(round=state.round),
        _T.said.format(m=len(state.degree), n=plural(n_side, data.word), best=state.best), [], both, formula, [], variants,
    )  # fmt: skip


def _few(side: Tensor) -> int:
    return min(int(side.sum()), len(side) - int(side.sum()))


def _numbered(owner: np.ndarray) -> Tensor:
    """Labels by size, so that the largest merged node has the first color; nodes that are still alone have none."""
    count = np.bincount(owner)
    rank = np.empty(len(count), int)
    rank[np.argsort(-count, kind="stable")] = np.arange(len(count))
    return torch.from_numpy(np.where(count[owner] > 1, rank[owner] % 250, -1))


def _curves(rival: _Rival) -> list[dict[str, Any]]:
    """Both measures along the Fiedler vector."""
    t = rival.thresholds.float()
    least = int(rival.cuts.argmin())
    marks = [
        {"x": float(t[rival.best]), "name": _T.best_ncut.format(ncut=float(rival.ncuts[rival.best]))},
        {"x": float(t[least]), "name": _T.best_cut.format(cut=float(rival.cuts[least]))},
    ]
    v = rival.v.float()
    return [
        curve(_T.curve_ncut, [{"x": t, "y": rival.ncuts.float()}], top=2.0, lines=marks[:1], pointed=v, xlabel="t"),
        curve(_T.curve_cut, [{"x": t, "y": rival.cuts.float()}], lines=marks[1:], pointed=v, xlabel="t"),
    ]


def _questions(data: Data, last: MinCutState, rival: _Rival) -> list[Question]:
    side = torch.from_numpy(_smaller(last.members))
    n = int(side.sum())
    cut = last.best
    return [
        Question(
            "size", _T.ask_size.format(words=data.words, n=data.n), "round-1", last.name,
            _T.why_size.format(n=plural(n, data.word)),
            0 if n == 1 else 1 if n < 0.1 * data.n else 2, options=_T.size_options,
        ),
        Question("where", _T.ask_where.format(word=data.word), "round-1", last.name, _T.why_where.format(cut=cut), side),
        Question(
            "lower", _T.ask_lower, "round-1", last.name,
            _T.why_lower.format(other=float(rival.ncuts[rival.best]), cut=cut, other_cut=rival.parts[0]),
            0 if rival.parts[0] > cut * (1 + 1e-9) else 1, options=_T.lower_options,
        ),
    ]  # fmt: skip


MIN_CUT = Algorithm(
    _T.name, _T.lead, "Nagamochi, Ono and Ibaraki 1994; Shi and Malik 2000",
    "min cut(A, B) beside min cut(A, B) · (1 / vol A + 1 / vol B)",
    ("knn_weight",), POINTS_AND_PICTURE, make, needs_graph=True,
)  # fmt: skip
