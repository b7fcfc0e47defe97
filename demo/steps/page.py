"""Step by step: an algorithm, what it runs on, and the player."""

from typing import Any

import gradio as gr

from demo.shared.controls import control_for
from demo.shared.events import HEAVY, JS_DOWNLOAD, JS_LATEST, JS_NUMBER_LAST, JS_NUMBER_THEME, LIGHT, SEEN, TOLD
from demo.shared.picture import PictureInput, example_strip
from demo.shared.service import Service
from demo.shared.slider import Slider
from demo.shared.texts import FILM_FORMATS, STOP
from demo.shared.texts import PICTURE as PICTURE_LABEL
from demo.steps import texts
from demo.steps.algorithms import ALGORITHMS
from demo.steps.asked import PICTURE, RANGES, Controls, Opened, Saving
from demo.steps.player import AlgorithmPlayer
from demo.steps.run import CONTROLLED, FIRST, make_show
from demo.steps.run.film import SECONDS, make_film
from demo.steps.run.restore import default_points, fewest_points, make_choose, make_restore, make_shown, own_points
from segcore.settings import DEFAULTS


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    with gr.Row(elem_id="steps-columns"):
        with gr.Column(scale=2, min_width=300, elem_id="steps-inputs"):
            controls = _controls(service)
        with gr.Column(scale=6, min_width=340, elem_id="steps-results"):
            player = AlgorithmPlayer(empty=texts.EMPTY, elem_id="player")
            status = gr.Markdown(elem_id="steps-status", container=False)
            saving = _saving()
    _wire(demo, service, controls, player, status, saving)


def _saving() -> Saving:
    lo, hi, default = SECONDS
    with gr.Row(elem_id="steps-saving", equal_height=True):
        formats = [(title, suffix) for suffix, title in FILM_FORMATS.items()]
        asked: Any = gr.Radio(formats, value=formats[0][1], label=texts.FILM_AS, elem_id="steps-film", scale=2)
        seconds = gr.Number(default, label=texts.FILM_SECONDS, minimum=lo, maximum=hi, step=0.1, elem_id="steps-seconds")
        save = gr.Button(texts.FILM, size="sm", elem_id="steps-save", min_width=120)
    return Saving(asked, seconds, save)


def _controls(service: Service) -> Controls:
    titles = [(algorithm.title, key) for key, algorithm in ALGORITHMS.items()]
    asking: dict[str, Any] = {"label": texts.ALGORITHM, "info": texts.ALGORITHM_INFO, "elem_id": "steps-algorithm"}
    algorithm = gr.Dropdown(titles, value=FIRST, **asking)
    lead = gr.HTML(ALGORITHMS[FIRST].told, elem_id="steps-lead")
    on: dict[str, Any] = {"label": texts.DATA_LABEL, "info": texts.DATA_INFO, "elem_id": "steps-data"}
    data = gr.Dropdown([(title, key) for key, title in texts.DATA.items()], value=PICTURE, **on)
    with gr.Column(elem_id="steps-picture-group") as picture_group:
        picture = PictureInput(label=PICTURE_LABEL, elem_id="steps-picture", height=180)
        examples = example_strip(service, elem_id="steps-examples")
    with gr.Column(visible=False, elem_id="steps-own") as own_group:
        gr.Markdown(texts.POINTS_HELP)
        clear = gr.Button(texts.POINTS_CLEAR, size="sm", elem_id="steps-clear")
    numbers = {
        "n_points": _number("n_points", 1, texts.N_POINTS, texts.N_POINTS_INFO),
        "gamma": _number("gamma", 0.5, texts.GAMMA, texts.GAMMA_INFO),
    }
    settings: dict[str, Any] = {name: control_for(name) for name in CONTROLLED}
    for name, control in settings.items():
        control.visible = name in ALGORITHMS[FIRST].reads
        control.render()
    stop = gr.Button(STOP, size="sm", elem_id="steps-stop", min_width=60)
    return Controls(algorithm, lead, data, picture_group, picture, examples, own_group, clear, numbers, settings, stop)


def _number(name: str, step: float, label: str, info: str) -> Slider:
    lo, hi, default = RANGES[name]
    elem_id = f"steps-{name.replace('_', '-')}"
    return Slider(lo, hi, value=default, step=step, label=label, info=info, elem_id=elem_id, visible=False)


def _wire(
    demo: gr.Blocks, service: Service, controls: Controls, player: AlgorithmPlayer, status: gr.Markdown, saving: Saving
) -> None:
    number = gr.Number(0, visible="hidden", elem_id="steps-number")
    opened, base = gr.State(Opened()), gr.State(DEFAULTS)
    points = gr.Textbox(default_points(), visible="hidden", elem_id="steps-points")
    settings, numbers = controls.settings.values(), controls.numbers.values()
    named = [points, controls.algorithm, controls.data, *numbers]
    inputs = [*named, base, controls.picture, *settings]
    gr.on(
        [c.change for c in (*named, controls.picture, *settings)],
        make_show(service),
        [number, opened, *inputs],
        [player, status, opened],
        js=JS_NUMBER_LAST,
        trigger_mode="always_last",
        show_progress_on=[status],
        **SEEN,
    )
    visible = [*numbers, controls.picture_group, controls.own_group, controls.lead, *settings]
    chosen, shown = [controls.algorithm, controls.data], make_shown(controls)
    gr.on([c.change for c in chosen], shown, chosen, visible, trigger_mode="always_last", **LIGHT)
    demo.load(make_restore(service), None, [opened, *inputs], **TOLD).then(shown, chosen, visible, **LIGHT)
    controls.examples.select(make_choose(service), None, controls.picture, **LIGHT)
    player.points(own_points, None, points, **LIGHT)
    controls.clear.click(fewest_points, None, points, **LIGHT)
    controls.stop.click(service.stops.stop, number, None, js=JS_LATEST, **LIGHT)
    download, theme = (
        gr.DownloadButton(visible="hidden", elem_id="download"),
        gr.Textbox(visible="hidden", elem_id="steps-theme"),
    )
    asked = [number, theme, saving.format, saving.seconds, *inputs]
    saving.save.click(make_film(service), asked, download, js=JS_NUMBER_THEME, **HEAVY).success(
        None, None, None, js=JS_DOWNLOAD, **LIGHT
    )
