"""A run: a training whose states become what the page draws."""

import hashlib
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from demo.learn import texts
from demo.learn.asked import Asked, Controls
from demo.learn.board import KIND, Masks, Parts, Point, Stage
from demo.learn.data import OWN, LookedAt, drawn, looked_at, own_pictures
from demo.learn.show import about, labels_shown, percent, pictures_shown, table
from demo.learn.show.film import SECONDS, Film, film_pictures, shot_of
from demo.learn.show.network import along
from demo.learn.show.objects import object_baselines, object_level, object_scores, object_verdict, views_shown
from demo.learn.show.row import HEADS, baselines, drawn_baselines, scores_shown
from demo.shared.errors import told_kindly
from demo.shared.jobs import Report, Work
from demo.shared.link import write_link
from demo.shared.service import Service
from segcore.errors import InputError, NumericalError
from segcore.evaluate.record import run_scores, untrained
from segcore.image import digest
from segcore.learn import (
    CATALOG,
    Checkpoint,
    Learned,
    LearnSettings,
    LearnState,
    save_learned,
    score_baselines,
    train,
)
from segcore.learn.score import score_classes
from segcore.pipeline import Pipeline
from segcore.settings import DEFAULTS, params
from segcore.show.files import png
from segcore.show.moving import check_suffix, small_enough
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
    shown: Pictures  # on view
    figures: bool  # whether what is not 0 in their truth is an object
    level: float | None  # as of `_Run`
    film: Film


