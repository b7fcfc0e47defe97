"""SLIC: one sweep at a time."""

from typing import Any

import torch
from torch import Tensor

from demo.shared.sequence import At, Code, Frame, Number, Question, html_number
from demo.steps.algorithm import PICTURE_ONLY, Algorithm, Run, curve
from demo.steps.data import Data
from demo.steps.show.pixels import Probes, data_pixels, pixel_map, probes
from demo.steps.texts import slic as _T
from segcore.cluster.slic import SlicState, slic_steps

_NEAREST = 2  # centers that are told of a pixel


def make(data: Data) -> Run:
    """All sweeps, and the last look that makes pieces connected."""
    s = data.asked.settings
    pixels = data_pixels(data)
    states = list(slic_steps(pixels, n_superpixels=s.n_superpixels, compactness=s.compactness))
    imports, (first, second, _) = data.code()
    code = Code(
        (*imports, "from segcore.cluster.slic import slic_steps", "from segcore.image import scaled_picture"),
        (
            first, second, 'features = values["features"]',
            "pixels = scaled_picture(features.pixels, features.geometry)",
        ),
        f"slic_steps(pixels, n_superpixels={s.n_superpixels}, compactness={s.compactness:g})",
    )  # fmt: skip
    grid = probes(*pixels.shape[:2])
    course = [state.moved for state in states if state.moved is not None]
    frames = [_frame(grid, state, course) for state in states]
    start = states[min(2, len(states) - 1)].name
    middle = grid.h // 2 * grid.w + grid.w // 2
    return Run(frames, _questions(grid, states), code, start, middle, {**grid.facts, "pieces": True})


def _near(grid: Probes, state: SlicState) -> tuple[Tensor, Tensor, Tensor]:
    """(m, 2) each: the nearest centers of the probed pixels, and the two parts of their distances."""
    color, space = state.distances(grid.x, grid.y)
    total = (color + space).nan_to_num(nan=torch.inf)
    nearest = total.topk(min(_NEAREST, total.shape[1]), dim=1, largest=False).indices
    return nearest, color.gather(1, nearest), space.gather(1, nearest)


def _frame(grid: Probes, state: SlicState, course: list[float]) -> Frame:
    title = _T.titles[state.phase].format(round=state.round)
    views = [pixel_map(title, state.labels, step=1, labels=True, borders=True)]
    if course:
        at = state.round - 2 if state.phase == "sweep" else len(course) - 1
        views.append(curve(_T.curve, [{"y": course, "dots": True}], at=at, xlabel=_T.curve_x, zero=True))
    pieces = len(state.labels.unique())
    numbers = [
        Number("pieces", pieces, "len(state.labels.unique())"),
        Number("s", state.reach, "state.reach"),
        Number("m", state.compactness, "state.compactness"),
    ]
    if state.moved is not None:
        numbers.append(Number("share of pixels that changed", state.moved, "state.moved"))
    said = _T.said[state.phase].format(pieces=pieces, moved=state.moved or 0.0)
    if state.phase == "sweep" and state.round == 1:
        said = _T.said_first
    return Frame(state.name, title, said, views, numbers, _formula(grid, state), _point(grid))


def _point(grid: Probes) -> list[tuple[str, str]]:
    rows, columns = grid.y.tolist()[:: grid.w], grid.x.tolist()[: grid.w]
    return [("label of the pixel", f"state.labels[{rows}[i // {grid.w}], {columns}[i % {grid.w}]] + 1")]


def _formula(grid: Probes, state: SlicState) -> list[list[Any]]:
    if state.phase == "connect":
        return [[_T.formula_connect], [_T.piece, At(grid.of(state.labels), form="label")]]
    nearest, color, space = _near(grid, state)
    total = color + space
    factor = html_number((state.compactness / state.reach) ** 2)
    lines: list[list[Any]] = [[f"distance² = ‖ΔLab‖² + (m/s)² ‖Δxy‖², &nbsp; (m/s)² = {factor}"]]
    for k in range(nearest.shape[1]):
        lines.append(
            [
                _T.center, At(nearest, k, "label"), ": ", At(color.float(), k), " + ", At(space.float(), k), " = ",
                At(total.float(), k),
            ]
        )  # fmt: skip
    return [*lines, [_T.piece, At(grid.of(state.labels), form="label")]]


def _questions(grid: Probes, states: list[SlicState]) -> list[Question]:
    asked = []
    sweeps = [state for state in states if state.phase == "sweep"]
    if len(sweeps) > 1:
        second, last = sweeps[1], sweeps[-1]
        moved = grid.of(second.labels) != grid.of(sweeps[0].labels)
        if bool(moved.any()):
            asked.append(
                Question(
                    "moves", _T.ask_moves, sweeps[0].name, second.name, _T.why_moves.format(share=second.moved), moved
                )
            )  # fmt: skip
        falls = last.moved / max(second.moved, 1e-9)
        asked.append(
            Question(
                "settles", _T.ask_settles.format(share=second.moved), second.name, last.name,
                _T.why_settles.format(share=last.moved), 0 if falls < 0.2 else 1 if falls < 0.6 else 2,
                options=_T.settles_options,
            )
        )  # fmt: skip
    color, space = _near(grid, sweeps[-1])[1:]
    decides = float((color[:, 0] > space[:, 0]).double().mean())
    asked.append(
        Question(
            "decides", _T.ask_decides, sweeps[0].name, sweeps[-1].name, _T.why_decides.format(share=decides),
            0 if decides > 0.5 else 1, options=_T.decides_options,
        )
    )  # fmt: skip
    return asked


SLIC = Algorithm(
    _T.name, _T.lead, "Achanta et al. 2012",
    "‖Lab<sub>i</sub> − Lab<sub>c</sub>‖² + (m / s)² ‖xy<sub>i</sub> − xy<sub>c</sub>‖²",
    ("n_superpixels", "compactness"), PICTURE_ONLY, make,
)  # fmt: skip
