"""The page of strokes: a few marks instead of no labels, and a head that travels."""

from typing import Any

import gradio as gr

from demo.scribble import handlers, texts
from demo.scribble.asked import OPTIONS, SETTINGS
from demo.scribble.pad import ScribblePad
from demo.scribble.repeat import SHELL
from demo.scribble.run import OUTPUTS, Run
from demo.scribble.run.apply import OUTPUTS as APPLIED
from demo.scribble.run.apply import Apply
from demo.shared.controls import control_for
from demo.shared.events import HEAVY, JS_DOWNLOAD, JS_NUMBER, JS_NUMBER_LAST, LIGHT, TOLD
from demo.shared.link import JS_ADDRESS
from demo.shared.picture import PictureInput, example_strip
from demo.shared.service import Service
from demo.shared.slider import Slider
from demo.shared.texts import PICTURE
from segcore.heads.apply import MOST_BLOCKS
from segcore.scribble.scribble import COSTS, LARGEST_WEIGHT, METHODS, Options
from segcore.settings import DEFAULTS
from segcore.upsample import UPSAMPLERS


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    parts: dict[str, Any] = {}
    with gr.Row(elem_id="columns"):
        with gr.Column(scale=2, min_width=320, elem_id="inputs"):
            _inputs(service, parts)
        with gr.Column(scale=5, min_width=340, elem_id="results"):
            parts["status"] = gr.Markdown(texts.HINT, elem_id="scribble-status", container=False)
            parts["pad"] = ScribblePad(empty=texts.EMPTY, elem_id="pad")
            _save_row(parts)
            parts["proof"] = gr.HTML(elem_id="proof")
            parts["maps"] = gr.HTML(elem_id="scribble-maps")
            _more_pictures(parts)
            _repeat(parts)
    for name, component in {
        "number": gr.Number(0, visible="hidden", elem_id="run-number"),
        "newest": gr.State(0),
        "shown": gr.State(None),
        "linked": gr.State(DEFAULTS),
        "address": gr.Textbox(visible="hidden", elem_id="address"),
        "archive": gr.Textbox(visible="hidden"),
        "download": gr.DownloadButton(visible="hidden", elem_id="download"),
    }.items():
        parts[name] = component
    _wire(demo, service, parts)


def _inputs(service: Service, parts: dict[str, Any]) -> None:
    options = Options()
    parts["picture"] = PictureInput(label=PICTURE, elem_id="scribble-picture", height=200)
    parts["examples"] = example_strip(service, elem_id="examples")
    parts["names"] = gr.Textbox(
        texts.START_NAMES, label=texts.NAMES, info=texts.NAMES_INFO, max_length=200, elem_id="label-names"
    )
    parts["method"] = gr.Radio(
        [(texts.METHODS[key], key) for key in METHODS], value=options.method, label=texts.METHOD,
        info=texts.METHOD_INFO[options.method], elem_id="answer-by",
    )  # fmt: skip
    parts["costs"] = gr.Radio(
        [(texts.COSTS_CHOICES[key], key) for key in COSTS], value=options.costs, label=texts.COSTS, info=texts.COSTS_INFO,
        elem_id="costs",
    )  # fmt: skip
    parts["weight"] = Slider(
        0, LARGEST_WEIGHT, value=options.weight, step=1, label=texts.WEIGHT, info=texts.WEIGHT_INFO, elem_id="link-weight"
    )
    parts["n_blocks"] = Slider(
        1, MOST_BLOCKS, value=options.n_blocks, step=1, label=texts.BLOCKS, info=texts.BLOCKS_INFO, visible=False,
        elem_id="n-blocks",
    )  # fmt: skip
    parts["upsampling"] = gr.Dropdown(
        [(texts.UPSAMPLING_CHOICES.get(key, key), key) for key in UPSAMPLERS], value=options.upsampling,
        label=texts.UPSAMPLING, info=texts.UPSAMPLING_INFO, visible=False, elem_id="lift",
    )  # fmt: skip
    with gr.Accordion(texts.MORE, open=False, elem_id="more"):
        parts["everywhere"] = gr.Checkbox(
            options.everywhere, label=texts.EVERYWHERE, info=texts.EVERYWHERE_INFO, elem_id="everywhere"
        )
        for name in SETTINGS:
            parts[name] = control_for(name)
            parts[name].render()


