"""Learn: a system, pictures without labels, and what becomes of it while one watches."""

from typing import Any

import gradio as gr

from demo.learn import texts
from demo.learn.asked import TITLES, Controls, Options, default_k, make_restore, make_shown
from demo.learn.board import Board
from demo.learn.data import FEWEST, MOST
from demo.learn.run import make_movie, make_open, make_save, make_start
from demo.learn.show.network import network_functions
from demo.learn.show.row import row_functions
from demo.learn.show.slots import slot_functions
from demo.shared.asked import SystemControls, own_controls
from demo.shared.components.job_bar import JS_START, JS_VISITOR
from demo.shared.controls import control_of
from demo.shared.events import HEAVY, JS_DOWNLOAD, LIGHT, TOLD
from demo.shared.service import Service
from segcore.learn import CATALOG
from segcore.settings import params

_JS_OPEN = """(link) => { location.href = location.pathname.replace(/\\/learn\\/?$/, "/") + link; }"""


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    look: Any = gr.Markdown(elem_id="learn-lead", render=False)
    with gr.Row(elem_id="learn-columns"):
        with gr.Column(scale=2, min_width=300, elem_id="learn-inputs"):
            controls = _controls(service, look)
        with gr.Column(scale=7, min_width=340, elem_id="learn-results"):
            functions = [*row_functions(service), *network_functions(service.jobs), *slot_functions(service.jobs)]
            board = Board(service.jobs, functions, elem_id="board")
            look.render()
    _wire(demo, service, controls, board)


def _controls(service: Service, look: gr.Markdown) -> Controls:
    default = Options()
    options: dict[str, Any] = {
        name: control_of(p, getattr(default, name), elem_id=f"learn-{name}", titles=TITLES.get(name))
        for name, p in params(Options).items()
    }
    options["minutes"].maximum = service.jobs.limits.minutes
    options["collection"].render()
    own = own_controls("learn", texts.FILES.format(fewest=FEWEST, most=MOST), height=110)
    options["system"].render()
    words = gr.Markdown(elem_id="learn-words", latex_delimiters=[{"left": "$$", "right": "$$", "display": True}])
    for name in ("k", "minutes", "steps"):
        options[name].render()
    start = gr.Button(texts.START, variant="primary", elem_id="learn-start")
    gr.Markdown(texts.START_INFO, elem_id="learn-start-info")
    systems = SystemControls.laid_out("learn", CATALOG, _group)
    options["begin"].render()
    return Controls(options, own, systems, words, look, start)


def _group(system: Any, controls: dict[str, Any]) -> Any:
    """The switches of a system on view, and the rest folded away."""
    switches: list[Any] = [control for control in controls.values() if isinstance(control, gr.Checkbox)]
    with gr.Column(visible=system.name == Options().system, elem_id=f"learn-of-{system.name}") as group:
        if switches:
            gr.Markdown(f"**{texts.SWITCHES}**", elem_classes="group")
        for control in switches:
            control.render()
        with gr.Accordion(texts.MORE, open=False):
            for control in controls.values():
                if control not in switches:
                    control.render()
    return group


def _wire(demo: gr.Blocks, service: Service, controls: Controls, board: Board) -> None:
    visitor = gr.Textbox(visible="hidden", elem_id="learn-visitor")
    download = gr.DownloadButton(visible="hidden", elem_id="download")
    link = gr.Textbox(visible="hidden", elem_id="learn-link")
    inputs, systems = list(controls.inputs.values()), controls.systems
    collection, system = controls.options["collection"], controls.options["system"]
    controls.start.click(make_start(service, controls), [visitor, *inputs], board, js=JS_VISITOR, **TOLD)
    shown, choosing = make_shown(controls), [collection, system]
    visible = [*controls.own.values(), controls.options["k"], controls.words, controls.look, *systems.groups.values()]
    gr.on([c.change for c in choosing], shown, choosing, visible, **LIGHT)
    collection.input(default_k, collection, controls.options["k"], **LIGHT)
    restored = [*controls.options.values(), *controls.own.values(), *systems.controls.values()]
    restoring = demo.load(make_restore(service, controls), None, restored, **TOLD).then(shown, choosing, visible, **LIGHT)
    restoring.then(None, None, None, js=JS_START, **LIGHT)
    board.open(make_open(service), None, link, **HEAVY).success(None, link, None, js=_JS_OPEN, **LIGHT)
    board.save(make_save(service), None, download, **HEAVY).success(None, None, None, js=JS_DOWNLOAD, **LIGHT)
    board.movie(make_movie(service), None, download, **HEAVY).success(None, None, None, js=JS_DOWNLOAD, **LIGHT)
