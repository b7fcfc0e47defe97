"""Transposed convolution, also called up-convolution: every input broadcasts its kernel into the output, X = Wᵀ X'.

The same numbers come from a convolution of the input with zeros between its pixels and around, with the flipped kernel. How
many inputs reach a pixel is its overlap; along one axis, away from the border, it is the same everywhere exactly where the
stride divides the kernel's size. Where it does not, the output is uneven even for an even input: the checkerboard.

Reference: Odena, Dumoulin and Olah 2016, "Deconvolution and checkerboard artifacts"; Dumoulin and Visin 2016.
"""

import itertools

import torch
from torch import Tensor
from torch.nn import functional as F

from segcore.checks import check_tensor
from segcore.taught.convolution import transposed_size


def transposed_convolution(x: Tensor, weight: Tensor, *, stride: int = 2, padding: int = 0) -> Tensor:
    """Upsample with a transposed convolution, by broadcasting.

    Args:
        x: (b, 1, h, w).
        weight: (kh, kw).
        stride: pixels of the output from one input to the next.
        padding: pixels cut off from each side of the output.

    Returns:
        (b, 1, (h − 1)s − 2p + kh, (w − 1)s − 2p + kw).

    Raises:
        InputError: shapes do not fit, or there is no output.

    Cost: b h w kh kw.
    """
    check_tensor("x", x, ("b", 1, "h", "w"))
    check_tensor("weight", weight, ("kh", "kw"))
    (h, w), (kh, kw) = x.shape[2:], weight.shape
    height = transposed_size(h, kernel=kh, stride=stride, padding=padding)
    width = transposed_size(w, kernel=kw, stride=stride, padding=padding)
    whole = x.new_zeros(len(x), 1, height + 2 * padding, width + 2 * padding)
    for down, right in itertools.product(range(kh), range(kw)):
        rows, columns = (slice(a, a + (n - 1) * stride + 1, stride) for a, n in ((down, h), (right, w)))
        whole[:, :, rows, columns] += weight[down, right] * x
    return whole[:, :, padding : padding + height, padding : padding + width]


def zero_inserted(x: Tensor, *, kernel: tuple[int, int], stride: int = 2, padding: int = 0) -> Tensor:
    """The picture whose convolution with the flipped kernel, at stride 1, is the transposed convolution.

    Args:
        x: (b, 1, h, w).
        kernel: height and width of the kernel.
        stride: of the transposed convolution; stride − 1 zeros stand between pixels.
        padding: of the transposed convolution, at most the kernel's size − 1; what it leaves of k − 1 zeros stands around.

    Raises:
        InputError: shapes do not fit, or there is no output.
    """
    check_tensor("x", x, ("b", 1, "h", "w"))
    h, w = x.shape[2:]
    for n, k in zip((h, w), kernel, strict=True):
        transposed_size(n, kernel=k, stride=stride, padding=padding)
    spread = x.new_zeros(len(x), 1, (h - 1) * stride + 1, (w - 1) * stride + 1)
    spread[:, :, ::stride, ::stride] = x
    top, left = (k - 1 - padding for k in kernel)
    return F.pad(spread, (left, left, top, top))  # negative widths crop


def overlap_counts(size: tuple[int, int], *, kernel: tuple[int, int], stride: int = 2, padding: int = 0) -> Tensor:
    """How many inputs reach each output: the transposed convolution of ones with ones.

    Returns:
        (h', w') int64.
    """
    ones = torch.ones(1, 1, *size, dtype=torch.float64), torch.ones(*kernel, dtype=torch.float64)
    return transposed_convolution(*ones, stride=stride, padding=padding)[0, 0].round().long()


def has_even_overlap(kernel: int, stride: int) -> bool:
    """Whether, away from the border, every output is reached by equally many inputs: the stride divides the kernel."""
    return kernel % stride == 0


def resize_convolution(x: Tensor, weight: Tensor, *, factor: int = 2, mode: str = "nearest") -> Tensor:
    """Upsample by interpolation, then convolve: as many parameters, no checkerboard.

    Args:
        x: (b, 1, h, w).
        weight: (k, k), k odd; the border is replicated so that the size stays.
        factor: of the interpolation.
        mode: "nearest" or "bilinear".

    Returns:
        (b, 1, h·factor, w·factor).

    Raises:
        InputError: shapes do not fit.
    """
    check_tensor("x", x, ("b", 1, "h", "w"))
    check_tensor("weight", weight, ("k", "k"))
    large = F.interpolate(x, scale_factor=factor, mode=mode, **({} if mode == "nearest" else {"align_corners": False}))
    before, after = (len(weight) - 1) // 2, len(weight) // 2
    return F.conv2d(F.pad(large, (before, after, before, after), mode="replicate"), weight[None, None])
