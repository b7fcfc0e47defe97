"""A training from folders to a file of weights."""

import copy
import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from segcore.checks import check_budget, check_range
from segcore.device import computes_bfloat16, pick_device
from segcore.errors import InputError, NumericalError
from segcore.features.checkpoint import check_out, checkpoint_path, load_checkpoint, save_checkpoint
from segcore.features.digest import digest_of
from segcore.features.pretrain.files import save_weights
from segcore.features.pretrain.kinds import make_code
from segcore.features.pretrain.networks import Network, follow, make_networks, make_optimizer
from segcore.features.pretrain.objective import compute_losses, draw_batch
from segcore.features.pretrain.pictures import PictureStore, load_pictures
from segcore.features.pretrain.recipe import Rates, Recipe
from segcore.features.pretrain.redraw import redraw_objects
from segcore.progress import Bar, make_bar
from segcore.settings import params

MINUTES = 30.0
RANDOM = "random weights"
BATCH = {"cuda": 256, "cpu": 32}
CHECKPOINT_SECONDS = 30.0
_REMEMBERED = 0.98  # of the running mean of the loss, per step
_STRIDE = 1_000_003  # between the random streams of two seeds; more steps than that no training takes


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did."""

    step: int  # counted from 1
    progress: float  # of the training, in [0, 1]
    loss: float
    parts: Mapping[str, float]  # of `Losses`
    pictures_per_second: float  # since this run began


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training left."""

    path: Path
    steps: int
    seconds: float  # of training, over all runs
    loss: float  # running mean
    n_pictures: int
    n_skipped: int
    skipped: tuple[str, ...]  # the first few names of files that were not read
    pictures_per_second: float  # of this run


