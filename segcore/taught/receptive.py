"""How far an output sees: the receptive field of a stack of layers, its stride, and what the stack costs.

With k_l, s_l, d_l the kernel, stride and dilation of layer l, along one axis, from r₀ = 1 and j₀ = 1:

    r_l = r_{l−1} + d_l (k_l − 1) j_{l−1}        j_l = j_{l−1} s_l

r is the receptive field in pixels of the input and j the output stride. One layer on the input has r = d(k − 1) + 1.
Reference: Araujo, Norris and Sim 2019, "Computing receptive fields of convolutional neural networks", Distill.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from segcore.checks import check_choice, check_range
from segcore.errors import InputError
from segcore.taught.convolution import check_layer, output_size, reach

Kind = Literal["conv", "max_pool", "avg_pool"]
KINDS: tuple[Kind, ...] = ("conv", "max_pool", "avg_pool")
FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer; the same along both axes."""

    kind: Kind = "conv"
    kernel: int = 3
    stride: int = 1
    dilation: int = 1
    padding: int | None = None  # on each side; None for ⌊d (k − 1) / 2⌋, which keeps the size at stride 1 and odd k
    channels: int = 64  # that come out; pooling keeps those that come in

    @property
    def pad(self) -> int:
        """The padding in pixels."""
        return self.dilation * (self.kernel - 1) // 2 if self.padding is None else self.padding


@dataclass(frozen=True, slots=True)
class LayerSeen:
    """What is known after a layer."""

    size: int  # pixels along one axis
    stride: int  # output stride: pixels of the input from one output to the next
    field: int  # receptive field, pixels of the input along one axis
    growth: int  # by how much this layer widened it
    first: float  # where the middle of the first output's field lies, in pixels of the input
    channels: int
    parameters: int  # weights, without biases; 0 for pooling
    multiply_adds: int  # of the whole layer, in both axes; those of pooling are counted as 0
    bytes: int  # of its output, as 32-bit floats


def receptive_fields(layers: Sequence[Layer], *, size: int, channels: int = 3) -> list[LayerSeen]:
    """Follow size, stride, receptive field and cost through a stack of layers.

    Args:
        layers: from the input on.
        size: of the input along each axis, in pixels.
        channels: of the input.

    Returns:
        One entry per layer.

    Raises:
        InputError: a layer cannot be, or has no output; the message names its number.
    """
    check_range("size", size, lo=1)
    field, stride, first = 1, 1, 0.0
    seen = []
    for number, layer in enumerate(layers, 1):
        check_choice("kind", layer.kind, KINDS)
        check_range("channels", layer.channels, lo=1)
        try:
            size = output_size(size, kernel=layer.kernel, stride=layer.stride, padding=layer.pad, dilation=layer.dilation)
        except InputError as error:
            raise InputError(f"Layer {number}: {error}", field=error.field) from None
        spans = reach(layer.kernel, layer.dilation)
        growth = (spans - 1) * stride
        first += ((spans - 1) / 2 - layer.pad) * stride
        field, stride = field + growth, stride * layer.stride
        is_conv = layer.kind == "conv"
        weights = layer.kernel**2 * channels * layer.channels if is_conv else 0
        channels = layer.channels if is_conv else channels
        seen.append(
            LayerSeen(
                size, stride, field, growth, first, channels, weights, weights * size**2, FLOAT_BYTES * channels * size**2
            )
        )
    return seen


def touched(layers: Sequence[Layer], *, size: int, at: int) -> list[int]:
    """The pixels that one output of the last layer depends on, along one axis.

    The field may have holes: dilated layers in a row that share a factor leave out pixels between (gridding).

    Args:
        layers: from the input on.
        size: of the input, in pixels.
        at: number of the output along the axis.

    Returns:
        Pixels in ascending order, only those inside the picture. Both axes are alike, so in two dimensions it is all pairs.

    Raises:
        InputError: as of `receptive_fields`, or there is no such output.
    """
    sizes = [size, *(s.size for s in receptive_fields(layers, size=size))]
    check_range("at", at, lo=0, hi=sizes[-1] - 1)
    reads = {at}
    for layer, n in zip(reversed(layers), reversed(sizes[:-1]), strict=True):
        first = {i * layer.stride - layer.pad for i in reads}
        reads = {i + t * layer.dilation for i in first for t in range(layer.kernel)} & set(range(n))
    return sorted(reads)


def input_gradient(layers: Sequence[Layer], *, size: int, at: tuple[int, int]) -> Tensor:
    """The gradient of one output by every input pixel, in a real network of these layers.

    The network has one channel, weights 1 / k² and no nonlinearity, and max pooling is replaced by the mean over its window,
    so the gradient is > 0 exactly on the pixels that the output can depend on, and its height is how many paths lead there.

    Args:
        layers: from the input on.
        size: of the input along both axes.
        at: row and column of the output.

    Returns:
        (size, size) float64, ≥ 0.

    Raises:
        InputError: as of `receptive_fields`, or there is no such output.

    Cost: one pass forth and back through the network.
    """
    out = [size, *(s.size for s in receptive_fields(layers, size=size))][-1]
    for name, value in zip(("row", "column"), at, strict=True):
        check_range(name, value, lo=0, hi=out - 1)
    x = torch.zeros(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    y = x
    for layer in layers:
        check_layer(kernel=layer.kernel, stride=layer.stride, padding=layer.pad, dilation=layer.dilation)
        weight = torch.full((1, 1, layer.kernel, layer.kernel), 1 / layer.kernel**2, dtype=torch.float64)
        y = F.conv2d(y, weight, stride=layer.stride, padding=layer.pad, dilation=layer.dilation)
    (gradient,) = torch.autograd.grad(y[0, 0, at[0], at[1]], x)
    return gradient[0, 0]
