"""The tab "One patch": what one patch has to do with all others, and where it is in a second picture."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from demo.lab import texts
from demo.lab.components.patch import PatchPanel
from demo.lab.tab import Lab, Panel, View, fill_again
from demo.lab.tabs.patch.run import MOST_NEIGHBORS, Answers
from demo.shared.events import LIGHT
from demo.shared.picture import PictureInput, chosen_example, example_strip
from demo.shared.service import Service

TITLE = "One patch"


def make(service: Service) -> Panel:
    """Lay the tab out."""
    answers = Answers(service)
    patch = PatchPanel(probe=answers.probe, most_neighbors=MOST_NEIGHBORS, elem_id="patch")
    gr.Markdown(texts.PATCH_SECOND_INFO, elem_id="second-info")
    with gr.Row(elem_id="second-row"):
        with gr.Column(scale=1, min_width=200):
            second = PictureInput(label=texts.PATCH_SECOND, elem_id="second", height=170)
        with gr.Column(scale=2, min_width=240):
            examples = example_strip(service, elem_id="second-examples")

    def fill(view: View, other: str | None) -> Iterator[tuple[Any, ...]]:
        yield (answers.first(view, other),)

    def choose(event: gr.SelectData) -> str:
        return str(chosen_example(service, event).path)

    def wire(lab: Lab) -> None:
        fill_again(lab, panel, second.change)
        examples.select(choose, None, second, **LIGHT)

    panel = Panel((patch,), fill, inputs=(second,), wire=wire)
    return panel
