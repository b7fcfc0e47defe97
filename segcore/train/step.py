"""One step of gradient descent, which is taken only where loss and gradient are finite."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

from segcore.errors import NumericalError


def nothing() -> None:
    """Do nothing."""


def move(
    optimizer: Optimizer,
    weights: Sequence[Tensor],
    loss: Tensor,
    *,
    step: int,
    stage: str,
    advice: str,
    clip: float = math.inf,
    before: Callable[[], None] = nothing,
) -> float:
    """Take a step down the gradient.

    Args:
        optimizer: over `weights`.
        weights: what learns; some may have no part in the loss.
        loss: (), differentiable.
        step: its number, counted from 1, for the error.
        stage: what is trained, for the error.
        advice: what to do about an error, a sentence.
        clip: longest gradient, over all weights.
        before: called between the gradient and the step; it may take gradients away.

    Returns:
        The loss.

    Raises:
        NumericalError: loss or gradient is no longer finite. The weights stay as they were.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    length = torch.nn.utils.get_total_norm([x.grad for x in weights if x.grad is not None])
    value = float(loss.detach())
    if not math.isfinite(value) or not math.isfinite(float(length)):
        raise NumericalError(
            f"The loss of step {step} is {value:.3g}, its gradient {float(length):.3g}; the network stays as it was after "
            f"step {step - 1}. {advice}",
            stage=stage,
        )
    if math.isfinite(clip):
        torch.nn.utils.clip_grads_with_norm_(weights, clip, length)
    before()
    optimizer.step()
    return value
