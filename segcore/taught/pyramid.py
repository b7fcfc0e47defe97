"""Atrous spatial pyramid pooling: the same kernel at several dilations, side by side on one map.

Reference: Chen et al. 2017, "Rethinking atrous convolution for semantic image segmentation" (DeepLabv3); its figure 4 shows
why large rates fail: on a small map most entries of the kernel fall on the padding.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError
from segcore.taught.convolution import convolve, reach, taps


@dataclass(frozen=True, eq=False, slots=True)
class Branch:
    """One dilation of the pyramid."""

    rate: int  # dilation
    field: int  # receptive field along one axis, d (k − 1) + 1
    taps: Tensor  # (h·w, k²) int64, −1 on the padding; see `convolution.taps`
    inside: Tensor  # (h, w) int64: entries of the kernel that fall on the map
    full: float  # share of the positions at which all entries do, in [0, 1]
    output: Tensor  # (h, w)


@dataclass(frozen=True, eq=False, slots=True)
class AtrousPyramid:
    """All branches, and their mean."""

    branches: tuple[Branch, ...]
    fused: Tensor  # (h, w) mean of the outputs: a 1 × 1 convolution over the branches with equal weights


def atrous_pyramid(x: Tensor, weight: Tensor, *, rates: Sequence[int]) -> AtrousPyramid:
    """Convolve one map with one kernel at several dilations; the padding keeps the size.

    Args:
        x: (h, w).
        weight: (k, k), k odd.
        rates: dilations ≥ 1, at least one.

    Raises:
        InputError: shapes do not fit, k is even, or there is no rate.

    Cost: h w k² numbers per rate.
    """
    check_tensor("x", x, ("h", "w"))
    check_tensor("weight", weight, ("k", "k"))
    k = len(weight)
    if k % 2 == 0:
        raise InputError(f"The kernel of a pyramid needs a middle: its size must be odd; got {k} × {k}.", field="weight")
    if not rates:
        raise InputError("A pyramid needs at least one rate; got none.", field="rates")
    branches = tuple(_branch(x, weight, rate) for rate in rates)
    return AtrousPyramid(branches, torch.stack([b.output for b in branches]).mean(0))


def taps_inside(size: tuple[int, int], *, kernel: int, rate: int) -> Tensor:
    """How many taps of a dilated kernel fall on the map at each place.

    Args:
        size: height and width of the map.
        kernel: k, odd.
        rate: dilation.

    Returns:
        (h, w) int64, 1 … k²; the padding keeps the size.
    """
    counts = []
    for n in size:
        at = torch.arange(n)[:, None] + rate * (torch.arange(kernel) - kernel // 2)
        counts.append(((at >= 0) & (at < n)).sum(1))
    return torch.outer(*counts)


def _branch(x: Tensor, weight: Tensor, rate: int) -> Branch:
    check_range("rate", rate, lo=1)
    k, padding = len(weight), rate * (len(weight) - 1) // 2
    index, size = taps((x.shape[0], x.shape[1]), kernel=(k, k), padding=padding, dilation=rate)
    inside = taps_inside(size, kernel=k, rate=rate)
    output = convolve(x[None], weight[None, None], padding=padding, dilation=rate)[0]
    return Branch(rate, reach(k, rate), index, inside, float((inside == k * k).double().mean()), output)
