"""MaskCut, TokenCut and LOST: one object, look by look."""

import itertools
from typing import Any

import torch
from torch import Tensor

from demo.shared.sequence import At, Code, Frame, Number, Question, html_number
from demo.shared.texts import plural
from demo.steps.algorithm import PICTURE_ONLY, Algorithm, Run, curve, only, stage
from demo.steps.data import Data
from demo.steps.texts import lost as _L
from demo.steps.texts import maskcut as _M
from demo.steps.texts import tokencut as _K
from segcore.cut.lost import LostState, lost_steps
from segcore.cut.maskcut import MaskCutState, maskcut_steps
from segcore.cut.tokencut import EDGE_FLOOR, NO_STRUCTURE, TokenCutState, tokencut_steps
from segcore.errors import InputError
from segcore.graph.neighbors import cosines
from segcore.runtime.device import check_graph_fits

_BINS = 40


def _grid(data: Data) -> Tensor:
    """(h, w, d) features."""
    check_graph_fits(data.n, data.X.device)
    return data.X.reshape(data.h, data.w, -1)


def _code(data: Data, module: str, call: str) -> Code:
    imports, setup = data.code()
    name = call.partition("(")[0]
    return Code((*imports, f"from segcore.cut.{module} import {name}"), (*setup, 'f = values["features"].f'), call)


def _histogram(v: Tensor, mean: float, keep: Tensor | None = None) -> dict[str, Any]:
    """How often each value of the vector occurs, and its mean."""
    kept = v if keep is None else v[keep]
    lo, hi = float(kept.min()), float(kept.max())
    counts = torch.histc(kept, _BINS, lo, hi)
    middle = lo + (torch.arange(_BINS, dtype=torch.float64) + 0.5) * (hi - lo) / _BINS
    return curve(
        _K.histogram, [{"x": middle.float(), "y": counts.float(), "stems": True}], zero=True, pointed=v.float(), xlabel="v",
        lines=[{"x": mean, "name": _K.mean.format(mean=mean)}],
    )  # fmt: skip


def _degree_lines(degree: Tensor, tau: float, out: Tensor | None = None) -> list[list[Any]]:
    lines: list[list[Any]] = [
        [f"W<sub>ij</sub> = 1 where cos(f<sub>i</sub>, f<sub>j</sub>) &gt; τ = {tau:g}, else ε = {html_number(EDGE_FLOOR)}"],
        ["d<sub>i</sub> = Σ<sub>j</sub> W<sub>ij</sub> = ", At(degree.float())],
    ]
    return lines if out is None else [*lines, ["f<sub>i</sub> = 0 where it was taken: ", At(out.long(), form="integer")]]


# ---- TokenCut ----


def make_tokencut(data: Data) -> Run:
    """Five looks."""
    tau = data.asked.settings.tau
    states = list(tokencut_steps(_grid(data), tau=tau))
    if len(states) == 1:
        raise InputError(NO_STRUCTURE, field="tau")
    seed = states[-1].seed
    frames = [_token_frame(data, state, seed) for state in states]
    questions = _token_questions(data, states)
    return Run(frames, questions, _code(data, "tokencut", f"tokencut_steps(f, tau={tau:g})"), "vector", seed)


def _token_frame(data: Data, state: TokenCutState, seed: int) -> Frame:
    tau = data.asked.settings.tau
    marks = [] if state.seed is None else [(state.seed, "s")]
    views = {
        "similarity": lambda: [*stage(data, _K.degree_map, values=state.degree.float()), _similar_map(data, seed)],
        "vector": lambda: stage(data, _K.vector_map, values=state.v.float(), ramp="diverging"),
        "threshold": lambda: [*stage(data, _K.side_map, labels=state.side.long()), _histogram(state.v, state.mean)],
        "seed": lambda: [
            *stage(data, _K.seed_map, values=state.v.abs().float(), marks=marks),
            _histogram(state.v, state.mean),
        ],
        "object": lambda: stage(data, _K.object_map, labels=state.mask.long(), marks=marks, lit=state.mask),
    }[state.phase]()
    numbers = [
        Number("edges of weight 1", float((state.degree - data.n * EDGE_FLOOR).clamp_min(0).sum() / (1 - EDGE_FLOOR)),
               f"(state.degree - {data.n} * {EDGE_FLOOR:g}).clamp_min(0).sum() / (1 - {EDGE_FLOOR:g})"),
    ]  # fmt: skip
    formula = _degree_lines(state.degree, tau)
    point = [("d_i", "state.degree[i]")]
    if state.v is not None:
        numbers.append(Number("μ_1", float(state.spectrum.eigenvalues[1]), "state.spectrum.eigenvalues[1]"))
        formula.append(["L v = μ D v, &nbsp; v<sub>i</sub> = ", At(state.v.float())])
        point.append(("v_i", "state.v[i]"))
    if state.mean is not None:
        numbers += [Number("mean v", state.mean, "state.mean"), Number("Ncut", state.ncut, "state.ncut")]
        formula.append(
            [f"v<sub>i</sub> &gt; mean v = {html_number(state.mean)}: side ", At(state.side.long(), form="integer")]
        )
    if state.seed is not None:
        numbers.append(Number("d of the seed", float(state.degree[state.seed]), "state.degree[state.seed]"))
        formula.append([_K.seed_line.format(name=data.name(state.seed), v=html_number(float(state.v[state.seed])))])
    if state.mask is not None:
        numbers.append(Number("patches of the object", int(state.mask.sum()), "state.mask.sum()"))
    return Frame(state.name, _K.titles[state.phase], _K.said[state.phase].format(tau=tau), views, numbers, formula, point)


