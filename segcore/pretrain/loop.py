"""A training from folders to a file of weights."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from segcore.checks import check_range
from segcore.errors import InputError
from segcore.pretrain.files import save_weights
from segcore.pretrain.learner import PretrainLearner
from segcore.pretrain.networks import make_networks
from segcore.pretrain.pictures import load_store
from segcore.pretrain.recipe import Recipe
from segcore.pretrain.settle import BATCH as SETTLE_BATCH
from segcore.pretrain.settle import SettleLearner
from segcore.pretrain.whole import BATCH as WHOLE_BATCH
from segcore.pretrain.whole import WholeLearner
from segcore.runtime.device import pick_device
from segcore.train.budget import Budget
from segcore.train.digest import digest_of
from segcore.train.run import State, train
from segcore.train.seeds import check_seed
from segcore.train.to_file import CHECKPOINT_SECONDS, clear, drive, start_of

MINUTES = 30.0
RANDOM = "random weights"
BATCH = {"cuda": 256, "cpu": 32}
_METHOD = "keys drawn to regions and objects, attention to objects, drawn by cues and then by itself"
_ON_WHOLE = "; the keys of the last block on whole pictures"
_SETTLED = "; tokens drawn together by one block more"


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
    whole: bool = False,
    settle: Path | str | None = None,
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
        batch: pictures per step; BATCH of the device if None, or WHOLE_BATCH of whole pictures.
        recipe: sizes, losses and schedules; the defaults if None.
        start: weights of the same sizes to begin with, such as those of an earlier training; random ones if None.
        whole: let only the keys of the last block of `start` learn, on whole pictures (`segcore.pretrain.whole`).
        settle: weights of the same sizes, such as `start` itself. Tokens of patches that are alike by their keys, color and
            height are drawn together, by one block more than `start` has (`segcore.pretrain.settle`).
        show_progress: draw a bar with loss and pictures per second on standard error.
        on_step: called after each step; what it raises ends the training there, as an interruption does.
        checkpoint_seconds: time between checkpoints.
        clock: seconds that never go back.

    Returns:
        Where the weights are, and what was done.

    Raises:
        InputError: a folder holds no pictures, a number is out of range, a file cannot be written, weights do not fit or
            are missing, or the checkpoint is of another training.
        NumericalError: the loss is no longer finite.

    Cost: every step looks at 2 large and `n_small` small crops of each picture; the decoded pictures stay in memory. With
    `whole` or `settle` the network looks at each picture once, and what it made of it stays in memory, 1 or 2 MB a picture.
    """
    out, recipe, where = Path(out), recipe or Recipe(), pick_device(device)
    if whole and settle is not None:
        raise InputError(
            "Let the keys learn (whole) and the tokens settle (settle) in two trainings, one after the other.",
            field="settle",
        )
    if (whole or settle is not None) and start is None:
        raise InputError(
            "This goes on from given weights; name the weights to begin with by start (--start FILE).", field="start"
        )
    usual = WHOLE_BATCH if whole else BATCH[where.type] if settle is None else SETTLE_BATCH
    batch = usual if batch is None else batch
    check_range("batch", batch, lo=1)
    check_seed(seed)
    budget = Budget(minutes=minutes, steps=steps, clock=clock)
    checkpoint = start_of(out, resume=resume)
    networks = make_networks(recipe, seed=seed, start=None if start is None else Path(start), device=where)
    cues = settle is None
    store = load_store([Path(f) for f in folders], seed=seed, cues=cues, show_progress=show_progress).to(where)
    begun = RANDOM if start is None else digest_of(networks[0].net.state_dict())
    make: Callable[..., PretrainLearner] = WholeLearner if whole else PretrainLearner
    alike = ""
    if settle is not None:
        other = make_networks(recipe, seed=seed, start=Path(settle), device=where)[1]
        make, alike = (
            partial(SettleLearner, keys_of=lambda pixels: other.look(other.stem(pixels))[0][0]),
            digest_of(other.net.state_dict()),
        )
    learner = make(store, networks, recipe, batch=batch, device=where)
    identity = {
        "seed": seed,
        "batch": batch,
        "start": begun,
        "whole": whole,
        "settle": alike,
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
        "method": _METHOD + (_ON_WHOLE if whole else _SETTLED if alike else ""),
        "pictures": len(store),
        "steps": budget.step,
        "seconds": round(budget.seconds),
        "batch": batch,
        "seed": seed,
        "loss": learner.loss,
        "recipe": _plain(learner.recipe),
        "start": begun,
        "device": torch.cuda.get_device_name() if where.type == "cuda" else "cpu",
    }
    save_weights(out, learner.teacher, learner.recipe, facts=facts)
    clear(out)
    skipped = store.skipped
    return Pretrained(out, budget.step, budget.seconds, learner.loss, len(store), len(skipped), skipped[:5], speed())


def _plain(recipe: Recipe) -> dict[str, Any]:
    """The recipe as JSON holds it."""
    return {name: list(x) if isinstance(x, tuple) else x for name, x in dataclasses.asdict(recipe).items()}
