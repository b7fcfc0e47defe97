"""The loop that all systems share: from pictures to a network, one step at a time.

`train` keeps nothing on the disk: whoever asks for the next state drives it. `learn` drives it from a folder to a file.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from segcore.checks import check_budget, check_range
from segcore.errors import InputError, NumericalError
from segcore.learn.catalog import LearnSettings
from segcore.learn.learned import Learned, scores_of
from segcore.learn.pictures import Source
from segcore.learn.systems import system_of
from segcore.learn.types import Checkpoint, Losses, State, System, Turn
from segcore.runtime.device import computes_bfloat16, pick_device
from segcore.runtime.stopping import stop_if_asked
from segcore.settings import params
from segcore.train.digest import digest_of
from segcore.types import Pictures

MOST_SEGMENTS = 64
_STRIDE = 1_000_003  # between the random streams of two seeds; more steps than that no training takes
_FREE = ("learning_rate",)  # settings that may change when a training goes on


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
) -> Iterator[State]:
    """Train a system, and yield the state after each step.

    The learning rate falls from that of the settings to 0, along half a cosine over the minutes or steps.

    Args:
        system: a key of SYSTEMS.
        pictures: to learn from; their truth is not looked at.
        n_segments: K, 2 … MOST_SEGMENTS.
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
    run = _Run(system_of(system), pictures, n_segments, settings, seed=seed, device=pick_device(device), clock=clock)
    check_budget(minutes, steps)
    run.minutes, run.steps = math.inf if minutes is None else minutes, steps
    if start is not None:
        run.restore(start)
    while run.progress < 1:
        stop_if_asked()
        yield run.step()


