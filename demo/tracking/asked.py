"""What a visitor asks for: what is tracked, by whom, and with which settings; of controls, and as a link."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from demo.shared.asked import SystemControls, asked_params
from demo.tracking import texts
from segcore.errors import InputError, shortened
from segcore.settings import Schema, param, params
from segcore.track.catalog import TRACKERS
from segcore.track.scenes import SCENES, SceneSettings
from segcore.track.settings import TrackerSettings

FILES, VIDEO = "files", "video"  # sources beside the scenes
SHIPPED, TRAINED = "shipped", "trained"  # weights of message passing
OWN_FILES = tuple(texts.OWN_FILES)
SOURCES = {**{name: kind.title for name, kind in SCENES.items()}, FILES: texts.FILES_SOURCE, VIDEO: texts.VIDEO_SOURCE}
FIRST, FIRST_TRACKER = "crossing", "hungarian"
COMPARE, STEP, POINT, JOB, TRAINING = (
    "compare",
    "step",
    "point",
    "job",
    "training",
)  # names in the address beside those of the fields
ALONG = "along"  # what the address says of picture and settings of other pages


@dataclass(frozen=True, kw_only=True)
class Options(Schema):
    """What is asked for whatever the source."""

    # fmt: off
    source: str = param(FIRST, stage="tracking", label=texts.SOURCE, info="", choices=tuple(SOURCES))
    seed: int = param(0, stage="tracking", label=texts.SEED, lo=0, hi=9999, step=1, info=texts.SEED_INFO)
    tracker: str = param(FIRST_TRACKER, stage="tracking", label=texts.TRACKER, info="", choices=tuple(TRACKERS))
    weights: str = param(SHIPPED, stage="tracking", label=texts.WEIGHTS_OF, info="", choices=(SHIPPED, TRAINED))
    # fmt: on


def default_settings() -> dict[str, TrackerSettings]:
    """The settings of all trackers where nothing is asked for."""
    return {name: tracker.settings() for name, tracker in TRACKERS.items()}


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that the page shows follows from it."""

    options: Options = field(default_factory=Options)
    scene: SceneSettings = field(default_factory=lambda: SCENES[FIRST].settings)  # where the source is one
    settings: Mapping[str, TrackerSettings] = field(default_factory=default_settings)  # by tracker
    detections: str = ""  # path of a file of one's own
    truth: str = ""  # the same
    job: str = ""  # that found the detections of a video
    training: str = ""  # the job that trains weights of message passing
    compare: tuple[str, ...] = tuple(TRACKERS)  # trackers that stand side by side

    @property
    def is_scene(self) -> bool:
        """Whether the source is drawn."""
        return self.options.source in SCENES

    @property
    def source(self) -> tuple[Any, ...]:
        """What the detections follow from."""
        if self.is_scene:
            return (self.options.source, self.options.seed, self.scene)
        return (FILES, self.detections, self.truth) if self.options.source == FILES else (VIDEO, self.job)

    @property
    def query(self) -> dict[str, str]:
        """What the address says of it; the source knows how it names files of one's own."""
        said = {"source": self.options.source, "tracker": self.options.tracker}
        if self.is_scene:
            default = SCENES[self.options.source].settings.to_dict()
            said |= {name: f"{value:g}" for name, value in self.scene.to_dict().items() if value != default[name]}
            said |= {"seed": str(self.options.seed)} if self.options.seed else {}
        elif self.options.source == VIDEO and self.job:
            said[JOB] = self.job
        if self.options.weights != SHIPPED:
            said |= {"weights": self.options.weights} | ({TRAINING: self.training} if self.training else {})
        for tracker, settings in self.settings.items():
            said |= {f"{tracker}.{name}": _text(value) for name, value in settings.changed().items()}
        if self.compare != tuple(TRACKERS):
            said[COMPARE] = ",".join(self.compare)
        return said


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def names() -> set[str]:
    """What may stand in an address of the page."""
    own = {f"{tracker}.{name}" for tracker, entry in TRACKERS.items() for name in asked_params(entry.settings)}
    return {
        *params(Options),
        *params(SceneSettings),
        *own,
        *OWN_FILES,
        COMPARE,
        STEP,
        POINT,
        JOB,
        TRAINING,
        "cover",
        "large",
        "__theme",
    }


