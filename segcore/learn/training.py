"""A system in training: from pictures to states, one step at a time, or to a file.

`train` keeps nothing on the disk: whoever asks for the next state drives it. `learn` drives it to a file.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from segcore.checks import check_range
from segcore.errors import InputError
from segcore.learn.catalog import LearningSystem, system_of
from segcore.learn.learned import Learned, labels_of, save_learned
from segcore.learn.learner import ClusterLearner, ClusterLoss
from segcore.learn.pictures import Source
from segcore.learn.score import ClassScores, score_classes
from segcore.learn.settings import LearnSettings
from segcore.runtime.device import pick_device
from segcore.train.budget import Budget
from segcore.train.checkpoint import Checkpoint
from segcore.train.digest import digest_of
from segcore.train.run import State
from segcore.train.run import train as train_learner
from segcore.train.seeds import check_seed, seeded
from segcore.train.to_file import CHECKPOINT_SECONDS, clear, drive, start_of
from segcore.types import Pictures

MINUTES = 10.0
MOST_SEGMENTS = 64
_FREE = ("learning_rate",)  # settings that may change when a training goes on


@dataclass(frozen=True, eq=False, slots=True)
class LearnState(State):
    """A training of clusters after one step."""

    use: Tensor  # (K,) float32 on the CPU
    P: Tensor | None  # (K, K) float32 on the CPU
    label: Callable[[Tensor], Tensor]  # a picture (height, width, 3) uint8 → (height, width) int64 clusters, on the CPU
    marks: Callable[[int], Tensor | None]  # number of a picture that is learned from → `ClusterLearner.marks`, on the CPU
    taught: Callable[[int], Tensor | None]  # likewise → `ClusterLearner.taught`
    round: int  # from 0, of a system that learns in rounds
    learned: Callable[[], Learned]  # → a copy of the network that can be saved


@dataclass(frozen=True, eq=False, slots=True)
class Finished:
    """What a training left."""

    path: Path
    learned: Learned
    scores: ClassScores | None  # on the pictures that were learned from, where there is truth that was not learned from


def train(
    system: str,
    pictures: Pictures,
    *,
    n_segments: int,
    settings: LearnSettings | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    device: str = "auto",
    start: Checkpoint | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[LearnState]:
    """Train a system, and yield the state after each step.

    The learning rate falls from that of the settings to 0, along half a cosine over the minutes or steps.

    Args:
        system: a key of CATALOG.
        pictures: to learn from; their truth is looked at only by a system with labels.
        n_segments: K, 2 … MOST_SEGMENTS; as many as classes for a system with labels; without a meaning where the system has
            a number of its own.
        settings: of the system; its defaults if None.
        minutes: how long to train, over all runs.
        steps: train for so many steps instead, over all runs. On one CPU the same seed then gives the same network, however
            often the training was stopped and went on.
        seed: of all random numbers.
        device: "auto", "cpu" or "cuda"; where its hardware multiplies bfloat16, the network computes in it.
        start: go on from there: `State.checkpoint()` of an earlier call, or what `learn` left on the disk.
        clock: seconds that never go back.

    Yields:
        A state after every step, the last one with `progress` 1. Closing the iterator ends the training, and so does a stop
        (`segcore.runtime.stopping`), which is asked for between two steps: the last state stays usable.

    Raises:
        InputError: at the first step; a number is out of range, there are too few pictures, or they are smaller than a crop,
            there are more clusters than pixels in a step, or the checkpoint is of another training.
        NumericalError: loss or gradient is no longer finite. The step is not taken: the last state is the last good one.

    Cost: of a step, that of the system; the scaled pictures stay in memory.
    """
    chosen, where = system_of(system), pick_device(device)
    settings = chosen.settings() if settings is None else settings
    n_segments = chosen.own_k or n_segments
    _check(chosen, settings, n_segments, seed)
    if chosen.labelled:
        _check_labels(chosen, pictures, n_segments)
    budget = Budget(minutes=minutes, steps=steps, clock=clock)
    seen = pictures if chosen.labelled else replace(pictures, truth=())
    least = 1 if chosen.labelled else 2  # without labels, what pictures share is all there is
    source = Source(seen, side=settings.side, crop=settings.crop, device=where, least=least)
    identity = {
        "system": system,
        "n_segments": n_segments,
        "seed": seed,
        "pictures": f"{len(source)}, {digest_of(list(pictures.images))}",
        **({"labels": digest_of(list(pictures.truth))} if chosen.labelled else {}),
        **{name: value for name, value in settings.to_dict().items() if name not in _FREE},
    }
    with seeded(seed):
        net = chosen.make_net(n_segments, settings)
        learner = chosen.make_learner(net, n_segments, settings, source).to(where).train()
    work = _Work(chosen, settings, n_segments, seed, learner, budget, pictures)
    how: dict[str, Any] = {"budget": budget, "seed": seed, "device": where, "identity": identity, "stage": "learn"}
    if start is not None:
        start = replace(start, identity={**settings.before(), **start.identity})
    for state in train_learner(learner, start=start, **how):
        yield work.state(state)


def learn(
    system: str,
    pictures: Pictures,
    out: Path | str,
    *,
    n_segments: int,
    settings: LearnSettings | None = None,
    minutes: float | None = MINUTES,
    steps: int | None = None,
    seed: int = 0,
    device: str = "auto",
    resume: bool = False,
    show_progress: bool = False,
    on_state: Callable[[LearnState], None] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Finished:
    """Train a system and write what it learned.

    Args:
        system: as of `train`, like all that is not named here.
        pictures: to learn from.
        out: a .safetensors file that `load_learned` reads. OUT.checkpoint beside it holds an unfinished training; it is also
            what is left where the training is interrupted, or its loss is no longer finite.
        n_segments: K.
        settings: of the system.
        minutes: how long to train, over all runs.
        steps: train for so many steps instead.
        seed: of all random numbers.
        device: where to compute.
        resume: go on from the checkpoint, if there is one.
        show_progress: draw a bar with the loss on standard error.
        on_state: called after each step; what it raises ends the training there, as an interruption does.
        checkpoint_seconds: time between checkpoints.
        clock: seconds that never go back.

    Returns:
        The network; its clusters have the names of the classes that they stand for, where the pictures have truth.

    Raises:
        InputError: as of `train`; or a file cannot be written, the checkpoint is damaged or of another training, or the time
            was over before the first step.
        NumericalError: the loss is no longer finite; the checkpoint holds the last good step.
    """
    out = Path(out)
    states = train(
        system, pictures, n_segments=n_segments, settings=settings, minutes=minutes, steps=steps, seed=seed, device=device,
        start=start_of(out, resume=resume), clock=clock,
    )  # fmt: skip
    label = "learning" if show_progress else ""
    last = drive(states, out, clock=clock, label=label, on_state=on_state, checkpoint_seconds=checkpoint_seconds)
    if last is None:
        raise InputError("The training was over before its first step. Give it more minutes or steps.", field="minutes")
    learned, scores = _named(last.learned(), pictures)
    save_learned(learned, out)
    clear(out)
    return Finished(out, learned, scores)


def _named(learned: Learned, pictures: Pictures) -> tuple[Learned, ClassScores | None]:
    if not pictures.truth or system_of(learned.system).labelled:
        return learned, None
    scores = score_classes(learned.label, pictures, n_segments=learned.n_segments)
    return learned.named(scores.names(pictures.classes)), scores


def _check(system: LearningSystem, settings: LearnSettings, n_segments: int, seed: int) -> None:
    if type(settings) is not system.settings:
        raise InputError(
            f"{system.title} takes {system.settings.__name__}; got {type(settings).__name__}.", field="settings"
        )
    check_range("n_segments", n_segments, lo=2, hi=MOST_SEGMENTS)
    check_seed(seed)
    n_pixels = settings.batch * settings.crop**2
    if n_segments > n_pixels:
        raise InputError(
            f"n_segments must be at most the {n_pixels} pixels of a step; got {n_segments}.", field="n_segments"
        )


def _check_labels(system: LearningSystem, pictures: Pictures, n_segments: int) -> None:
    if not pictures.truth:
        raise InputError(f"{system.title} learns from label maps. Give --labels, with one for each picture.", field="labels")
    if n_segments != len(pictures.classes):
        raise InputError(
            f"{system.title} has a segment for each class; the label maps hold {len(pictures.classes)}, and n_segments is "
            f"{n_segments}. Leave it out.",
            field="n_segments",
        )


@dataclass(frozen=True, eq=False, slots=True)
class _Work:
    """A training under way, and what can be had of it."""

    system: LearningSystem
    settings: LearnSettings
    k: int
    seed: int
    learner: ClusterLearner
    budget: Budget
    pictures: Pictures

    def state(self, state: State) -> LearnState:
        """The state with what it says of the clusters."""
        losses = cast("ClusterLoss", state.losses)
        return LearnState(
            **{name: getattr(state, name) for name in State.__slots__},
            use=losses.use.detach().float().cpu(),
            P=None if losses.P is None else losses.P.detach().float().cpu(),
            label=self.label,
            marks=self.learner.marks,
            taught=self.learner.taught,
            round=self.learner.round,
            learned=lambda: self.learned(state.loss),
        )

    def label(self, image: Tensor) -> Tensor:
        """(height, width) clusters of a picture by the network as it is now."""
        return labels_of(self.learner.net, image, self.settings)

    def learned(self, loss: float) -> Learned:
        """A copy of the network as it is now."""
        net = self.system.make_net(self.k, self.settings)
        net.load_state_dict(self.learner.net.state_dict())
        facts = {
            "steps": self.budget.step,
            "seconds": round(self.budget.seconds, 1),
            "seed": self.seed,
            "loss": loss,
            "pictures": len(self.learner.source),
        }
        known = self.system.labelled
        names = self.pictures.classes if known else tuple(str(i) for i in range(self.k))
        values = (self.pictures.values or tuple(range(self.k))) if known else ()
        net.eval().requires_grad_(False).to(next(self.learner.net.parameters()).device)
        return Learned(net, self.system.name, self.k, self.settings, names, facts, values)