def _similar_map(data: Data, seed: int) -> dict[str, Any]:
    cosine = cosines(data.X, data.X[seed]).float()
    return stage(data, _K.similar_map, values=cosine, ramp="diverging", range=[-1.0, 1.0], marks=[(seed, "s")])[0]


def _token_questions(data: Data, states: list[TokenCutState]) -> list[Question]:
    last = states[-1]
    share = float(last.mask.double().mean())
    return [
        Question(
            "seed", _K.ask_seed, "vector", "seed", _K.why_seed.format(name=data.name(last.seed)), only(data.n, last.seed),
            values=last.v.abs().float(),
        ),
        Question("object", _K.ask_object, "similarity", "object", _K.why_object.format(share=share), last.mask),
        Question(
            "side", _K.ask_side, "vector", "threshold", _K.why_side.format(share=float(last.side.double().mean())),
            0 if float(last.side.double().mean()) < 0.5 else 1, options=_K.side_options,
        ),
    ]  # fmt: skip


# ---- MaskCut ----


def make_maskcut(data: Data) -> Run:
    """Three looks at each round."""
    s = data.asked.settings
    states = list(maskcut_steps(_grid(data), n_objects=s.n_objects, tau=s.mask_tau))
    if not states:
        raise InputError(NO_STRUCTURE, field="mask_tau")
    frames = [_mask_frame(data, state) for state in states]
    call = f"maskcut_steps(f, n_objects={s.n_objects}, tau={s.mask_tau:g})"
    return Run(frames, _mask_questions(data, states), _code(data, "maskcut", call), "mask-1", states[0].seed)


def _mask_frame(data: Data, state: MaskCutState) -> Frame:
    tau = data.asked.settings.mask_tau
    marks = [(state.seed, "s")]
    out: dict[str, Any] = {"out": state.out} if bool(state.out.any()) else {}
    mean = float(state.v.mean())
    views = {
        "similarity": lambda: [
            *stage(data, _M.degree_map, values=state.degree.float(), **out), _similar_map(data, state.seed),
        ],
        "vector": lambda: [
            *stage(data, _M.vector_map, values=state.v.float(), ramp="diverging", marks=marks, **out),
            _histogram(state.v, mean),
        ],
        "mask": lambda: stage(data, _M.mask_map, labels=state.labels - 1, lit=state.mask, marks=marks),
    }[state.phase]()  # fmt: skip
    numbers = [
        Number("d of the seed", float(state.degree[state.seed]), "state.degree[state.seed]"),
        Number("μ_1", state.eigenvalue, "state.eigenvalue"),
        Number("mean v", mean, "state.v.mean()"),
        Number("Ncut", state.ncut, "state.ncut"),
        Number("patches taken before", int(state.out.sum()), "state.out.sum()"),
        Number("patches of this round", int(state.mask.sum()), "state.mask.sum()"),
    ]
    formula = [
        *_degree_lines(state.degree, tau, state.out),
        [
            "v<sub>i</sub> = ",
            At(state.v.float()),
            f", mean v = {html_number(mean)}, side ",
            At(state.side.long(), form="integer"),
        ],
        [_M.seed_line.format(name=data.name(state.seed))],
    ]
    said = _M.said[state.phase].format(round=state.round, n=plural(int(state.mask.sum()), "patch"))
    if state.phase == "mask" and state.remark:
        said = state.remark
    title = _M.titles[state.phase].format(round=state.round)
    point = [("d_i", "state.degree[i]"), ("v_i", "state.v[i]")]
    return Frame(state.name, title, said, views, numbers, formula, point)


def _mask_questions(data: Data, states: list[MaskCutState]) -> list[Question]:
    rounds = {state.round: state for state in states if state.phase == "mask"}
    asked = []
    for number, state in itertools.islice(rounds.items(), 3):
        if not bool(state.mask.any()):
            asked.append(
                Question(
                    f"dropped-{number}", _M.ask_dropped.format(round=number), f"vector-{number}", state.name, state.remark,
                    1, options=_M.dropped_options,
                )
            )  # fmt: skip
            continue
        before = f"similarity-{number}" if number == 1 else f"mask-{number - 1}"
        why = _M.why_first if number == 1 else _M.why_next
        asked.append(Question(f"object-{number}", _M.ask_object.format(round=number), before, state.name, why, state.mask))
    first = rounds[1]
    asked.append(
        Question(
            "seed", _M.ask_seed, "similarity-1", "vector-1", _M.why_seed, only(data.n, first.seed), values=first.v.float()
        )
    )
    return asked


