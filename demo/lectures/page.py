"""The lectures as an index of exact states: sheets, exercises, tables, presenter view and handout."""

import uuid

import gradio as gr

from demo.lectures.asked import make_opened
from demo.lectures.board import Board
from demo.lectures.data import all_sheets
from demo.lectures.run import make_handout
from demo.shared.events import HEAVY, JS_DOWNLOAD, LIGHT, TOLD
from demo.shared.service import Service


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    board = Board(sheets=all_sheets(service).values(), votes=service.votes is not None, elem_id="lectures")
    download = gr.DownloadButton(visible="hidden", elem_id="download")
    demo.load(make_opened(service), None, None, **TOLD)
    made = board.handout(make_handout(service), None, download, **HEAVY)
    made.success(None, None, None, js=JS_DOWNLOAD, **LIGHT).then(lambda: uuid.uuid4().hex, None, board, **LIGHT)
