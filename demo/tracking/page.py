"""The page of tracking: what is tracked, a tracker played step by step, and trackers side by side."""

from typing import Any

import gradio as gr

from demo.shared.asked import SystemControls, asked_params
from demo.shared.components import JobBar
from demo.shared.components.job_bar import JS_VISITOR
from demo.shared.controls import backbone_title, control_of
from demo.shared.events import HEAVY, JS_DOWNLOAD, JS_LATEST, JS_NUMBER_HELD, JS_NUMBER_THEME, LIGHT, SEEN, TOLD
from demo.shared.service import Service
from demo.shared.texts import STOP
from demo.tracking import texts
from demo.tracking.asked import FIRST, FIRST_TRACKER, SOURCES, TRAINING, Controls, Options, Training
from demo.tracking.board import SideBySide
from demo.tracking.data.training import KIND as TRAINING_KIND
from demo.tracking.data.video import KIND, VideoSettings
from demo.tracking.player import TrackPlayer
from demo.tracking.run import Runs, make_compare, make_show
from demo.tracking.run.restore import heard, make_restore, make_shown, make_source, make_start, next_turn, own_video, picked
from demo.tracking.run.save import make_save
from demo.tracking.run.training import make_save_weights, make_train, make_trained
from segcore.features import BACKBONES
from segcore.settings import params
from segcore.track.catalog import TRACKERS, Tracker
from segcore.track.scenes import SCENES, SceneSettings
from segcore.track.video import VIDEO_SUFFIXES


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay the page out and connect it, inside the context of its route."""
    with gr.Row(elem_id="tracking-columns"):
        with gr.Column(scale=2, min_width=300, elem_id="tracking-inputs"):
            controls = _controls(service)
        with gr.Column(scale=6, min_width=340, elem_id="tracking-results"):
            player = TrackPlayer(elem_id="player")
            status = gr.Markdown(elem_id="tracking-status", container=False)
            with gr.Row(elem_id="tracking-saving"):
                save_as = gr.Radio(
                    [(title, key) for key, title in texts.FORMATS.items()],
                    value="txt",
                    label=texts.SAVE_AS,
                    elem_id="save-as",
                )
                save = gr.Button(texts.SAVE, elem_id="tracking-save", min_width=90, scale=0)
            board = SideBySide(elem_id="tracking-board")
    _wire(demo, service, controls, player, status, board, save_as, save)


def _controls(service: Service) -> Controls:
    default = Options()
    trackers = {name: tracker.title for name, tracker in TRACKERS.items()}
    titles = {"source": SOURCES, "tracker": trackers, "weights": texts.WEIGHTS_TITLES}
    options: dict[str, Any] = {
        name: control_of(p, getattr(default, name), elem_id=f"tracking-{name}", titles=titles.get(name))
        for name, p in params(Options).items()
    }
    options["source"].render()
    with gr.Column(elem_id="tracking-scene") as scene_group:
        options["seed"].render()
        with gr.Accordion(texts.SCENE_MORE, open=False, elem_id="tracking-scene-more"):
            kind = SCENES[FIRST].settings
            scene: dict[str, Any] = {
                name: control_of(p, getattr(kind, name), elem_id=f"tracking-{name}")
                for name, p in params(SceneSettings).items()
            }
            for control in scene.values():
                control.render()
    with gr.Column(visible=False, elem_id="tracking-own") as own_group:
        own = {
            "detections": gr.File(
                label=texts.DETECTIONS_FILE, file_types=[".txt"], height=110, elem_id="tracking-detections"
            ),
            "truth": gr.File(label=texts.TRUTH_FILE, file_types=[".txt"], height=110, elem_id="tracking-truth"),
        }
        gr.Markdown(texts.FILES_INFO)
    with gr.Column(visible=False, elem_id="tracking-video") as video_group:
        video, start, job = _video(service)
    options["tracker"].render()
    words = gr.Markdown(
        elem_id="tracking-words", latex_delimiters=[{"left": "$$", "right": "$$", "display": True}], container=False
    )
    systems = SystemControls.laid_out("tracking", TRACKERS, _group)
    with systems.groups["message_passing"]:
        options["weights"].render()
        training = _training(service)
    choices = [(tracker.title, name) for name, tracker in TRACKERS.items()]
    compare = gr.CheckboxGroup(choices, value=list(TRACKERS), label=texts.COMPARE, elem_id="tracking-compare")
    stop = gr.Button(STOP, size="sm", elem_id="tracking-stop", min_width=60)
    return Controls(
        options, scene, scene_group, own, own_group, video, video_group, start, job, training, systems, words, compare, stop
    )


def _video(service: Service) -> tuple[dict[str, Any], gr.Button, JobBar]:
    """The controls of a video, by field of its settings, with the "file"; the button that starts, and the bar."""
    types = [*VIDEO_SUFFIXES, ".zip"]
    file: Any = gr.File(
        label=texts.VIDEO_FILE, file_types=types, height=110, visible=False, elem_id="tracking-file", render=False
    )
    video: dict[str, Any] = {"file": file}
    default, facts = VideoSettings(), asked_params(VideoSettings)
    titles = {
        "clip": texts.CLIPS,
        "detector": texts.DETECTORS,
        "backbone": {name: backbone_title(name) for name in BACKBONES},
    }
    video |= {
        name: control_of(p, getattr(default, name), elem_id=f"tracking-video-{name}", titles=titles.get(name))
        for name, p in facts.items()
    }
    video["clip"].render()
    file.render()
    for name, p in facts.items():
        if not p.advanced and name != "clip":
            video[name].render()
    with gr.Accordion(texts.VIDEO_MORE, open=False):
        for name, p in facts.items():
            if p.advanced:
                video[name].render()
    start = gr.Button(texts.START, variant="primary", elem_id="tracking-start")
    return video, start, JobBar(service.jobs, KIND, elem_id="tracking-job")


def _training(service: Service) -> Training:
    """The controls that train weights of message passing."""
    with gr.Accordion(texts.TRAINING_TITLE, open=False, elem_id="tracking-training") as panel:
        gr.Markdown(texts.TRAINING_INFO)
        start = gr.Button(texts.TRAIN, size="sm", elem_id="tracking-train")
        job = JobBar(service.jobs, TRAINING_KIND, name=TRAINING, elem_id="tracking-training-job")
        curve = gr.HTML(elem_id="tracking-loss")
        save = gr.Button(texts.SAVE_WEIGHTS, size="sm", elem_id="tracking-save-weights")
        gr.Markdown(texts.SAVE_WEIGHTS_INFO)
    return Training(panel, start, job, curve, save)


def _group(tracker: Tracker, controls: dict[str, Any]) -> Any:
    """The settings of a tracker: those that matter most on view, the rest folded away."""
    facts = params(tracker.settings)
    with gr.Column(visible=tracker.name == FIRST_TRACKER, elem_id=f"tracking-of-{tracker.name}") as group:
        for name, control in controls.items():
            if not facts[name].advanced:
                control.render()
        with gr.Accordion(texts.TRACKER_MORE, open=False):
            for name, control in controls.items():
                if facts[name].advanced:
                    control.render()
    return group


def _wire(
    demo: gr.Blocks,
    service: Service,
    controls: Controls,
    player: TrackPlayer,
    status: gr.Markdown,
    board: SideBySide,
    save_as: gr.Radio,
    save: gr.Button,
) -> None:
    number = gr.Number(0, visible="hidden", elem_id="tracking-number")
    turn = gr.Number(0, visible="hidden", elem_id="tracking-turn")
    opened = gr.State({})
    held = gr.Textbox(visible="hidden", elem_id="tracking-held")
    runs = Runs(service)
    source, tracker = controls.options["source"], controls.options["tracker"]
    inputs = list(controls.inputs.values())
    asking = [
        control for control in (turn, *inputs) if control not in (source, controls.job, controls.training.job)
    ]  # whose choice is an event of its own
    asked = gr.on(
        [control.change for control in asking],
        make_show(service, runs, controls),
        [number, opened, held, *inputs],
        [player, status, opened],
        js=JS_NUMBER_HELD,
        trigger_mode="always_last",
        show_progress_on=[status],
        **SEEN,
    )
    asked.then(make_compare(service, runs, controls), [number, *inputs], board, js=JS_LATEST, **HEAVY)
    visible = [
        controls.scene_group,
        controls.own_group,
        controls.video_group,
        controls.words,
        *controls.systems.groups.values(),
    ]
    shown = make_shown(controls)
    gr.on([source.change, tracker.change], shown, [source, tracker], visible, trigger_mode="always_last", **LIGHT)
    source.input(make_source(controls, turn), source, [turn, *controls.scene.values()], **LIGHT)
    restore = make_restore(service, controls, opened, turn)
    demo.load(restore, None, [opened, turn, controls.training.panel, *inputs], **TOLD).then(
        shown, [source, tracker], visible, **LIGHT
    )
    board.picked(picked, None, tracker, **LIGHT)
    visitor = gr.Textbox(visible="hidden", elem_id="tracking-visitor")
    started = controls.start.click(
        make_start(service, controls), [visitor, *controls.video.values()], controls.job, js=JS_VISITOR, **TOLD
    )
    controls.video["clip"].change(own_video, controls.video["clip"], controls.video["file"], **LIGHT)
    started.then(next_turn, None, turn, **LIGHT)
    controls.job.news(heard, None, turn, **LIGHT)
    download = gr.DownloadButton(visible="hidden", elem_id="download")
    training, watched = controls.training, gr.State("")
    training.start.click(make_train(service), visitor, training.job, js=JS_VISITOR, **TOLD)
    news = make_trained(service, controls, watched, turn)
    training.job.news(news, watched, [training.curve, controls.options["weights"], watched, turn], **LIGHT)
    training.save.click(make_save_weights(service), training.job, download, **LIGHT).success(
        None, None, None, js=JS_DOWNLOAD, **LIGHT
    )
    saving = [number, gr.Textbox(visible="hidden", elem_id="tracking-theme"), save_as, *inputs]
    save.click(make_save(service, runs, controls), saving, download, js=JS_NUMBER_THEME, **HEAVY).success(
        None, None, None, js=JS_DOWNLOAD, **LIGHT
    )
    controls.stop.click(service.stops.stop, number, None, js=JS_LATEST, **LIGHT)
