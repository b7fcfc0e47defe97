"""The dense CRF by mean field: one sweep at a time."""

from typing import Any

import torch

from demo.shared.sequence import At, Coarse, Code, Frame, Number, Question, Variant, html_number
from demo.steps.algorithm import PICTURE_ONLY, Algorithm, Run, curve
from demo.steps.data import Data
from demo.steps.show.pixels import Probes, pixel_map, probes
from demo.steps.texts import crf as _T
from segcore.image import soft_to_scaled
from segcore.refine.crf import MeanFieldState, mean_field_steps, unary_from_probabilities

_LABEL_STEP, _Q_STEP = 2, 3  # every so many pixels are drawn
_METHOD = "spectral"
_KERNELS = ("appearance", "smoothness")


def make(data: Data) -> Run:
    """The start and all sweeps, on the labels of spectral clustering."""
    s = data.asked.settings.replace(method=_METHOD, crf=True, auto_k=False)
    values = data.service.pipeline.values(data.asked.picture, s, "features", "cells", "crf_kernels")
    soft = torch.nn.functional.one_hot(values["cells"].labels).float()
    unary = unary_from_probabilities(soft_to_scaled(soft, values["features"].geometry), confidence=s.label_confidence)
    states = list(mean_field_steps(values["crf_kernels"], unary, n_steps=s.crf_steps))
    grid = probes(*unary.shape[1:])
    weights = (s.compat_bilateral, s.compat_smooth)
    names = [name for name, weight in zip(_KERNELS, weights, strict=True) if weight > 0]
    course = [state.free_energy for state in states]
    frames = [_frame(grid, before, state, course, names) for before, state in zip([None, *states], states, strict=False)]
    start = states[min(1, len(states) - 1)]
    often = torch.stack([grid.of(state.changed).float() for state in states]).sum(0)
    return Run(frames, _questions(grid, states), _code(data, s), start.name, int(often.argmax()), grid.facts)


def _code(data: Data, s: Any) -> Code:
    imports, setup = data.code()
    changed = ", ".join(f"{name}={value!r}" for name, value in s.changed().items())
    _, second, _ = setup
    return Code(
        (
            *imports, "import torch", "from segcore.image import soft_to_scaled",
            "from segcore.refine.crf import mean_field_steps, unary_from_probabilities",
        ),
        (
            f"settings = make_settings({changed})",
            second.replace('"features"', '"features", "cells", "crf_kernels"').replace(
                "'features'", '"features", "cells", "crf_kernels"'
            ),
            'one_hot = torch.nn.functional.one_hot(values["cells"].labels).float()',
            'soft = soft_to_scaled(one_hot, values["features"].geometry)',
            f"unary = unary_from_probabilities(soft, confidence={s.label_confidence:g})",
        ),
        f'mean_field_steps(values["crf_kernels"], unary, n_steps={s.crf_steps})',
    )  # fmt: skip


def _frame(
    grid: Probes, before: MeanFieldState | None, state: MeanFieldState, course: list[float], names: list[str]
) -> Frame:
    best = state.Q.argmax(0)
    k = len(state.Q)
    falling = curve(_T.curve, [{"y": course, "dots": True}], at=state.round, xlabel=_T.curve_x)
    lit = {"lit": grid.of(state.changed)} if bool(state.changed.any()) else {}
    variants = [Variant(_T.labels, [pixel_map(_T.labels_map, best, step=_LABEL_STEP, labels=True, **lit), falling])]
    variants += [
        Variant(
            _T.one.format(k=label + 1),
            [_soft_map(_T.q_map.format(k=label + 1), state.Q[label], lit), falling],
        )
        for label in range(k)
    ]
    changed = float(state.changed.double().mean())
    was = None if before is None else before.free_energy
    numbers = [
        Number("F(Q)", state.free_energy, "state.free_energy", was),
        Number("mean entropy", state.entropy, "state.entropy", None if before is None else before.entropy),
        Number("share of pixels changed", changed, "state.changed.double().mean()"),
    ]
    said = _T.said_start if before is None else _T.said.format(share=changed)
    if before is not None and state.free_energy > before.free_energy:
        said += _T.said_rises
    return Frame(
        state.name, _T.titles[before is not None].format(round=state.round), said, [], numbers,
        _formula(grid, state, names), [(f"Q_i({label + 1})", _pixel_code(grid, f"state.Q[{label}]")) for label in range(k)],
        variants,
    )  # fmt: skip


