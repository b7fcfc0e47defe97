"""Layout and wiring of the page."""

from typing import Any

import gradio as gr

from demo import attention, compare, count, handlers, rounds, texts, truth
from demo.components.fiedler import FiedlerPanel
from demo.components.viewer import Viewer
from demo.controls import make_controls
from demo.on_open import fill_on_open, follow
from demo.patch import PatchTab
from demo.picture import PictureInput
from demo.service import ASSETS, Service
from segcore.export import FILES
from segcore.settings import CRF_PRESETS, STAGES, params

_CONTROL_ORDER = ("cluster", "affinity", "spectrum", "features", "refine")  # method and K first: they are moved most
_RUNS_AT_ONCE = 1  # torch spreads one run over all cores; two at once would only fight for them
# Queued under one name, so that the limit holds for all heavy events together.
_HEAVY = {"concurrency_id": "compute", "concurrency_limit": _RUNS_AT_ONCE}
_TOLD = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}  # may show a warning
_LIGHT = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

# Keep the address of the page a link to what it shows; a theme chosen in the address stays.
_JS_ADDRESS = """(link) => {
    link = link.includes("?") ? link.slice(link.indexOf("?")) : "";
    const theme = new URLSearchParams(location.search).get("__theme");
    const query = link + (theme ? (link ? "&" : "?") + "__theme=" + theme : "");
    history.replaceState(null, "", query || location.pathname);
    return location.href;
}"""
# Number the runs of a page. Gradio sends a request for each of the controls that change at once, with what it knows at that
# moment, and the requests may overtake each other: those that a later one follows within a moment are numbered 0.
_JS_NUMBER = """async (_number, ...values) => {
    const mine = (window.segcoreRuns = (window.segcoreRuns ?? 0) + 1);
    await new Promise((done) => setTimeout(done, 30));
    return [mine === window.segcoreRuns ? mine : 0, ...values];
}"""
_JS_DOWNLOAD = """() => setTimeout(() => document.querySelector("#download a, a#download, #download")?.click(), 60)"""


def build_demo(service: Service) -> gr.Blocks:
    """Build the page; nothing is computed until somebody opens it."""
    controls = make_controls()
    with gr.Blocks(title=texts.TITLE, analytics_enabled=False, delete_cache=(600, 3600)) as demo:
        gr.Markdown(f"# {texts.TITLE}\n{texts.INTRO}", elem_id="intro")
        with gr.Row(elem_id="columns"):
            with gr.Column(scale=2, min_width=320, elem_id="inputs"):
                inputs = _input_panel(service, controls)
            with gr.Column(scale=5, min_width=340, elem_id="results"):
                outputs = _result_panel(service)
        hidden = _hidden_outputs()
        _wire(demo, service, controls, inputs, outputs, hidden)
    return demo


def launch_options() -> dict[str, Any]:
    """What `launch` needs beside address and port, the same for app and tests."""
    return {
        "theme": _theme(),
        "css_paths": [ASSETS / "style.css"],
        "allowed_paths": [str(ASSETS / "examples")],
        "footer_links": ["api", "settings"],
        "run_history": False,
        "enable_monitoring": False,
        "max_file_size": "64mb",
        "state_session_capacity": 300,
        "ssr_mode": False,
    }


def _theme() -> gr.themes.Base:
    """Plain, with the fonts that every system has: nothing to download, nothing that competes with the picture."""
    sans = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif")
    mono = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")
    theme = gr.themes.Default(primary_hue="blue", neutral_hue="slate", spacing_size="sm", font=sans, font_mono=mono)
    # Gradio's own gray has a contrast of 2.6 : 1 on white, which a projector swallows; this one has 7.6 : 1.
    return theme.set(body_text_color_subdued="*neutral_600", block_info_text_color="*neutral_600")


