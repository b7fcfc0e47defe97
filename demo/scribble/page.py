"""The page of strokes: a few marks instead of no labels, and a head that travels."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.scribble import texts
from demo.scribble.asked import SETTINGS, SHELL, Controls, make_shown
from demo.scribble.pad import ScribblePad
from demo.scribble.run import OUTPUTS, Outputs, Run
from demo.scribble.run.apply import Apply
from demo.scribble.run.restore import make_choose, make_load, make_restore
from demo.scribble.run.save import JS_TRAIN, SAVERS, make_save, make_train, save_all
from demo.shared.controls import control_for
from demo.shared.events import HEAVY, JS_DOWNLOAD, JS_NUMBER, JS_NUMBER_LAST, LIGHT, SEEN, TOLD
from demo.shared.link import JS_ADDRESS
from demo.shared.picture import PictureInput, example_strip
from demo.shared.service import Service
from demo.shared.slider import Slider
from demo.shared.texts import PICTURE
from segcore.heads.apply import MOST_BLOCKS
from segcore.scribble.scribble import COSTS, LARGEST_WEIGHT, METHODS, Options
from segcore.settings import DEFAULTS
from segcore.upsample import UPSAMPLERS


@dataclass(frozen=True, eq=False, slots=True)
class _More:
    """The part in which a head goes on to other pictures."""

    files: gr.File
    head_file: gr.File
    apply: gr.Button
    save_all: gr.Button
    status: gr.Markdown
    gallery: gr.Gallery


@dataclass(frozen=True, eq=False, slots=True)
class _Save:
    """The row of files to save and to load."""

    buttons: dict[str, gr.Button]  # by key of SAVERS
    train: gr.Button
    load: gr.UploadButton


@dataclass(frozen=True, eq=False, slots=True)
class _Repeat:
    """The lines that repeat a result."""

    python: gr.Code
    link: gr.Textbox
    note: gr.Markdown


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    with gr.Row(elem_id="columns"):
        with gr.Column(scale=2, min_width=320, elem_id="inputs"):
            controls = _controls(service)
        with gr.Column(scale=5, min_width=340, elem_id="results"):
            status = gr.Markdown(texts.HINT, elem_id="scribble-status", container=False)
            pad = ScribblePad(elem_id="pad")
            save = _save()
            proof, maps = gr.HTML(elem_id="proof"), gr.HTML(elem_id="scribble-maps")
            more, repeat = _more(), _repeat()
    number = gr.Number(0, visible="hidden", elem_id="run-number")
    newest, shown, address = gr.State(0), gr.State(None), gr.Textbox(visible="hidden", elem_id="address")
    download = gr.DownloadButton(visible="hidden", elem_id="download")
    outputs = Outputs(newest, shown, status, pad, proof, maps, repeat.python, address, repeat.note)
    run = Run(service)
    _wire_run(demo, run, service, controls, outputs, number, save, repeat)
    _wire_files(run, service, outputs, number, save, more, download)


def _controls(service: Service) -> Controls:
    default, options = Options(), dict[str, Any]()
    picture = PictureInput(label=PICTURE, elem_id="scribble-picture", height=200)
    examples = example_strip(service, elem_id="examples")
    names = gr.Textbox(texts.START_NAMES, label=texts.NAMES, info=texts.NAMES_INFO, max_length=200, elem_id="label-names")
    options["method"] = gr.Radio(
        [(texts.METHODS[key], key) for key in METHODS],
        value=default.method,
        label=texts.METHOD,
        info=texts.METHOD_INFO[default.method],
        elem_id="answer-by",
    )
    costs = [(texts.COSTS_CHOICES[key], key) for key in COSTS]
    options["costs"] = gr.Radio(costs, value=default.costs, label=texts.COSTS, info=texts.COSTS_INFO, elem_id="costs")
    options["weight"] = Slider(
        0, LARGEST_WEIGHT, value=default.weight, step=1, label=texts.WEIGHT, info=texts.WEIGHT_INFO, elem_id="link-weight"
    )
    blocks: dict[str, Any] = {"label": texts.BLOCKS, "info": texts.BLOCKS_INFO, "elem_id": "n-blocks"}
    options["n_blocks"] = Slider(1, MOST_BLOCKS, value=default.n_blocks, step=1, visible=False, **blocks)
    options["upsampling"] = gr.Dropdown(
        [(texts.UPSAMPLING_CHOICES.get(key, key), key) for key in UPSAMPLERS],
        value=default.upsampling,
        label=texts.UPSAMPLING,
        info=texts.UPSAMPLING_INFO,
        visible=False,
        elem_id="lift",
    )
    settings: dict[str, Any] = {name: control_for(name) for name in SETTINGS}
    with gr.Accordion(texts.MORE, open=False, elem_id="more"):
        options["everywhere"] = gr.Checkbox(
            default.everywhere, label=texts.EVERYWHERE, info=texts.EVERYWHERE_INFO, elem_id="everywhere"
        )
        for control in settings.values():
            control.render()
    return Controls(picture, examples, names, options, settings)


def _save() -> _Save:
    labels = {"labels": texts.SAVE_LABELS, "strokes": texts.SAVE_STROKES, "head": texts.SAVE_HEAD}
    common: dict[str, Any] = {"size": "sm", "min_width": 110}
    with gr.Row(elem_id="save"):
        buttons = {key: gr.Button(label, elem_id=f"save-{key}", **common) for key, label in labels.items()}
        train = gr.Button(texts.TRAIN, elem_id="train-marked", **common)
        load = gr.UploadButton(texts.LOAD_STROKES, file_types=[".json"], elem_id="load-strokes", **common)
    return _Save(buttons, train, load)


def _more() -> _More:
    with gr.Accordion(texts.APPLY, open=False, elem_id="apply"):
        gr.Markdown(texts.APPLY_INFO)
        with gr.Row():
            files = gr.File(
                label=texts.APPLY_FILES, file_count="multiple", file_types=["image"], height=150, elem_id="apply-files"
            )
            head = gr.File(label=texts.APPLY_HEAD, file_types=[".safetensors"], height=150, elem_id="apply-head")
        with gr.Row():
            apply = gr.Button(texts.APPLY_RUN, variant="primary", size="sm", elem_id="apply-run")
            save = gr.Button(texts.SAVE_ALL, size="sm", elem_id="save-all")
        status = gr.Markdown(elem_id="apply-status")
        look: dict[str, Any] = {"columns": 4, "height": "auto", "object_fit": "contain", "elem_id": "apply-gallery"}
        gallery = gr.Gallery(label=texts.APPLY_GALLERY, format="jpeg", interactive=False, **look)
    return _More(files, head, apply, save, status, gallery)


def _repeat() -> _Repeat:
    with gr.Accordion(texts.REPEAT, open=False, elem_id="repeat"):
        gr.Markdown(texts.REPEAT_INFO)
        python = gr.Code(label="Python", language="python", elem_id="python", interactive=False)
        gr.Code(SHELL, label="Command line", language="shell", elem_id="shell", interactive=False)
        link = gr.Textbox(label=texts.LINK, elem_id="link", buttons=["copy"], interactive=False)
        note = gr.Markdown(elem_id="link-note")
    return _Repeat(python, link, note)


def _wire_run(
    demo: gr.Blocks,
    run: Run,
    service: Service,
    controls: Controls,
    outputs: Outputs,
    number: gr.Number,
    save: _Save,
    repeat: _Repeat,
) -> None:
    """Connect strokes and controls with the event that makes a new result, and what sets them."""
    linked, pad, picture = gr.State(DEFAULTS), outputs.pad, controls.picture
    running = gr.on(
        [pad.input, picture.change, controls.names.change, *(c.change for c in controls.values)],
        run.show,
        [number, outputs.newest, picture, pad, controls.names, linked, *controls.values],
        [getattr(outputs, name) for name in OUTPUTS],
        js=JS_NUMBER_LAST,
        trigger_mode="always_last",
        show_progress_on=[outputs.status],
        **SEEN,
    )
    # Before the first answer there is nothing to link to, and the address that brought the visitor stays.
    keep = f"(link) => link ? ({JS_ADDRESS})(link) : location.href"
    running.then(None, outputs.address, repeat.link, js=keep, **LIGHT)
    shown, deciding = make_shown(controls), [controls.options["method"], controls.options["costs"]]
    visible = list(controls.options.values())
    gr.on([c.change for c in deciding], shown, deciding, visible, **LIGHT)
    restored = [picture, linked, pad, controls.names, *controls.values]
    demo.load(make_restore(service, run), None, restored, **TOLD).then(shown, deciding, visible, **LIGHT)
    controls.examples.select(make_choose(service), None, picture, **LIGHT)
    save.load.upload(make_load(service, run), [save.load, picture], [pad, controls.names], **TOLD)


def _wire_files(
    run: Run,
    service: Service,
    outputs: Outputs,
    number: gr.Number,
    save: _Save,
    more: _More,
    download: gr.DownloadButton,
) -> None:
    """Connect what is saved, and what is done to other pictures."""
    archive = gr.Textbox(visible="hidden")
    for key, make in SAVERS.items():
        saving = save.buttons[key].click(make_save(service, run, make), outputs.shown, download, **HEAVY)
        saving.success(None, None, None, js=JS_DOWNLOAD, **LIGHT)
    marked = gr.Textbox(visible="hidden")
    save.train.click(make_train(service), outputs.shown, marked, **HEAVY).success(None, marked, None, js=JS_TRAIN, **LIGHT)
    more.apply.click(
        Apply(service, run).show,
        [number, outputs.shown, more.files, more.head_file],
        [more.status, more.gallery, archive],
        js=JS_NUMBER,
        trigger_mode="always_last",
        **SEEN,
    )
    saving = more.save_all.click(save_all, archive, download, **LIGHT)
    saving.success(None, None, None, js=JS_DOWNLOAD, **LIGHT)
