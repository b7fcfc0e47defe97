"""The page of one picture: every method, every control live."""

from typing import Any

import gradio as gr

from demo.lab import asked, texts
from demo.lab.run import Run
from demo.lab.tab import Lab, Panel, fill_again
from demo.lab.tabs import TABS
from demo.shared.controls import make_controls
from demo.shared.endpoint import add_endpoint
from demo.shared.events import HEAVY, JS_DOWNLOAD, JS_LATEST, JS_NUMBER_LAST, LIGHT, TOLD
from demo.shared.picture import PictureInput, example_strip
from demo.shared.service import Service
from demo.shared.texts import PICTURE, READY, SAVE, STOP
from segcore.settings import CRF_PRESETS, STAGES, params
from segcore.show.files import FILES

_CONTROL_ORDER = ("cluster", "affinity", "spectrum", "features", "refine")  # method and K first: they are moved most


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    controls = make_controls()
    with gr.Row(elem_id="columns"):
        with gr.Column(scale=2, min_width=320, elem_id="inputs"):
            inputs = _input_panel(service, controls)
        with gr.Column(scale=5, min_width=340, elem_id="results"):
            outputs, tabs, panels = _result_panel(service)
    lab = _wire_run(service, controls, inputs, outputs, panels)
    for name, panel in panels.items():
        fill_again(lab, panel, tabs[name].select)
        panel.wire(lab)
    _wire_controls(demo, lab, inputs)
    for ending, button in outputs["save"].items():
        button.click(asked.make_save(service, ending), lab.shown, lab.download, **HEAVY).success(
            None, None, None, js=JS_DOWNLOAD, **LIGHT
        )
    add_endpoint(service, lab.picture, list(controls.values()))


def _input_panel(service: Service, controls: dict[str, Any]) -> dict[str, Any]:
    """Picture, examples, the few controls everybody needs, and all others under "More"."""
    panel: dict[str, Any] = {}
    panel["picture"] = PictureInput(label=PICTURE, elem_id="picture", height=230)
    panel["examples"] = example_strip(service, elem_id="examples")
    panel["caption"] = gr.Markdown(elem_id="caption")
    for stage in _CONTROL_ORDER:
        for name, p in params().items():
            if p.stage == stage and not p.advanced:
                controls[name].render()
    with gr.Row():
        panel["stop"] = gr.Button(STOP, size="sm", elem_id="stop", min_width=60)
        panel["reset"] = gr.Button(texts.RESET, size="sm", elem_id="reset", min_width=60)
    with gr.Accordion(texts.MORE, open=False, elem_id="more"):
        for stage in STAGES:
            panel[f"group-{stage}"] = gr.Markdown(f"**{texts.GROUPS[stage]}**", elem_classes="group")
            if stage == "refine":
                panel["preset"] = gr.Dropdown(
                    list(CRF_PRESETS), value=None, label=texts.CRF_PRESET, info=texts.CRF_PRESET_INFO, elem_id="crf-preset"
                )
            for name, p in params().items():
                if p.advanced and p.stage == stage:
                    controls[name].render()
    return panel


def _result_panel(service: Service) -> tuple[dict[str, Any], dict[str, gr.Tab], dict[str, Panel]]:
    """The status line, the tabs, and below them what holds for all tabs: notes, files to save, the formula."""
    outputs: dict[str, Any] = {"status": gr.Markdown(READY, elem_id="status", container=False)}
    tabs, panels = {}, {}
    with gr.Tabs(overflow_behavior="wrap", elem_id="tabs"):
        for name, tab in TABS.items():
            with gr.Tab(tab.TITLE, id=name, elem_id=f"tab-{name}") as tabs[name]:
                panels[name] = tab.make(service)
    outputs["notes"] = gr.Markdown(elem_id="notes")
    outputs["save"] = {}
    with gr.Row(elem_id="save"):
        for ending in FILES:
            label, elem_id = f"{SAVE} {texts.FILES[ending]}", "save" + ending.replace(".", "-")
            outputs["save"][ending] = gr.Button(label, size="sm", min_width=120, elem_id=elem_id)
    outputs["formula"] = gr.Markdown(elem_id="formula", latex_delimiters=[{"left": "$$", "right": "$$", "display": True}])
    return outputs, tabs, panels


def _wire_run(
    service: Service, controls: dict[str, Any], inputs: dict[str, Any], outputs: dict[str, Any], panels: dict[str, Panel]
) -> Lab:
    """Connect the controls with the event that makes a new result."""
    number = gr.Number(0, visible="hidden", elem_id="run-number")
    tab = gr.Textbox(next(iter(TABS)), visible="hidden", elem_id="open-tab")
    address = gr.Textbox(visible="hidden", elem_id="address")
    newest, shown = gr.State(0), gr.State(None)
    fixed = [newest, shown, outputs["status"], outputs["notes"], outputs["formula"], address]
    # `change`, as it also fires for arrow keys and values set from Python.
    run = gr.on(
        [c.change for c in (*controls.values(), inputs["picture"])], Run(service, panels).show,
        [number, tab, newest, shown, inputs["picture"], *controls.values(), *(i for p in panels.values() for i in p.inputs)],
        [*fixed, *(o for p in panels.values() for o in p.outputs)],
        js=JS_NUMBER_LAST, trigger_mode="always_last", show_progress_on=[outputs["status"]],
        **HEAVY | {"show_progress": "minimal"},
    )  # fmt: skip
    inputs["stop"].click(service.stops.stop, number, None, js=JS_LATEST, **LIGHT)
    download = gr.DownloadButton(visible="hidden", elem_id="download")
    return Lab(service, inputs["picture"], controls, shown, number, run, address, download)


def _wire_controls(demo: gr.Blocks, lab: Lab, inputs: dict[str, Any]) -> None:
    """Connect what sets controls: the link, examples, presets; and what shows and hides them."""
    values = list(lab.controls.values())
    deciding = [lab.controls[name] for name in ("method", "crf", "auto_k", "threshold", "backbone")]
    shown_controls = asked.make_shown_controls(lab.service)
    visible = [*values, *(inputs[f"group-{stage}"] for stage in STAGES), inputs["preset"]]
    gr.on([c.change for c in deciding], shown_controls, values, visible, trigger_mode="always_last", **LIGHT)
    restored = [lab.picture, inputs["caption"], *values]
    demo.load(asked.make_restore(lab.service), None, restored, **TOLD).then(shown_controls, values, visible, **LIGHT)
    inputs["examples"].select(asked.make_choose(lab.service), None, restored, **LIGHT)
    lab.picture.input(asked.caption_of_upload, None, inputs["caption"], **LIGHT)
    inputs["reset"].click(asked.default_values, None, [*values, inputs["preset"]], **LIGHT)
    preset_controls = [lab.controls[name] for name in asked.PRESET_FIELDS]
    inputs["preset"].input(asked.preset_values, inputs["preset"], preset_controls, **LIGHT)
