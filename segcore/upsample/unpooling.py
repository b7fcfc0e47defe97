"""Upsampling that puts values back where they may stand, and zeros elsewhere: bed of nails, and max unpooling.

Reference: Badrinarayanan, Kendall and Cipolla 2017 (SegNet), for unpooling with the indices of the pooling.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError


def bed_of_nails(x: Tensor, *, factor: int = 2) -> Tensor:
    """Each value in the upper left corner of its block, zeros in the rest.

    Args:
        x: (b, c, h, w).
        factor: side of a block.

    Returns:
        (b, c, h·factor, w·factor); the transposed convolution with a kernel that is 1 in its first entry.

    Raises:
        InputError: the shape does not fit, or the factor is below 1.
    """
    check_tensor("x", x, ("b", "c", "h", "w"))
    check_range("factor", factor, lo=1)
    b, c, h, w = x.shape
    y = x.new_zeros(b, c, h * factor, w * factor)
    y[:, :, ::factor, ::factor] = x
    return y


@dataclass(frozen=True, eq=False, slots=True)
class Pooled:
    """The maxima of blocks and where they stood."""

    values: Tensor  # (b, c, h, w)
    indices: Tensor  # (b, c, h, w) int64: flat index in the picture before pooling
    size: tuple[int, int]  # of that picture


def max_pool(x: Tensor, *, factor: int = 2) -> Pooled:
    """Pool the maxima of factor × factor blocks and remember where they stood.

    Args:
        x: (b, c, height, width), both sides multiples of the factor.
        factor: side of a block.

    Raises:
        InputError: the shape does not fit.
    """
    check_tensor("x", x, ("b", "c", "height", "width"))
    check_range("factor", factor, lo=1)
    height, width = x.shape[2:]
    if height % factor or width % factor:
        raise InputError(
            f"Both sides must be multiples of the factor {factor}; got {height} × {width}. Crop or pad first.",
            field="factor",
        )
    values, indices = F.max_pool2d(x, factor, return_indices=True)
    return Pooled(values, indices, (height, width))


def max_unpool(x: Tensor, pooled: Pooled) -> Tensor:
    """Put values where the maxima of a pooling stood, and zeros elsewhere.

    Args:
        x: (b, c, h, w): the pooled values themselves, or others of the same shape.
        pooled: whose indices are used; those of another picture put values where this one has nothing.

    Returns:
        (b, c, height, width). Pooling it again gives x back where x ≥ 0.

    Raises:
        InputError: the shapes differ.
    """
    check_tensor("x", x, tuple(pooled.indices.shape))
    b, c = x.shape[:2]
    y = x.new_zeros(b, c, pooled.size[0] * pooled.size[1])
    return y.scatter_(2, pooled.indices.flatten(2), x.flatten(2)).reshape(b, c, *pooled.size)
