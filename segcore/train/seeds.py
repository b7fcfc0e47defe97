"""Random numbers that can be drawn again: a stream for each step or picture, and first weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Generator

from segcore.checks import check_range
from segcore.settings import params

_STRIDE = 1_000_003  # between the streams of two seeds; more steps, rounds or pictures than that there never are


def check_seed(seed: int) -> None:
    """Raise InputError where a seed is below 0, or above what a setting may be."""
    check_range("seed", seed, lo=0, hi=params()["seed"].hi)


def stream(seed: int, i: int) -> Generator:
    """A generator of its own, on the CPU, for step, round or picture i: what goes on needs no memory of what was drawn."""
    return Generator().manual_seed(seed * _STRIDE + i)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from torch's global generator, as first weights are, as if it began at this seed; after, it is as before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
