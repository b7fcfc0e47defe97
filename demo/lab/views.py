"""Results as what the components of the page show."""

import html
import re
from typing import Any

import numpy as np
import plotly.graph_objects as go

from demo.lab.components.fiedler import FiedlerValue, TwoWayCut
from demo.lab.texts import (
    FACTS,
    MANY_GRAPHS,
    NO_SPECTRUM,
    OBJECT_COLOR,
    OBJECT_FLIP,
    OBJECT_IS,
    OBJECT_LINE,
    OBJECT_SWAPPED,
    STAGES,
)
from demo.shared.components.viewer import ViewerValue
from segcore.cut.ncut import ncut_sweep
from segcore.export import data_uri, display_label_png, jpeg, pack_floats, palette_of
from segcore.features import BACKBONES
from segcore.image import scaled_picture
from segcore.registry import METHODS
from segcore.render import shrink_labels, shrunk_size
from segcore.settings import params
from segcore.stages import settings_read
from segcore.types import FeatureGrid, Round, Segmentation

NcutCurve = list[list[float]]  # [threshold, Ncut], ascending thresholds

_CURVE_POINTS = 160  # of the Ncut curve
_BLUE, _ORANGE, _RED, _GRID, _TEXT = "#0072B2", "rgba(230,159,0,0.6)", "#D55E00", "rgba(128,128,128,0.25)", "#868c96"


def viewer_value(result: Segmentation, picture: str, *, key: str, alt: str) -> ViewerValue:
    """What the viewer shows: picture, exact labels, colors, names and areas.

    Args:
        result: of the pipeline.
        picture: where the browser finds the picture.
        key: same key, same picture.
        alt: the picture in words.
    """
    height, width = shrunk_size(result.image.shape)
    areas = {s.label: s.area_fraction for s in result.segments}
    n_labels = max(areas) + 1
    names = label_names(result, n_labels)
    geometry = result.features.geometry
    return {
        "picture": picture,
        "labels": data_uri(display_label_png(shrink_labels(result.label_map.numpy()))),
        "width": width,
        "height": height,
        "palette": list(palette_of(result).hex(n_labels)),
        "names": names,
        "areas": [areas.get(i, 0.0) for i in range(n_labels)],
        "picture_key": key,
        "grid": [geometry.h, geometry.w],
        "aspect": _covered(result),
        "background": 0 if result.has_background else None,
        "alt": alt,
    }


def label_names(result: Segmentation, n: int) -> list[str]:
    """What the legend calls the labels 0 … n − 1."""
    if not result.has_background:
        return [f"Segment {i + 1}" for i in range(n)]
    objects = ["Object"] if result.cut else [f"Object {i}" for i in range(1, n)]
    return ["Background", *objects][:n]


def fiedler_value(result: Segmentation, picture: str, curve: NcutCurve | None) -> FiedlerValue | dict[str, str]:
    """What the panel of eigenvectors shows, `curve` being that of `ncut_curve`; only a message where the method has none."""
    if result.spectrum is None:
        return {"message": _no_spectrum(result)}
    geometry, spectrum = result.features.geometry, result.spectrum
    height, width = shrunk_size(result.image.shape)
    V = spectrum.V.float().cpu().numpy()
    return {
        "h": geometry.h,
        "w": geometry.w,
        "vectors": [
            {
                "index": i,
                "eigenvalue": float(spectrum.eigenvalues[i]),
                "residual": float(spectrum.residuals[i]),
                "values": pack_floats(V[:, i]),
            }
            for i in range(1, V.shape[1])
        ],
        "fiedler": None if curve is None else _two_way_cut(result, curve),
        "picture": picture,
        "width": width,
        "height": height,
        "aspect": _covered(result),
        "message": None,
        "cuttable": [1] if _is_of_affinity(result) else [],
    }


def _no_spectrum(result: Segmentation) -> str:
    """Why there is no spectrum to show."""
    says = MANY_GRAPHS if rounds_of(result) else NO_SPECTRUM
    return says.format(method=METHODS[result.settings.method].title)


def rounds_of(result: Segmentation) -> tuple[Round, ...]:
    """The cuts of a method that cuts again and again; empty for the others."""
    return getattr(result.partition, "rounds", ())