def pretrain(
    folders: Sequence[Path | str],
    out: Path | str,
    *,
    minutes: float | None = MINUTES,
    steps: int | None = None,
    resume: bool = False,
    seed: int = 0,
    device: str = "auto",
    batch: int | None = None,
    recipe: Recipe | None = None,
    start: Path | str | None = None,
    show_progress: bool = False,
    on_step: Callable[[StepReport], None] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Trained:
    """Train a small vision transformer on pictures without labels.

    Args:
        folders: of pictures, see `load_pictures`.
        out: the weights, a .safetensors file that `load_vit` and timm read. OUT.checkpoint beside it holds the state of an
            unfinished training.
        minutes: how long to train, over all runs; the schedules follow the clock.
        steps: train for so many steps instead. On one CPU the same seed then gives the same weights, however often the
            training was cut off and resumed.
        resume: go on from the checkpoint, if there is one.
        seed: of all random numbers.
        device: "auto", "cpu" or "cuda"; where its hardware multiplies bfloat16, the networks compute in it.
        batch: pictures per step; BATCH of the device if None.
        recipe: sizes, losses and schedules; the defaults if None.
        start: weights of the same sizes to begin with, such as those of an earlier training; random ones if None.
        show_progress: draw a bar with loss and pictures per second on standard error.
        on_step: called after each step; what it raises ends the training there, as an interruption does.
        checkpoint_seconds: time between checkpoints.
        clock: seconds that never go back.

    Returns:
        Where the weights are, and what was done.

    Raises:
        InputError: a folder holds no pictures, a number is out of range, a file cannot be written, the weights to begin
            with do not fit, or the checkpoint is of another training.
        NumericalError: the loss is no longer finite.

    Cost: every step looks at 2 large and `n_small` small crops of each picture; the decoded pictures stay in memory.
    """
    out, recipe, where = Path(out), recipe or Recipe(), pick_device(device)
    batch = BATCH[where.type] if batch is None else batch
    check_range("batch", batch, lo=1)
    check_range("seed", seed, lo=0, hi=params()["seed"].hi)
    check_budget(minutes, steps)
    check_out(out, resume=resume)
    networks = make_networks(recipe, seed=seed, start=None if start is None else Path(start), device=where)
    store = load_pictures([Path(f) for f in folders], seed=seed, show_progress=show_progress).to(where)
    begun = RANDOM if start is None else digest_of(networks[0].net.state_dict())
    run = _Run(
        store, networks, recipe, start=begun, seed=seed, batch=batch, device=where, minutes=minutes, steps=steps, clock=clock
    )
    if resume:
        state = load_checkpoint(out, identity=run.identity)
        try:
            run.restore(state)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:  # as load_state_dict says it
            raise InputError(
                f"{checkpoint_path(out)} does not hold what this training needs. Delete it to begin anew.", field="resume"
            ) from error
    bar = make_bar(total=100, label="training", unit="%", layout=_LAYOUT) if show_progress else None
    try:
        for report in _steps(run, out, checkpoint_seconds=checkpoint_seconds, clock=clock):
            _show(bar, report, run)
            if on_step is not None:
                on_step(report)
    except KeyboardInterrupt:
        if run.whole:
            save_checkpoint(out, run.state())
        raise
    finally:
        if bar is not None:
            bar.close()
    save_weights(out, run.teacher, recipe, facts=run.facts())
    checkpoint_path(out).unlink(missing_ok=True)
    skipped = store.skipped
    return Trained(out, run.n_steps, run.seconds, run.loss, len(store), len(skipped), skipped[:5], run.pictures_per_second)


_LAYOUT = "{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"


def _steps(run: "_Run", out: Path, *, checkpoint_seconds: float, clock: Callable[[], float]) -> Iterator[StepReport]:
    """Step until the training is done, and save it now and then."""
    saved = clock()
    while run.progress < 1:
        report = run.step()
        if clock() - saved >= checkpoint_seconds:
            save_checkpoint(out, run.state())
            saved = clock()
        yield report


def _show(bar: Bar | None, report: StepReport, run: "_Run") -> None:
    if bar is not None:
        bar.set_postfix_str(f"step {report.step}, loss {run.loss:.3f}, {report.pictures_per_second:.1f} pictures/s")
        bar.update(100 * min(1.0, run.progress) - bar.n)


class _Run:
    """The state of a training, and one step of it."""

    def __init__(
        self,
        store: PictureStore,
        networks: tuple[Network, Network],
        recipe: Recipe,
        *,
        start: str,
        seed: int,
        batch: int,
        device: torch.device,
        minutes: float | None,
        steps: int | None,
        clock: Callable[[], float],
    ):
        self.store, self.recipe, self.seed, self.batch, self.device = store, recipe, seed, batch, device
        self._minutes, self._steps, self._clock = math.inf if minutes is None else minutes, steps, clock
        self.student, self.teacher = networks
        self.code = make_code(store, recipe.width)
        self.start = start
        self.optimizer = make_optimizer(self.student)
        self.n_redraws = 0
        self.artist: Mapping[str, torch.Tensor] | None = None  # the teacher as it was when it drew the objects anew
        self.n_steps, self.loss, self._seconds_before, self._seen = 0, math.nan, 0.0, 0
        self.whole = True  # False while a step has moved some of the weights
        self._began = clock()

    @property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint must share with this training."""
        sizes = {name: list(x) if isinstance(x, tuple) else x for name, x in dataclasses.asdict(self.recipe).items()}
        return {
            "seed": self.seed,
            "batch": self.batch,
            "recipe": sizes,
            "start": self.start,
            "pictures": f"{len(self.store)}, {self.store.digest}",
        }

    @property
    def seconds(self) -> float:
        """Seconds of training, over all runs."""
        return self._seconds_before + self._clock() - self._began

    @property
    def progress(self) -> float:
        """How much of the training is done; 1 and more is all of it."""
        return self.n_steps / self._steps if self._steps is not None else self.seconds / (60 * self._minutes)

    @property
    def pictures_per_second(self) -> float:
        """Since this run began."""
        return self._seen / max(1e-9, self._clock() - self._began)

    def step(self) -> StepReport:
        """Draw a batch, compare student and teacher, and move both."""
        progress = self.progress
        if self.n_redraws < self.recipe.drawn(progress):
            self.n_redraws = self.recipe.drawn(progress)
            self._redraw(copy.deepcopy(self.teacher.state_dict()))
        phase, rates = self.recipe.phase(progress, self.batch), self.recipe.rates(progress, self.batch)
        # A generator of its own for each step: a training that is resumed needs no other memory of what was drawn.
        generator = torch.Generator().manual_seed(self.seed * _STRIDE + self.n_steps)
        batch = draw_batch(self.store, self.code, self.recipe, phase, generator=generator, device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=computes_bfloat16(self.device)):
            losses = compute_losses(
                self.student, self.teacher, batch, self.recipe, teacher_temperature=rates.teacher_temperature
            )
        parts = {name: getattr(losses, name) for name in (x.name for x in dataclasses.fields(losses))}
        total = sum(getattr(self.recipe, f"{name}_weight") * part for name, part in parts.items())
        value = float(total.detach())
        if not math.isfinite(value):
            raise NumericalError(
                f"The loss of step {self.n_steps + 1} is {value}. Begin anew with a smaller learning rate.", stage="pretrain"
            )
        self._move(total, rates)
        self._seen += phase.batch
        numbers = {name: float(part.detach()) for name, part in parts.items()}
        return StepReport(self.n_steps, progress, value, numbers, self.pictures_per_second)

    def _redraw(self, artist: Mapping[str, torch.Tensor]) -> None:
        """Let the teacher, in this state, draw the objects of all pictures."""
        self.artist = artist
        network = copy.deepcopy(self.teacher)
        network.load_state_dict(artist)
        self.store = redraw_objects(self.store, network, self.recipe, device=self.device)

    def _move(self, loss: torch.Tensor, rates: Rates) -> None:
        self.optimizer.param_groups[0]["weight_decay"] = rates.weight_decay
        for group in self.optimizer.param_groups:
            group["lr"] = rates.learning_rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), self.recipe.clip)
        if not rates.prototypes_learn:
            self.student.head.prototypes.grad = None
        self.whole = False
        self.optimizer.step()
        follow(self.teacher, self.student, momentum=rates.momentum)
        value = float(loss.detach())
        self.loss = value if math.isnan(self.loss) else _REMEMBERED * self.loss + (1 - _REMEMBERED) * value
        self.n_steps += 1
        self.whole = True

    def state(self) -> dict[str, Any]:
        """All that is needed to go on."""
        return {
            "identity": self.identity,
            "n_steps": self.n_steps,
            "seconds": self.seconds,
            "loss": self.loss,
            "student": self.student.state_dict(),
            "teacher": self.teacher.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "n_redraws": self.n_redraws,
            "artist": self.artist,
        }

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Go on from a state; None begins at the beginning."""
        if state is None:
            return
        self.n_steps, self.loss, self._seconds_before = state["n_steps"], state["loss"], state["seconds"]
        for name in ("student", "teacher", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.n_redraws = state["n_redraws"]
        if state["artist"] is not None:
            self._redraw(state["artist"])
        self._began = self._clock()

    def facts(self) -> dict[str, Any]:
        """What is worth knowing about the weights."""
        return {
            "method": "keys drawn to regions and objects, attention to objects, drawn by cues and then by itself",
            "pictures": len(self.store),
            "steps": self.n_steps,
            "seconds": round(self.seconds),
            "batch": self.batch,
            "seed": self.seed,
            "loss": self.loss,
            "recipe": self.identity["recipe"],
            "start": self.start,
            "device": torch.cuda.get_device_name() if self.device.type == "cuda" else "cpu",
        }
