"""The tab "Numbers": tokens, memory, residuals, and the time of each stage."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from demo.lab import show
from demo.lab.tab import Panel, View
from demo.shared.service import Service

TITLE = "Numbers"


def make(_service: Service) -> Panel:
    """Lay the tab out."""

    def fill(view: View) -> Iterator[tuple[Any, ...]]:
        yield (show.numbers_html(view.result),)

    return Panel((gr.HTML(elem_id="numbers"),), fill)
