"""Spectral clustering: weights, degrees, Laplacian, eigenvectors, rows, k-means."""

from typing import Any

import torch
from torch import Tensor

from demo.shared.sequence import At, Code, Frame, Number, Question, Variant, html_number
from demo.steps.algorithm import POINTS_AND_PICTURE, Algorithm, Run, curve, near_middle, stage
from demo.steps.algorithms.kmeans import lloyd_frames, lloyd_questions
from demo.steps.data import Data
from demo.steps.show.graph import GraphViews
from demo.steps.texts import spectral as _T
from segcore.cluster.spectral import SpectralState, spectral_steps
from segcore.cut.ncut import ncut_sweep
from segcore.drawn.points import MOST_POINTS
from segcore.graph.laplacian import form_terms
from segcore.runtime.device import make_generator

_ZERO = 1e-7  # an eigenvalue below it counts as 0: those of components are exact up to rounding
_MARGIN = 0.08
_LEAST = 0.3  # of an axis, as a share of the longer one


def make(data: Data) -> Run:
    """All steps."""
    s = data.asked.settings
    n_vectors = min(max(s.n_vectors if data.is_picture else 12, s.n_segments + 1), data.n)
    call: dict[str, Any] = {"n_clusters": s.n_segments, "n_vectors": n_vectors, "laplacian": s.laplacian, "n_init": s.n_init}
    states = list(spectral_steps(data.W, **call, generator=make_generator(s.seed)))
    imports, setup = data.code(graph=True)
    code = Code(
        (
            *imports, "import torch", "from segcore.cluster.spectral import spectral_steps",
            "from segcore.runtime.device import make_generator", "from segcore.graph.laplacian import form_terms",
        ),
        setup,
        f"spectral_steps(W, {', '.join(f'{k}={v!r}' for k, v in call.items())}, generator=make_generator({s.seed}))",
    )  # fmt: skip
    graph = GraphViews(data)
    vectors = [state for state in states if state.phase == "vector"]
    lloyd = [state for state in states if state.kmeans is not None]
    makers = {
        "weights": _weights, "degrees": _degrees, "laplacian": _laplacian, "eigenvalues": _eigenvalues, "vector": _vector,
        "rows": _rows,
    }  # fmt: skip
    frames = [makers[state.phase](data, graph, state) for state in states if state.kmeans is None]
    frames += _clustered(data, graph, lloyd)
    questions = [*_questions(data, states, vectors), *lloyd_questions(data, [state.kmeans for state in lloyd])[-1:]]
    i = near_middle(data)
    start = "vector-1" if len(vectors) > 1 else "weights"
    return Run(frames, questions, code, start, i, {"pair": int(graph.strongest[0][i, 0])})


def _weights(data: Data, graph: GraphViews, state: SpectralState) -> Frame:
    W = state.W
    share = float((W > 0).double().mean())
    return Frame(
        state.name, _T.weights, _T.said_weights[data.is_picture].format(n=data.n, share=share),
        [graph.row_view(_T.row), graph.matrix_view(_T.matrix)],
        [Number("n", len(W), "len(W)"), Number("Σ W", float(W.double().sum()), "W.double().sum()")],
        [[_T.formula_weights[data.is_picture]], graph.pair_line(), *graph.neighbor_lines()],
    )  # fmt: skip


def _degrees(data: Data, graph: GraphViews, state: SpectralState) -> Frame:
    d = state.degree
    return Frame(
        state.name, _T.degrees, _T.said_degrees.format(name=data.name(int(d.argmax())), d=float(d.max())),
        [*stage(data, _T.degree_map, values=d.float()), graph.matrix_view(_T.matrix)],
        [
            Number("largest d", float(d.max()), "state.degree.max()"),
            Number("smallest d", float(d.min()), "state.degree.min()"),
        ],
        [["d<sub>i</sub> = Σ<sub>j</sub> W<sub>ij</sub> = ", At(d.float())], *graph.neighbor_lines()],
        [("d_i", "state.degree[i]")],
    )  # fmt: skip


