"""The page of many pictures: drop them, choose a system, and see the same groups in all of them."""

from typing import Any

import gradio as gr

from demo.collections import texts
from demo.collections.asked import TITLES, Controls, Options, make_restore, make_shown, planes, words_of
from demo.collections.board import Board
from demo.collections.data import MOST
from demo.collections.run import make_save, make_start
from demo.shared.asked import SystemControls, own_controls
from demo.shared.components.job_bar import JS_START, JS_VISITOR
from demo.shared.controls import control_for, control_of
from demo.shared.events import HEAVY, JS_DOWNLOAD, LIGHT, TOLD
from demo.shared.service import Service
from segcore.collection import SYSTEMS
from segcore.settings import params


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    with gr.Row(elem_id="collections-columns"):
        with gr.Column(scale=2, min_width=300, elem_id="collections-inputs"):
            controls = _controls()
        with gr.Column(scale=7, min_width=340, elem_id="collections-results"):
            board = Board(service.jobs, elem_id="collections-board")
            gr.Markdown(texts.LEAD, elem_id="collections-lead")
    _wire(demo, service, controls, board)


def _controls() -> Controls:
    default = Options()
    options: dict[str, Any] = {
        name: control_of(p, getattr(default, name), elem_id=f"collections-{name}", titles=TITLES.get(name))
        for name, p in params(Options).items()
    }
    here = planes()
    options["plane"].choices = [(texts.PLANES[name], name) for name in here]
    options["plane"].visible = len(here) > 1
    options["source"].render()
    own = own_controls("collections", texts.FILES.format(most=MOST))
    options["system"].render()
    words = gr.Markdown(words_of(SYSTEMS[default.system]), elem_id="collections-words")
    for name in ("k", "auto"):
        options[name].render()
    backbone: Any = control_for("backbone")
    backbone.render()
    options["plane"].render()
    systems = SystemControls.laid_out("collections", SYSTEMS, _group)
    start = gr.Button(texts.START, variant="primary", elem_id="collections-start")
    return Controls(options, own, systems, backbone, words, start)


def _group(system: Any, controls: dict[str, Any]) -> Any:
    """The settings of a system, folded away."""
    with gr.Accordion(texts.MORE, open=False, visible=system.name == Options().system) as group:
        for control in controls.values():
            control.render()
    return group


def _wire(demo: gr.Blocks, service: Service, controls: Controls, board: Board) -> None:
    visitor = gr.Textbox(visible="hidden", elem_id="collections-visitor")
    download = gr.DownloadButton(visible="hidden", elem_id="download")
    inputs, options, systems = list(controls.inputs.values()), controls.options, controls.systems
    controls.start.click(make_start(service, controls), [visitor, *inputs], board, js=JS_VISITOR, **TOLD)
    choosing = [options["source"], options["system"]]
    visible = [*controls.own.values(), options["auto"], controls.words, *systems.groups.values()]
    gr.on([c.change for c in choosing], make_shown(controls), choosing, visible, **LIGHT)
    restored = [*options.values(), controls.backbone, *systems.controls.values()]
    restoring = demo.load(make_restore(service, controls), None, restored, **TOLD)
    restoring.then(None, None, None, js=JS_START, **LIGHT)
    board.save(make_save(service), None, download, **HEAVY).success(None, None, None, js=JS_DOWNLOAD, **LIGHT)
