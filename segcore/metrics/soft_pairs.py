"""Soft clusterings of pairs with two knobs, at whose ends stand both degenerate ones: all in one, and all undecided."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_range
from segcore.metrics.information import Information, mutual_information


@dataclass(frozen=True, slots=True)
class SoftPairs:
    """A family of clusterings.

    A point belongs to cluster 0 with probability 1 − b + b / k and to each other one with b / k. Its partner belongs to the
    same cluster with probability a, else to one drawn like the first. The soft label of a point of cluster c is
    s [c] + (1 − s) / k.
    """

    k: int  # clusters
    sharpness: float  # s in [0, 1]; 0 is undecided, 1 is hard
    balance: float  # b in [0, 1]; 0 is all in one cluster, 1 is equal sizes
    agreement: float  # a in [0, 1]

    @property
    def sizes(self) -> Tensor:
        """(k,) float64: probability of each cluster."""
        sizes = torch.full((self.k,), self.balance / self.k, dtype=torch.float64)
        sizes[0] += 1 - self.balance
        return sizes

    def soft(self, labels: Tensor) -> Tensor:
        """(n, k): the soft labels of points of these clusters (n,)."""
        hard = torch.nn.functional.one_hot(labels, self.k).double()
        return self.sharpness * hard + (1 - self.sharpness) / self.k


def information_of_pairs(pairs: SoftPairs) -> Information:
    """I(z, z') of the joint table P = E[z zᵀ'], in expectation over the clusters of the pairs; nothing is drawn.

    Raises:
        InputError: k is below 2 or another value outside [0, 1].
    """
    _check(pairs)
    p = pairs.sizes
    clusters = pairs.agreement * p.diag() + (1 - pairs.agreement) * torch.outer(p, p)
    M = pairs.soft(torch.arange(pairs.k))  # (k, k) soft label by cluster
    return mutual_information((M.T @ clusters @ M).numpy())


def draw_pairs(pairs: SoftPairs, *, n: int, aside: float, generator: torch.Generator) -> tuple[Tensor, Sequence[int]]:
    """Draw points of such a clustering, moved a little aside.

    Args:
        pairs: the family.
        n: points, rounded up to an even number; point 2 i is paired with 2 i + 1.
        aside: share of random soft labels mixed in, the same for both of a pair, so that a degenerate clustering is left.
        generator: of the random numbers.

    Returns:
        z (n, k), and the number of each point's partner.

    Raises:
        InputError: as of `information_of_pairs`, or `aside` outside [0, 1].
    """
    _check(pairs)
    check_range("aside", aside, lo=0, hi=1)
    half = (n + 1) // 2
    first, other = (torch.multinomial(pairs.sizes, half, replacement=True, generator=generator) for _ in range(2))
    same = torch.rand(half, generator=generator) < pairs.agreement
    labels = torch.stack([first, torch.where(same, first, other)], 1).flatten()
    noise = torch.rand(half, pairs.k, generator=generator, dtype=torch.float64) ** 4
    noise = (noise / noise.sum(1, keepdim=True)).repeat_interleave(2, 0)
    z = (1 - aside) * pairs.soft(labels) + aside * noise
    return z, [i ^ 1 for i in range(2 * half)]


def _check(pairs: SoftPairs) -> None:
    check_range("k", pairs.k, lo=2)
    for name in ("sharpness", "balance", "agreement"):
        check_range(name, getattr(pairs, name), lo=0, hi=1)
