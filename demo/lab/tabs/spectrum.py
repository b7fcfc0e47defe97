"""The tab "Spectrum": eigenvalues, the gaps between them, and the eigengap."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from demo.lab import show
from demo.lab.tab import Panel, View
from demo.shared.service import Service

TITLE = "Spectrum"


def make(_service: Service) -> Panel:
    """Lay the tab out."""

    def fill(view: View) -> Iterator[tuple[Any, ...]]:
        yield (show.spectrum_figure(view.result),)

    return Panel((gr.Plot(show_label=False, elem_id="spectrum"),), fill)