class _Run:
    """A training: its network, its optimizer, and how far it is."""

    def __init__(
        self,
        system: System,
        pictures: Pictures,
        n_segments: int,
        settings: LearnSettings | None,
        *,
        seed: int,
        device: torch.device,
        clock: Callable[[], float],
    ):
        self.system, self.seed, self.device, self._clock = system, seed, device, clock
        self.settings = system.card.settings() if settings is None else settings
        if type(self.settings) is not system.card.settings:
            raise InputError(
                f"{system.card.title} takes {system.card.settings.__name__}; got {type(self.settings).__name__}.",
                field="settings",
            )
        self._check(n_segments)
        self.k = n_segments
        self.source = Source(pictures, side=self.settings.side, crop=self.settings.crop, device=device)
        self.pictures_digest = digest_of(list(pictures.images))
        with torch.random.fork_rng(devices=[]):  # torch draws first weights from its global generator
            torch.manual_seed(seed)
            net = system.make_net(n_segments, self.settings)
            self.learner = system.make_learner(net, n_segments, self.settings, self.source).to(device)
        self.learner.train()
        weights = [x for x in self.learner.parameters() if x.requires_grad]
        self.optimizer = torch.optim.Adam(weights, lr=self.settings.learning_rate)
        self.n_steps, self._seconds_before, self._began = 0, 0.0, clock()
        self.minutes, self.steps = math.inf, None  # type: float, int | None
        self.loss = math.nan

    def _check(self, n_segments: int) -> None:
        check_range("n_segments", n_segments, lo=2, hi=MOST_SEGMENTS)
        check_range("seed", self.seed, lo=0, hi=params()["seed"].hi)
        n_pixels = self.settings.batch * self.settings.crop**2
        if n_segments > n_pixels:
            raise InputError(
                f"n_segments must be at most the {n_pixels} pixels of a step; got {n_segments}.", field="n_segments"
            )

    @property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint must share with this training."""
        settings = {name: value for name, value in self.settings.to_dict().items() if name not in _FREE}
        return {
            "system": self.system.name,
            "n_segments": self.k,
            "seed": self.seed,
            "pictures": f"{len(self.source)}, {self.pictures_digest}",
            **settings,
        }

    @property
    def seconds(self) -> float:
        """Seconds of training, over all runs."""
        return self._seconds_before + self._clock() - self._began

    @property
    def progress(self) -> float:
        """How much of the training is done; 1 and more is all of it."""
        return self.n_steps / self.steps if self.steps is not None else self.seconds / (60 * self.minutes)

    def step(self) -> State:
        """Take one step."""
        turn = Turn(self.source, self._generator_of(self.n_steps), self.n_steps, self.progress, self._generator_of)
        self.learner.prepare(turn)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=computes_bfloat16(self.device)):
            losses = self.learner.losses(turn)
        self._move(losses.total, turn.progress)
        self.learner.follow(turn.progress)
        self.n_steps += 1
        self.loss = float(losses.total.detach())
        return self._state(losses)

    def _generator_of(self, step: int) -> torch.Generator:
        """A generator of its own for each step: a training that goes on needs no other memory of what was drawn."""
        return torch.Generator().manual_seed(self.seed * _STRIDE + step)

    def _move(self, loss: Tensor, progress: float) -> None:
        (group,) = self.optimizer.param_groups
        group["lr"] = self.settings.learning_rate * (1 + math.cos(math.pi * progress)) / 2
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        length = torch.nn.utils.get_total_norm([x.grad for x in group["params"] if x.grad is not None])
        if not math.isfinite(float(loss.detach())) or not math.isfinite(float(length)):
            raise NumericalError(
                f"The loss of step {self.n_steps + 1} is {float(loss.detach()):.3g}, its gradient {float(length):.3g}; the "
                f"network stays as it was after step {self.n_steps}. Go on from there with a smaller learning rate than "
                f"{self.settings.learning_rate:g}.",
                stage="learn",
            )
        self.optimizer.step()

    def _state(self, losses: Losses) -> State:
        return State(
            step=self.n_steps,
            progress=min(1.0, self.progress),
            seconds=self.seconds,
            loss=self.loss,
            parts=dict(losses.parts),
            use=losses.use.detach().float().cpu(),
            P=None if losses.P is None else losses.P.detach().float().cpu(),
            label=self.label,
            learned=self.learned,
            checkpoint=self.checkpoint,
        )

    def label(self, image: Tensor) -> Tensor:
        """(height, width) clusters of a picture by the network as it is now."""
        return scores_of(self.learner.net, image, side=self.settings.side).argmax(0).cpu()

    def learned(self) -> Learned:
        """A copy of the network as it is now."""
        net = self.system.make_net(self.k, self.settings)
        net.load_state_dict(self.learner.net.state_dict())
        facts = {
            "steps": self.n_steps,
            "seconds": round(self.seconds, 1),
            "seed": self.seed,
            "loss": self.loss,
            "pictures": len(self.source),
        }
        names = tuple(str(i) for i in range(self.k))
        net.eval().requires_grad_(False).to(self.device)
        return Learned(net, self.system.name, self.k, self.settings, names, facts)

    def checkpoint(self) -> Checkpoint:
        """A copy of all that is needed to go on."""
        return Checkpoint(
            self.identity,
            self.n_steps,
            self.seconds,
            _copied(self.learner.state_dict()),
            _copied(self.optimizer.state_dict()),
        )

    def restore(self, start: Checkpoint) -> None:
        """Go on from a checkpoint.

        Raises:
            InputError: it is of another training.
        """
        mine, given = self.identity, dict(start.identity)
        changed = [name for name in mine if given.get(name) != mine[name]]
        if changed:
            raise InputError(
                f"The checkpoint is of a training with another {' and '.join(changed)}: {given.get(changed[0])!r}, and now "
                f"{mine[changed[0]]!r}. Use the same again, or begin anew.",
                field="resume",
            )
        try:
            self.learner.load_state_dict(start.learner)
            self.optimizer.load_state_dict(_copied(start.optimizer))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:  # as load_state_dict says it
            raise InputError(
                "The checkpoint does not hold what this training needs. Delete it to begin anew.", field="resume"
            ) from error
        self.n_steps, self._seconds_before, self._began = start.step, start.seconds, self._clock()


def _copied(value: Any) -> Any:
    """The same nest of mappings, lists and tensors, with tensors of its own on the CPU."""
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, Mapping):
        return {key: _copied(x) for key, x in value.items()}
    return [_copied(x) for x in value] if isinstance(value, list | tuple) else value