def _is_of_affinity(result: Segmentation) -> bool:
    """Whether the eigenvectors are those of W, not of a graph that the method makes for itself."""
    return result.affinity is not None and result.partition.spectrum is None


def _covered(result: Segmentation) -> list[float]:
    """Share of the grid's width and height that the picture covers; the rest is border extension."""
    return list(result.features.geometry.covered)


def map_ground(features: FeatureGrid) -> dict[str, Any]:
    """What lies under maps on the patches: the grid, and the picture as the backbone saw it."""
    g = features.geometry
    return {"h": g.h, "w": g.w, "aspect": list(g.covered), "picture": _seen(features)}


def _seen(features: FeatureGrid) -> str:
    return data_uri(jpeg(scaled_picture(features.pixels, features.geometry).cpu().numpy()))


def ncut_curve(result: Segmentation) -> NcutCurve | None:
    """Ncut over all thresholds of the Fiedler vector, a few points of it; None where there is no such vector of W."""
    if result.spectrum is None or result.spectrum.V.shape[1] < 2 or result.affinity is None or not _is_of_affinity(result):
        return None
    thresholds, values = ncut_sweep(result.affinity.W, result.spectrum.fiedler)
    pick = np.linspace(0, max(len(values) - 1, 0), min(len(values), _CURVE_POINTS)).astype(int)
    if len(values):
        pick = np.union1d(pick, [int(values.argmin())])  # the lowest point must not fall between two others
    curve: NcutCurve = np.stack([thresholds.cpu().numpy()[pick], values.cpu().numpy()[pick]], 1).tolist()
    return curve


def _two_way_cut(result: Segmentation, curve: NcutCurve) -> TwoWayCut:
    """Where the Fiedler vector is cut, and Ncut over its thresholds."""
    cut = result.cut
    return {
        "threshold": cut.threshold if cut else 0.0,
        "ncut": curve,
        "side_is_positive": bool(cut.v[cut.side].mean() > cut.v[~cut.side].mean()) if cut else True,
    }


def spectrum_figure(result: Segmentation) -> go.Figure:
    """Eigenvalues against their index, the gaps between them, and the largest gap marked.

    Plotly draws what is looked at closely: hovered, zoomed, saved as a PNG. It costs 1.28 MB when this tab is opened first,
    as much as the whole page, so what a page opens with, what moves under the hand and what is chosen by keyboard is drawn
    by scripts on demo/shared/js/chart.js: 1.5 kB, and every point a button with a name, of which Plotly has none.
    """
    figure = go.Figure()
    if result.spectrum is None or not result.spectrum.one_graph:
        text = _no_spectrum(result).replace(". ", ".<br>")
        figure.add_annotation(text=text, showarrow=False, font={"size": 16})
        figure.update_layout(**_LAYOUT, xaxis={"visible": False}, yaxis={"visible": False})
        return figure
    mu = result.spectrum.eigenvalues.numpy()
    k, gaps = np.arange(len(mu)), np.diff(mu)
    figure.add_bar(x=k[1:], y=gaps, name="gap μₖ − μₖ₋₁", marker_color=_ORANGE, hovertemplate="gap behind μ %{x}: %{y:.4g}")
    figure.add_scatter(
        x=k,
        y=mu,
        name="eigenvalue μₖ",
        mode="lines+markers",
        line_color=_BLUE,
        marker_size=8,
        hovertemplate="μ %{x}: %{y:.5g}",
    )
    if len(gaps) > 1:
        best = int(gaps[1:].argmax()) + 2
        figure.add_scatter(
            x=[best - 1, best],
            y=mu[best - 1 : best + 1],
            name=f"eigengap: K = {best}",
            mode="lines+markers",
            line={"color": _RED, "width": 5},
            marker_size=11,
            hovertemplate=f"the largest gap speaks for {best} segments",
        )
    axis = {"gridcolor": _GRID, "zerolinecolor": _GRID, "automargin": True}
    figure.update_layout(
        **_LAYOUT,
        legend={"orientation": "h", "y": 1.14},
        xaxis={**axis, "title": {"text": "k"}, "dtick": 1 if len(mu) <= 12 else 2, "range": [-0.5, len(mu) - 0.5]},
        yaxis={**axis, "title": {"text": "μₖ"}, "rangemode": "tozero"},
    )
    return figure


