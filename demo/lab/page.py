"""The page of one picture: every method, every control live."""

from dataclasses import dataclass
from typing import Any, cast

import gradio as gr

from demo.lab import asked, texts
from demo.lab.asked import Controls
from demo.lab.run import FIXED, Outputs, Run, make_load, make_opened, make_save
from demo.lab.tab import Lab, Panel, fill_again
from demo.lab.tabs import TABS
from demo.shared.controls import make_controls
from demo.shared.endpoint import add_endpoint
from demo.shared.events import HEAVY, JS_DOWNLOAD, JS_KNOWN, JS_LATEST, JS_NUMBER_LAST, LIGHT, SEEN, TOLD
from demo.shared.opening import JS_OPENED, JS_OPENING
from demo.shared.picture import PictureInput, example_strip
from demo.shared.requests import Pages
from demo.shared.service import Service
from demo.shared.texts import PICTURE, READY, SAVE, STOP
from segcore.settings import CRF_PRESETS, STAGES, params
from segcore.show.files import FILES

_CONTROL_ORDER = ("cluster", "affinity", "spectrum", "features", "refine")  # method and K first: they are moved most


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    settings = make_controls()
    with gr.Row(elem_id="columns"):
        with gr.Column(scale=2, min_width=320, elem_id="inputs"):
            controls = _controls(service, settings)
        with gr.Column(scale=5, min_width=340, elem_id="results"):
            results = _results(service)
    lab = _wire_run(demo, service, controls, results)
    for name, panel in results.panels.items():
        fill_again(lab, panel, results.tabs[name].select)
        panel.wire(lab)
    keep_tab = {"js": lab.keep_tab, **LIGHT}
    gr.on([tab.select for tab in results.tabs.values()], None, None, None, trigger_mode="multiple", **keep_tab)
    lab.loaded.then(None, None, None, js=JS_OPENED, **LIGHT).then(None, None, None, **keep_tab)
    _wire_controls(lab, controls)
    for ending, button in results.save.items():
        saving = button.click(make_save(service, ending), lab.shown, lab.download, js=JS_KNOWN, **HEAVY)
        saving.success(None, None, None, js=JS_DOWNLOAD, **LIGHT)
    add_endpoint(service, lab.picture, list(settings.values()))


def _controls(service: Service, settings: dict[str, Any]) -> Controls:
    """Picture, examples, the few controls everybody needs, and all others under "More"."""
    picture = PictureInput(label=PICTURE, elem_id="picture", height=230)
    examples = example_strip(service, elem_id="examples")
    caption = gr.Markdown(elem_id="caption")
    for stage in _CONTROL_ORDER:
        _render(settings, stage, advanced=False)
    with gr.Row():
        stop = gr.Button(STOP, size="sm", elem_id="stop", min_width=60)
        reset = gr.Button(texts.RESET, size="sm", elem_id="reset", min_width=60)
    groups = {}
    with gr.Accordion(texts.MORE, open=False, elem_id="more"):
        for stage in STAGES:
            groups[stage] = gr.Markdown(f"**{texts.GROUPS[stage]}**", elem_classes="group")
            if stage == "refine":
                preset = gr.Dropdown(
                    list(CRF_PRESETS), value=None, label=texts.CRF_PRESET, info=texts.CRF_PRESET_INFO, elem_id="crf-preset"
                )
            _render(settings, stage, advanced=True)
    return Controls(picture, examples, caption, settings, groups, preset, stop, reset)


def _render(settings: dict[str, Any], stage: str, *, advanced: bool) -> None:
    for name, p in params().items():
        if p.stage == stage and p.advanced == advanced:
            settings[name].render()


@dataclass(frozen=True, eq=False, slots=True)
class _Results:
    """The right column."""

    status: gr.Markdown
    holder: gr.Tabs
    tabs: dict[str, gr.Tab]
    panels: dict[str, Panel]
    notes: gr.Markdown
    save: dict[str, gr.Button]  # by ending of the file
    formula: gr.Markdown


