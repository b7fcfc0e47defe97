"""A run: a training whose states become what the page draws."""

import hashlib
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import torch.nn.functional as F
from torch import Tensor

from demo.learn import texts
from demo.learn.asked import Asked, Controls
from demo.learn.board import KIND, Masks, Parts, Point
from demo.learn.data import OWN, drawn, own_pictures
from demo.learn.show import SCORED, SHOWN, about, labels_shown, pictures_shown, table
from demo.shared.errors import told_kindly
from demo.shared.jobs import Report, Work
from demo.shared.link import write_link
from demo.shared.service import Service
from segcore.drawn.objects import instance_map
from segcore.errors import InputError, NumericalError
from segcore.learn import (
    Checkpoint,
    Learned,
    LearnSettings,
    LearnState,
    save_learned,
    score_baselines,
    score_majority,
    train,
)
from segcore.learn.baselines import kmeans_objects_of, maskcut_objects_of
from segcore.learn.score import ClassScores, score_classes, score_recall, score_separation
from segcore.learn.settings import CutlerSettings, DinosaurSettings
from segcore.settings import DEFAULTS, params
from segcore.types import Pictures

POINT_SECONDS, MASK_SECONDS = 0.7, 3.0  # between two points of the curves, and between two looks at the pictures
_LOOKING = 0.15  # share of the time that looking at the pictures may take
_SLOWER = 0.25  # factor on the learning rate after which a run goes on whose loss was no longer finite
_GRANTED = 0.95  # of the host's minutes; reading the pictures takes the rest


Look = Callable[..., "tuple[Masks, Left]"]  # a state, with settings to go on with → what is shown, and what is left


@dataclass(frozen=True, eq=False, slots=True)
class Left:
    """What a run leaves: its network, and all that is needed to go on."""

    learned: Learned
    checkpoint: Checkpoint
    pictures: Pictures
    settings: LearnSettings  # to go on with


def make_work(
    asked: Asked, *, most_minutes: float, device: str = "cpu", clock: Callable[[], float] = time.monotonic
) -> Work:
    """The work of a job.

    Args:
        asked: what a visitor asks for.
        most_minutes: what the host grants.
        device: where to compute.
        clock: seconds that never go back.
    """
    minutes = min(asked.options.minutes, _GRANTED * most_minutes)

    def work(left: Left | None) -> Generator[Report, None, None]:
        yield Report(texts.READING)
        pictures, left_out = (left.pictures, ()) if left else _pictures(asked)
        settings = left.settings if left else asked.settings
        if left is None:
            yield Report(
                texts.READING,
                show=Parts(about=about(asked, pictures), pictures=pictures_shown(pictures, left_out, scored=asked.scored)),
            )
        k = len(pictures.classes) if asked.known and pictures.truth else asked.options.k
        look = partial(_look, pictures=pictures, k=k, asked=asked)
        states = train(
            asked.options.system, pictures, n_segments=k, settings=settings, minutes=minutes,
            seed=asked.options.begin, device=device, start=None if left is None else left.checkpoint, clock=clock,
        )  # fmt: skip
        reports = _reports(states, pictures, look, settings, clock, known=asked.known)
        if left is None and pictures.truth and asked.scored:
            yield next(reports)  # so that a visitor sees something at once
            yield Report(texts.COMPARING, show=_baselines(pictures, asked))
        yield from reports

    return work


def _pictures(asked: Asked) -> tuple[Pictures, tuple[str, ...]]:
    """The pictures of a run, and a sentence for each that could not be read."""
    if asked.options.collection != OWN:
        return drawn(asked.options.collection), ()
    own = asked.own
    return own_pictures(own.files, side=asked.settings.side, labels=own.labels, ignore=own.ignore)


