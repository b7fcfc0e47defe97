"""What the address asks for: a sheet and a line of it."""

from collections.abc import Callable, Mapping

import gradio as gr

from demo.lectures import texts
from demo.lectures.data import all_sheets
from demo.shared.lecture.value import OWN, Sheet
from demo.shared.link import read_link
from demo.shared.service import Service
from segcore.errors import shortened


def make_opened(service: Service) -> Callable[[gr.Request], None]:
    """The event at page load: one sentence for what the address names and is not there; the script shows the rest."""

    def opened(request: gr.Request) -> None:
        query = request.query_params
        read_link(service, query)
        sheet, line = query.get("sheet"), query.get("line")
        if sheet is not None and sheet.startswith(OWN):
            return  # it lies in the browser, and its script looks there
        sheets = all_sheets(service)
        if sheet is not None and sheet not in (*sheets, "tables"):
            gr.Warning(texts.NO_SHEET.format(name=shortened(sheet), known=", ".join(sheets)))
        elif line is not None and not _has_line(sheets, sheet, line):
            gr.Warning(texts.NO_LINE.format(sheet=sheet or next(iter(sheets)), name=shortened(line)))

    return opened


def _has_line(sheets: Mapping[str, Sheet], sheet: str | None, line: str) -> bool:
    known = sheets.get(sheet or next(iter(sheets)))
    return known is not None and line.isdecimal() and 1 <= int(line) <= len(known.lines)
