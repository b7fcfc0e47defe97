"""k-means: assign, update."""

from collections.abc import Callable
from typing import Any

import torch

from demo.shared.sequence import At, Code, Frame, Number, Question, html_number
from demo.shared.texts import plural
from demo.steps.algorithm import POINTS_AND_PICTURE, Algorithm, Run, curve, near_middle, places, stage
from demo.steps.data import Data
from demo.steps.texts import kmeans as _T
from segcore.cluster.kmeans import KMeansState, kmeans_steps
from segcore.metrics.matching import matched_accuracy
from segcore.numerics import settled
from segcore.runtime.device import make_generator


def make(data: Data) -> Run:
    """All phases of the restart that wins."""
    s = data.asked.settings
    states = list(kmeans_steps(data.X, n_clusters=s.n_segments, n_init=s.n_init, generator=make_generator(s.seed)))
    imports, setup = data.code()
    code = Code(
        (*imports, "from segcore.cluster.kmeans import kmeans_steps", "from segcore.runtime.device import make_generator"),
        setup,
        f"kmeans_steps(X, n_clusters={s.n_segments}, n_init={s.n_init}, generator=make_generator({s.seed}))",
    )
    course = [state.inertia for state in states[1:]]
    frames = lloyd_frames(data, states, course)
    return Run(frames, lloyd_questions(data, states), code, states[min(3, len(states) - 1)].name, near_middle(data))