# No template and no background: the figure takes those of the page, light or dark.
_LAYOUT = {
    "template": "none",
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"color": _TEXT, "size": 14},
    "margin": {"l": 60, "r": 20, "t": 40, "b": 50},
    "height": 460,
}


def numbers_html(result: Segmentation) -> str:
    """Tokens, memory, convergence and the time of each stage, as tables."""
    g, facts = result.features.geometry, {k: v for stage in result.stages for k, v in stage.facts.items()}
    rows = [
        ("Picture", f"{g.image_size[1]} × {g.image_size[0]} px"),
        ("Scaled to", f"{g.scaled_size[1]} × {g.scaled_size[0]} px, patches of {g.patch} px"),
        ("Tokens n", f"{g.h} × {g.w} = {g.n:,}"),
        ("Features", f"{result.features.origin}, d = {facts['d']}"),
        ("Weights", result.features.source),
    ]
    if result.affinity is not None:
        rows.append(("Memory of W", f"{result.affinity.W.nbytes / 2**20:.1f} MiB"))
        rows.append(("Share of W from λ W_knn", f"{result.affinity.knn_share:.1%}"))
    if result.spectrum is not None:
        s = result.spectrum
        how = f"{s.n_passes} passes over W" if s.n_passes else "solved densely"
        rows.append(("Connected components", str(s.n_components)))
        rows.append(("Largest residual", f"{float(s.residuals.max()):.1e}, {how}"))
    rows += [(title, _number(facts[key])) for key, title in FACTS.items() if key in facts]
    times = [(STAGES[s.name], seconds(s.seconds) + (", remembered" if s.cached else "")) for s in result.stages]
    return f'<div class="numbers">{_table("Result", rows)}{_table("Time per stage", times)}</div>'


def status_line(result: Segmentation) -> str:
    """What was done and how long it took, in one line."""
    g, fresh = result.features.geometry, [s.seconds for s in result.stages if not s.cached]
    spent = seconds(sum(fresh)) if fresh else "remembered"
    cells = "patches" if g.patch > 1 else "pixels"
    return f"{result.n_segments} segments on {g.h} × {g.w} {cells} · {result.features.origin} · {spent}"


def formula_markdown(result: Segmentation) -> str:
    """The formula of the method and where it comes from."""
    method = METHODS[result.settings.method]
    return f"$${method.formula}$$\n{method.title}: {method.source}"


def notes_markdown(result: Segmentation) -> str:
    """Which side is the object, and the remarks of all stages, as a list; empty without any. Details are folded."""
    return "\n".join(f"- {_folded(note)}" for note in (*_object_notes(result), *result.notes))


def _folded(note: str) -> str:
    line, _, details = note.partition("\n")
    if not details:
        return note
    code = re.sub("`(.+?)`", r"<code>\1</code>", html.escape(details).replace("\n", " "))
    return f"<details><summary>{html.escape(line.removesuffix(':'))}</summary>{code}</details>"


def _object_notes(result: Segmentation) -> list[str]:
    """The rule that named the object, how to take the other side, and where the Ncut says nothing; [] without an object."""
    rule, _, swapped = str(result.partition.facts.get("object", "")).partition(", ")
    if not rule:
        return []
    line = (OBJECT_SWAPPED if swapped else OBJECT_LINE).format(rule=OBJECT_IS[rule])
    if "flip" in settings_read(result.settings):
        line = f"{line} {OBJECT_FLIP.format(label=params()['flip'].label)}"
    backbone = BACKBONES.get(result.settings.backbone)
    return [line, OBJECT_COLOR] if backbone and not backbone.needs_weights else [line]


def seconds(value: float) -> str:
    """A duration in words: ms below a second."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def _number(value: float | int | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    cells = "".join(f'<tr><th scope="row">{html.escape(k)}</th><td>{html.escape(v)}</td></tr>' for k, v in rows)
    return f"<table><caption>{html.escape(title)}</caption><tbody>{cells}</tbody></table>"
