"""The page of the playgrounds: a list of them, the chosen one, and the picture that some of them work on."""

from typing import Any

import gradio as gr

from demo.playgrounds import texts
from demo.playgrounds.board import Board
from demo.playgrounds.run import Answers
from demo.shared.errors import told_kindly
from demo.shared.events import HEAVY, LIGHT, TOLD
from demo.shared.link import read_link
from demo.shared.picture import PictureInput, chosen_example, example_strip
from demo.shared.service import Service
from demo.shared.texts import PICTURE


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    answers = Answers(service)
    board = Board(answer=answers.answer, elem_id="playgrounds")
    with gr.Accordion(texts.PICTURE, open=False, elem_id="playground-picture"), gr.Row():
        with gr.Column(scale=1, min_width=200):
            picture = PictureInput(label=PICTURE, elem_id="picture-input", height=200)
        with gr.Column(scale=2, min_width=240):
            examples = example_strip(service, elem_id="examples")

    def restore(request: gr.Request) -> str:
        return read_link(service, request.query_params).picture

    def named(path: str | None) -> Any:
        """How an address names the picture; nothing where it is removed."""
        if path is None:
            return gr.skip()
        with told_kindly():
            example = service.example_of(path)
            _, digest = service.pipeline.picture(path)
            service.keep_upload(digest, path)
            return {"example": example.id} if example else {"picture": digest}

    def choose(event: gr.SelectData) -> str:
        return str(chosen_example(service, event).path)

    def segment(event: gr.EventData) -> dict[str, Any]:
        answers.segment(event.question)
        return {"segmented": event.number}

    demo.load(restore, None, picture, **TOLD)
    picture.input(named, picture, board, **TOLD)
    examples.select(choose, None, picture, **LIGHT).then(named, picture, board, **TOLD)
    board.segment(segment, None, board, **HEAVY)
