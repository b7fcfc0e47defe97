"""The tab "Fiedler vectors": the eigenvectors behind the segments, the two-way cut, and the rounds of repeated cuts."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from demo.lab.components.fiedler import FiedlerPanel
from demo.lab.tab import Lab, Panel, View
from demo.lab.tabs.vectors import show
from demo.lab.tabs.vectors.show.rounds import rounds_value
from demo.shared.components import MapGrid
from demo.shared.events import LIGHT
from demo.shared.service import Service
from segcore.types import Segmentation

TITLE = "Fiedler vectors"


def make(service: Service) -> Panel:
    """Lay the tab out."""
    grid, panel = MapGrid(elem_id="rounds"), FiedlerPanel(elem_id="vectors")

    def fill(view: View) -> Iterator[tuple[Any, ...]]:
        shown, curve = service.display_file(view.result), ncut_curve(service, view.result)
        yield rounds_value(view.result), show.fiedler_value(view.result, shown, curve)

    def wire(lab: Lab) -> None:
        cut = [lab.controls[name] for name in ("method", "threshold", "cut_at")]
        panel.cut(cut_here, None, cut, **LIGHT)

    return Panel((grid, panel), fill, wire=wire)


def ncut_curve(service: Service, result: Segmentation) -> show.NcutCurve | None:
    """Ncut over the thresholds of the Fiedler vector, computed once per spectrum: K and the CRF leave it as it is."""
    if result.spectrum_key is None:
        return None
    curve: show.NcutCurve = service.pipeline.cache.get(("curve", result.spectrum_key), partial(show.ncut_curve, result))[0]
    return curve


def cut_here(event: gr.EventData) -> tuple[str, str, float]:
    """Cut the Fiedler vector where the panel's threshold stands: method, threshold rule, and its place."""
    return "fiedler", "value", max(-1.0, min(1.0, float(event.fraction)))
