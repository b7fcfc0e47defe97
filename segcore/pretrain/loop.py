"""A training from folders to a file of weights."""

import copy
import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from segcore.checks import check_range
from segcore.errors import InputError
from segcore.image import read_image
from segcore.pretrain.files import save_weights
from segcore.pretrain.kinds import make_code
from segcore.pretrain.networks import Network, follow, make_networks, make_optimizer
from segcore.pretrain.objective import Batch, compute_losses, draw_batch
from segcore.pretrain.pictures import PictureStore, find_sources, load_store
from segcore.pretrain.recipe import Rates, Recipe
from segcore.pretrain.redraw import redraw_objects
from segcore.pretrain.settle import entering, settled
from segcore.runtime.device import pick_device
from segcore.train.budget import Budget
from segcore.train.digest import digest_of
from segcore.train.learner import Learner, Loss, Turn
from segcore.train.run import State, train
from segcore.train.seeds import check_seed
from segcore.train.to_file import CHECKPOINT_SECONDS, clear, drive, start_of

MINUTES = 30.0
SETTLED_ON = 100  # pictures, of a thousand patches each, for a map of 192 channels
RANDOM = "random weights"
BATCH = {"cuda": 256, "cpu": 32}
_REMEMBERED = 0.98  # of the running mean of the loss, per step