def _baselines(pictures: Pictures, asked: Asked) -> Parts:
    """The scores of what learned nothing, by its name."""
    if asked.objects:
        return _object_baselines(_scored(pictures), asked)
    if asked.known:
        found = {texts.MAJORITY: score_majority(pictures, _scored(pictures))}
    else:
        found = score_baselines(pictures, _scored(pictures), n_segments=asked.options.k, seed=asked.options.begin)
    return Parts(
        baselines={name: round(scores.accuracy, 4) for name, scores in found.items()},
        baseline_mious={name: round(scores.miou, 4) for name, scores in found.items()},
    )


def _scored(pictures: Pictures) -> Pictures:
    """The pictures that scores are of."""
    return Pictures(pictures.images[:SCORED], pictures.names[:SCORED], pictures.truth[:SCORED], pictures.classes)


def _reports(
    states: Any, pictures: Pictures, look: Look, settings: LearnSettings, clock: Callable[[], float], *, known: bool
) -> Generator[Report, None, None]:
    curve, look_at, point_at, state = _Curve(), -np.inf, -np.inf, None
    try:
        for state in states:
            curve.add(state)
            show: dict[str, Any] = {}
            left, last = None, state.progress >= 1
            if clock() >= look_at or last:
                began = clock()
                show["masks"], left = look(state, settings=settings)
                curve.accuracy = show["masks"]["accuracy"]
                look_at = clock() + max(MASK_SECONDS, (clock() - began) / _LOOKING)
            if clock() >= point_at or show:
                show |= {f"point/{state.step}": curve.point(), "table": table(state, pictures.classes if known else ())}
                point_at = clock() + POINT_SECONDS
            yield _report(state, show, left)
    except NumericalError as error:
        if state is None:
            raise
        slowest, _ = params(LearnSettings)["learning_rate"].bounds
        slower = settings.replace(learning_rate=max(settings.learning_rate * _SLOWER, slowest))
        masks, left = look(state, settings=slower)
        yield _report(state, Parts(masks=masks), left)
        raise NumericalError(f"{error} {texts.SLOWER.format(rate=slower.learning_rate)}", stage=error.stage) from error


def _report(state: LearnState, show: Mapping[str, Any], left: Left | None) -> Report:
    return Report(texts.LEARNING, state.step, unit=texts.STEPS, share=state.progress, show=show, left=left)


@dataclass(eq=False)
class _Curve:
    """The mean over the steps since the last point."""

    accuracy: float | None = None
    _states: list[LearnState] = field(default_factory=list)

    def add(self, state: LearnState) -> None:
        self._states.append(state)

    def point(self) -> Point:
        """Step, loss and parts; begins a new mean."""
        states, self._states = self._states, []
        parts = {name: _mean([s.parts[name] for s in states]) for name in states[-1].parts}
        accuracy, self.accuracy = self.accuracy, None
        return {"step": states[-1].step, "loss": _mean([s.loss for s in states]), "parts": parts, "accuracy": accuracy}


def _mean(values: list[float]) -> float:
    return round(float(np.mean(values)), 5)


def _look(state: LearnState, *, pictures: Pictures, k: int, asked: Asked, settings: LearnSettings) -> tuple[Masks, Left]:
    """Label the pictures that are shown, and score where there is a truth."""
    known = asked.known
    masks = [labels_shown(_shown(state, i, image)) for i, image in enumerate(pictures.images[:SHOWN])]
    learned = state.learned()
    if asked.marked:
        accuracy, miou = _object_scores(state, learned, _scored(pictures), asked) if asked.objects else (None, None)
        told = Masks(images=masks, accuracy=accuracy, miou=miou, names=None, class_of=None)
        return told, Left(learned, state.checkpoint(), pictures, settings)
    scores = _scores(state, pictures, k, known=known)
    told = Masks(images=masks, accuracy=None, miou=None, names=None, class_of=None)
    if scores is not None:
        learned = learned if known else learned.named(scores.names(pictures.classes))
        accuracy, miou = round(scores.accuracy, 4), round(scores.miou, 4)
        told = Masks(images=masks, accuracy=accuracy, miou=miou, names=learned.names, class_of=scores.class_of)
    return told, Left(learned, state.checkpoint(), pictures, settings)