def _results(service: Service) -> _Results:
    """The status line, the tabs, and below them what holds for all tabs: notes, files to save, the formula."""
    status = gr.Markdown(READY, elem_id="status", container=False)
    tabs, panels, save = {}, {}, {}
    with gr.Tabs(overflow_behavior="wrap", elem_id="tabs") as holder:
        for name, tab in TABS.items():
            with gr.Tab(tab.TITLE, id=name, elem_id=f"tab-{name}") as tabs[name]:
                panels[name] = tab.make(service)
    notes = gr.Markdown(elem_id="notes")
    with gr.Row(elem_id="save"):
        for ending in FILES:
            label, elem_id = f"{SAVE} {texts.FILES[ending]}", "save" + ending.replace(".", "-")
            save[ending] = gr.Button(label, size="sm", min_width=120, elem_id=elem_id)
    formula = gr.Markdown(elem_id="formula", latex_delimiters=[{"left": "$$", "right": "$$", "display": True}])
    return _Results(status, holder, tabs, panels, notes, save, formula)


def _wire_run(demo: gr.Blocks, service: Service, controls: Controls, results: _Results) -> Lab:
    """Connect the controls with the event that makes a new result."""
    number = gr.Number(0, visible="hidden", elem_id="run-number")
    tab = gr.Textbox(next(iter(TABS)), visible="hidden", elem_id="open-tab")
    address = gr.Textbox(visible="hidden", elem_id="address")
    outputs = Outputs(gr.State(0), gr.State(None), results.status, results.notes, results.formula, address)
    panels, settings = results.panels, controls.settings
    reads = [component for panel in panels.values() for component in panel.inputs]
    fills = [component for panel in panels.values() for component in panel.outputs]
    # `change`, as it also fires for arrow keys and values set from Python.
    run = gr.on(
        [c.change for c in (*settings.values(), controls.picture)],
        Run(service, panels).show,
        [number, tab, outputs.newest, outputs.shown, controls.picture, *settings.values(), *reads],
        [*(getattr(outputs, name) for name in FIXED), *fills],
        js=JS_NUMBER_LAST,
        trigger_mode="always_last",
        show_progress_on=[results.status],
        **SEEN,
    )
    controls.stop.click(service.stops.stop, number, None, js=JS_LATEST, **LIGHT)
    download = gr.DownloadButton(visible="hidden", elem_id="download")
    compare = gr.Textbox(visible="hidden", elem_id="compare-asked")
    of_tabs = [panel for panel in panels.values() if panel.restore]
    restored = [controls.picture, controls.caption, *settings.values(), *controls.groups.values(), controls.preset]
    restored += [results.holder, compare, *(component for panel in of_tabs for component in panel.inputs)]
    restore = asked.make_restored(service, tuple(TABS), [panel.restore for panel in of_tabs if panel.restore])
    opened = make_opened(service, controls.picture, restored, restore, outputs, next(iter(panels.values())))
    cast(Pages, demo).openings[""] = lambda: opened().first
    loaded = demo.load(make_load(restore, len(restored), opened), number, [*restored, outputs.shown], js=JS_OPENING, **TOLD)
    return Lab(
        service, controls.picture, controls.caption, settings, outputs.shown, number, loaded, compare, run, address,
        download, asked.js_keep_tab(next(iter(TABS))),
    )  # fmt: skip


def _wire_controls(lab: Lab, controls: Controls) -> None:
    """Connect what sets controls: the link, examples, presets; and what shows and hides them."""
    values = list(lab.controls.values())
    deciding = [lab.controls[name] for name in ("method", "crf", "auto_k", "threshold", "backbone")]
    shown_controls = asked.make_shown_controls(lab.service)
    visible = [*values, *controls.groups.values(), controls.preset]
    gr.on([c.change for c in deciding], shown_controls, values, visible, trigger_mode="always_last", **LIGHT)
    restored = [lab.picture, controls.caption, *values]
    controls.examples.select(asked.make_choose(lab.service), None, restored, **LIGHT)
    lab.picture.input(asked.caption_of_upload, None, controls.caption, **LIGHT)
    controls.reset.click(asked.default_values, None, [*values, controls.preset], **LIGHT)
    preset_controls = [lab.controls[name] for name in asked.PRESET_FIELDS]
    controls.preset.input(asked.preset_values, controls.preset, preset_controls, **LIGHT)
