"""The lectures as an index of exact states: sheets, exercises, tables, presenter view and handout."""

import re
import uuid
from collections.abc import Callable

import gradio as gr

from demo.lectures import texts
from demo.lectures.board import Board
from demo.lectures.data import sheets
from demo.lectures.run import handout
from demo.shared.errors import told_kindly
from demo.shared.events import HEAVY, JS_DOWNLOAD, LIGHT, TOLD
from demo.shared.link import read_link
from demo.shared.service import Service
from segcore.errors import shortened


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    board = Board(elem_id="lectures")
    download = gr.DownloadButton(visible="hidden", elem_id="download")
    demo.load(make_opened(service), None, None, **TOLD)
    board.handout(make_handout(service), None, download, **HEAVY).success(None, None, None, js=JS_DOWNLOAD, **LIGHT).then(
        lambda: uuid.uuid4().hex, None, board, **LIGHT
    )


def make_opened(service: Service) -> Callable[[gr.Request], None]:
    """The event at page load: one sentence for what the address names and is not there; the script shows the rest."""

    def opened(request: gr.Request) -> None:
        query = request.query_params
        read_link(service, query)
        sheet, line = query.get("sheet"), query.get("line")
        if sheet is not None and sheet not in (*sheets(), "tables"):
            gr.Warning(texts.NO_SHEET.format(name=shortened(sheet), known=", ".join(sheets())))
        elif line is not None and not _has_line(sheet, line):
            gr.Warning(texts.NO_LINE.format(sheet=sheet or next(iter(sheets())), name=shortened(line)))

    return opened


def _has_line(sheet: str | None, line: str) -> bool:
    known = sheets().get(sheet or next(iter(sheets())))
    return known is not None and line.isdecimal() and 1 <= int(line) <= len(known.lines)


def make_handout(service: Service) -> Callable[[gr.EventData], str]:
    """The event behind Handout: makes the file of a sheet and returns its path."""

    def make(event: gr.EventData) -> str:
        with told_kindly():
            sheet = sheets().get(str(event.sheet))
            if sheet is None:
                raise gr.Error(texts.NOT_READY, print_exception=False)
            base = str(event.base)
            if not re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./~%-]*)?/", base):
                base = "/"  # an address that a browser made has this form; what else comes is not printed
            content = handout(service, sheet, base=base, with_answers=bool(event.answers))
            return service.publish(content, f"lecture-{sheet.id}.html")

    return make