def _shown(state: LearnState, number: int, image: Tensor) -> Tensor:
    """(height, width) what a picture is shown with: the marks of the system, or its labels."""
    marks = state.marks(number)
    if marks is None:
        return state.label(image)
    return F.interpolate(marks[None, None].float(), tuple(image.shape[:2]), mode="nearest")[0, 0].long()


def _object_scores(
    state: LearnState, learned: Learned, pictures: Pictures, asked: Asked
) -> tuple[float | None, float | None]:
    """The two scores that `texts.OBJECT_WORDS` names; None for what cannot be said."""
    objects = [instance_map(truth) for truth in pictures.truth]
    if asked.options.system == "cutler":
        recall = score_recall(learned.instances, state.taught, pictures, objects)
        return (None if np.isnan(recall.untaught) else round(recall.untaught, 4)), round(recall.every, 4)
    scores = score_separation(learned.instances, pictures, objects)
    return round(scores.fg_ari, 4), round(scores.mbo, 4)


def _object_baselines(pictures: Pictures, asked: Asked) -> Parts:
    """What learned nothing, by the same two scores, on the same features."""
    s = asked.settings
    objects = [instance_map(truth) for truth in pictures.truth]
    if isinstance(s, CutlerSettings):
        find = partial(maskcut_objects_of, backbone=s.backbone, facet=s.facet, side=s.side, n_objects=s.n_objects, tau=s.tau)
        recall = score_recall(find, lambda _: None, pictures, objects)
        return Parts(
            baselines={texts.MASKCUT: round(recall.every, 4)}, baseline_mious={texts.MASKCUT: round(recall.every, 4)}
        )
    if not isinstance(s, DinosaurSettings):
        return Parts()
    find = partial(kmeans_objects_of, backbone=s.backbone, facet=s.facet, side=s.side, k=s.slots, seed=asked.options.begin)
    scores = score_separation(find, pictures, objects)
    return Parts(
        baselines={texts.SLOT_KMEANS: round(scores.fg_ari, 4)}, baseline_mious={texts.SLOT_KMEANS: round(scores.mbo, 4)}
    )


def _scores(state: LearnState, pictures: Pictures, k: int, *, known: bool) -> ClassScores | None:
    if not pictures.truth:
        return None
    return score_classes(state.label, _scored(pictures), n_segments=k, known=known)


# ---- Events ----


def make_start(service: Service, controls: Controls) -> Callable[..., dict[str, Any]]:
    """The event behind Start: a run is put in line; the board shows it."""

    def start(visitor: str, *values: Any) -> dict[str, Any]:
        with told_kindly():
            asked = controls.asked(values)
            if asked.options.collection == OWN and not asked.own.files:
                raise InputError(texts.NO_FILES, field="files")
            work = make_work(asked, most_minutes=service.jobs.limits.minutes, device=str(service.pipeline.device))
            return {"run": service.jobs.start(work, owner=visitor, kind=KIND, show={"about": about(asked)})}

    return start


def make_save(service: Service) -> Callable[..., str]:
    """The event behind Save: the newest weights of a run, as a file that `load_learned` reads."""

    def save(event: gr.EventData) -> str:
        with told_kindly():
            return _published(service, event)

    return save


def make_open(service: Service) -> Callable[..., str]:
    """The event behind "Use in the lab": an address of the lab whose backbone is what a run has learned so far."""

    def opened(event: gr.EventData) -> str:
        with told_kindly():
            path = _published(service, event)
            service.keep_upload(Path(path).name, path)
            return write_link(DEFAULTS.replace(backbone=path), next(iter(service.examples.values())), "")

    return opened


def _published(service: Service, event: gr.EventData) -> str:
    """Path of a file with the newest weights of a run, named by the system and what it holds."""
    left = service.jobs.left(str(event.id))
    if not isinstance(left, Left):
        raise InputError(texts.NOT_YET, field="run")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "learned.safetensors"
        save_learned(left.learned, path)
        content = path.read_bytes()
    return service.publish(content, f"{left.learned.system}-{hashlib.sha256(content).hexdigest()[:8]}.safetensors")
