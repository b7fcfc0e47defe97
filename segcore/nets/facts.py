"""What is known of a network before it learns: parameters, multiply-adds, receptive field, time for a picture."""

import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from segcore.nets.enlarge import Pool, Unpool
from segcore.nets.net import Net

_RUNS = 3  # whose median is the time


@dataclass(frozen=True, slots=True)
class NetFacts:
    """Of one network, for pictures of one size."""

    parameters: int
    multiply_adds: int  # of convolutions and linear layers, for one picture; without attention's products
    field: tuple[int, int]  # height and width in pixels that a cell in the middle of `features` depends on
    stride: int  # of a cell of `features`
    seconds: float  # to label one picture


def facts_of(net: Net, height: int, width: int, *, clock: Callable[[], float] = time.monotonic) -> NetFacts:
    """Measure a network, which stays as it is.

    Args:
        net: on any device.
        height: of a picture, in pixels.
        width: of a picture.
        clock: seconds that never go back.

    Cost: four passes through the network, and one back.
    """
    net = copy.deepcopy(net).eval()
    pixels = torch.full((1, 3, height, width), 0.5, device=next(net.parameters()).device)
    parameters = sum(p.numel() for p in net.parameters())
    seconds, count = [], 0
    with torch.inference_mode():
        count = multiply_adds(net, pixels)
        for _ in range(_RUNS):
            began = clock()
            net.scores(pixels)
            seconds.append(clock() - began)
    return NetFacts(parameters, count, receptive_field(net, height, width), net.stride, statistics.median(seconds))


def multiply_adds(net: Net, pixels: Tensor) -> int:
    """Multiply-adds of convolutions, transposed ones, and linear layers in one pass; biases and norms count nothing."""
    total = 0

    def count(layer: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.ConvTranspose2d):
            total += given[0].numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Conv2d):
            total += out.numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            total += out.numel() * layer.in_features

    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        net.scores(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    return total


def receptive_field(net: Net, height: int, width: int) -> tuple[int, int]:
    """Height and width of the pixels that a cell in the middle of `features` depends on, at most those of the picture."""
    top, left, bottom, right = field_of(net, height, width)
    return bottom - top, right - left


def field_of(net: Net, height: int, width: int, at: tuple[int, int] | None = None) -> tuple[int, int, int, int]:
    """The pixels that a cell of `features` depends on: the smallest rectangle that holds them.

    By the gradient of that cell in a copy of the network whose weights are all 1 over their number, norms do nothing and
    maxima are means: it is above 0 exactly where a pixel can count.

    Args:
        net: on any device; it stays as it is.
        height: of the picture, in pixels.
        width: of the picture.
        at: row and column of a pixel; its cell is meant. The middle one if None.

    Returns:
        Top, left, bottom and right in pixels; the last two lie just outside.
    """
    net = copy.deepcopy(net).eval().double().requires_grad_(False)
    for parent in list(net.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.MaxPool2d):
                setattr(parent, name, nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding))
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.constant_(layer.weight, 1 / layer.weight[0].numel())
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()
        elif isinstance(layer, Pool | Unpool):
            layer.spread = True
    pixels = torch.ones(1, 3, height, width, dtype=torch.float64, device=next(net.parameters()).device, requires_grad=True)
    with torch.enable_grad():
        f = net.features(pixels)
        row, column = (n // 2 for n in f.shape[2:]) if at is None else (n // net.stride for n in at)
        cell = f[0, :, row, column].sum()
        if not cell.requires_grad:
            return 0, 0, height, width  # a transformer that does not learn hands no gradient on; its tokens see all others
        (gradient,) = torch.autograd.grad(cell, pixels)
    rows, columns = (torch.nonzero(gradient[0].abs().sum((0, d))).flatten() for d in (2, 1))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
