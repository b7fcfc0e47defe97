"""Checks at the doors of public functions. Each returns nothing or raises InputError with a whole sentence."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from segcore.errors import InputError, shortened

if TYPE_CHECKING:
    from torch import Tensor


def check_tensor(name: str, x: "Tensor", shape: Sequence[int | str]) -> None:
    """Check that `x` is a tensor of this shape with finite values.

    Args:
        name: what the caller calls it.
        x: the value.
        shape: one entry per axis; an int is exact, a letter is any size, and the same letter twice means the same size.

    Raises:
        InputError: it is no tensor, a size differs, or a value is NaN or infinite.
    """
    from torch import Tensor  # here, so that a command line, which asks for ranges and choices, is quick

    expected = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    if not isinstance(x, Tensor):
        raise InputError(f"{name} must be a torch tensor of shape {expected}; got {type(x).__name__}.", field=name)
    sizes: dict[str, int] = {}
    fits = x.ndim == len(shape) and all(
        size == want if isinstance(want, int) else size == sizes.setdefault(want, size)
        for size, want in zip(x.shape, shape, strict=False)
    )
    if not fits:
        raise InputError(f"{name} must have shape {expected}; got {tuple(x.shape)}.", field=name)
    if x.is_floating_point() and not _is_finite(x):
        raise InputError(f"{name} holds NaN or infinite values; replace them before calling.", field=name)


def _is_finite(x: "Tensor") -> bool:
    # A sum shows what is not finite in one pass; only finite values whose sum is too large have to be looked at one by one.
    return bool(x.detach().sum().isfinite()) or bool(x.isfinite().all())


def check_range(name: str, value: float, *, lo: float | None = None, hi: float | None = None) -> None:
    """Check that lo <= value <= hi; NaN fails. None leaves that side open.

    Raises:
        InputError: the value lies outside.
    """
    if (lo is None or value >= lo) and (hi is None or value <= hi) and value == value:
        return
    rule = (
        f"between {lo} and {hi}"
        if lo is not None and hi is not None
        else f"at least {lo}"
        if hi is None
        else f"at most {hi}"
    )
    raise InputError(f"{name} must be {rule}; got {value}.", field=name)


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Check that `value` is one of `choices`.

    Raises:
        InputError: it is not; the message lists them.
    """
    if value not in choices:
        raise InputError(f"{name} must be one of {', '.join(choices)}; got {shortened(repr(value))}.", field=name)


def check_budget(minutes: float | None, steps: int | None) -> None:
    """Check how long a training shall take: a number of steps, or minutes.

    Raises:
        InputError: neither is given, or the one that counts is not above 0.
    """
    if steps is not None:
        check_range("steps", steps, lo=1)
    elif minutes is None:
        raise InputError("Say how long to train: minutes or steps.", field="minutes")
    elif not 0 < minutes < math.inf:
        raise InputError(f"minutes must be above 0; got {minutes}.", field="minutes")
