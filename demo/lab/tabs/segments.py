"""The tab "Segmentation": the picture under its segments."""

from collections.abc import Iterator
from typing import Any

from demo.lab import show
from demo.lab.tab import Panel, View
from demo.shared.components import Viewer
from demo.shared.service import Service

TITLE = "Segmentation"


def make(service: Service) -> Panel:
    """Lay the tab out."""

    def fill(view: View) -> Iterator[tuple[Any, ...]]:
        shown = service.display_file(view.result)
        yield (show.viewer_value(view.result, shown, key=view.result.digest, alt=service.title_of(view.shown.picture)),)

    return Panel((Viewer(elem_id="viewer"),), fill)
