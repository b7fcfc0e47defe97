"""Mean shift: one move of all rows at a time, then one merge at a time."""

from typing import Any

import torch
from torch import Tensor

from demo.shared.sequence import At, Code, Frame, Number, Question, html_number
from demo.shared.texts import plural
from demo.steps.algorithm import POINTS_AND_PICTURE, Algorithm, Run, curve, near_middle, stage
from demo.steps.data import Data
from demo.steps.texts import mean_shift as _T
from segcore.cluster.gmm import principal_components
from segcore.cluster.mean_shift import MeanShiftState, mean_shift_steps, spread
from segcore.numerics import squared_distances
from segcore.runtime.device import make_generator

_MARGIN = 0.05


def make(data: Data) -> Run:
    """All moves and merges."""
    s = data.asked.settings
    imports, setup = data.code()
    Y = principal_components(data.X, n_dims=s.pca_dims)[0] if data.is_picture else data.X
    Y = Y / spread(data.X)
    rows = f"principal_components(X, n_dims={s.pca_dims})[0]" if data.is_picture else "X"
    imports = (*imports, "from segcore.cluster.mean_shift import mean_shift_steps, spread")
    if data.is_picture:
        imports = (*imports, "from segcore.cluster.gmm import principal_components")
    states = list(mean_shift_steps(Y, bandwidth=s.bandwidth))
    code = Code(imports, (*setup, f"Y = {rows} / spread(X)"), f"mean_shift_steps(Y, bandwidth={s.bandwidth:g})")
    moves = [state for state in states if state.phase == "move"]
    plane = _Plane(Y)
    frames = [
        _frame(data, plane, before, state, [m.longest for m in moves], s.bandwidth)
        for before, state in zip([None, *states], states, strict=False)
    ]
    start = moves[min(1, len(moves) - 1)].name
    return Run(frames, _questions(data, states, moves, Y), code, start, near_middle(data))


class _Plane:
    """The first two coordinates of the rows, in units of their spread."""

    def __init__(self, Y: Tensor):
        self.rows = Y
        self.xy = self.of(Y)
        low, high = self.xy.min(0).values, self.xy.max(0).values
        margin = _MARGIN * (high - low).clamp_min(1e-9)
        self.bounds = [float(b) for b in ((low - margin)[0], (high + margin)[0], (low - margin)[1], (high + margin)[1])]

    def of(self, rows: Tensor) -> Tensor:
        return torch.nn.functional.pad(rows[:, :2], (0, 2 - min(rows.shape[1], 2))).float()


def _frame(
    data: Data, plane: _Plane, before: MeanShiftState | None, state: MeanShiftState, lengths: list[float], h: float
) -> Frame:
    title = _T.titles[state.phase].format(round=state.round)
    shown: dict[str, Any] = {"labels": state.labels} if state.phase == "merge" else {"values": state.crowd.float()}
    lit: dict[str, Any] = {"lit": state.moving} if state.phase == "move" and bool(state.moving.any()) else {}
    views = stage(
        data, _T.maps[state.phase], **shown, xy=plane.xy, bounds=plane.bounds, moved=plane.of(state.modes), circle=h,
        **lit,
    )  # fmt: skip
    if lengths:
        at = state.round - 1 if state.phase == "move" else None if state.phase == "start" else len(lengths) - 1
        lines = {"level": h / 1000, "level_name": _T.still}
        views.append(curve(_T.curve, [{"y": lengths, "dots": True}], at=at, xlabel=_T.curve_x, zero=True, **lines))
    return Frame(
        state.name, title, _said(data, state), views, _numbers(state, h), _formula(plane, before, state, h),
        [("within h", "state.crowd[i]"), *((f"y_i{k + 1}", f"state.modes[i, {k}]") for k in range(2))],
    )  # fmt: skip


def _said(data: Data, state: MeanShiftState) -> str:
    if state.phase == "start":
        return _T.said_start.format(word=data.word)
    if state.phase == "move":
        moving = int(state.moving.sum())
        return _T.said_move.format(n=plural(moving, data.word), longest=state.longest) if moving else _T.said_rest
    taken = int((state.labels == state.labels.max()).sum())
    left = int((state.labels < 0).sum())
    return _T.said_merge.format(number=state.round, n=plural(taken, data.word), left=left)


def _numbers(state: MeanShiftState, h: float) -> list[Number]:
    numbers = [Number("h", h, f"{h:g}")]
    if state.phase == "move":
        numbers += [
            Number("longest move", state.longest, "state.longest"),
            Number("rows that move", int(state.moving.sum()), "state.moving.sum()"),
        ]
    if state.phase == "merge":
        numbers.append(Number("modes so far", int(state.labels.max()) + 1, "state.labels.max() + 1"))
    return numbers


def _formula(plane: _Plane, before: MeanShiftState | None, state: MeanShiftState, h: float) -> list[list[Any]]:
    modes = plane.of(state.modes)
    place: list[Any] = ["y<sub>i</sub> = (", At(modes, 0), ", ", At(modes, 1), ", …)"]
    if state.modes.shape[1] <= 2:
        place[-1] = ")"
    if before is None or state.phase != "move":
        line = [_T.formula_merge.format(h=f"{h:g}")] if state.phase == "merge" else [_T.formula.format(h=f"{h:g}")]
        own = [["its mode is number ", At(state.labels, form="label")]] if state.phase == "merge" else []
        return [line, place, *own]
    length = (state.modes - before.modes).norm(dim=1).float()
    return [
        [_T.formula.format(h=f"{h:g}")],
        ["#{j : ‖x<sub>j</sub> − y<sub>i</sub>‖ ≤ h} = ", At(state.crowd.float(), form="integer")],
        place,
        ["‖new y<sub>i</sub> − y<sub>i</sub>‖ = ", At(length)],
        [f"max<sub>i</sub> = {html_number(state.longest)}"],
    ]


def _questions(data: Data, states: list[MeanShiftState], moves: list[MeanShiftState], Y: Tensor) -> list[Question]:
    modes = int(states[-1].labels.max()) + 1
    last, first = moves[-1], states[0]
    options = (str(max(modes - 1, 1)) if modes > 1 else "2", str(modes), str(modes + 2), str(2 * modes + 3))
    order = torch.randperm(4, generator=make_generator(modes)).tolist()
    travelled = (last.modes - first.modes).norm(dim=1).float()
    density = (squared_distances(Y, Y).sqrt() <= data.asked.settings.bandwidth).sum(1)
    return [
        Question(
            "modes", _T.ask_modes, first.name, states[-1].name,
            _T.why_modes.format(n=modes, h=data.asked.settings.bandwidth),
            order.index(1), options=tuple(options[i] for i in order),
        ),
        Question(
            "farthest", _T.ask_farthest.format(word=data.word), first.name, last.name,
            _T.why_farthest.format(length=float(travelled.max())), travelled == travelled.max(), values=travelled,
        ),
        Question(
            "crowd", _T.ask_crowd.format(word=data.word), first.name, moves[0].name,
            _T.why_crowd.format(n=int(density.max())), density == density.max(), values=density.float(),
        ),
    ]  # fmt: skip


MEAN_SHIFT = Algorithm(
    _T.name, _T.lead, "Comaniciu and Meer 2002", "y ← mean {x<sub>i</sub> : ‖x<sub>i</sub> − y‖ ≤ h}",
    ("bandwidth", "pca_dims"), POINTS_AND_PICTURE, make,
)  # fmt: skip