def lloyd_frames(
    data: Data,
    states: list[KMeansState],
    course: list[float],
    *,
    prefix: str = "state",
    project: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> list[Frame]:
    """The frames of a run of Lloyd.

    Args:
        data: with places in the plane for rows like those that were clustered.
        states: of the run.
        course: the inertia after each phase but the first.
        prefix: Python for the state of k-means.
        project: places in the plane of centers (k, d), if not those of the data.
    """
    frames, trail = [], []
    for at, (before, state) in enumerate(zip([None, *states], states, strict=False)):
        centers = places((project or data.project)(state.centers))
        trail.append(centers)
        frames.append(_frame(data, before, state, trail, _curve(state, course, at), prefix))
    return frames


def _frame(
    data: Data, before: KMeansState | None, state: KMeansState, trail: list[Any], falling: dict[str, Any], prefix: str
) -> Frame:
    title = _T.titles[state.phase].format(round=state.round)
    lit = state.changed if state.changed is not None and state.round > 1 else None
    views = stage(
        data, title, labels=state.labels, values=state.distances.min(1).values if state.labels is None else None, lit=lit,
        centers=trail[-1], trails=[list(path) for path in zip(*trail, strict=True)],
    )  # fmt: skip
    if state.inertia is not None:
        views.append(falling)
    return Frame(
        state.name, title, _said(data, state), views, _numbers(before, state, prefix), _formula(state),
        [(f"d²_i{k + 1}", f"{prefix}.distances[i, {k}]") for k in range(len(state.centers))],
    )  # fmt: skip


def _said(data: Data, state: KMeansState) -> str:
    if state.phase == "start":
        return _T.said_start.format(k=len(state.centers))
    if state.phase == "update":
        far = int(state.moves.argmax())
        if float(state.moves.max()) == 0:
            return _T.said_still
        return _T.said_update.format(k=far + 1, move=float(state.moves[far]))
    filled = _T.said_filled.format(k=", ".join(str(k + 1) for k in state.filled)) if state.filled else ""
    changed = int(state.changed.sum())
    if state.round == 1:
        return _T.said_first.format(words=data.words) + filled
    if changed == 0:
        return _T.said_done.format(word=data.word) + filled
    return _T.said_assign.format(n=plural(changed, data.word)) + filled


def _numbers(before: KMeansState | None, state: KMeansState, prefix: str) -> list[Number]:
    if state.phase == "start":
        return []
    was = None if before is None else before.inertia
    numbers = [Number("E", state.inertia, f"{prefix}.inertia", was, "falls")]
    numbers += [Number(f"N_{k + 1}", n, f"{prefix}.counts[{k}]") for k, n in enumerate(state.counts.tolist())]
    if state.moves is not None:
        moves = enumerate(state.moves.tolist())
        numbers += [Number(f"|μ_{k + 1} − old|", move, f"{prefix}.moves[{k}]") for k, move in moves]
    return numbers


def _formula(state: KMeansState) -> list[list[Any]]:
    distances = [
        [f"<b data-label='{k}'></b>‖x<sub>i</sub> − μ<sub>{k + 1}</sub>‖² = ", At(state.distances, k)]
        for k in range(len(state.centers))
    ]
    if state.phase == "start":
        return [[_T.formula_start], *distances]
    if state.phase == "assign":
        total = html_number(state.inertia)
        return [
            *distances,
            ["z<sub>i</sub> = argmin<sub>k</sub> ‖x<sub>i</sub> − μ<sub>k</sub>‖² = ", At(state.labels, form="label")],
            ["E(μ, Z) = Σ<sub>i</sub> Σ<sub>k</sub> z<sub>ik</sub> ‖x<sub>i</sub> − μ<sub>k</sub>‖² = " + total],
        ]
    means = [
        [
            f"<b data-label='{k}'></b>μ<sub>{k + 1}</sub> = (1/{n}) Σ<sub>i</sub> z<sub>i{k + 1}</sub> x<sub>i</sub>, "
            f"|μ<sub>{k + 1}</sub> − old| = {html_number(move)}"
        ]
        for k, (n, move) in enumerate(zip(state.counts.tolist(), state.moves.tolist(), strict=True))
    ]
    own = [["‖x<sub>i</sub> − μ<sub>z<sub>i</sub></sub>‖² = ", At(own_distance(state))]]
    return [*means, *own, ["E(μ, Z) = " + html_number(state.inertia)]]


def own_distance(state: KMeansState) -> torch.Tensor:
    """(n,) squared distance of each row to the center of its own cluster."""
    return state.distances.gather(1, state.labels[:, None])[:, 0]


def _curve(state: KMeansState, course: list[float], at: int) -> dict[str, Any]:
    others = [
        {"y": list(run), "x": [2 * i for i in range(len(run))], "faint": True}
        for i, run in enumerate(state.courses)
        if i != state.winner and run
    ]
    series = [*others, {"y": course, "name": "E", "dots": True}]
    title = _T.curve if others else _T.curve_alone
    return curve(title, series, at=at - 1, xlabel=_T.curve_x)


def lloyd_questions(data: Data, states: list[KMeansState]) -> list[Question]:
    """What can be asked about a run of Lloyd."""
    named = {state.name: state for state in states}
    asked = []
    if "update-1" in named:
        fall = settled(named["update-1"].inertia - named["assign-1"].inertia)
        right = 1 if abs(fall) <= 1e-9 * named["assign-1"].inertia else 0 if fall < 0 else 2
        asked.append(Question("falls", _T.ask_falls, "assign-1", "update-1", _T.why_falls, right, options=_T.falls_options))
    if "assign-2" in named and bool(named["assign-2"].changed.any()):
        two = named["update-1"].distances.topk(min(2, len(states[0].centers)), largest=False).values
        asked.append(
            Question(
                "changes", _T.ask_changes.format(word=data.word), "update-1", "assign-2",
                _T.why_changes.format(n=plural(int(named["assign-2"].changed.sum()), data.word)), named["assign-2"].changed,
                values=two[:, 0] - two[:, -1],
            )
        )  # fmt: skip
    if data.groups is not None and len(data.groups.unique()) == len(states[0].centers):
        share = found_share(states[-1].labels, data.groups)
        asked.append(
            Question(
                "groups", _T.ask_groups, states[0].name, states[-1].name, _T.why_groups[share >= _FOUND].format(share=share),
                0 if share >= _FOUND else 1, options=_T.groups_options,
            )
        )  # fmt: skip
    return asked


_FOUND = 0.95  # share of the points that are in the right group when the groups count as found


def found_share(labels: torch.Tensor, groups: torch.Tensor) -> float:
    """Share of the points whose label is that of their group, under the matching of labels to groups that is best."""
    return matched_accuracy(labels.numpy(), groups.numpy())


KMEANS = Algorithm(
    _T.name, _T.lead, "Lloyd 1982",
    "min<sub>μ, Z</sub> Σ<sub>i</sub> Σ<sub>k</sub> z<sub>ik</sub> ‖x<sub>i</sub> − μ<sub>k</sub>‖²",
    ("n_segments", "n_init", "seed"), POINTS_AND_PICTURE, make,
)  # fmt: skip
