"""What flows through a training: settings, pictures, a turn, its losses, the state after it, and what was learned."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Generator, Tensor, nn

from segcore.learn.catalog import Card


class Net(nn.Module):
    """A network that labels pixels: what a training leaves.

    Pixels are (b, 3, height, width) float32 RGB in [0, 1], of any size.
    """

    stride: int  # side of a cell of `features`, in pixels

    def features(self, pixels: Tensor) -> Tensor:
        """(b, d, ⌈height / stride⌉, ⌈width / stride⌉): what the clusters are made of."""
        raise NotImplementedError

    def scores(self, pixels: Tensor) -> Tensor:
        """(b, K, h, w) with any h and w: probabilities of the clusters at each place; the largest one labels it."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, slots=True)
class Losses:
    """What one turn asks for."""

    total: Tensor  # (): to be made small, differentiable
    parts: Mapping[str, float]  # by name, in the order in which they are shown; entropies in bits
    use: Tensor  # (K,) share of the turn's pixels that each cluster has, sums to 1
    P: Tensor | None = None  # (K, K) joint table of the labels of the two views, sums to 1; None where the system has none


class Crops(Protocol):
    """Where a turn takes its pixels from: the pictures of the training, scaled to `side`."""

    device: torch.device

    def __len__(self) -> int:
        """Number of pictures."""

    def draw(self, n: int, px: int, generator: Generator) -> Tensor:
        """(n, 3, px, px) float32 in [0, 1]: squares at random places of random pictures."""

    def whole(self, number: int) -> Tensor:
        """(1, 3, height, width) float32 in [0, 1]: one picture."""


@dataclass(frozen=True, eq=False, slots=True)
class Turn:
    """What a step may use. Two turns of the same step are the same, so a training that is resumed draws the same."""

    crops: Crops
    generator: Generator  # on the CPU, seeded by seed and step
    step: int  # counted from 0
    progress: float  # of the training, in [0, 1]; may exceed 1 where less time is given later
    generator_of: Callable[[int], Generator]  # a new one, as that of any step is at its start


class Learner(nn.Module):
    """A network in training. All that a training must remember is in its `state_dict`."""

    net: Net

    def prepare(self, turn: Turn) -> None:
        """Do what a turn needs before it, such as a new clustering at the start of an epoch."""

    def losses(self, turn: Turn) -> Losses:
        """Look at some pictures, and say what is to be made small."""
        raise NotImplementedError

    def follow(self, progress: float) -> None:
        """Do what comes after the weights have moved, such as a running mean of them."""


@dataclass(frozen=True, slots=True)
class System:
    """An entry of the registry: what the catalog says of a system, and how it is made."""

    card: Card
    make_net: Callable[[int, Any], Net]  # K and the settings → a network with random weights
    make_learner: Callable[[Net, int, Any, Crops], Learner]  # network, K, settings, pictures → its training

    @property
    def name(self) -> str:
        """Its key."""
        return self.card.name


@dataclass(frozen=True, eq=False, slots=True)
class Checkpoint:
    """A training that can go on, in memory; copies, so nothing changes it."""

    identity: Mapping[str, Any]  # what must be the same for it to go on: system, K, settings, seed, pictures
    step: int
    seconds: float
    learner: Mapping[str, Any]
    optimizer: Mapping[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class State:
    """A training after one step.

    The numbers stay what they are. The three functions look at the network as it is when they are called, so call them
    before the next state is asked for; after the last state, or after a stop, they go on to work.
    """

    step: int  # counted from 1
    progress: float  # in [0, 1]
    seconds: float  # of training, over all runs
    loss: float
    parts: Mapping[str, float]  # of `Losses`
    use: Tensor  # (K,) float32 on the CPU
    P: Tensor | None  # (K, K) float32 on the CPU
    label: Callable[[Tensor], Tensor]  # a picture (height, width, 3) uint8 → (height, width) int64 clusters, on the CPU
    learned: Callable[[], Any]  # → `Learned`, a copy of the network that can be saved
    checkpoint: Callable[[], Checkpoint]  # → what `train(…, start=…)` goes on from
