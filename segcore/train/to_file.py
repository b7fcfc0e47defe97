"""A training on its way to a file: a bar, checkpoints beside the file now and then, and one where it is interrupted."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from segcore.errors import NumericalError
from segcore.runtime.progress import make_bar
from segcore.train.checkpoint import Checkpoint, check_out, checkpoint_path, load_checkpoint, save_checkpoint
from segcore.train.run import State

CHECKPOINT_SECONDS = 30.0
_LAYOUT = "{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"

S = TypeVar("S", bound=State)


def start_of(out: Path, *, resume: bool) -> Checkpoint | None:
    """Where a training to this file begins: at its checkpoint, if that is asked for and there.

    Raises:
        InputError: the file cannot be written, a checkpoint would be lost, or it cannot be read (`check_out`,
            `load_checkpoint`).
    """
    check_out(out, resume=resume)
    return load_checkpoint(out) if resume else None


def drive(
    states: Iterator[S],
    out: Path,
    *,
    clock: Callable[[], float] = time.monotonic,
    label: str = "",
    told: Callable[[S], str] = lambda state: f"step {state.step}, loss {state.loss:.3f}",
    on_state: Callable[[S], None] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> S | None:
    """Run a training to its end; its checkpoint goes when what it learned is written (`clear`).

    Args:
        states: of `train`, or made of them.
        out: the file. OUT.checkpoint beside it holds an unfinished training; it is also what is left where the training is
            interrupted, or its loss is no longer finite.
        clock: seconds that never go back, as of the training.
        label: of a bar on standard error; none is drawn without.
        told: what stands beside the bar.
        on_state: called after each step; what it raises ends the training there, as an interruption does.
        checkpoint_seconds: time between checkpoints.

    Returns:
        The last state; None where the budget was used up before the first step.

    Raises:
        InputError: as of `train`, or a checkpoint cannot be written.
        NumericalError: the loss is no longer finite; the checkpoint holds the last good step.
    """
    state, saved = None, clock()
    bar = make_bar(total=100, label=label, unit="%", layout=_LAYOUT) if label else None
    try:
        for state in states:
            if bar is not None:
                bar.set_postfix_str(told(state))
                bar.update(100 * state.progress - bar.n)
            if clock() - saved >= checkpoint_seconds:
                save_checkpoint(out, state.checkpoint())
                saved = clock()
            if on_state is not None:
                on_state(state)
    except (KeyboardInterrupt, NumericalError):
        if state is not None and state.is_whole():
            save_checkpoint(out, state.checkpoint())
        raise
    finally:
        if bar is not None:
            bar.close()
    return state


def clear(out: Path) -> None:
    """Remove the checkpoint of a training whose file is written."""
    checkpoint_path(out).unlink(missing_ok=True)
