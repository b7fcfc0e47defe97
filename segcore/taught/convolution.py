"""A convolution taken apart: its windows, its columns, its matrix.

With n the input's size, k the kernel's, s the stride, p the padding on each side and d the dilation, along one axis:

    o = ⌊(n + 2p − d(k − 1) − 1) / s⌋ + 1            window i reads i s − p, i s − p + d, …, i s − p + d (k − 1)

"Convolution" means what networks mean by it: the kernel is not flipped.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError


def reach(kernel: int, dilation: int = 1) -> int:
    """How many pixels a dilated kernel spans along one axis: d (k − 1) + 1."""
    return dilation * (kernel - 1) + 1


def output_size(n: int, *, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Size of the output along one axis: ⌊(n + 2p − d(k − 1) − 1) / s⌋ + 1, at least 1.

    Raises:
        InputError: a size is below 1, the padding is negative, or the kernel spans more than the padded input.
    """
    check_layer(kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    check_range("n", n, lo=1)
    spans = reach(kernel, dilation)
    if n + 2 * padding < spans:
        raise InputError(
            f"There is no output: the kernel spans {spans}, and input and padding together are {n} + {2 * padding} = "
            f"{n + 2 * padding} wide. Use a smaller kernel or dilation, or more padding.",
            field="kernel",
        )
    return (n + 2 * padding - spans) // stride + 1


def transposed_size(
    n: int, *, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, output_padding: int = 0
) -> int:
    """Size of the output of a transposed convolution along one axis: (n − 1)s − 2p + d(k − 1) + 1 + output_padding.

    Raises:
        InputError: as of `output_size`, or nothing is left after the padding is cut off.
    """
    check_layer(kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    check_range("n", n, lo=1)
    size = (n - 1) * stride - 2 * padding + reach(kernel, dilation) + output_padding
    if size < 1:
        raise InputError(
            f"There is no output: ({n} − 1)·{stride} − 2·{padding} + {reach(kernel, dilation)} + {output_padding} = {size}. "
            "Use less padding or a larger kernel.",
            field="padding",
        )
    return size


def check_layer(*, kernel: int, stride: int, padding: int, dilation: int) -> None:
    """Raise InputError unless these numbers describe a layer."""
    for name, value in (("kernel", kernel), ("stride", stride), ("dilation", dilation)):
        check_range(name, value, lo=1)
    check_range("padding", padding, lo=0)


def taps(
    size: tuple[int, int], *, kernel: tuple[int, int], stride: int = 1, padding: int = 0, dilation: int = 1
) -> tuple[Tensor, tuple[int, int]]:
    """Which pixel each output reads with each entry of the kernel.

    Args:
        size: height and width of the input.
        kernel: height and width of the kernel.
        stride: pixels from one window to the next.
        padding: zeros added on each side.
        dilation: pixels from one entry of the kernel to the next.

    Returns:
        (o, kh·kw) int64, the flat index of the pixel, −1 where the padding is read; and the output's height and width.
        Outputs and entries are numbered row by row.

    Raises:
        InputError: as of `output_size`.
    """
    axes = []
    for n, k in zip(size, kernel, strict=True):
        out = output_size(n, kernel=k, stride=stride, padding=padding, dilation=dilation)
        at = torch.arange(out)[:, None] * stride - padding + torch.arange(k) * dilation  # (out, k)
        axes.append(torch.where((at >= 0) & (at < n), at, -1))
    rows, columns = axes[0][:, None, :, None], axes[1][None, :, None, :]  # (oh, 1, kh, 1), (1, ow, 1, kw)
    index = torch.where((rows >= 0) & (columns >= 0), rows * size[1] + columns, -1)
    return index.reshape(-1, kernel[0] * kernel[1]), (len(axes[0]), len(axes[1]))


@dataclass(frozen=True, eq=False, slots=True)
class Unfolded:
    """A picture as the windows of a convolution; see `unfold`."""

    taps: Tensor  # (o, kh·kw) int64, see `taps`
    columns: Tensor  # (o, c·kh·kw): window i laid out as row i, channel after channel
    size: tuple[int, int]  # height and width of the output


def unfold(x: Tensor, *, kernel: tuple[int, int], stride: int = 1, padding: int = 0, dilation: int = 1) -> Unfolded:
    """Lay out the windows of a convolution, so that it becomes a product with the kernel as a vector.

    Args:
        x: (c, h, w).
        kernel: height and width of the kernel.
        stride: pixels from one window to the next.
        padding: zeros added on each side.
        dilation: pixels from one entry of the kernel to the next.

    Convention:
        One window is one row, as the lectures draw it; `torch.nn.functional.unfold` returns the transpose.

    Raises:
        InputError: `x` is no finite tensor of this shape, or as of `output_size`.

    Cost: o c kh kw numbers.
    """
    check_tensor("x", x, ("c", "h", "w"))
    index, size = taps((x.shape[1], x.shape[2]), kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    padded = torch.cat([x.flatten(1), x.new_zeros(len(x), 1)], 1)  # −1 reads the zero
    return Unfolded(index, padded[:, index].transpose(0, 1).flatten(1), size)


def convolve(
    x: Tensor, weight: Tensor, *, stride: int = 1, padding: int = 0, dilation: int = 1, adaptive: Tensor | None = None
) -> Tensor:
    """Convolve by unfolding: columns times the kernels as vectors, then reshaped.

    Args:
        x: (c, h, w).
        weight: (c', c, kh, kw).
        stride: pixels from one window to the next.
        padding: zeros added on each side.
        dilation: pixels from one entry of the kernel to the next.
        adaptive: (o, kh·kw) a factor of each entry of the kernel in each window, or (1, kh·kw) the same in all windows, as
            pixel-adaptive convolution has it; None for 1.

    Returns:
        (c', oh, ow).

    Raises:
        InputError: shapes do not fit, or as of `output_size`.
    """
    check_tensor("x", x, ("c", "h", "w"))
    check_tensor("weight", weight, ("c'", len(x), "kh", "kw"))
    kernel = (weight.shape[2], weight.shape[3])
    unfolded = unfold(x, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    columns = unfolded.columns
    if adaptive is not None:
        o, entries = unfolded.taps.shape
        check_tensor("adaptive", adaptive, (1 if len(adaptive) == 1 else o, entries))
        columns = (columns.reshape(o, len(x), entries) * adaptive[:, None]).flatten(1)
    return (weight.flatten(1) @ columns.T).reshape(len(weight), *unfolded.size)


def convolution_matrix(
    weight: Tensor, size: tuple[int, int], *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Tensor:
    """The matrix M with vec(y) = M vec(x) for the convolution of an input of this size.

    Args:
        weight: (c', c, kh, kw).
        size: height and width of the input.
        stride: pixels from one window to the next.
        padding: zeros added on each side.
        dilation: pixels from one entry of the kernel to the next.

    Returns:
        (c'·o, c·h·w), dense. Its transpose is the transposed convolution.

    Raises:
        InputError: `weight` is no finite tensor of this shape, or as of `output_size`.
    """
    check_tensor("weight", weight, ("c'", "c", "kh", "kw"))
    out_channels, channels, *kernel = weight.shape
    index, _ = taps(size, kernel=(kernel[0], kernel[1]), stride=stride, padding=padding, dilation=dilation)
    n, (o, entries) = size[0] * size[1], index.shape
    M = weight.new_zeros(out_channels, o, channels, n + 1)  # the last column takes what falls on the padding
    target = index.where(index >= 0, n)[None, :, None].expand(out_channels, o, channels, entries)
    M.scatter_add_(3, target, weight.flatten(2)[:, None].expand(out_channels, o, channels, entries))
    return M[..., :n].reshape(out_channels * o, channels * n)


@dataclass(frozen=True, slots=True)
class Parameters:
    """How many numbers a layer learns, without biases."""

    convolution: int  # c' c kh kw, whatever the picture's size
    fully_connected: int  # c' o · c n: every output sees every input, for this size only


def parameters(
    size: tuple[int, int], out: tuple[int, int], *, kernel: tuple[int, int], channels: int, out_channels: int
) -> Parameters:
    """Count the weights of a convolution, and of the fully connected layer between the same shapes."""
    inputs, outputs = channels * size[0] * size[1], out_channels * out[0] * out[1]
    return Parameters(channels * out_channels * kernel[0] * kernel[1], inputs * outputs)


def pointwise(X: Tensor, W: Tensor) -> Tensor:
    """A 1 × 1 convolution: X' = W X, the same linear map in every pixel.

    Args:
        X: (d, n) features, one column per pixel.
        W: (d', d).

    Returns:
        (d', n).

    Raises:
        InputError: shapes do not fit.
    """
    check_tensor("X", X, ("d", "n"))
    check_tensor("W", W, ("d'", len(X)))
    return W @ X
