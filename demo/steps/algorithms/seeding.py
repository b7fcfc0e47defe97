"""k-means++: where to start."""

from typing import Any

from torch import Tensor

from demo.shared.sequence import At, Code, Frame, Number, Question, html_number
from demo.steps.algorithm import POINTS_AND_PICTURE, Algorithm, Run, curve, stage
from demo.steps.data import Data
from demo.steps.texts import seeding as _T
from segcore.cluster.kmeans import PlusPlusState, plus_plus_steps
from segcore.runtime.device import make_generator


def make(data: Data) -> Run:
    """The start of the first restart."""
    s = data.asked.settings
    states = list(plus_plus_steps(data.X, n_clusters=s.n_segments, generator=make_generator(s.seed)))
    imports, setup = data.code()
    code = Code(
        (
            *imports,
            "from segcore.cluster.kmeans import plus_plus_steps",
            "from segcore.runtime.device import make_generator",
        ),
        setup,
        f"plus_plus_steps(X, n_clusters={s.n_segments}, generator=make_generator({s.seed}))",
    )
    frames = [_frame(data, state) for state in states]
    start = states[min(1, len(states) - 1)]
    return Run(frames, _questions(data, states), code, start.name, start.chosen[-1])


def _frame(data: Data, state: PlusPlusState) -> Frame:
    j, new = len(state.chosen), state.chosen[-1]
    marks = [(i, str(number)) for number, i in enumerate(state.chosen, 1)]
    chance = state.chance
    title = (_T.map_first if state.before is None else _T.map_before).format(word=data.word)
    views = stage(data, title, values=chance.float(), marks=marks)
    if state.before is not None:
        views.append(_draw_curve(state))
    views.append({**stage(data, _T.map_after.format(j=j), values=state.after, marks=marks)[0]})
    total = float(state.after.double().sum())
    numbers = [Number("p of the drawn row", float(chance[new]), f"state.chance[{new}]")]
    if state.before is not None:
        before = float(state.before.double().sum())
        numbers = [
            Number("u", state.draw, "state.draw"),
            Number("u Σ D²", state.draw * before, "state.draw * state.before.double().sum()"),
            *numbers,
            Number("Σ D² before", before, "state.before.double().sum()"),
        ]
    was = None if state.before is None else float(state.before.double().sum())
    numbers.append(Number("Σ D² after", total, "state.after.double().sum()", was, "falls" if was is not None else ""))
    return Frame(
        state.name,
        _T.title.format(j=j),
        (_T.said if state.before is not None else _T.said_first).format(name=data.name(new), p=float(chance[new])),
        views,
        numbers,
        _formula(state, chance),
        [("D²_i", "state.after[i]"), ("p_i", "state.chance[i]")],
    )


def _formula(state: PlusPlusState, chance: Tensor) -> list[list[Any]]:
    if len(state.chosen) == 1:
        return [["p<sub>i</sub> = 1 / n = ", At(chance)], [_T.first_why]]
    total = html_number(float(state.before.double().sum()))
    drawn = html_number(state.draw * float(state.before.double().sum()))
    return [
        ["D<sub>i</sub>² = min<sub>k</sub> ‖x<sub>i</sub> − c<sub>k</sub>‖² = ", At(state.before)],
        ["p<sub>i</sub> = D<sub>i</sub>² / Σ D² = ", At(state.before), f" / {total} = ", At(chance)],
        [f"u · Σ D² = {html_number(state.draw)} · {total} = {drawn}: ", _T.inverse.format(i=state.chosen[-1] + 1)],
        [f"D<sub>i</sub>² with center {len(state.chosen)}: ", At(state.after)],
    ]


def _draw_curve(state: PlusPlusState) -> dict[str, Any]:
    """Cumulated D², and the draw as a level line."""
    cumulated = state.before.double().cumsum(0)
    share = (cumulated / cumulated[-1]).float()
    return curve(
        _T.curve, [{"y": share, "name": "Σ p, row by row"}], level=state.draw, level_name="u", mark=state.chosen[-1],
        xlabel=_T.curve_x, pointed=True,
    )  # fmt: skip


def _questions(data: Data, states: list[PlusPlusState]) -> list[Question]:
    if len(states) < 2:
        return []
    first, second = states[0], states[1]
    likeliest = second.chance == second.chance.max()
    drawn = second.chosen[-1]
    rank = int((second.chance > second.chance[drawn]).sum()) + 1
    asked = [
        Question(
            "likeliest", _T.ask_likeliest.format(word=data.word), first.name, second.name,
            _T.why_likeliest.format(p=float(second.chance.max()), drawn=data.name(drawn), q=float(second.chance[drawn]),
                                    rank=rank, words=data.words),
            likeliest, values=second.chance,
        ),
    ]  # fmt: skip
    last = states[-1]
    never = last.chance == 0
    asked.append(
        Question(
            "never", _T.ask_never.format(word=data.word), states[-2].name, last.name,
            _T.why_never.format(n=int(never.sum()), words=data.words), never, values=-last.chance,
        )
    )  # fmt: skip
    half = [float(state.after.double().sum()) for state in states[:2]]
    fall = 1 - half[1] / half[0] if half[0] > 0 else 0.0
    asked.append(
        Question(
            "fall", _T.ask_fall, first.name, second.name, _T.why_fall.format(share=fall),
            0 if fall < 0.25 else 1 if fall < 0.5 else 2, options=_T.fall_options,
        )
    )  # fmt: skip
    return asked


SEEDING = Algorithm(
    _T.name, _T.lead, "Arthur and Vassilvitskii 2007", "p<sub>i</sub> = D<sub>i</sub>² / Σ<sub>j</sub> D<sub>j</sub>²",
    ("n_segments", "seed"), POINTS_AND_PICTURE, make,
)  # fmt: skip
