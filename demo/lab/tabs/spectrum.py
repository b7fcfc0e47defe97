"""The tab "Spectrum": eigenvalues, the gaps between them, and the eigengap."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go

from demo.lab import show
from demo.lab.tab import Panel, View
from demo.shared.service import Service
from segcore.types import Segmentation

_BLUE, _ORANGE, _RED, _GRID, _TEXT = "#0072B2", "rgba(230,159,0,0.6)", "#D55E00", "rgba(128,128,128,0.25)", "#868c96"


# No template and no background: the figure takes those of the page, light or dark.
_LAYOUT = {
    "template": "none",
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"color": _TEXT, "size": 14},
    "margin": {"l": 60, "r": 20, "t": 40, "b": 50},
    "height": 460,
}


TITLE = "Spectrum"


def make(_service: Service) -> Panel:
    """Lay the tab out."""

    def fill(view: View) -> Iterator[tuple[Any, ...]]:
        yield (spectrum_figure(view.result),)

    return Panel((gr.Plot(show_label=False, elem_id="spectrum"),), fill)


def spectrum_figure(result: Segmentation) -> go.Figure:
    """Eigenvalues against their index, the gaps between them, and the largest gap marked.

    Plotly draws what is looked at closely: hovered, zoomed, saved as a PNG. It costs 1.28 MB when this tab is opened first,
    as much as the whole page, so what a page opens with, what moves under the hand and what is chosen by keyboard is drawn
    by scripts on demo/shared/js/chart.js: 1.5 kB, and every point a button with a name, of which Plotly has none.
    """
    figure = go.Figure()
    if result.spectrum is None or not result.spectrum.one_graph:
        text = show.no_spectrum(result).replace(". ", ".<br>")
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
