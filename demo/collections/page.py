"""The page of many pictures: drop them, choose a system, and see the same groups in all of them."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from demo.collections import texts
from demo.collections.asked import DEFAULT_K, MOST, OWN, asked_of, check_files
from demo.collections.board import KIND, Board
from demo.collections.run import check_left, make_work
from demo.shared.components.job_bar import JS_VISITOR
from demo.shared.controls import control_for, control_of
from demo.shared.errors import told_kindly
from demo.shared.events import HEAVY, JS_DOWNLOAD, LIGHT, TOLD
from demo.shared.link import read_link
from demo.shared.service import Service
from demo.shared.slider import Slider
from segcore.collection import SYSTEMS
from segcore.settings import params

ASKED = ("source", "files", "truth", "system", "k", "auto", "backbone")
OWN_SETTINGS = tuple((system.name, name) for system in SYSTEMS.values() for name in params(system.settings))
FIRST = "cosegment"
_TYPES = ["image", ".zip"]


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    panel: dict[str, Any] = {}
    with gr.Row(elem_id="columns"):
        with gr.Column(scale=2, min_width=300, elem_id="inputs"):
            _inputs(panel)
        with gr.Column(scale=7, min_width=340, elem_id="results"):
            board = Board(service.jobs, elem_id="collections-board")
            gr.Markdown(texts.LEAD, elem_id="collections-lead")
    visitor = gr.Textbox(visible="hidden", elem_id="collections-visitor")
    download = gr.DownloadButton(visible="hidden", elem_id="download")
    inputs = [visitor, *(panel[name] for name in ASKED), *panel["settings"]]
    panel["start"].click(make_start(service), inputs, board, js=JS_VISITOR, **TOLD)
    gr.on(
        [panel["source"].change, panel["system"].change], shown_for, [panel["source"], panel["system"]],
        [panel["files"], panel["truth"], panel["auto"], panel["words"], *panel["groups"]], **LIGHT,
    )  # fmt: skip
    demo.load(make_restore(service), None, [panel["source"], panel["system"], panel["k"]], **TOLD)
    board.save(make_save(service), None, download, **HEAVY).success(None, None, None, js=JS_DOWNLOAD, **LIGHT)


def _inputs(panel: dict[str, Any]) -> None:
    panel["source"] = gr.Radio(
        [(title, key) for key, title in texts.SOURCES.items()],
        value="drawn",
        label=texts.SOURCE,
        elem_id="collections-source",
    )
    files: dict[str, Any] = {"file_count": "multiple", "height": 140, "visible": False}
    panel["files"] = gr.File(label=texts.FILES.format(most=MOST), file_types=_TYPES, elem_id="collections-files", **files)
    panel["truth"] = gr.File(label=texts.TRUTH, file_types=["image"], elem_id="collections-truth", **files)
    panel["system"] = gr.Dropdown(
        [(system.title, name) for name, system in SYSTEMS.items()], value=FIRST, label=texts.SYSTEM,
        elem_id="collections-system",
    )  # fmt: skip
    panel["words"] = gr.Markdown(SYSTEMS[FIRST].summary, elem_id="collections-words")
    panel["k"] = Slider(2, 30, value=DEFAULT_K, step=1, label=texts.K, info=texts.K_INFO, elem_id="collections-k")
    panel["auto"] = gr.Checkbox(False, label=texts.AUTO, info=texts.AUTO_INFO, elem_id="collections-auto")
    panel["backbone"] = control_for("backbone")
    panel["backbone"].render()
    panel["settings"], panel["groups"] = [], []
    for system in SYSTEMS.values():
        with gr.Accordion(texts.MORE, open=False, visible=system.name == FIRST) as accordion:
            defaults = system.settings()
            for name, p in params(system.settings).items():
                control: Any = control_of(p, getattr(defaults, name), elem_id=f"collections-{system.name}-{name}")
                control.render()
                panel["settings"].append(control)
        panel["groups"].append(accordion)
    panel["start"] = gr.Button(texts.START, variant="primary", elem_id="collections-start")


def make_start(service: Service) -> Callable[..., str]:
    """The event behind the button: a run is put in line."""

    def start(visitor: str, *values: Any) -> str:
        with told_kindly():
            given = dict(zip(ASKED, values[: len(ASKED)], strict=True))
            check_files(given["files"], given["source"])
            own = zip(OWN_SETTINGS, values[len(ASKED) :], strict=True)
            asked = asked_of(given, {name: value for (system, name), value in own if system == given["system"]})
            return service.jobs.start(make_work(asked, service), owner=visitor, kind=KIND)

    return start


def shown_for(source: str, system: str) -> list[Any]:
    """Show what the choice asks for: own files, whether K can be chosen, the system's words and its settings."""
    entry = SYSTEMS[system]
    own = gr.update(visible=source == OWN)
    words = f"{entry.summary} {entry.source}."
    return [own, own, gr.update(visible=entry.chooses_k), words, *(gr.update(visible=name == system) for name in SYSTEMS)]


def make_restore(service: Service) -> Callable[..., list[Any]]:
    """The event at page load: pictures, system and K as the link says."""

    def restore(request: gr.Request) -> list[Any]:
        read_link(service, request.query_params)
        query = request.query_params
        source = query.get("source") if query.get("source") in texts.SOURCES else gr.skip()
        system = query.get("system") if query.get("system") in SYSTEMS else gr.skip()
        k = query.get("groups", "")
        return [source, system, min(max(int(k), 2), 30) if k.isdigit() else gr.skip()]

    return restore


def make_save(service: Service) -> Callable[..., str]:
    """The event behind Save: labels, groups, what was learned, and the command, as a zip."""

    def save(event: gr.EventData) -> str:
        with told_kindly():
            left = check_left(service.jobs.left(str(event.id)))
            names = tuple(str(name)[:60] for name in event.names or ())
            return service.publish(left.saved(names), "collection.zip")

    return save
