"""The tab "Repeat": the same result again, from Python and from a shell. The link beside them is the address of the page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from demo.lab import texts
from demo.lab.tab import Lab, Panel, View
from demo.shared.events import LIGHT
from demo.shared.link import JS_ADDRESS
from demo.shared.service import Service
from segcore.show.files import command_line, python_call

TITLE = "Repeat"


def make(service: Service) -> Panel:
    """Lay the tab out."""
    gr.Markdown(texts.REPEAT_INFO)
    python = gr.Code(label="Python", language="python", elem_id="python", interactive=False)
    shell = gr.Code(label="Command line", language="shell", elem_id="shell", interactive=False)
    link = gr.Textbox(label="Link", elem_id="link", buttons=["copy"], interactive=False)

    def fill(view: View) -> Iterator[tuple[Any, ...]]:
        example = service.example_of(view.shown.picture)
        name = example.path.name if example else Path(view.shown.picture).name
        settings = view.result.settings
        yield python_call(settings, name), command_line(settings, name)

    def wire(lab: Lab) -> None:
        lab.run.then(None, lab.address, link, js=JS_ADDRESS, **LIGHT)
        opened = (
            f"(link) => link ? ({JS_ADDRESS})(link) : location.href"  # a link is still to be followed where there is none
        )
        lab.loaded.then(None, lab.address, link, js=opened, **LIGHT)

    return Panel((python, shell), fill, wire=wire)
