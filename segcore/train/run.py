"""The loop that all trainings share, one step at a time.

`train` keeps nothing on the disk: whoever asks for the next state drives it. `segcore.train.to_file` drives it to a file.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from segcore.errors import InputError
from segcore.runtime.device import computes_bfloat16
from segcore.runtime.stopping import stop_if_asked
from segcore.train.budget import Budget
from segcore.train.checkpoint import Checkpoint, check_identity, copied
from segcore.train.learner import Learner, Loss, Turn
from segcore.train.seeds import stream
from segcore.train.step import move


@dataclass(frozen=True, eq=False, slots=True)
class State:
    """A training after one step.

    The numbers stay what they are. Functions look at the networks as they are when they are called, so call them before the
    next state is asked for; after the last state, or after a stop, they go on to work.
    """

    step: int  # counted from 1
    progress: float  # in [0, 1]
    seconds: float  # of training, over all runs
    loss: float
    parts: Mapping[str, float]  # of `Loss`
    losses: Loss  # what the learner said
    checkpoint: Callable[[], Checkpoint]  # → what `train(…, start=…)` goes on from
    is_whole: Callable[[], bool]  # False where an interruption has left half a step, which no checkpoint should hold


def train(
    learner: Learner,
    *,
    budget: Budget,
    seed: int,
    device: torch.device,
    identity: Mapping[str, Any],
    stage: str,
    start: Checkpoint | None = None,
) -> Iterator[State]:
    """Train, and yield the state after each step.

    Args:
        learner: on the device; it is changed.
        budget: how long; it begins now.
        seed: of all random numbers. On one CPU the same seed and number of steps give the same weights, however often the
            training was stopped and went on.
        device: where its hardware multiplies bfloat16, losses are computed in it.
        identity: what a checkpoint must share with this training for it to go on.
        stage: what is trained, for errors.
        start: go on from there.

    Yields:
        A state after every step, the last one with `progress` 1. Closing the iterator ends the training, and so does a stop
        (`segcore.runtime.stopping`), which is asked for between two steps: the last state stays usable.

    Raises:
        InputError: at the first step; the checkpoint is of another training, or does not hold what this one needs.
        NumericalError: loss or gradient is no longer finite. The step is not taken: the last state is the last good one.
    """
    run = _Run(learner, budget, seed, device, identity, stage)
    if start is not None:
        run.restore(start)
    while budget.progress < 1:
        stop_if_asked()
        yield run.step()


@dataclass(eq=False)
class _Run:
    """A training and its optimizer; how far it is, its budget knows."""

    learner: Learner
    budget: Budget
    seed: int
    device: torch.device
    identity: Mapping[str, Any]
    stage: str
    whole: bool = True  # False while a step has moved some of the weights

    def __post_init__(self) -> None:
        self.optimizer = self.learner.make_optimizer()
        self.budget.begin()

    def step(self) -> State:
        """Take one step."""
        learner, n, progress = self.learner, self.budget.step, self.budget.progress
        generator_of = partial(stream, self.seed)
        turn = Turn(generator_of(n), n, progress, generator_of)
        learner.prepare(turn)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=computes_bfloat16(self.device)):
            losses = learner.losses(turn)
        learner.set_rates(self.optimizer, progress)
        loss = move(
            self.optimizer, learner.weights, losses.total, step=n + 1, stage=self.stage, advice=learner.advice,
            clip=learner.clip, before=partial(self._begin_to_move, progress),
        )  # fmt: skip
        learner.follow(progress)
        self.budget.step = n + 1
        self.whole = True
        return State(
            n + 1, min(1.0, self.budget.progress), self.budget.seconds, loss, dict(losses.parts), losses, self.checkpoint,
            lambda: self.whole,
        )  # fmt: skip

    def _begin_to_move(self, progress: float) -> None:
        self.learner.hold(progress)
        self.whole = False

    def checkpoint(self) -> Checkpoint:
        """A copy of all that is needed to go on."""
        state, optimizer = copied(self.learner.state_dict()), copied(self.optimizer.state_dict())
        return Checkpoint(self.identity, self.budget.step, self.budget.seconds, state, optimizer)

    def restore(self, start: Checkpoint) -> None:
        """Go on from a checkpoint.

        Raises:
            InputError: it is of another training, or does not hold what this one needs.
        """
        check_identity(start, self.identity)
        try:
            self.learner.load_state_dict(start.learner)
            self.optimizer.load_state_dict(copied(start.optimizer))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:  # as load_state_dict says it
            raise InputError(
                f"{start.name} does not hold what this training needs. Delete it to begin anew.", field="resume"
            ) from error
        self.budget.begin(step=start.step, seconds=start.seconds)
