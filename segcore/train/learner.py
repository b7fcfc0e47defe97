"""What the loop asks of whatever is trained."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer


@dataclass(frozen=True, eq=False, slots=True)
class Turn:
    """What a step may use. Two turns of the same step are the same, so a training that is resumed draws the same."""

    generator: Generator  # on the CPU, seeded by seed and step
    step: int  # counted from 0
    progress: float  # of the training, in [0, 1]; may exceed 1 where less time is given later
    generator_of: Callable[[int], Generator]  # a new one, as that of any step is at its start


@dataclass(frozen=True, eq=False, slots=True)
class Loss:
    """What one turn asks for."""

    total: Tensor  # (): to be made small, differentiable
    parts: Mapping[str, float]  # by name, in the order in which they are shown; entropies in bits


def rate_at(progress: float, learning_rate: float, *, warm: float = 0.0) -> float:
    """The rate of a step: it rises along a line for a share `warm` of the training, and falls along half a cosine."""
    falling = learning_rate * (1 + math.cos(math.pi * progress)) / 2
    return falling * min(1.0, (progress + 1e-3) / warm) if warm else falling


class Learner(nn.Module):
    """Networks in training, and where they take their pixels from, with truth where they need it.

    All that a training must remember is in its `state_dict`; what is no tensor goes in by `get_extra_state`.
    """

    learning_rate: float  # of the first step
    warm: float = 0.0  # share of the training in which the learning rate rises
    clip: float = math.inf  # longest gradient
    advice: str = "Begin anew with a smaller learning rate."  # where the loss is no longer finite

    @property
    def weights(self) -> Sequence[Tensor]:
        """What learns."""
        return [x for x in self.parameters() if x.requires_grad]

    def make_optimizer(self) -> Optimizer:
        """Adam over what learns."""
        return torch.optim.Adam(self.weights, lr=self.learning_rate)

    def set_rates(self, optimizer: Optimizer, progress: float) -> None:
        """Set the numbers of a step: the learning rate, see `rate_at`."""
        for group in optimizer.param_groups:
            group["lr"] = rate_at(progress, self.learning_rate, warm=self.warm)

    def prepare(self, turn: Turn) -> None:
        """Do what a turn needs before it, in full precision, such as a new clustering at the start of an epoch."""

    def losses(self, turn: Turn) -> Loss:
        """Look at some pictures, and say what is to be made small."""
        raise NotImplementedError

    def hold(self, progress: float) -> None:
        """Take gradients away from what shall not move in this step."""

    def follow(self, progress: float) -> None:
        """Do what comes after the weights have moved, such as a running mean of them."""
