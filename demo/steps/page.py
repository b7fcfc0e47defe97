"""Step by step: an algorithm, what it runs on, and the player."""

from typing import Any

import gradio as gr

from demo.shared.controls import control_for
from demo.shared.events import HEAVY, JS_LATEST, JS_NUMBER_LAST, LIGHT, TOLD
from demo.shared.picture import PictureInput, example_strip
from demo.shared.service import Service
from demo.shared.slider import Slider
from demo.shared.texts import PICTURE as PICTURE_LABEL
from demo.shared.texts import STOP
from demo.steps import run, texts
from demo.steps.algorithms import ALGORITHMS
from demo.steps.data import PICTURE
from demo.steps.player import Player
from segcore.settings import DEFAULTS


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    with gr.Row(elem_id="steps-columns"):
        with gr.Column(scale=2, min_width=300, elem_id="steps-inputs"):
            inputs = _inputs(service)
        with gr.Column(scale=6, min_width=340, elem_id="steps-results"):
            player = Player(empty=texts.EMPTY, elem_id="player")
            status = gr.Markdown(elem_id="steps-status", container=False)
    _wire(demo, service, inputs, player, status)


def _inputs(service: Service) -> dict[str, Any]:
    panel: dict[str, Any] = {}
    choices = [(algorithm.title, key) for key, algorithm in ALGORITHMS.items()]
    panel["algorithm"] = gr.Dropdown(
        choices, value=run.FIRST, label=texts.ALGORITHM, info=texts.ALGORITHM_INFO, elem_id="steps-algorithm"
    )
    panel["lead"] = gr.HTML(run.lead(run.FIRST), elem_id="steps-lead")
    panel["data"] = gr.Dropdown(
        [(title, key) for key, title in texts.DATA.items()], value=PICTURE, label=texts.DATA_LABEL, info=texts.DATA_INFO,
        elem_id="steps-data",
    )  # fmt: skip
    with gr.Column(elem_id="steps-picture-group") as panel["picture_group"]:
        panel["picture"] = PictureInput(label=PICTURE_LABEL, elem_id="steps-picture", height=180)
        panel["examples"] = example_strip(service, elem_id="steps-examples")
    with gr.Column(visible=False, elem_id="steps-own") as panel["own_group"]:
        gr.Markdown(texts.POINTS_HELP)
        panel["clear"] = gr.Button(texts.POINTS_CLEAR, size="sm", elem_id="steps-clear")
    lo, hi, default = run.RANGES["n_points"]
    panel["n_points"] = Slider(
        lo,
        hi,
        value=default,
        step=1,
        label=texts.N_POINTS,
        info=texts.N_POINTS_INFO,
        elem_id="steps-n-points",
        visible=False,
    )
    lo, hi, default = run.RANGES["gamma"]
    panel["gamma"] = Slider(
        lo, hi, value=default, step=0.5, label=texts.GAMMA, info=texts.GAMMA_INFO, elem_id="steps-gamma", visible=False
    )
    panel["controls"] = []
    for name in run.CONTROLLED:
        control: Any = control_for(name)
        control.visible = name in ALGORITHMS[run.FIRST].reads
        control.render()
        panel["controls"].append(control)
    panel["stop"] = gr.Button(STOP, size="sm", elem_id="steps-stop", min_width=60)
    return panel


def _wire(demo: gr.Blocks, service: Service, inputs: dict[str, Any], player: Player, status: gr.Markdown) -> None:
    number = gr.Number(0, visible="hidden", elem_id="steps-number")
    opened, base = gr.State(run.Opened()), gr.State(DEFAULTS)
    points = gr.Textbox(run.default_points(), visible="hidden", elem_id="steps-points")
    named = [points, inputs["algorithm"], inputs["data"], inputs["n_points"], inputs["gamma"]]
    changing = [*named, inputs["picture"], *inputs["controls"]]
    everything = [number, opened, *named, base, inputs["picture"], *inputs["controls"]]
    gr.on(
        [c.change for c in changing], run.make_show(service), everything, [player, status, opened],
        js=JS_NUMBER_LAST, trigger_mode="always_last", show_progress_on=[status], **HEAVY | {"show_progress": "minimal"},
    )  # fmt: skip
    groups = [inputs["n_points"], inputs["gamma"], inputs["picture_group"], inputs["own_group"], inputs["lead"]]
    visible = [*groups, *inputs["controls"]]
    chosen = [inputs["algorithm"], inputs["data"]]
    shown = run.make_shown_controls()
    gr.on([c.change for c in chosen], shown, chosen, visible, trigger_mode="always_last", **LIGHT)
    restored = [opened, *named, base, inputs["picture"], *inputs["controls"]]
    demo.load(run.make_restore(service), None, restored, **TOLD).then(shown, chosen, visible, **LIGHT)
    inputs["examples"].select(run.make_choose(service), None, inputs["picture"], **LIGHT)
    player.points(run.own_points, None, points, **LIGHT)
    inputs["clear"].click(run.fewest_points, None, points, **LIGHT)
    inputs["stop"].click(service.stops.stop, number, None, js=JS_LATEST, **LIGHT)
