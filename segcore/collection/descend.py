"""The training of a system on a collection, step by step: what all have in common but what they ask for."""

import math
from collections.abc import Callable, Mapping

from torch import Tensor
from torch.optim import Optimizer

from segcore.runtime.steps import Progress, Steps
from segcore.runtime.stopping import stop_if_asked
from segcore.train.step import move

Curves = dict[str, tuple[float, ...]]
Rate = Callable[[float, float], float]
"""Share of the training that is done, first learning rate → the rate of the step."""


def steady(_progress: float, learning_rate: float) -> float:
    """The same rate in all steps."""
    return learning_rate


def falling(progress: float, learning_rate: float) -> float:
    """A rate that falls to 0 along a line."""
    return learning_rate * (1 - progress)


def descend(
    optimizer: Optimizer,
    ask: Callable[[int], tuple[Tensor, Mapping[str, float]]],
    *,
    steps: int,
    stage: str,
    title: str = "training",
    rate: Rate = falling,
    clip: float = math.inf,
    follow: Callable[[float], None] | None = None,
) -> Steps[Progress, Curves]:
    """Train.

    Args:
        optimizer: over what learns, with its first learning rate.
        ask: number of the step, from 0 → a loss () to be made small, and what else there is to be shown of it, by name.
        steps: how many.
        stage: what is trained, for an error.
        title: of the progress.
        rate: of each step.
        clip: longest gradient.
        follow: called after each step with the share of the training that was done before it.

    Yields:
        Progress after every step, with the loss and what else is shown.

    Returns:
        The loss and what else is shown, step by step.

    Raises:
        NumericalError: the loss is no longer finite.
    """
    groups = optimizer.param_groups
    first = [group["lr"] for group in groups]
    weights = [x for group in groups for x in group["params"]]
    advice = f"Use a smaller learning rate than {first[0]:g}."
    curves: dict[str, list[float]] = {}
    for step in range(steps):
        stop_if_asked()
        done = step / steps
        for group, learning_rate in zip(groups, first, strict=True):
            group["lr"] = rate(done, learning_rate)
        loss, shown = ask(step)
        values = {"loss": move(optimizer, weights, loss, step=step + 1, stage=stage, advice=advice, clip=clip), **shown}
        if follow is not None:
            follow(done)
        for name, value in values.items():
            curves.setdefault(name, []).append(value)
        yield Progress(title, step + 1, steps, "steps", curves=values)
    return {name: tuple(each) for name, each in curves.items()}
