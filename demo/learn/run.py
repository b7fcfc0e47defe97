"""A run: a training whose states become what the page draws."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from demo.learn import texts
from demo.learn.data import OWN, drawn, own_pictures
from demo.learn.wanted import Wanted, query_of
from demo.shared.jobs import Report, Work
from segcore.errors import NumericalError
from segcore.learn import Checkpoint, Learned, LearnSettings, LearnState, score_baselines, train
from segcore.learn.score import ClassScores, score_classes
from segcore.settings import params
from segcore.show.files import data_uri, display_label_png, jpeg, pack_floats
from segcore.show.palette import PALETTE
from segcore.types import Pictures

SHOWN, SCORED = 6, 24  # pictures: the first ones
POINT_SECONDS, MASK_SECONDS = 0.7, 3.0  # between two points of the curves, and between two looks at the pictures
_LOOKING = 0.15  # share of the time that looking at the pictures may take
_SLOWER = 0.25  # factor on the learning rate after which a run goes on whose loss was no longer finite
_GRANTED = 0.95  # of the host's minutes; reading the pictures takes the rest
# Where the sentences about a run change: shares, of all pixels, of a fair share, and of P.
_ALONE, _UNUSED, _DIAGONAL = 0.9, 0.1, 0.6


@dataclass(frozen=True, eq=False, slots=True)
class Left:
    """What a run leaves: its network, and all that is needed to go on."""

    learned: Learned
    checkpoint: Checkpoint
    pictures: Pictures
    settings: LearnSettings  # to go on with


def about(wanted: Wanted) -> dict[str, Any]:
    """What the page shows of a run before its first step."""
    return {
        "title": wanted.title,
        "details": wanted.details,
        "query": query_of(wanted),
        "k": wanted.asked.k,
        "palette": PALETTE.hex(wanted.asked.k),
        "command": command(wanted),
    }


def command(wanted: Wanted) -> str:
    """The line that repeats a run in a shell."""
    asked = wanted.asked
    own = asked.collection == OWN
    pictures = "FOLDER" if own else asked.collection
    words = [f"python -m segcore learn {asked.system} {pictures} --out {asked.system}.safetensors"]
    words += [f"--n-segments {asked.k} --minutes {asked.minutes:g} --seed {asked.begin}"]
    words += ["--labels LABELS"] if own and wanted.labels else []
    words += [f"--ignore {wanted.ignore}"] if own and wanted.labels and wanted.ignore is not None else []
    for name, value in wanted.settings.changed().items():
        flag = name.replace("_", "-")
        words.append((f"--{flag}" if value else f"--no-{flag}") if isinstance(value, bool) else f"--{flag} {value}")
    return " ".join(words)


def make_work(
    wanted: Wanted, *, most_minutes: float, device: str = "cpu", clock: Callable[[], float] = time.monotonic
) -> Work:
    """The work of a job.

    Args:
        wanted: what a visitor asks for.
        most_minutes: what the host grants.
        device: where to compute.
        clock: seconds that never go back.
    """
    minutes = min(wanted.asked.minutes, _GRANTED * most_minutes)

    def work(left: Left | None) -> Generator[Report, None, None]:
        yield Report(texts.READING)
        pictures, left_out = (left.pictures, ()) if left else _pictures(wanted)
        settings = left.settings if left else wanted.settings
        if left is None:
            yield Report(texts.READING, show={"pictures": _shown(pictures) | {"left_out": left_out}})
        states = train(
            wanted.asked.system, pictures, n_segments=wanted.asked.k, settings=settings, minutes=minutes,
            seed=wanted.asked.begin, device=device, start=None if left is None else left.checkpoint, clock=clock,
        )  # fmt: skip
        reports = _reports(states, pictures, wanted.asked.k, settings, clock)
        if left is None and pictures.truth:
            yield next(reports)  # so that a visitor sees something at once
            yield Report(texts.COMPARING, show={"baselines": _baselines(pictures, wanted)})
        yield from reports

    return work


def _pictures(wanted: Wanted) -> tuple[Pictures, tuple[str, ...]]:
    """The pictures of a run, and a sentence for each that could not be read."""
    if wanted.asked.collection != OWN:
        return drawn(wanted.asked.collection), ()
    return own_pictures(wanted.files, side=wanted.settings.side, labels=wanted.labels, ignore=wanted.ignore)


def _baselines(pictures: Pictures, wanted: Wanted) -> dict[str, float]:
    """The accuracy of what learned nothing, by its name."""
    found = score_baselines(pictures, _scored(pictures), n_segments=wanted.asked.k, seed=wanted.asked.begin)
    return {name: round(scores.accuracy, 4) for name, scores in found.items()}


def _scored(pictures: Pictures) -> Pictures:
    """The pictures that scores are of."""
    return Pictures(pictures.images[:SCORED], pictures.names[:SCORED], pictures.truth[:SCORED], pictures.classes)


def _shown(pictures: Pictures) -> dict[str, Any]:
    """The six pictures, and their truth."""
    n = min(SHOWN, len(pictures))
    return {
        "n": len(pictures),
        "scored": min(SCORED, len(pictures)) if pictures.truth else 0,
        "names": pictures.names[:n],
        "sizes": [(image.shape[1], image.shape[0]) for image in pictures.images[:n]],
        "images": [data_uri(jpeg(image.numpy())) for image in pictures.images[:n]],
        # Without a class is 0, so that a byte holds each.
        "truth": [_labels(truth + 1) for truth in pictures.truth[:n]],
        "classes": pictures.classes,
    }


def _labels(labels: Tensor) -> str:
    return data_uri(display_label_png(labels.numpy()))


def _reports(
    states: Any, pictures: Pictures, k: int, settings: LearnSettings, clock: Callable[[], float]
) -> Generator[Report, None, None]:
    curve, look_at, point_at, state = _Curve(), -np.inf, -np.inf, None
    try:
        for state in states:
            curve.add(state)
            show: dict[str, Any] = {}
            left, last = None, state.progress >= 1
            if clock() >= look_at or last:
                began = clock()
                show["masks"], left = _look(state, pictures, k, settings)
                curve.accuracy = show["masks"]["accuracy"]
                look_at = clock() + max(MASK_SECONDS, (clock() - began) / _LOOKING)
            if clock() >= point_at or show:
                show |= {f"point/{state.step}": curve.point(), "table": table(state)}
                point_at = clock() + POINT_SECONDS
            yield _report(state, show, left)
    except NumericalError as error:
        if state is None:
            raise
        slowest, _ = params(LearnSettings)["learning_rate"].bounds
        slower = settings.replace(learning_rate=max(settings.learning_rate * _SLOWER, slowest))
        masks, left = _look(state, pictures, k, slower)
        yield _report(state, {"masks": masks}, left)
        raise NumericalError(f"{error} {texts.SLOWER.format(rate=slower.learning_rate)}", stage=error.stage) from error


def _report(state: LearnState, show: dict[str, Any], left: Left | None) -> Report:
    return Report(texts.LEARNING, state.step, unit=texts.STEPS, share=state.progress, show=show, left=left)


@dataclass(eq=False)
class _Curve:
    """The mean over the steps since the last point."""

    accuracy: float | None = None
    _states: list[LearnState] = field(default_factory=list)

    def add(self, state: LearnState) -> None:
        self._states.append(state)

    def point(self) -> dict[str, Any]:
        """Step, loss and parts; begins a new mean."""
        states, self._states = self._states, []
        parts = {name: _mean([s.parts[name] for s in states]) for name in states[-1].parts}
        accuracy, self.accuracy = self.accuracy, None
        return {"step": states[-1].step, "loss": _mean([s.loss for s in states]), "parts": parts, "accuracy": accuracy}


def _mean(values: list[float]) -> float:
    return round(float(np.mean(values)), 5)


def _look(state: LearnState, pictures: Pictures, k: int, settings: LearnSettings) -> tuple[dict[str, Any], Left]:
    """Label the pictures that are shown, and score where there is a truth."""
    masks = [_labels(state.label(image)) for image in pictures.images[:SHOWN]]
    scores = _scores(state, pictures, k)
    learned = state.learned()
    told: dict[str, Any] = {"images": masks, "accuracy": None, "names": None, "class_of": None}
    if scores is not None:
        learned = learned.named(scores.names(pictures.classes))
        told |= {"accuracy": round(scores.accuracy, 4), "names": learned.names, "class_of": scores.class_of}
    return told, Left(learned, state.checkpoint(), pictures, settings)


def _scores(state: LearnState, pictures: Pictures, k: int) -> ClassScores | None:
    if not pictures.truth:
        return None
    return score_classes(state.label, _scored(pictures), n_segments=k)


def table(state: LearnState) -> dict[str, Any]:
    """P, the use of the clusters, and what they say."""
    use: NDArray[np.float32] = state.use.numpy()
    P = None if state.P is None else state.P.numpy()
    return {
        "P": None if P is None else pack_floats(P),
        "diagonal": None if P is None else round(float(np.trace(P)), 4),
        "use": [round(float(share), 4) for share in use],
        "watch": watch(use, P),
    }


def watch(use: NDArray[np.float32], P: NDArray[np.float32] | None) -> str:
    """One sentence on what a visitor sees; the first rule that fits.

    Args:
        use: (K,) shares of the clusters.
        P: (K, K) joint table, or None where the system has none.
    """
    k, n_unused = len(use), int((use < _UNUSED / len(use)).sum())
    if use.max() >= _ALONE:
        told = texts.WATCH_ONE if P is None else texts.WATCH_ONE_TABLE
        return told.format(share=percent(float(use.max())))
    if n_unused:
        return texts.WATCH_EMPTY.format(n=n_unused, k=k)
    if P is None:
        return texts.WATCH_USED
    diagonal = float(np.trace(P))
    told = texts.WATCH_DIAGONAL if diagonal >= _DIAGONAL else texts.WATCH_BLURRED
    return told.format(diagonal=percent(diagonal))


def percent(share: float) -> str:
    """A share as people read it."""
    return f"{100 * share:.0f} %"
