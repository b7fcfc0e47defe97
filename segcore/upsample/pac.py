"""Pixel-adaptive convolution: a convolution whose weights follow a guide.

    v'_i = Σ_j K(f_i, f_j) W[p_i − p_j] v_j + b,    K(f_i, f_j) = exp(−½ ‖f_i − f_j‖²)

W is one kernel for all places, as in any convolution; K makes it another one at each pixel i, because it lets only those
neighbors j count whose guide f_j is like f_i. The transposed form spreads the values over a finer grid first, zeros between
them, and then follows the guide of the fine grid.

Reference: Su, Jampani, Sun, Gallo, Learned-Miller and Kautz 2019, equations 2 and 3.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError
from segcore.numerics import row_blocks


def pixel_adaptive_convolution(
    x: Tensor,
    guide: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> Tensor:
    """Convolve with weights that the guide adapts at each place.

    Args:
        x: (b, c, h, w) floats.
        guide: (b, g, h, w) floats; f_i is taken as it is, so divide it by how far two guides may be apart.
        weight: (c', c, k, k) floats, k odd, so that a window has a pixel in its middle.
        bias: (c',), or None.
        stride: step of the window in pixels, ≥ 1.
        padding: rows and columns of zeros around x, ≥ 0.
        dilation: distance of neighboring taps in pixels, ≥ 1.

    Returns:
        (b, c', h', w') with h' = ⌊(h + 2 padding − dilation (k − 1) − 1) / stride⌋ + 1, w' likewise; with a constant guide
        what `torch.nn.functional.conv2d` gives.

    Convention:
        As there, the kernel is not turned around: tap (0, 0) meets the upper left pixel of the window. K is not normalized.

    Raises:
        InputError: a shape or type does not fit, k is even, or the window is larger than the padded input.

    Cost: O(b c' c k² h' w'), in blocks of rows of about 64 MB where no gradient is asked for. Differentiable in x, guide,
    weight and bias.

    Reference: Su et al. 2019, equation 3; computed as unfold, times K, times the matrix of the weights.
    """
    _check(x, guide, weight, bias, weight_shape=("c'", "c", "k", "k"))
    columns = weight.flatten(1)  # (c', c·k²)
    out = []
    for taps, window, size in _windows(x, guide, weight.shape[-1], stride, padding, dilation):
        adapted = taps * _kernel(window)[:, None]  # (b, c, k², L)
        out.append((columns @ adapted.flatten(1, 2)).unflatten(-1, size))
    y = torch.cat(out, 2)
    return y if bias is None else y + bias[:, None, None]


def adaptive_kernel(guide: Tensor, *, size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Tensor:
    """K of every window: what `pixel_adaptive_convolution` multiplies the weights with.

    Args:
        guide: (b, g, h, w) floats.
        size: k, odd.
        stride: as there.
        padding: as there; guides outside the picture count as 0, as the values there do.
        dilation: as there.

    Returns:
        (b, k, k, h', w') in [0, 1], 1 in the middle.

    Raises:
        InputError: as there.
    """
    check_tensor("guide", guide, ("b", "g", "h", "w"))
    _check_size(size)
    blocks = [
        _kernel(window).unflatten(-1, shape).unflatten(1, (size, size))
        for _, window, shape in _windows(guide[:, :1], guide, size, stride, padding, dilation)
    ]
    return torch.cat(blocks, 3)


def pixel_adaptive_convolution_transposed(
    x: Tensor,
    guide: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
) -> Tensor:
    """Enlarge by a transposed convolution whose weights the guide of the large picture adapts.

    Args:
        x: (b, c, h, w) floats.
        guide: (b, g, h', w') floats, of the output's size.
        weight: (c, c', k, k) floats, k odd, in the order of `torch.nn.functional.conv_transpose2d`.
        bias: (c',), or None.
        stride: how far apart the values of x are put, ≥ 1.
        padding: rows and columns that are cut off again, from 0 to (k − 1) / 2.
        output_padding: rows and columns added at the lower right, below the stride.

    Returns:
        (b, c', h', w') with h' = (h − 1) stride − 2 padding + k + output_padding, w' likewise; with a constant guide what
        `torch.nn.functional.conv_transpose2d` gives.

    Convention:
        x_j lies at pixel stride · j + (k − 1) / 2 − padding of the output, and f_j is the guide there. The authors' code
        does not turn the taps about, so that its layer is no transposed convolution where the guide is constant: give
        `weight.flip(2, 3)` of weights that were trained with it.

    Raises:
        InputError: a shape or type does not fit; the sentence names the size that the guide must have.

    Cost: that of `pixel_adaptive_convolution` at the output's size. Differentiable.

    Reference: Su et al. 2019, section 4.1.
    """
    check_range("stride", stride, lo=1)
    check_range("output_padding", output_padding, lo=0, hi=stride - 1)
    check_tensor("x", x, ("b", "c", "h", "w"))
    check_tensor("weight", weight, (x.shape[1], "c'", "k", "k"))
    k = weight.shape[-1]
    _check_size(k)
    check_range("padding", padding, lo=0, hi=k // 2)
    size = [(side - 1) * stride - 2 * padding + k + output_padding for side in x.shape[2:]]
    check_tensor("guide", guide, (x.shape[0], "g", *size))
    spread = x.new_zeros(*x.shape[:2], *size)
    start = k // 2 - padding
    rows, columns = (slice(start, start + (side - 1) * stride + 1, stride) for side in x.shape[2:])
    spread[:, :, rows, columns] = x
    turned = weight.flip(2, 3).transpose(0, 1)  # the same taps, as seen from the output
    return pixel_adaptive_convolution(spread, guide, turned, bias, padding=k // 2)


def _windows(
    x: Tensor, guide: Tensor, k: int, stride: int, padding: int, dilation: int
) -> Iterator[tuple[Tensor, Tensor, tuple[int, int]]]:
    """Blocks of rows of the output: taps (b, c, k², L), guides (b, g, k², L), and (rows, columns) with L their product."""
    for name, value, least in (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1)):
        check_range(name, value, lo=least)
    reach = dilation * (k - 1) + 1
    height, width = ((side + 2 * padding - reach) // stride + 1 for side in x.shape[2:])
    if min(height, width) < 1:
        sides = " × ".join(str(side + 2 * padding) for side in x.shape[2:])
        raise InputError(
            f"There is no output: a window of {reach} × {reach} pixels does not fit into {sides}. Raise the padding, or "
            "lower the kernel size or the dilation.",
            field="weight",
        )
    both = F.pad(torch.cat([x, guide], 1), (padding,) * 4)
    values_per_row = both.shape[0] * (2 * x.shape[1] + 2 * guide.shape[1]) * k * k * width
    for block in row_blocks(height, values_per_row * x.element_size()):
        rows = both[:, :, block.start * stride : (block.stop - 1) * stride + reach]
        taps = F.unfold(rows, k, dilation=dilation, stride=stride).unflatten(1, (both.shape[1], k * k))
        yield taps[:, : x.shape[1]], taps[:, x.shape[1] :], (block.stop - block.start, width)


def _kernel(window: Tensor) -> Tensor:
    """K (b, k², L) of the guides (b, g, k², L) of windows, against the guide in their middle."""
    middle = window.shape[2] // 2
    return (window - window[:, :, middle : middle + 1]).square().sum(1).mul(-0.5).exp()


def _check(x: Tensor, guide: Tensor, weight: Tensor, bias: Tensor | None, weight_shape: tuple[str, ...]) -> None:
    check_tensor("x", x, ("b", "c", "h", "w"))
    check_tensor("guide", guide, (x.shape[0], "g", *x.shape[2:]))
    check_tensor("weight", weight, (weight_shape[0], x.shape[1], "k", "k"))
    _check_size(weight.shape[-1])
    if bias is not None:
        check_tensor("bias", bias, (weight.shape[0],))
    for name, tensor in (("guide", guide), ("weight", weight)):
        if tensor.dtype != x.dtype or not x.is_floating_point():
            raise InputError(f"x and {name} must be floats of one type; got {x.dtype} and {tensor.dtype}.", field=name)


def _check_size(k: int) -> None:
    if k < 1 or k % 2 == 0:
        raise InputError(f"The kernel must have a pixel in its middle, so an odd size; got {k}.", field="weight")