def _save_row(parts: dict[str, Any]) -> None:
    with gr.Row(elem_id="save"):
        for key, label in (
            ("labels", texts.SAVE_LABELS), ("strokes", texts.SAVE_STROKES), ("head", texts.SAVE_HEAD)
        ):  # fmt: skip
            parts[f"save_{key}"] = gr.Button(label, size="sm", min_width=110, elem_id=f"save-{key}")
        parts["load"] = gr.UploadButton(
            texts.LOAD_STROKES, size="sm", min_width=110, file_types=[".json"], elem_id="load-strokes"
        )


def _more_pictures(parts: dict[str, Any]) -> None:
    with gr.Accordion(texts.APPLY, open=False, elem_id="apply"):
        gr.Markdown(texts.APPLY_INFO)
        with gr.Row():
            parts["files"] = gr.File(
                label=texts.APPLY_FILES, file_count="multiple", file_types=["image"], height=150, elem_id="apply-files"
            )
            parts["head_file"] = gr.File(
                label=texts.APPLY_HEAD, file_types=[".safetensors"], height=150, elem_id="apply-head"
            )
        with gr.Row():
            parts["apply"] = gr.Button(texts.APPLY_RUN, variant="primary", size="sm", elem_id="apply-run")
            parts["save_all"] = gr.Button(texts.SAVE_ALL, size="sm", elem_id="save-all")
        parts["apply_status"] = gr.Markdown(elem_id="apply-status")
        parts["gallery"] = gr.Gallery(
            label=texts.APPLY_GALLERY, columns=4, height="auto", format="jpeg", interactive=False, object_fit="contain",
            elem_id="apply-gallery",
        )  # fmt: skip


def _repeat(parts: dict[str, Any]) -> None:
    with gr.Accordion(texts.REPEAT, open=False, elem_id="repeat"):
        gr.Markdown(texts.REPEAT_INFO)
        parts["python"] = gr.Code(label="Python", language="python", elem_id="python", interactive=False)
        gr.Code(SHELL, label="Command line", language="shell", elem_id="shell", interactive=False)
        parts["link"] = gr.Textbox(label=texts.LINK, elem_id="link", buttons=["copy"], interactive=False)
        parts["link_note"] = gr.Markdown(elem_id="link-note")


def _wire(demo: gr.Blocks, service: Service, parts: dict[str, Any]) -> None:
    run = Run(service)
    controls = [parts[name] for name in (*OPTIONS, *SETTINGS)]
    read = [parts[name] for name in ("picture", "pad", "names", "linked")]
    running = gr.on(
        [parts["pad"].input, parts["picture"].change, parts["names"].change, *(c.change for c in controls)],
        run.show, [parts["number"], parts["newest"], *read, *controls], [parts[name] for name in OUTPUTS],
        js=JS_NUMBER_LAST, trigger_mode="always_last", show_progress_on=[parts["status"]],
        **HEAVY | {"show_progress": "minimal"},
    )  # fmt: skip
    # Before the first answer there is nothing to link to, and the address that brought the visitor stays.
    keep = f"(link) => link ? ({JS_ADDRESS})(link) : location.href"
    running.then(None, parts["address"], parts["link"], js=keep, **LIGHT)
    deciding = [parts["method"], parts["costs"]]
    shown = [parts[name] for name in handlers.SHOWN_BY_METHOD]
    gr.on([c.change for c in deciding], handlers.shown_controls, deciding, shown, **LIGHT)
    restored = [parts[name] for name in ("picture", "linked", "pad", "names", *OPTIONS, *SETTINGS)]
    demo.load(handlers.make_restore(service, run), None, restored, **TOLD).then(
        handlers.shown_controls, deciding, shown, **LIGHT
    )
    parts["examples"].select(handlers.make_choose(service), None, parts["picture"], **LIGHT)
    parts["load"].upload(
        handlers.make_load(service, run), [parts["load"], parts["picture"]], [parts["pad"], parts["names"]], **TOLD
    )
    for key, make in handlers.SAVERS.items():
        parts[f"save_{key}"].click(
            handlers.make_save(service, run, make), parts["shown"], parts["download"], **HEAVY
        ).success(None, None, None, js=JS_DOWNLOAD, **LIGHT)
    applied = dict(zip(APPLIED, ("apply_status", "gallery", "archive"), strict=True))
    parts["apply"].click(
        Apply(service, run).show, [parts["number"], parts["shown"], parts["files"], parts["head_file"]],
        [parts[name] for name in applied.values()], js=JS_NUMBER, trigger_mode="always_last",
        **HEAVY | {"show_progress": "minimal"},
    )  # fmt: skip
    parts["save_all"].click(handlers.save_all, parts["archive"], parts["download"], **LIGHT).success(
        None, None, None, js=JS_DOWNLOAD, **LIGHT
    )