def make_work(
    asked: Asked,
    *,
    most_minutes: float,
    pipeline: Pipeline | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Work:
    """The work of a job.

    Args:
        asked: what a visitor asks for.
        most_minutes: what the host grants.
        pipeline: that of the page, on whose device is computed; one on the CPU if None.
        clock: seconds that never go back.
    """
    minutes, steps = min(asked.options.minutes, _GRANTED * most_minutes), asked.options.steps
    pipeline = pipeline or Pipeline(device="cpu")

    def work(left: Left | None) -> Generator[Report, None, None]:
        yield Report(texts.READING)
        pictures, left_out = (left.pictures, ()) if left else _pictures(asked)
        settings = left.settings if left else asked.settings
        look = looked_at(asked.options.collection, pictures, known=asked.known, compared=asked.scored)
        film = left.film if left else Film(asked, look.shown.images)
        run = _Run(asked, pictures, look, settings, clock, film, left.level if left else None)
        if left is None:
            told = Parts(about=about(asked, pictures), pictures=pictures_shown(pictures, look, left_out))
            yield Report(texts.READING, show=told)
            if asked.known and pictures.truth:
                yield Report(texts.READING, show=run.before())
        k = len(pictures.classes) if asked.known and pictures.truth else asked.options.k
        states = train(
            asked.options.system, pictures, n_segments=k, settings=settings, minutes=None if steps else minutes,
            steps=steps or None, seed=asked.options.begin, device=str(pipeline.device),
            start=None if left is None else left.checkpoint, clock=clock,
        )  # fmt: skip
        reports = run.reports(states)
        if left is None and look.scored.truth:
            yield next(reports)  # so that a visitor sees something at once
            yield Report(texts.COMPARING, show=run.compared(pipeline))
        yield from reports

    return work


def _pictures(asked: Asked) -> tuple[Pictures, tuple[str, ...]]:
    """The pictures of a run, and a sentence for each that could not be read."""
    if asked.options.collection != OWN:
        return drawn(asked.options.collection), ()
    return own_pictures(asked.own, side=asked.settings.side)


@dataclass(eq=False)
class _Run:
    """One run, from its pictures to what the board shows of it."""

    asked: Asked
    pictures: Pictures
    look: LookedAt
    settings: LearnSettings
    clock: Callable[[], float]
    film: Film
    level: float | None = None  # what the verdict compares with: mIoU of the linear head on dino_tiny, or `object_level`

    @property
    def own_k(self) -> bool:
        """Whether the system has a number of clusters of its own, so that their use tells nothing."""
        return CATALOG[self.asked.options.system].own_k is not None

    def before(self) -> Mapping[str, Any]:
        """A network with labels before its first step."""
        options = self.asked.options
        first = untrained(options.system, self.settings, self.pictures.classes, seed=options.begin)
        scores = run_scores(first, self.look.scored, 0)
        point = Point(step=0, loss=None, parts={}, accuracy=scores.global_accuracy, scores=scores_shown(scores))
        masks = self._masks(first, scores.global_accuracy, scores.miou)
        self.film = self.film.then(shot_of(0, None, masks, k=first.n_segments))
        return {"point/0": point, "masks": masks, "along": self._along(first)}

    def compared(self, pipeline: Pipeline) -> Parts:
        """The scores of what is simpler, by its name."""
        scored, options = self.look.scored, self.asked.options
        if self.asked.objects:
            plain = object_baselines(scored, self.asked)
            self.level = object_level(options.system, plain)
            return plain
        if not self.asked.known:
            found = score_baselines(self.pictures, scored, n_segments=options.k, seed=options.begin)
            return Parts(
                baselines={name: round(scores.accuracy, 4) for name, scores in found.items()},
                baseline_mious={name: round(scores.miou, 4) for name, scores in found.items()},
            )
        side = self.settings.side
        own = options.collection == OWN
        known = (
            baselines(pipeline, self.pictures, scored, side=side)
            if own
            else drawn_baselines(pipeline, options.collection, side)
        )
        self.level = known[texts.LINEAR_DINO]["miou"]
        return Parts(
            baselines={name: scores["global_accuracy"] for name, scores in known.items()},
            baseline_mious={name: scores["miou"] for name, scores in known.items()},
        )

    def reports(self, states: Any) -> Generator[Report, None, None]:
        """What is to be shown of each state."""
        curve, look_at, point_at, state, clock = _Curve(), -np.inf, -np.inf, None, self.clock
        try:
            for state in states:
                curve.add(state)
                show: dict[str, Any] = {}
                left, last = None, state.progress >= 1
                if clock() >= look_at or last:
                    began = clock()
                    looked, left = self._look(state, self.settings, curve)
                    show |= looked
                    look_at = clock() + max(MASK_SECONDS, (clock() - began) / _LOOKING)
                if clock() >= point_at or show:
                    classes = self.pictures.classes if self.asked.known else ()
                    show |= {f"point/{state.step}": curve.point()}
                    show |= {} if self.own_k else {"table": table(state, classes)}
                    point_at = clock() + POINT_SECONDS
                yield _report(state, show, left)
        except NumericalError as error:
            if state is None:
                raise
            slowest, _ = params(LearnSettings)["learning_rate"].bounds
            slower = self.settings.replace(learning_rate=max(self.settings.learning_rate * _SLOWER, slowest))
            show, left = self._look(state, slower, curve)
            yield _report(state, show, left)
            raise NumericalError(f"{error} {texts.SLOWER.format(rate=slower.learning_rate)}", stage=error.stage) from error

    def _look(self, state: LearnState, settings: LearnSettings, curve: "_Curve") -> tuple[dict[str, Any], Left]:
        """Label the pictures that are shown, and score where there is a truth."""
        learned, scored, known = state.learned(), self.look.scored, self.asked.known
        show: dict[str, Any] = {}
        accuracy = miou = class_of = None
        views = None
        if self.asked.marked:
            if scored.truth:
                accuracy, miou = object_scores(state, learned, scored, self.asked)
                if self.level is not None:
                    show["verdict"] = object_verdict(learned.system, (accuracy, miou), self.level)
            views = views_shown(state, learned, self.look.shown)
            show |= {f"view/{name}": view for name, view in views.by_name.items()}
            if views.classes:
                class_of = views.classes.class_of
                learned = learned.named(views.classes.names(self.look.shown.classes))
        elif scored.truth and known:
            scores = run_scores(learned, scored, state.step)
            accuracy, miou, curve.scores = scores.global_accuracy, scores.miou, scores_shown(scores)
            show["along"] = self._along(learned)
            if self.level is not None and learned.system not in HEADS:
                told = texts.BEATS if miou > self.level else texts.BEATS_NOT
                show["verdict"] = told.format(miou=percent(self.level), own=percent(miou))
        elif scored.truth:
            matched = score_classes(state.label, scored, n_segments=self.asked.options.k)
            accuracy, miou, class_of = round(matched.accuracy, 4), round(matched.miou, 4), matched.class_of
            learned = learned.named(matched.names(scored.classes))
        curve.accuracy = accuracy
        show["masks"] = masks = self._masks(learned, accuracy, miou, class_of, views.first if views else "")
        view = views.by_name[views.first] if views else None
        self.film = self.film.then(shot_of(state.step, state.loss, masks, k=learned.n_segments, view=view))
        left = Left(
            learned, state.checkpoint(), self.pictures, settings, self.look.shown, self.asked.objects, self.level, self.film
        )
        return show, left

    def _masks(
        self,
        learned: Learned,
        accuracy: float | None,
        miou: float | None,
        class_of: tuple[int, ...] | None = None,
        view: str = "",
    ) -> Masks:
        if view:
            names = learned.names if class_of else None
            return Masks(images=[], view=view, accuracy=accuracy, miou=miou, names=names, class_of=class_of)
        images = [labels_shown(learned.label(image)) for image in self.look.shown.images]
        if self.asked.known and accuracy is not None:
            class_of = tuple(range(learned.n_segments))
        names = None if accuracy is None else learned.names
        return Masks(images=images, view="", accuracy=accuracy, miou=miou, names=names, class_of=class_of)

    def _along(self, learned: Learned) -> list[Stage]:
        return along(learned, self.look.shown.images[0])


def _report(state: LearnState, show: Mapping[str, Any], left: Left | None) -> Report:
    return Report(texts.LEARNING, state.step, unit=texts.STEPS, share=state.progress, show=show, left=left)


@dataclass(eq=False)
class _Curve:
    """The mean over the steps since the last point."""

    accuracy: float | None = None
    scores: dict[str, Any] | None = None
    _states: list[LearnState] = field(default_factory=list)

    def add(self, state: LearnState) -> None:
        self._states.append(state)

    def point(self) -> Point:
        """Step, loss and parts; begins a new mean."""
        states, self._states = self._states, []
        parts = {name: _mean([s.parts[name] for s in states]) for name in states[-1].parts}
        accuracy, scores, self.accuracy, self.scores = self.accuracy, self.scores, None, None
        loss = _mean([s.loss for s in states])
        return {"step": states[-1].step, "loss": loss, "parts": parts, "accuracy": accuracy, "scores": scores}


def _mean(values: list[float]) -> float:
    return round(float(np.mean(values)), 5)


# ---- Events ----


def make_start(service: Service, controls: Controls) -> Callable[..., dict[str, Any]]:
    """The event behind Start: a run is put in line; the board shows it."""

    def start(visitor: str, *values: Any) -> dict[str, Any]:
        with told_kindly():
            asked = controls.asked(values)
            if asked.options.collection == OWN and not asked.own.files:
                raise InputError(texts.NO_FILES, field="files")
            work = make_work(asked, most_minutes=service.jobs.limits.minutes, pipeline=service.pipeline)
            return {"run": service.jobs.start(work, owner=visitor, kind=KIND, show={"about": about(asked)})}

    return start


def make_save(service: Service) -> Callable[..., str]:
    """The event behind Save: the newest weights of a run, as a file that `load_learned` reads."""

    def save(event: gr.EventData) -> str:
        with told_kindly():
            return _published(service, _left(service, event))

    return save


def make_movie(service: Service) -> Callable[..., str]:
    """The event behind "Masks as a movie": what a run has shown so far, as a file of at most 10 MB."""

    def movie(event: gr.EventData) -> str:
        with told_kindly():
            left, suffix = _left(service, event), str(event.suffix)
            check_suffix(suffix)
            pictures = list(film_pictures(left.film, theme="dark" if event.dark is True else "light"))
            made, told = small_enough(pictures, suffix, fps=1 / SECONDS)
            if told:
                gr.Info(told)
            return service.publish(made, f"{left.learned.system}{suffix}")

    return movie


def make_open(service: Service) -> Callable[..., str]:
    """The event behind "Use in the lab": an address of a picture of the run, labelled there by its network as it is now."""

    def opened(event: gr.EventData) -> str:
        with told_kindly():
            left = _left(service, event)
            weights, first = _published(service, left), left.shown.images[0]
            picture = digest(first)
            service.keep_upload(Path(weights).name, weights)
            service.keep_upload(picture, service.publish(png(first.numpy()), "picture.png"))
            return write_link(DEFAULTS.replace(backbone=weights, method="network"), None, picture)

    return opened


def _left(service: Service, event: gr.EventData) -> Left:
    """What a run has left so far."""
    left = service.jobs.left(str(event.id))
    if not isinstance(left, Left):
        raise InputError(texts.NOT_YET, field="run")
    return left


def _published(service: Service, left: Left) -> str:
    """Path of a file with the newest weights of a run, named by the system and what it holds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "learned.safetensors"
        save_learned(left.learned, path)
        content = path.read_bytes()
    return service.publish(content, f"{left.learned.system}-{hashlib.sha256(content).hexdigest()[:16]}.safetensors")