def _input_panel(service: Service, controls: dict[str, Any]) -> dict[str, Any]:
    """Picture, examples, the few controls everybody needs, and all others under "More"."""
    panel: dict[str, Any] = {}
    panel["picture"] = PictureInput(label=texts.PICTURE, elem_id="picture", height=230)
    panel["examples"] = gr.Gallery(
        [(str(e.path), e.title) for e in service.examples.values()],
        label=texts.EXAMPLES, show_label=False, columns=6, height="auto", allow_preview=False, object_fit="cover",
        interactive=False, elem_id="examples", buttons=[],
    )  # fmt: skip
    panel["caption"] = gr.Markdown(elem_id="caption")
    for stage in _CONTROL_ORDER:
        for name, p in params().items():
            if p.stage == stage and not p.advanced:
                controls[name].render()
    with gr.Row():
        panel["stop"] = gr.Button(texts.STOP, size="sm", elem_id="stop", min_width=60)
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


def _result_panel(service: Service) -> dict[str, Any]:
    """The tabs."""
    panel: dict[str, Any] = {}
    panel["status"] = gr.Markdown(texts.READY, elem_id="status", container=False)
    with gr.Tabs(overflow_behavior="wrap", elem_id="tabs") as panel["tabs"]:
        with gr.Tab(texts.TAB_SEGMENTS, id="segments"):
            panel["viewer"] = Viewer(elem_id="viewer")
            panel["notes"] = gr.Markdown(elem_id="notes")
            with gr.Row(elem_id="save"):
                for ending in FILES:
                    panel[f"save{ending}"] = gr.Button(
                        f"{texts.SAVE} {texts.FILES[ending]}",
                        size="sm",
                        min_width=120,
                        elem_id="save" + ending.replace(".", "-"),
                    )
            panel["formula"] = gr.Markdown(
                elem_id="formula", latex_delimiters=[{"left": "$$", "right": "$$", "display": True}]
            )
        with gr.Tab(texts.TAB_VECTORS, id="vectors") as panel["tab-rounds"]:
            panel["rounds"] = rounds.make_panel()
            panel["vectors"] = FiedlerPanel(elem_id="vectors")
        with gr.Tab(texts.TAB_SPECTRUM, id="spectrum"):
            panel["spectrum"] = gr.Plot(show_label=False, elem_id="spectrum")
        with gr.Tab(texts.TAB_COUNT, id="count") as panel["tab-count"]:
            panel["count"] = count.make_panel()
        with gr.Tab(texts.TAB_PATCH, id="patch"):
            panel["patch"] = PatchTab(service)
        with gr.Tab(texts.TAB_ATTENTION, id="attention") as panel["tab-attention"]:
            panel["attention"] = attention.make_panel()
        with gr.Tab(texts.TAB_COMPARE, id="compare"):
            panel["compare"] = compare.make_tab()
        with gr.Tab(texts.TAB_TRUTH, id="truth"):
            panel["truth"] = truth.fill_tab()
        with gr.Tab(texts.TAB_NUMBERS, id="numbers"):
            panel["numbers"] = gr.HTML(elem_id="numbers")
        with gr.Tab(texts.TAB_REPEAT, id="repeat"):
            gr.Markdown(texts.REPEAT_INFO)
            panel["python"] = gr.Code(label="Python", language="python", elem_id="python", interactive=False)
            panel["shell"] = gr.Code(label="Command line", language="shell", elem_id="shell", interactive=False)
            panel["link"] = gr.Textbox(label="Link", elem_id="link", buttons=["copy"], interactive=False)
    return panel


def _hidden_outputs() -> dict[str, Any]:
    """Components that are never seen: the numbers of runs, the file about to be saved, the answers of the HTTP endpoint."""
    return {
        "number": gr.Number(0, visible="hidden", elem_id="run-number"),
        "newest": gr.State(0),
        "download": gr.DownloadButton(visible="hidden", elem_id="download"),
        "overlay": gr.Image(label="overlay", format="png", visible=False),
        "labels": gr.File(label="labels", visible=False),
        "summary": gr.JSON(label="summary", visible=False),
        "endpoint": gr.Button(visible=False),
    }