# ---- LOST ----


def make_lost(data: Data) -> Run:
    """Five looks."""
    n_potentials = data.asked.settings.n_potentials
    states = list(lost_steps(_grid(data), n_potentials=n_potentials))
    frames = [_lost_frame(data, state) for state in states]
    code = _code(data, "lost", f"lost_steps(f, n_potentials={n_potentials})")
    return Run(frames, _lost_questions(states), code, "sum", states[-1].seed)


def _lost_frame(data: Data, state: LostState) -> Frame:
    marks = [] if state.seed is None else [(state.seed, "s")]
    kin = torch.zeros(data.n, dtype=torch.bool)
    if state.similar is not None:
        kin[state.similar] = True
    views = {
        "degree": lambda: stage(data, _L.degree_map, values=state.degree.float()),
        "seed": lambda: stage(data, _L.seed_map, values=state.to_seed.float(), ramp="diverging", marks=marks),
        "similar": lambda: stage(data, _L.similar_map, values=state.to_seed.float(), ramp="diverging", marks=marks, lit=kin),
        "sum": lambda: stage(data, _L.sum_map, values=state.M.float(), ramp="diverging", marks=marks, lit=kin),
        "object": lambda: stage(data, _L.object_map, labels=state.mask.long(), marks=marks, lit=state.mask),
    }[state.phase]()
    numbers = [Number("lowest degree", int(state.degree.min()), "state.degree.min()")]
    formula: list[list[Any]] = [
        ["deg<sub>i</sub> = #{j ≠ i : f<sub>i</sub> · f<sub>j</sub> &gt; 0} = ", At(state.degree, form="integer")]
    ]
    point = [("deg_i", "state.degree[i]")]
    if state.seed is not None:
        formula += [
            [_L.seed_line.format(name=data.name(state.seed), degree=int(state.degree[state.seed]))],
            ["f<sub>seed</sub> · f<sub>i</sub> = ", At(state.to_seed.float())],
        ]
        point.append(("f_seed·f_i", "state.to_seed[i]"))
    if state.similar is not None:
        numbers.append(Number("patches like the seed", len(state.similar), "len(state.similar)"))
    if state.M is not None:
        formula.append(["M<sub>i</sub> = Σ<sub>p like the seed</sub> f<sub>p</sub> · f<sub>i</sub> = ", At(state.M.float())])
        point.append(("M_i", "state.M[i]"))
    if state.mask is not None:
        numbers += [
            Number("patches of the object", int(state.mask.sum()), "state.mask.sum()"),
            Number("Ncut", state.ncut, "state.ncut"),
        ]
    return Frame(state.name, _L.titles[state.phase], _L.said[state.phase], views, numbers, formula, point)


def _lost_questions(states: list[LostState]) -> list[Question]:
    last = states[-1]
    share = float(last.mask.double().mean())
    lowest = last.degree == last.degree[last.seed]
    return [
        Question("seed", _L.ask_seed, "degree", "seed", _L.why_seed, lowest, values=-last.degree.float()),
        Question(
            "object", _L.ask_object, "seed", "object", _L.why_object.format(share=share), last.mask, values=last.M.float()
        ),
        Question(
            "size", _L.ask_size, "similar", "object", _L.why_size.format(share=share),
            0 if share < 0.25 else 1 if share < 0.5 else 2, options=_L.size_options,
        ),
    ]  # fmt: skip


MASKCUT = Algorithm(
    _M.name, _M.lead, "Wang et al. (CutLER) 2023", "TokenCut on f ⊙ (1 − masks so far)",
    ("n_objects", "mask_tau"), PICTURE_ONLY, make_maskcut,
)  # fmt: skip
TOKENCUT = Algorithm(
    _K.name, _K.lead, "Wang et al. 2022",
    "W<sub>ij</sub> = [cos(f<sub>i</sub>, f<sub>j</sub>) &gt; τ], else ε; &nbsp; v<sub>1</sub>(i) &gt; mean v<sub>1</sub>",
    ("tau",), PICTURE_ONLY, make_tokencut,
)  # fmt: skip
LOST = Algorithm(
    _L.name, _L.lead, "Siméoni et al. 2021", "seed = argmin<sub>i</sub> #{j : f<sub>i</sub> · f<sub>j</sub> &gt; 0}",
    ("n_potentials",), PICTURE_ONLY, make_lost,
)  # fmt: skip
