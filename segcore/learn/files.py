"""A training from a folder, or a drawn collection, to a file: with a bar, checkpoints and a score in the end."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcore.errors import InputError, NumericalError
from segcore.learn.catalog import LearnSettings
from segcore.learn.learned import Learned, save_learned
from segcore.learn.score import ClassScores, score_classes
from segcore.learn.training import train
from segcore.learn.types import Checkpoint, State
from segcore.runtime.progress import Bar, make_bar
from segcore.train.checkpoint import check_out, checkpoint_path, load_checkpoint, save_checkpoint
from segcore.types import Pictures

MINUTES = 10.0
CHECKPOINT_SECONDS = 30.0
_LAYOUT = "{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"


@dataclass(frozen=True, eq=False, slots=True)
class Finished:
    """What a training left."""

    path: Path
    learned: Learned
    scores: ClassScores | None  # on the pictures that were learned from, where there is truth


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
    on_state: Callable[[State], None] | None = None,
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
        InputError: as of `train`; or a file cannot be written, or the checkpoint is damaged or of another training.
        NumericalError: the loss is no longer finite; the checkpoint holds the last good step.
    """
    out = Path(out)
    check_out(out, resume=resume)
    start = _read(out) if resume else None
    states = train(
        system, pictures, n_segments=n_segments, settings=settings, minutes=minutes, steps=steps, seed=seed, device=device,
        start=start, clock=clock,
    )  # fmt: skip
    state, saved = None, clock()
    bar = make_bar(total=100, label="learning", unit="%", layout=_LAYOUT) if show_progress else None
    try:
        for state in states:
            _show(bar, state)
            if on_state is not None:
                on_state(state)
            if clock() - saved >= checkpoint_seconds:
                _write(out, state)
                saved = clock()
    except (KeyboardInterrupt, NumericalError):
        if state is not None:
            _write(out, state)
        raise
    finally:
        if bar is not None:
            bar.close()
    if state is None:
        raise InputError("The training was over before its first step. Give it more minutes or steps.", field="minutes")
    learned, scores = _named(state.learned(), pictures)
    save_learned(learned, out)
    checkpoint_path(out).unlink(missing_ok=True)
    return Finished(out, learned, scores)


def _named(learned: Learned, pictures: Pictures) -> tuple[Learned, ClassScores | None]:
    if not pictures.truth:
        return learned, None
    scores = score_classes(learned.label, pictures, n_segments=learned.n_segments)
    return learned.named(scores.names(pictures.classes)), scores


def _show(bar: Bar | None, state: State) -> None:
    if bar is not None:
        bar.set_postfix_str(f"step {state.step}, loss {state.loss:.3f}")
        bar.update(100 * state.progress - bar.n)


def _write(out: Path, state: State) -> None:
    checkpoint = state.checkpoint()
    save_checkpoint(out, {f.name: getattr(checkpoint, f.name) for f in dataclasses.fields(checkpoint)})


def _read(out: Path) -> Checkpoint | None:
    content: dict[str, Any] | None = load_checkpoint(out, identity={})
    if content is None:
        return None
    try:
        return Checkpoint(**{f.name: content[f.name] for f in dataclasses.fields(Checkpoint)})
    except KeyError as error:
        raise InputError(
            f"{checkpoint_path(out)} is of another kind of training. Delete it to begin anew.", field="resume"
        ) from error
