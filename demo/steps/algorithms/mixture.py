"""EM for a mixture of Gaussians: expectation, maximization."""

from typing import Any

import torch
from torch import Tensor

from demo.shared.sequence import At, Coarse, Code, Frame, Number, Question, Variant, html_matrix, html_number
from demo.shared.texts import plural
from demo.steps.algorithm import POINTS_AND_PICTURE, Algorithm, Run, curve, stage
from demo.steps.data import Data
from demo.steps.texts import mixture as _T
from segcore.cluster.gmm import MixtureState, gaussian_mixture_steps, principal_components
from segcore.runtime.device import make_generator

_SHOWN = 2  # dimensions in which means and covariances are drawn and written


def make(data: Data) -> Run:
    """All half steps."""
    s = data.asked.settings
    imports, setup = data.code()
    rows, X = "X", data.X
    if data.is_picture:
        X, _ = principal_components(data.X, n_dims=s.pca_dims)
        imports += ("from segcore.cluster.gmm import principal_components",)
        setup += (f"Y, share = principal_components(X, n_dims={s.pca_dims})",)
        rows = "Y"
    states = list(
        gaussian_mixture_steps(X, n_clusters=s.n_segments, covariance=s.covariance, generator=make_generator(s.seed))
    )
    code = Code(
        (
            *imports,
            "from segcore.cluster.gmm import gaussian_mixture_steps",
            "from segcore.runtime.device import make_generator",
        ),
        setup,
        f'gaussian_mixture_steps({rows}, n_clusters={s.n_segments}, covariance="{s.covariance}", '
        f"generator=make_generator({s.seed}))",
    )
    course = [state.log_likelihood for state in states[1:]]
    frames = [
        _frame(data, before, state, course, at)
        for at, (before, state) in enumerate(zip([None, *states], states, strict=False))
    ]
    start = states[min(4, len(states) - 1)]
    return Run(frames, _questions(data, states), code, start.name, int(start.entropy.argmax()))


def _frame(data: Data, before: MixtureState | None, state: MixtureState, course: list[float], at: int) -> Frame:
    title = _T.titles[state.phase].format(round=state.round)
    ellipses = [] if state.means is None else [_ellipse(state, k) for k in range(len(state.means))]
    labels = state.resp.argmax(1)
    falling = [] if at == 0 else [curve(_T.curve, [{"y": course, "dots": True}], at=at - 1, xlabel=_T.curve_x)]
    variants = [Variant(_T.all_of_them, [*stage(data, title, labels=labels, ellipses=ellipses), *falling])]
    if state.phase != "m":  # an M-step leaves the responsibilities as they are
        variants += [
            Variant(
                _T.one.format(k=k + 1),
                [
                    *stage(data, _T.map_one.format(k=k + 1), values=Coarse(gamma), range=[0.0, 1.0], ellipses=ellipses),
                    *falling,
                ],
            )
            for k, gamma in enumerate(state.resp.T)
        ]
        entropy = stage(data, _T.map_entropy, values=Coarse(state.entropy), ellipses=ellipses)
        variants.append(Variant(_T.entropy, [*entropy, *falling]))
    return Frame(
        state.name, title, _said(data, state), [], _numbers(before, state), _formula(state),
        _entries(state), variants,
    )  # fmt: skip


def _ellipse(state: MixtureState, k: int) -> dict[str, Any]:
    """The component in the first two dimensions: half axes of one standard deviation."""
    variances, axes = torch.linalg.eigh(state.covariances[k, :_SHOWN, :_SHOWN])
    ends = axes * variances.clamp_min(0).sqrt()
    if ends.shape[0] < 2:
        ends = torch.nn.functional.pad(ends, (0, 1, 0, 1))
    center = torch.nn.functional.pad(state.means[k, :2], (0, 2 - state.means[k, :2].shape[0]))
    return {
        "center": [float(c) for c in center],
        "axes": [[float(x) for x in ends[:, i]] for i in (1, 0)],
        "label": k,
        "share": float(state.mixing[k]),
    }


def _said(data: Data, state: MixtureState) -> str:
    if state.phase == "start":
        return _T.said_start.format(words=data.words)
    if state.phase == "m":
        big = int(state.mixing.argmax())
        return _T.said_m.format(k=big + 1, share=float(state.mixing[big]))
    unsure = int((state.resp.max(1).values < 0.9).sum())
    return _T.said_e.format(n=plural(unsure, data.word))