def asked_of_link(query: Mapping[str, str]) -> Asked:
    """What a link asks for; what cannot be is one sentence on the page, and the rest holds."""
    options = _taken(Options(), {name: query[name] for name in params(Options) if name in query})
    kind = SCENES[options.source if options.source in SCENES else FIRST].settings
    scene = _taken(kind, {name: query[name] for name in params(SceneSettings) if name in query})
    settings = {}
    for tracker, default in default_settings().items():
        said = {name: query[f"{tracker}.{name}"] for name in asked_params(type(default)) if f"{tracker}.{name}" in query}
        settings[tracker] = _taken(default, said)
    wanted = query.get(COMPARE, ",".join(TRACKERS)).split(",")
    jobs = {"job": query.get(JOB, "")[:80], "training": query.get(TRAINING, "")[:80]}
    return Asked(options, scene, settings, **jobs, compare=tuple(t for t in TRACKERS if t in wanted))


def _taken(schema: Any, said: Mapping[str, str]) -> Any:
    """A schema with those values of a link in it that may be."""
    for name, value in said.items():
        try:
            schema = type(schema).from_values({**schema.to_dict(), name: value})
        except InputError as error:
            gr.Warning(texts.BAD_SETTING.format(name=name, value=shortened(value), error=error))
    return schema


# ---- Controls ----


@dataclass(frozen=True, eq=False, slots=True)
class Training:
    """What trains weights of message passing."""

    panel: gr.Accordion
    start: gr.Button
    job: Any  # the bar; its value is the job's id
    curve: gr.HTML  # of the loss
    save: gr.Button


@dataclass(frozen=True, eq=False, slots=True)
class Controls:
    """The components with which it is asked."""

    options: Mapping[str, Any]  # by field of `Options`
    scene: Mapping[str, Any]  # by field of `SceneSettings`
    scene_group: Any
    own: Mapping[str, Any]  # files of one's own: "detections" and "truth"
    own_group: Any
    video: Mapping[str, Any]  # by field of `VideoSettings`, and the "file"
    video_group: Any
    start: gr.Button
    job: Any  # the bar of the job that looks at a video; its value is the job's id
    training: Training
    systems: SystemControls
    words: gr.Markdown  # on scene and tracker
    compare: gr.CheckboxGroup
    stop: gr.Button

    @property
    def inputs(self) -> dict[Any, Any]:
        """All that a result follows from."""
        return {
            **self.options,
            **self.scene,
            **self.own,
            JOB: self.job,
            TRAINING: self.training.job,
            COMPARE: self.compare,
            **self.systems.controls,
        }

    def asked(self, values: Sequence[Any]) -> Asked:
        """What values of the inputs, in their order, ask for. A number that is half typed counts as the nearest that may be.

        Raises:
            InputError: a value breaks its rule.
        """
        given = dict(zip(self.inputs, values, strict=True))
        options = Options.from_values(allowed(Options(), given))
        kind = SCENES[options.source if options.source in SCENES else FIRST].settings
        settings = {
            name: type(default).from_values(allowed(default, self.systems.settings(name, given)))
            for name, default in default_settings().items()
        }
        return Asked(
            options,
            SceneSettings.from_values(allowed(kind, given)),
            settings,
            given["detections"] or "",
            given["truth"] or "",
            given[JOB] or "",
            given[TRAINING] or "",
            tuple(name for name in TRACKERS if name in (given[COMPARE] or ())),
        )

    def filled(self, asked: Asked) -> dict[Any, Any]:
        """Let the controls show what is asked."""
        said = {self.options[name]: value for name, value in asked.options.to_dict().items()}
        said |= {self.scene[name]: value for name, value in asked.scene.to_dict().items()}
        for tracker, settings in asked.settings.items():
            values = settings.to_dict()
            said |= self.systems.filled(tracker, {name: values[name] for name in asked_params(type(settings))})
        if asked.training:
            said |= {self.training.panel: gr.update(open=True), self.training.job: asked.training}
        return said | {self.compare: list(asked.compare)}


def allowed(defaults: Schema, values: Mapping[Any, Any]) -> dict[str, Any]:
    """Values of controls within the ranges of their fields; an empty box counts as the default."""
    found = {}
    for name, p in asked_params(type(defaults)).items():
        default = getattr(defaults, name)
        value = default if values.get(name) is None else values[name]
        if p.lo is not None and p.hi is not None:
            value = min(max(value, p.lo), p.hi)
            value = round(value) if isinstance(default, int) else value
        found[name] = value
    return found