def _laplacian(data: Data, graph: GraphViews, state: SpectralState) -> Frame:
    """The quadratic form of a few vectors, to choose from."""
    variants = [
        _form_variant(data, graph, state, _T.vectors[key], x, code, [_T.about[key]]) for key, x, code in _vectors(data)
    ]
    return Frame(
        state.name, _T.laplacian, _T.said_laplacian, [], variants[0].numbers or [], variants[0].formula or [], [], variants
    )  # fmt: skip


def _vectors(data: Data) -> list[tuple[str, Tensor, str]]:
    """Vectors whose form is looked at: a name, the vector, and Python that makes it."""
    n, i, seed = data.n, near_middle(data), data.asked.settings.seed
    half = torch.arange(n) % data.w >= data.w // 2 if data.is_picture else data.X[:, 0] > data.X[:, 0].mean()
    half_code = (
        f"(torch.arange({n}) % {data.w} >= {data.w // 2}).double()"
        if data.is_picture
        else "(X[:, 0] > X[:, 0].mean()).double()"
    )
    return [
        ("half", half.double(), half_code),
        ("one", (torch.arange(n) == i).double(), f"(torch.arange({n}) == {i}).double()"),
        ("constant", torch.ones(n, dtype=torch.float64), f"torch.ones({n})"),
        (
            "random", torch.randn(n, generator=make_generator(seed), dtype=torch.float64),
            f"torch.randn({n}, generator=make_generator({seed}), dtype=torch.float64)",
        ),
    ]  # fmt: skip


def _form_variant(
    data: Data, graph: GraphViews, state: SpectralState, label: str, x: Tensor, code: str, more: list[Any]
) -> Variant:
    energy, ray = state.energy(x), state.rayleigh(x)
    terms = form_terms(state.W, x)
    views = [*stage(data, _T.vector_map, values=x.float(), ramp="diverging"), graph.matrix_view(_T.matrix, by_x=x)]
    views.append({**stage(data, _T.terms_map, values=terms.float())[0]})
    numbers = [
        Number("xᵀLx", energy, f"state.energy({code})"),
        Number("xᵀLx / xᵀDx", ray, f"state.rayleigh({code})"),
    ]
    return Variant(label, views, numbers, _form_lines(graph, x, terms, energy, more))


def _form_lines(graph: GraphViews, x: Tensor, terms: Tensor, energy: float, more: list[Any]) -> list[list[Any]]:
    small = x if graph.whole and len(x) <= MOST_POINTS else x.float()
    lines: list[list[Any]] = [
        [f"xᵀLx = ½ Σ<sub>i</sub> Σ<sub>j</sub> W<sub>ij</sub> (x<sub>i</sub> − x<sub>j</sub>)² = {html_number(energy)}"],
        [
            "x<sub>i</sub> = ",
            At(small),
            ", &nbsp; Σ<sub>j</sub> W<sub>ij</sub> (x<sub>i</sub> − x<sub>j</sub>)² = ",
            At(terms.float()),
        ],
    ]
    if graph.whole:
        entry = graph.entry()
        lines.append(
            [
                "W<sub>ij</sub> (x<sub>i</sub> − x<sub>j</sub>)² = ", entry, " · (", At(small), " − ",
                At(small, of="j"), ")² = ",
                At(entry.values, of="term", other=small, size=entry.size), ", j: ",
                At(torch.arange(len(x)), form="row", of="j"),
            ]
        )  # fmt: skip
    nearest, weights = graph.strongest
    for k in range(nearest.shape[1]):
        lines.append(
            [
                "W<sub>ij</sub> (x<sub>i</sub> − x<sub>j</sub>)² = ", At(weights, k), " · (", At(small), " − ",
                At(small[nearest[:, k]]), ")² = ", At(weights, k, of="near", other=small, near=nearest), ", j: ",
                At(nearest, k, "row"),
            ]
        )  # fmt: skip
    return [*lines, *([line] for line in more)]