def _numbers(before: MixtureState | None, state: MixtureState) -> list[Number]:
    if state.phase == "start":
        return [Number(f"N_{k + 1}", n, f"state.mass[{k}]") for k, n in enumerate(state.mass.tolist())]
    was = None if before is None else before.log_likelihood
    numbers = [Number("log L", state.log_likelihood, "state.log_likelihood", was, "rises")]
    numbers += [Number(f"N_{k + 1}", n, f"state.mass[{k}]") for k, n in enumerate(state.mass.tolist())]
    numbers += [Number(f"π_{k + 1}", p, f"state.mixing[{k}]") for k, p in enumerate(state.mixing.tolist())]
    return numbers


def _formula(state: MixtureState) -> list[list[Any]]:
    k_of = range(state.resp.shape[1])
    if state.phase == "start":
        return [[f"<b data-label='{k}'></b>γ<sub>i{k + 1}</sub> = ", At(state.resp, k)] for k in k_of]
    if state.phase == "m":
        mixing = zip(state.mass.tolist(), state.mixing.tolist(), strict=True)
        lines = [
            [
                f"<b data-label='{k}'></b>N<sub>{k + 1}</sub> = Σ<sub>i</sub> γ<sub>i{k + 1}</sub> = {html_number(n)}, "
                f"π<sub>{k + 1}</sub> = N<sub>{k + 1}</sub> / n = {html_number(p)}<br>"
                f"μ<sub>{k + 1}</sub> = {html_matrix(state.means[k, :_SHOWN, None])}, "
                f"Σ<sub>{k + 1}</sub> = {html_matrix(state.covariances[k, :_SHOWN, :_SHOWN])}"
            ]
            for k, (n, p) in enumerate(mixing)
        ]
        d = state.means.shape[1]
        return [[_T.formula_m], *lines, *([[_T.first_of.format(shown=_SHOWN, d=d)]] if d > _SHOWN else [])]
    # Relative to the likeliest component, so that no number under- or overflows.
    joint = _relative(state)
    return [
        [_T.formula_e],
        *(
            [
                f"<b data-label='{k}'></b>γ<sub>i{k + 1}</sub> = ",
                At(joint, k),
                " / ",
                At(joint.sum(1)),
                " = ",
                At(state.resp, k),
            ]
            for k in k_of
        ),
    ]


def _entries(state: MixtureState) -> list[tuple[str, str]]:
    """What Python prints of what the formula shows, each with its code."""
    k_of = range(state.resp.shape[1])
    if state.phase != "m":
        return [(f"γ_i{k + 1}", f"state.resp[i, {k}]") for k in k_of]
    dims = range(min(_SHOWN, state.means.shape[1]))
    return [
        (f"{symbol}_{k + 1}[{at}]", f"state.{name}[{k}, {at}]")
        for k in k_of
        for symbol, name, places in (
            ("μ", "means", [str(a) for a in dims]),
            ("Σ", "covariances", [f"{a}, {b}" for a in dims for b in dims]),
        )
        for at in places
    ]


def _relative(state: MixtureState) -> Tensor:
    """(n, k) π_k N(x_i | μ_k, Σ_k), divided by the largest of the row."""
    log_joint = state.mixing.log() + state.log_density
    return (log_joint - log_joint.max(1, keepdim=True).values).exp()


def _questions(data: Data, states: list[MixtureState]) -> list[Question]:
    last, first = states[-1], next(state for state in states if state.phase == "e")
    entropy = last.entropy
    mass = last.mass / first.mass.clamp_min(1e-9)
    changed = last.resp.argmax(1) != states[0].resp.argmax(1)
    share = float(changed.double().mean())
    m = states[1]
    return [
        Question(
            "undecided", _T.ask_undecided.format(word=data.word), states[-2].name, last.name,
            _T.why_undecided.format(bits=float(entropy.max())), entropy == entropy.max(), values=entropy,
        ),
        Question(
            "grows", _T.ask_grows, first.name, last.name, _T.why_grows.format(factor=float(mass.max())), int(mass.argmax()),
            options=tuple(_T.one.format(k=k + 1) for k in range(len(mass))),
        ),
        Question(
            "leaves", _T.ask_leaves.format(words=data.words), m.name, last.name, _T.why_leaves.format(share=share),
            0 if share < 0.02 else 1 if share < 0.2 else 2, options=_T.leaves_options,
        ),
    ]  # fmt: skip


MIXTURE = Algorithm(
    _T.name, _T.lead, "Dempster, Laird and Rubin 1977",
    "γ<sub>ik</sub> = π<sub>k</sub> N(x<sub>i</sub>; μ<sub>k</sub>, Σ<sub>k</sub>) / Σ<sub>j</sub> π<sub>j</sub> "
    "N(x<sub>i</sub>; μ<sub>j</sub>, Σ<sub>j</sub>)",
    ("n_segments", "covariance", "pca_dims", "seed"), POINTS_AND_PICTURE, make,
)  # fmt: skip
