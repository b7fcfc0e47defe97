"""Learning on features that stay as they are: those of whole pictures, computed once and kept in half precision."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Generator, Tensor

from segcore.learn.learner import ClusterLearner
from segcore.learn.pictures import Source
from segcore.nets.patches import OnPatches
from segcore.numerics import spread
from segcore.runtime.stopping import stop_if_asked

_ROWS = 16_384  # at most, of features that are standardized by


class Standardizing(Protocol):
    """A head that subtracts `mean` from features and divides by `std`, (d,) both."""

    mean: Tensor
    std: Tensor


def standardize(head: Standardizing, X: Tensor) -> None:
    """Set mean and spread of the features by a sample X (n, d) of their rows."""
    head.mean.copy_(X.mean(0))
    head.std.copy_(spread(X.std(0)))


class FieldLearner(ClusterLearner):
    """A head on the features of a backbone that does not learn, in training."""

    net: OnPatches
    clip = 1.0

    def __init__(self, net: OnPatches, source: Source, learning_rate: float):
        super().__init__(net, source, learning_rate)
        self._fields: list[Tensor] = []

    @property
    def is_read(self) -> bool:
        """Whether the features are there."""
        return bool(self._fields)

    def read(self) -> None:
        """Compute the features of all pictures."""
        for i in range(len(self.source)):
            stop_if_asked()
            self._fields.append(self.net.field(self.source.whole(i)[0]).half())

    def field(self, number: int) -> Tensor:
        """(h, w, d) float32 features of a picture."""
        return self._fields[number].float()

    def rows(self) -> Tensor:
        """(n, d) float32 features of all pictures: of all patches, or of as many of each as make some thousands in all."""
        each = max(1, _ROWS // len(self._fields))
        return torch.cat([evenly(f.flatten(0, 1), each).float() for f in self._fields])

    def draw(self, n: int, generator: Generator) -> list[int]:
        """Numbers of n pictures whose grids have one size: that of the first that is drawn."""
        return drawn_alike([f.shape for f in self._fields], n, generator)


def evenly(X: Tensor, n: int) -> Tensor:
    """Choose n rows of X, one from the middle of each of n equal parts; all if there are no more."""
    return X if len(X) <= n else X[((torch.arange(n) + 0.5) * len(X) / n).long()]


def drawn_alike(sizes: Sequence[Sequence[int]], n: int, generator: Generator) -> list[int]:
    """Numbers of n pictures of one size, that of the first one that is drawn; the same one may come again.

    Args:
        sizes: of each picture.
        n: how many.
        generator: draws.
    """
    first = sizes[int(torch.randint(len(sizes), (1,), generator=generator))]
    alike = [i for i, size in enumerate(sizes) if size == first]
    return [alike[i] for i in torch.randint(len(alike), (n,), generator=generator).tolist()]