@dataclass(frozen=True, slots=True)
class Pretrained:
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
    on_step: Callable[[State], None] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Pretrained:
    """Train a small vision transformer on pictures without labels.

    Args:
        folders: of pictures, see `load_store`.
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
    check_seed(seed)
    budget = Budget(minutes=minutes, steps=steps, clock=clock)
    checkpoint = start_of(out, resume=resume)
    networks = make_networks(recipe, seed=seed, start=None if start is None else Path(start), device=where)
    store = load_store([Path(f) for f in folders], seed=seed, show_progress=show_progress).to(where)
    learner = PretrainLearner(store, networks, recipe, batch=batch, device=where)
    identity = {
        "seed": seed,
        "batch": batch,
        "start": RANDOM if start is None else digest_of(networks[0].net.state_dict()),
        "pictures": f"{len(store)}, {store.digest}",
        **_plain(recipe),
    }
    how: dict[str, Any] = {"budget": budget, "seed": seed, "device": where, "identity": identity, "stage": "pretrain"}
    before = 0.0 if checkpoint is None else checkpoint.seconds

    def speed() -> float:
        return learner.n_seen / max(1e-9, budget.seconds - before)

    drive(
        train(learner, start=checkpoint, **how),
        out,
        clock=clock,
        label="training" if show_progress else "",
        told=lambda state: f"step {state.step}, loss {learner.loss:.3f}, {speed():.1f} pictures/s",
        on_state=on_step,
        checkpoint_seconds=checkpoint_seconds,
    )
    facts = {
        "method": "keys drawn to regions and objects, attention to objects, drawn by cues and then by itself",
        "pictures": len(store),
        "steps": budget.step,
        "seconds": round(budget.seconds),
        "batch": batch,
        "seed": seed,
        "loss": learner.loss,
        "recipe": _plain(recipe),
        "start": identity["start"],
        "device": torch.cuda.get_device_name() if where.type == "cuda" else "cpu",
    }
    save_weights(out, learner.teacher, recipe, facts=facts)
    clear(out)
    skipped = store.skipped
    return Pretrained(out, budget.step, budget.seconds, learner.loss, len(store), len(skipped), skipped[:5], speed())


def settle(
    folders: Sequence[Path | str],
    out: Path | str,
    *,
    start: Path | str,
    seed: int = 0,
    device: str = "auto",
    recipe: Recipe | None = None,
    max_side: int = 256,
    most: int = SETTLED_ON,
) -> tuple[Path, int]:
    """Put a step of mean shift before the last block of some weights (`segcore.pretrain.settle`); nothing is trained.

    Args:
        folders: of pictures, see `load_store`.
        out: a .safetensors file that `load_vit` and timm read.
        start: the weights to begin with.
        seed: of the order from which pictures are taken.
        device: "auto", "cpu" or "cuda".
        recipe: sizes of the weights to begin with; the defaults if None.
        max_side: longer side of the pictures.
        most: so many pictures are looked at, at most.

    Returns:
        Where the weights are, and how many pictures were looked at.

    Raises:
        InputError: a folder holds no pictures, a number is out of range, a file cannot be written, or the weights to begin
            with do not fit.

    Cost: each picture is seen once by all blocks, and kept as the last block is given it: 1.6 MB at 256 px.
    """
    out, where, recipe = Path(out), pick_device(device), recipe or Recipe()
    check_seed(seed)
    check_range("most", most, lo=1)
    begun, _ = make_networks(recipe, seed=seed, start=Path(start), device=where)
    seen: list[Tensor] = []
    for source in find_sources([Path(f) for f in folders], seed=seed):
        with suppress(InputError):  # not a picture
            seen.append(entering(begun, read_image(source.read()), max_side=max_side, patch=recipe.patch))
        if len(seen) == most:
            break
    if not seen:
        raise InputError("None of the files is a picture that can be read.", field="folders")
    facts = {
        "method": "a block of mean shift on keys put before the last block, by least squares",
        "pictures": len(seen),
        "max_side": max_side,
        "seed": seed,
        "start": digest_of(begun.net.state_dict()),
    }
    save_weights(out, settled(begun, recipe, seen), dataclasses.replace(recipe, depth=recipe.depth + 1), facts=facts)
    return out, len(seen)


def _plain(recipe: Recipe) -> dict[str, Any]:
    """The recipe as JSON holds it."""
    return {name: list(x) if isinstance(x, tuple) else x for name, x in dataclasses.asdict(recipe).items()}


class PretrainLearner(Learner):
    """Student and teacher in training, and the pictures, whose objects the teacher draws anew when it is time."""

    def __init__(
        self,
        store: PictureStore,
        networks: tuple[Network, Network],
        recipe: Recipe,
        *,
        batch: int,
        device: torch.device,
    ):
        super().__init__()
        self.student, self.teacher = networks
        self.store, self.recipe, self.batch, self.device = store, recipe, batch, device
        self.clip, self.code = recipe.clip, make_code(store, recipe.width)
        self.n_redraws, self.n_seen, self.loss = 0, 0, math.nan  # pictures of this run; running mean
        self.artist: Mapping[str, torch.Tensor] | None = None  # the teacher as it was when it drew the objects anew
        self._batch: Batch | None = None
        self._now = math.nan  # loss of the step

    def get_extra_state(self) -> dict[str, Any]:
        """What a checkpoint holds beside the weights."""
        return {"n_redraws": self.n_redraws, "artist": self.artist, "loss": self.loss}

    def set_extra_state(self, state: Mapping[str, Any]) -> None:
        """Go on from such a state; objects that were drawn anew are drawn again."""
        self.n_redraws, self.loss = state["n_redraws"], state["loss"]
        if state["artist"] is not None:
            self._redraw(state["artist"])

    def make_optimizer(self) -> Optimizer:
        """Weights that decay, and weights that do not."""
        return make_optimizer(self.student)

    def set_rates(self, optimizer: Optimizer, progress: float) -> None:
        """As the recipe says."""
        rates = self._rates(progress)
        optimizer.param_groups[0]["weight_decay"] = rates.weight_decay
        for group in optimizer.param_groups:
            group["lr"] = rates.learning_rate

    def prepare(self, turn: Turn) -> None:
        """Draw the objects anew where it is time, and the crops of the step."""
        if self.n_redraws < self.recipe.drawn(turn.progress):
            self.n_redraws = self.recipe.drawn(turn.progress)
            self._redraw(copy.deepcopy(self.teacher.state_dict()))
        phase = self.recipe.phase(turn.progress, self.batch)
        self._batch = draw_batch(self.store, self.code, self.recipe, phase, generator=turn.generator, device=self.device)
        self.n_seen += phase.batch

    def losses(self, turn: Turn) -> Loss:
        """Compare student and teacher on the crops of the step."""
        assert self._batch is not None  # noqa: S101 - prepared
        temperature = self._rates(turn.progress).teacher_temperature
        found = compute_losses(self.student, self.teacher, self._batch, self.recipe, teacher_temperature=temperature)
        parts = {x.name: getattr(found, x.name) for x in dataclasses.fields(found)}
        total = sum(getattr(self.recipe, f"{name}_weight") * part for name, part in parts.items())
        self._now = float(total.detach())
        return Loss(total, {name: float(part.detach()) for name, part in parts.items()})

    def hold(self, progress: float) -> None:
        """Prototypes stay as they began for a while."""
        if not self._rates(progress).prototypes_learn:
            self.student.head.prototypes.grad = None

    def follow(self, progress: float) -> None:
        """Move the teacher towards the student."""
        follow(self.teacher, self.student, momentum=self._rates(progress).momentum)
        self.loss = self._now if math.isnan(self.loss) else _REMEMBERED * self.loss + (1 - _REMEMBERED) * self._now

    def _rates(self, progress: float) -> Rates:
        return self.recipe.rates(progress, self.batch)

    def _redraw(self, artist: Mapping[str, torch.Tensor]) -> None:
        """Let the teacher, in this state, draw the objects of all pictures."""
        self.artist = artist
        network = copy.deepcopy(self.teacher)
        network.load_state_dict(artist)
        self.store = redraw_objects(self.store, network, self.recipe, device=self.device)
