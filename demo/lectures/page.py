"""The lectures as an index of exact states: sheets, exercises, tables, presenter view and handout."""

import gradio as gr

from demo.lectures.asked import make_opened
from demo.lectures.board import Board
from demo.lectures.data import as_value
from demo.lectures.run import answered, make_handout
from demo.shared.events import HEAVY, LIGHT, TOLD
from demo.shared.service import Service


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    board = Board(content=as_value(service), votes=service.votes is not None, elem_id="lectures")
    demo.load(make_opened(service), None, None, **TOLD)
    made = board.handout(make_handout(service), None, board, **HEAVY)
    made.failure(answered, None, board, **LIGHT)