def _eigenvalues(_data: Data, graph: GraphViews, state: SpectralState) -> Frame:
    mu = state.spectrum.eigenvalues
    zeros, components = int((mu < _ZERO).sum()), state.spectrum.n_components
    gap = int(state.spectrum.gaps[1:].argmax()) + 2 if len(mu) > 2 else 1
    return Frame(
        state.name, _T.eigenvalues, _T.said_eigenvalues.format(zeros=zeros, gap=gap),
        [
            curve(_T.spectrum, [{"y": mu.tolist(), "stems": True}], zero=True, xlabel=_T.spectrum_x, lit=list(range(zeros))),
            graph.matrix_view(_T.matrix),
            graph.row_view(_T.row),
        ],
        [
            Number("eigenvalues that are 0", zeros, f"float((state.spectrum.eigenvalues < {_ZERO:g}).sum())"),
            Number("connected components", components, "state.spectrum.n_components"),
            *(Number(f"μ_{i}", v, f"state.spectrum.eigenvalues[{i}]") for i, v in enumerate(mu[:8].tolist())),
        ],
        [[_T.formula_eigen[state.spectrum.laplacian]], [_T.components.format(components=components)]],
    )  # fmt: skip


def _vector(data: Data, graph: GraphViews, state: SpectralState) -> Frame:
    i, spectrum = state.index, state.spectrum
    v = spectrum.V[:, i].double()
    mu = float(spectrum.eigenvalues[i])
    energy, ray = state.energy(v), state.rayleigh(v)
    terms = form_terms(state.W, v)
    code = f"state.spectrum.V[:, {i}]"
    numbers = [
        Number(f"μ_{i}", mu, f"state.spectrum.eigenvalues[{i}]"),
        Number("xᵀLx", energy, f"state.energy({code})"),
        Number("xᵀLx / xᵀDx", ray, f"state.rayleigh({code})"),
    ]
    views = stage(data, _T.eigenvector_map.format(i=i), values=v.float(), ramp="diverging")
    thresholds, ncut = ncut_sweep(data.W, spectrum.V[:, i])
    said = _T.said_constant
    if len(ncut) and not _is_constant(v):
        best = int(ncut.argmin())
        views.append(
            curve(
                _T.sweep, [{"x": thresholds.float(), "y": ncut.float()}], pointed=v.float(), top=2.0, xlabel=_T.sweep_x,
                lines=[{"x": float(thresholds[best]), "name": _T.best.format(ncut=float(ncut[best]))}],
            )
        )  # fmt: skip
        said = _T.said_vector.format(i=i, ncut=float(ncut[best]))
    views.append(graph.matrix_view(_T.matrix, by_this_vector=v))
    return Frame(
        state.name, _T.vector.format(i=i), said, views, numbers,
        _form_lines(graph, v, terms, energy, [_T.about_vector.format(i=i)]), [("x_i", f"{code}[i]")],
    )  # fmt: skip


def _is_constant(v: Tensor) -> bool:
    return float(v.max() - v.min()) <= 1e-6 * float(v.abs().max())


class _Plane:
    """The rows of the eigenvectors as points: v_1 and v_2, or what there is."""

    def __init__(self, rows: Tensor):
        self.columns = [1, 2] if rows.shape[1] > 2 else [1, 0]
        self.xy = self.project(rows)
        low, high = self.xy.min(0).values, self.xy.max(0).values
        middle, reach = (low + high) / 2, (high - low) / 2
        reach = (1 + 2 * _MARGIN) * torch.maximum(reach, _LEAST * reach.max()).clamp_min(1e-9)  # v_0 is constant
        left, bottom = (middle - reach).tolist()
        right, top = (middle + reach).tolist()
        self.bounds = [left, right, bottom, top]

    def project(self, Y: Tensor) -> Tensor:
        return Y[:, self.columns].double()

    @property
    def title(self) -> str:
        return _T.plane.format(a=self.columns[0], b=self.columns[1])