def _soft_map(title: str, Q: torch.Tensor, lit: dict[str, Any]) -> dict[str, Any]:
    view = pixel_map(title, Q, step=_Q_STEP, ramp="sequential", range=[0.0, 1.0], **lit)
    return view | {"values": Coarse(view["values"])}


def _pixel_code(grid: Probes, values: str) -> str:
    """Python for the entry at the middle pixel of block i."""
    height_step = f"{grid.y.tolist()[:: grid.w]}[i // {grid.w}]"
    return f"{values}[{height_step}, {grid.x.tolist()[: grid.w]}[i % {grid.w}]]"


def _formula(grid: Probes, state: MeanFieldState, names: list[str]) -> list[list[Any]]:
    unary, Q = grid.of(state.unary), grid.of(state.Q)
    messages = [grid.of(message) for message in state.messages]
    lines: list[list[Any]] = [[_T.formula if messages else _T.formula_start]]
    for label in range(Q.shape[1]):
        line: list[Any] = [f"<b data-label='{label}'></b>label {label + 1}: −U = ", At(-unary, label)]
        for name, message in zip(names, messages, strict=False):
            line += [f" + {name} ", At(message, label)]
        if messages:
            line += [" = ", At(-unary + sum(messages), label)]
        lines.append([*line, ", Q = ", At(Q, label)])
    return [*lines, [f"F(Q) = Σ Q U − ½ Σ Q w K Q + Σ Q ln Q = {html_number(state.free_energy)}"], [_T.parallel]]


def _questions(grid: Probes, states: list[MeanFieldState]) -> list[Question]:
    asked = []
    if len(states) > 1:
        first, second = states[:2]
        flips = grid.of(second.changed)
        margin = grid.of(first.Q).topk(min(2, len(first.Q)), dim=1).values
        if bool(flips.any()):
            asked.append(
                Question(
                    "flips", _T.ask_flips, first.name, second.name,
                    _T.why_flips.format(share=float(second.changed.double().mean())), flips,
                    values=(margin[:, -1] - margin[:, 0]).float(),
                )
            )  # fmt: skip
        rises = second.free_energy > first.free_energy
        asked.append(
            Question("energy", _T.ask_energy, first.name, second.name, _T.why_energy, int(rises), options=_T.energy_options)
        )
        areas = [torch.bincount(state.Q.argmax(0).flatten(), minlength=len(first.Q)) for state in (first, states[-1])]
        gain = (areas[1] - areas[0]).double() / areas[0].sum()
        asked.append(
            Question(
                "loses", _T.ask_loses, first.name, states[-1].name, _T.why_loses.format(share=-float(gain.min())),
                int(gain.argmin()), options=tuple(_T.label.format(k=k + 1) for k in range(len(first.Q))),
            )
        )  # fmt: skip
    return asked


CRF = Algorithm(
    _T.name, _T.lead, "Krähenbühl and Koltun 2011",
    "Q<sub>i</sub>(l) ∝ exp(−U<sub>i</sub>(l) + Σ<sub>kernels</sub> w Σ<sub>j</sub> K<sub>ij</sub> Q<sub>j</sub>(l))",
    ("n_segments", "crf_steps", "sigma_xy", "sigma_rgb", "compat_bilateral", "sigma_smooth", "compat_smooth"), PICTURE_ONLY,
    make,
)  # fmt: skip