def _wire(demo: gr.Blocks, service: Service, controls: dict, inputs: dict, outputs: dict, hidden: dict) -> None:
    values = list(controls.values())
    everything = [inputs["picture"], *values]
    shown = [
        outputs[k]
        for k in ("status", "viewer", "vectors", "spectrum", "numbers", "notes", "formula", "python", "shell", "link")
    ]

    # `change` first: it makes "always_last" the rule for all, and it also fires for arrow keys and values set from Python.
    run = gr.on(
        [c.change for c in (*values, inputs["picture"])],
        handlers.make_show(service), [hidden["number"], hidden["newest"], *everything], [hidden["newest"], *shown],
        js=_JS_NUMBER, trigger_mode="always_last", show_progress="minimal", show_progress_on=[outputs["status"]],
        api_visibility="private", **_HEAVY,
    )  # fmt: skip
    outputs["patch"].wire(run, everything, heavy=_HEAVY, light=_LIGHT)
    run.then(None, outputs["link"], outputs["link"], js=_JS_ADDRESS, **_LIGHT)
    truth.wire(service, run, everything, outputs["truth"], heavy=_HEAVY, light=_LIGHT)
    inputs["stop"].click(lambda: texts.STOPPED, None, outputs["status"], cancels=[run], **_LIGHT)
    deciding = [controls[name] for name in ("method", "crf", "auto_k", "threshold", "backbone")]
    shown_controls = handlers.make_shown_controls(service)
    visible = [*values, *(inputs[f"group-{stage}"] for stage in STAGES), inputs["preset"]]
    gr.on([c.change for c in deciding], shown_controls, values, visible, trigger_mode="always_last", **_LIGHT)

    restored = [inputs["picture"], inputs["caption"], *values]
    demo.load(handlers.make_restore(service), None, restored, **_TOLD).then(shown_controls, values, visible, **_LIGHT)
    inputs["examples"].select(handlers.make_choose(service), None, restored, **_LIGHT)
    inputs["picture"].input(handlers.caption_of_upload, None, inputs["caption"], **_LIGHT)
    inputs["reset"].click(handlers.default_values, None, [*values, inputs["preset"]], **_LIGHT)
    preset_controls = [controls[name] for name in handlers.PRESET_FIELDS]
    inputs["preset"].input(handlers.preset_values, inputs["preset"], preset_controls, **_LIGHT)
    cut = [controls[name] for name in ("method", "threshold", "cut_at")]
    outputs["vectors"].cut(handlers.cut_here, None, cut, **_LIGHT)

    opened = follow(outputs["tabs"], _LIGHT)
    for name, module in {"count": count, "attention": attention, "rounds": rounds}.items():
        fill_on_open(
            outputs[f"tab-{name}"], opened, run, inputs["stop"], module.make_fill(service), everything, outputs[name], _HEAVY
        )
    count.wire(outputs["count"], controls, _LIGHT)
    attention.wire(outputs["attention"], controls["attention_head"], _LIGHT)

    for ending in FILES:
        outputs[f"save{ending}"].click(
            handlers.make_save(service, ending), everything, hidden["download"],
            show_progress="hidden", api_visibility="private", **_HEAVY,
        ).success(None, None, None, js=_JS_DOWNLOAD, **_LIGHT)  # fmt: skip

    compare.wire(
        service, outputs["compare"], controls, inputs["picture"], hidden["download"],
        heavy=_HEAVY, light=_LIGHT, js_download=_JS_DOWNLOAD,
    )  # fmt: skip

    hidden["endpoint"].click(
        handlers.make_segment(service), everything, [hidden["overlay"], hidden["labels"], hidden["summary"]],
        api_name="segment", **_HEAVY,
    )  # fmt: skip
    demo.queue(max_size=256, default_concurrency_limit=_RUNS_AT_ONCE, api_open=False)