def _rows(data: Data, _graph: GraphViews, state: SpectralState) -> Frame:
    plane = _Plane(state.rows)
    scatter = {"kind": "scatter", "title": plane.title, "marks": [], "xy": plane.xy.float(), "bounds": plane.bounds}
    columns = [f"v<sub>{k}</sub>: " for k in range(state.rows.shape[1])]
    rows = state.rows.float()
    return Frame(
        state.name, _T.rows, _T.said_rows.format(word=data.word, k=state.rows.shape[1]),
        [stage(data, _T.rows_map)[0], scatter],
        [Number("K", state.rows.shape[1], "state.rows.shape[1]")],
        [[_T.formula_rows], *([name, At(rows, k)] for k, name in enumerate(columns))],
        [(f"y_i{k}", f"state.rows[i, {k}]") for k in range(state.rows.shape[1])],
    )  # fmt: skip


def _clustered(data: Data, graph: GraphViews, states: list[SpectralState]) -> list[Frame]:
    """k-means on the rows, seen in both planes."""
    plane = _Plane(states[0].rows)
    lloyd = [state.kmeans for state in states]
    frames = lloyd_frames(data, lloyd, [state.inertia for state in lloyd[1:]], prefix="state.kmeans", project=plane.project)
    for frame, state in zip(frames, lloyd, strict=True):
        own, *others = frame.views
        centers: dict[str, Any] = {name: own.pop(name) for name in ("centers", "trails") if name in own}
        scatter: dict[str, Any] = {
            **{k: v for k, v in own.items() if k != "kind"}, **centers, "kind": "scatter", "title": plane.title,
            "xy": plane.xy.float(), "bounds": plane.bounds,
        }  # fmt: skip
        curves = [view for view in others if view["kind"] == "curve"]
        sorted_by: dict[str, Tensor] = {} if state.labels is None else {"by_cluster": state.labels}
        frame.views[:] = [own, {**others[0], **scatter} if data.is_picture else scatter, *curves]
        frame.views.append(graph.matrix_view(_T.matrix, **sorted_by))
    return frames


def _questions(data: Data, states: list[SpectralState], vectors: list[SpectralState]) -> list[Question]:
    named = {state.name: state for state in states}
    components = named["eigenvalues"].spectrum.n_components
    asked = [
        Question(
            "zeros", _T.ask_zeros, "laplacian", "eigenvalues", _T.why_zeros.format(n=components), min(components, 4) - 1,
            options=("1", "2", "3", _T.more),
        )
    ]  # fmt: skip
    if len(vectors) < 3:
        return asked
    best = [_lowest(data, state) for state in vectors[:3]]
    right = min(range(3), key=best.__getitem__)
    asked.append(
        Question(
            "vector", _T.ask_vector, "eigenvalues", f"vector-{right}",
            _T.why_vector.format(right=right, ncut=best[right], others=", ".join(
                f"v_{i}: {_T.nothing if best[i] >= 2 else f'{best[i]:.3g}'}" for i in range(3) if i != right)),
            right, options=tuple(_T.vector.format(i=i) for i in range(3)),
        )
    )  # fmt: skip
    zero, half = _vectors(data)[2], _vectors(data)[0]
    asked.append(
        Question(
            "constant", _T.ask_constant, "degrees", "laplacian",
            _T.why_constant.format(half=named["laplacian"].energy(half[1]), zero=named["laplacian"].energy(zero[1])), 0,
            options=_T.constant_options,
        )
    )  # fmt: skip
    return asked


def _lowest(data: Data, state: SpectralState) -> float:
    """The lowest Ncut over the thresholds of a vector; 2 where it is constant."""
    v = state.spectrum.V[:, state.index]
    if _is_constant(v.double()):
        return 2.0
    values = ncut_sweep(data.W, v)[1]
    return float(values.min()) if len(values) else 2.0


SPECTRAL = Algorithm(
    _T.name, _T.lead, "von Luxburg 2007; Shi and Malik 2000", "L = D − W, &nbsp; L v = μ D v",
    ("n_segments", "knn_weight", "laplacian", "n_init", "seed"), POINTS_AND_PICTURE, make, needs_graph=True,
)  # fmt: skip
