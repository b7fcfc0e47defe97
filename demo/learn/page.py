"""Learn: a system, pictures without labels, and what becomes of it while one watches."""

from typing import Any

import gradio as gr

from demo.learn import handlers, texts
from demo.learn.asked import ASKED, TITLES, Asked
from demo.learn.board import Board
from demo.learn.data import FEWEST, MOST
from demo.shared.components.job_bar import JS_VISITOR
from demo.shared.controls import control_of
from demo.shared.events import HEAVY, JS_DOWNLOAD, LIGHT, TOLD
from demo.shared.service import Service
from demo.shared.texts import OWN_IGNORE, OWN_IGNORE_INFO, OWN_TRUTH
from segcore.learn import CATALOG
from segcore.settings import params

_OWN = ("files", "labels", "ignore")  # what goes with own pictures
_JS_OPEN = """(link) => { location.href = location.pathname.replace(/\\/learn\\/?$/, "/") + link; }"""


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    panel: dict[str, Any] = {}
    with gr.Row(elem_id="learn-columns"):
        with gr.Column(scale=2, min_width=300, elem_id="learn-inputs"):
            _inputs(panel, service)
        with gr.Column(scale=7, min_width=340, elem_id="learn-results"):
            board = Board(service.jobs, elem_id="board")
            panel["look"] = gr.Markdown(elem_id="learn-lead")
    _wire(demo, service, panel, board)


def _inputs(panel: dict[str, Any], service: Service) -> None:
    asked = Asked()
    for name, p in params(Asked).items():
        own: Any = control_of(p, getattr(asked, name), elem_id=f"learn-{name}", titles=TITLES.get(name))
        panel[name] = own
    panel["minutes"].maximum = service.jobs.limits.minutes
    panel["collection"].render()
    panel["files"] = gr.File(
        label=texts.FILES.format(fewest=FEWEST, most=MOST), file_count="multiple", file_types=["image", ".zip"], height=140,
        visible=False, elem_id="learn-files",
    )  # fmt: skip
    panel["labels"] = gr.File(
        label=OWN_TRUTH, file_count="multiple", file_types=["image"], height=110, visible=False, elem_id="learn-labels"
    )
    panel["ignore"] = gr.Textbox(label=OWN_IGNORE, info=OWN_IGNORE_INFO, max_lines=1, visible=False, elem_id="learn-ignore")
    panel["system"].render()
    panel["words"] = gr.Markdown(elem_id="learn-words", latex_delimiters=[{"left": "$$", "right": "$$", "display": True}])
    for name in ("k", "minutes"):
        panel[name].render()
    panel["start"] = gr.Button(texts.START, variant="primary", elem_id="learn-start")
    gr.Markdown(texts.START_INFO, elem_id="learn-start-info")
    panel["settings"], panel["groups"] = [], []
    for system in CATALOG.values():
        with gr.Column(visible=system.name == asked.system, elem_id=f"learn-of-{system.name}") as group:
            _settings(panel, system)
        panel["groups"].append(group)
    panel["begin"].render()


def _settings(panel: dict[str, Any], system: Any) -> None:
    """The switches of a system on view, and the rest folded away; all in the order of `params`."""
    defaults = system.settings()
    controls: dict[str, Any] = {
        name: control_of(p, getattr(defaults, name), elem_id=f"learn-{system.name}-{name}")
        for name, p in params(system.settings).items()
    }
    switches = {name: control for name, control in controls.items() if isinstance(getattr(defaults, name), bool)}
    if switches:
        gr.Markdown(f"**{texts.SWITCHES}**", elem_classes="group")
    for control in switches.values():
        control.render()
    with gr.Accordion(texts.MORE, open=False):
        for name, control in controls.items():
            if name not in switches:
                control.render()
    panel["settings"].extend(controls.values())


def _wire(demo: gr.Blocks, service: Service, panel: dict[str, Any], board: Board) -> None:
    visitor = gr.Textbox(visible="hidden", elem_id="learn-visitor")
    download = gr.DownloadButton(visible="hidden", elem_id="download")
    link = gr.Textbox(visible="hidden", elem_id="learn-link")
    asked = [panel[name] for name in ASKED]
    panel["start"].click(
        handlers.make_start(service),
        [visitor, *(panel[name] for name in _OWN), *asked, *panel["settings"]],
        board,
        js=JS_VISITOR,
        **TOLD,
    )
    choosing, shown = (
        [panel["collection"], panel["system"]],
        [*(panel[name] for name in _OWN), panel["words"], panel["look"], *panel["groups"]],
    )
    gr.on([c.change for c in choosing], handlers.shown_for, choosing, shown, **LIGHT)
    panel["collection"].input(handlers.k_of, panel["collection"], panel["k"], **LIGHT)
    demo.load(handlers.make_restore(service), None, [*asked, *panel["settings"]], **TOLD).then(
        handlers.shown_for, choosing, shown, **LIGHT
    )
    board.open(handlers.make_open(service), None, link, **HEAVY).success(None, link, None, js=_JS_OPEN, **LIGHT)
    board.save(handlers.make_save(service), None, download, **HEAVY).success(None, None, None, js=JS_DOWNLOAD, **LIGHT)
