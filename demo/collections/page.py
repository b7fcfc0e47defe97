"""The page of many pictures: drop them, choose a system, and see the same groups in all of them."""

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from demo.collections import texts
from demo.collections.asked import DEFAULT_K, MOST, OWN, SET, asked_of, check_files
from demo.collections.board import KIND, Board
from demo.collections.run import check_left, make_work
from demo.shared.components.job_bar import JS_VISITOR
from demo.shared.controls import control_for, control_of
from demo.shared.errors import told_kindly
from demo.shared.events import HEAVY, JS_DOWNLOAD, LIGHT, TOLD
from demo.shared.link import read_link
from demo.shared.service import Service
from demo.shared.slider import Slider
from demo.shared.texts import OWN_IGNORE, OWN_IGNORE_INFO, OWN_TRUTH
from segcore.collection import SYSTEMS
from segcore.collection.rows import is_there
from segcore.errors import InputError
from segcore.settings import params

ASKED = ("source", "files", "truth", "ignore", "system", "k", "auto", "backbone", "plane")
OWN_SETTINGS = tuple((system.name, name) for system in SYSTEMS.values() for name in params(system.settings))
FIRST = "cosegment"
_TYPES = ["image", ".zip"]


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    panel: dict[str, Any] = {}
    with gr.Row(elem_id="collections-columns"):
        with gr.Column(scale=2, min_width=300, elem_id="collections-inputs"):
            _inputs(panel)
        with gr.Column(scale=7, min_width=340, elem_id="collections-results"):
            board = Board(service.jobs, elem_id="collections-board")
            gr.Markdown(texts.LEAD, elem_id="collections-lead")
    visitor = gr.Textbox(visible="hidden", elem_id="collections-visitor")
    download = gr.DownloadButton(visible="hidden", elem_id="download")
    inputs = [visitor, *(panel[name] for name in ASKED), *panel["settings"]]
    panel["start"].click(make_start(service), inputs, board, js=JS_VISITOR, **TOLD)
    gr.on(
        [panel["source"].change, panel["system"].change], shown_for, [panel["source"], panel["system"]],
        [panel["files"], panel["truth"], panel["ignore"], panel["auto"], panel["words"], *panel["groups"]], **LIGHT,
    )  # fmt: skip
    restored = [panel[name] for name in ("source", "system", "k", "auto", "backbone", "plane")]
    demo.load(make_restore(service), None, [*restored, *panel["settings"]], **TOLD)
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
    panel["truth"] = gr.File(label=OWN_TRUTH, file_types=["image"], elem_id="collections-truth", **files)
    panel["ignore"] = gr.Textbox(
        label=OWN_IGNORE, info=OWN_IGNORE_INFO, max_lines=1, visible=False, elem_id="collections-ignore"
    )
    panel["system"] = gr.Dropdown(
        [(system.title, name) for name, system in SYSTEMS.items()], value=FIRST, label=texts.SYSTEM,
        elem_id="collections-system",
    )  # fmt: skip
    panel["words"] = gr.Markdown(SYSTEMS[FIRST].summary, elem_id="collections-words")
    panel["k"] = Slider(2, 30, value=DEFAULT_K, step=1, label=texts.K, info=texts.K_INFO, elem_id="collections-k")
    panel["auto"] = gr.Checkbox(False, label=texts.AUTO, info=texts.AUTO_INFO, elem_id="collections-auto")
    panel["backbone"] = control_for("backbone")
    panel["backbone"].render()
    planes = [(title, key) for key, title in texts.PLANES.items() if key == "pca" or is_there(key)]
    panel["plane"] = gr.Radio(
        planes, value="pca", label=texts.PLANE, info=texts.PLANE_INFO, visible=len(planes) > 1, elem_id="collections-plane"
    )
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
    return [
        own,
        own,
        own,
        gr.update(visible=entry.chooses_k),
        words,
        *(gr.update(visible=name == system) for name in SYSTEMS),
    ]


def make_restore(service: Service) -> Callable[..., list[Any]]:
    """The event at page load: pictures, system, K and settings as the link says; what it does not say stays."""

    def restore(request: gr.Request) -> list[Any]:
        query, skip = request.query_params, gr.skip()
        linked = read_link(service, query)
        source = query.get("source") if query.get("source") in texts.SOURCES else skip
        system = query.get("system", "")
        k = query.get("groups", "")
        plane = query.get("plane", "")
        return [
            source,
            system if system in SYSTEMS else skip,
            min(max(int(k), 2), 30) if k.isdigit() else skip,
            k == "auto" if k else skip,
            linked.settings.backbone if "backbone" in query else skip,
            plane if plane in texts.PLANES and is_there(plane) else skip,
            *_own_settings(system, query),
        ]

    return restore


def _own_settings(system: str, query: Mapping[str, str]) -> list[Any]:
    """For each control of all systems' settings, what a link to one system says; what is no good is one sentence."""
    values = {name.removeprefix(SET): value for name, value in query.items() if name.startswith(SET)}
    said: dict[str, Any] = {}
    if system in SYSTEMS and values:
        try:
            said = SYSTEMS[system].settings.from_values(values).changed()
        except InputError as error:
            gr.Warning(texts.BAD_SETTING.format(error=error))
    return [said[name] if owner == system and name in said else gr.skip() for owner, name in OWN_SETTINGS]


def make_save(service: Service) -> Callable[..., str]:
    """The event behind Save: labels, groups, what was learned, and the command, as a zip."""

    def save(event: gr.EventData) -> str:
        with told_kindly():
            left = check_left(service.jobs.left(str(event.id)))
            names = tuple(str(name)[:60] for name in event.names or ())
            return service.publish(left.saved(names), "collection.zip")

    return save
