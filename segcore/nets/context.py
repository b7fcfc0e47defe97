"""DeepLabv3+, PSPNet and RefineNet: what they put on an encoder so that a cell knows what is around it.

Reference: Chen and others 2018; Zhao and others 2017; Lin, Milan, Shen and Reid 2017. Otherwise than there: a small trunk, a
quarter of the channels or fewer, no dropout, no auxiliary loss; branches on pooled maps have no batch norm, which has
nothing to average where a map is one cell.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segcore.nets.blocks import conv_norm
from segcore.nets.choices import RATES
from segcore.nets.enlarge import corner_bilinear
from segcore.nets.labelled import STEM, MapNet, Trunk


def valid_taps(rate: int, h: int, w: int) -> float:
    """Mean number of the nine taps of a 3×3 convolution of this rate that fall inside a map of h × w cells.

    Beyond its border there are zeros: a rate of max(h, w) leaves one tap, a 1×1 convolution.
    """
    inside = [(n + 2 * max(0, n - rate)) / n for n in (h, w)]
    return inside[0] * inside[1]


class Aspp(nn.Module):
    """Atrous spatial pyramid pooling: 1×1, 3×3 at several rates, and the mean of the picture, side by side, then 1×1."""

    def __init__(self, c_in: int, c_out: int, rates: tuple[int, ...], *, picture_mean: bool):
        super().__init__()
        self.branches = nn.ModuleList([conv_norm(c_in, c_out, 1), *(conv_norm(c_in, c_out, dilation=r) for r in rates)])
        self.mean = nn.Sequential(nn.Conv2d(c_in, c_out, 1), nn.ReLU()) if picture_mean else None
        self.out = conv_norm(c_out * (1 + len(rates) + picture_mean), c_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c_in, h, w) → (b, c_out, h, w)."""
        maps = [branch(x) for branch in self.branches]
        if self.mean is not None:
            maps.append(self.mean(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:]))
        return cast("Tensor", self.out(torch.cat(maps, 1)))


class DeepLabNet(MapNet):
    """ASPP on the trunk, and a decoder that sees the stem's map of stride 4 again."""

    def __init__(
        self,
        n_segments: int,
        width: float = 1.0,
        output_stride: int = 16,
        dilated: bool = True,
        rates: str = "6, 12, 18",
        picture_mean: bool = True,
        decoder: bool = True,
    ):
        super().__init__()
        self.trunk = Trunk(width, output_stride, dilated=dilated)
        wide, low = (max(4, round(width * c)) for c in (64, 24))
        self.aspp = Aspp(self.trunk.channels[-1], wide, RATES[rates], picture_mean=picture_mean)
        self.low = conv_norm(self.trunk.channels[0], low, 1) if decoder else None
        self.decoder = nn.Sequential(conv_norm(wide + low, wide), conv_norm(wide, wide)) if decoder else nn.Identity()
        self.head = nn.Conv2d(wide, n_segments, 1)
        self.stride = STEM if decoder else output_stride

    def along(self) -> dict[str, nn.Module]:
        """The trunk, ASPP, and the decoder where there is one."""
        decoder = {} if self.low is None else {"decoder": self.decoder}
        return {**self.trunk.along(), "ASPP": self.aspp, **decoder, "scores": self.head}

    def features(self, pixels: Tensor) -> Tensor:
        """(b, d, ⌈height / stride⌉, ⌈width / stride⌉): the last map before the classes."""
        stem, *_, last = self.trunk(pixels)
        x = self.aspp(last)
        if self.low is not None:
            x = torch.cat((corner_bilinear(x, self.trunk.strides[-1] // STEM, _size(stem)), self.low(stem)), 1)
        return cast("Tensor", self.decoder(x))


class PspNet(MapNet):
    """Means over the picture, its quarters, ninths and 36ths, beside the trunk's map."""

    POOLS = (1, 2, 3, 6)

    def __init__(
        self,
        n_segments: int,
        width: float = 1.0,
        output_stride: int = 8,
        dilated: bool = True,
    ):
        super().__init__()
        self.trunk = Trunk(width, output_stride, dilated=dilated)
        c, wide = self.trunk.channels[-1], max(4, round(64 * width))
        each = max(1, c // len(self.POOLS))
        self.pyramid = nn.ModuleList(nn.Sequential(nn.Conv2d(c, each, 1), nn.ReLU()) for _ in self.POOLS)
        self.stride = output_stride
        self.out = conv_norm(c + each * len(self.POOLS), wide)
        self.head = nn.Conv2d(wide, n_segments, 1)

    def along(self) -> dict[str, nn.Module]:
        """The trunk, and the map beside which the means stand."""
        return {**self.trunk.along(), "pyramid": self.out, "scores": self.head}

    def features(self, pixels: Tensor) -> Tensor:
        """(b, d, ⌈height / stride⌉, ⌈width / stride⌉): the last map before the classes."""
        x = self.trunk(pixels)[-1]
        maps = [x]
        for n, layer in zip(self.POOLS, self.pyramid, strict=True):
            means = layer(F.adaptive_avg_pool2d(x, n))
            maps.append(F.interpolate(means, _size(x), mode="bilinear", align_corners=False))
        return cast("Tensor", self.out(torch.cat(maps, 1)))


class _Residual(nn.Module):
    """x plus two convolutions of it."""

    def __init__(self, c: int):
        super().__init__()
        self.convs = nn.Sequential(nn.ReLU(), nn.Conv2d(c, c, 3, padding=1), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return x + cast("Tensor", self.convs(x))


class _Refine(nn.Module):
    """One level: a residual unit, the coarser level enlarged and added, a chained pooling, a residual unit."""

    def __init__(self, c_in: int, c: int, *, lowest: bool):
        super().__init__()
        self.adapt = nn.Sequential(nn.Conv2d(c_in, c, 3, padding=1), _Residual(c))
        self.own = nn.Conv2d(c, c, 3, padding=1)
        self.coarse = None if lowest else nn.Conv2d(c, c, 3, padding=1)
        self.chained = nn.Sequential(nn.MaxPool2d(5, 1, 2), nn.Conv2d(c, c, 3, padding=1, bias=False))
        self.out = _Residual(c)

    def forward(self, x: Tensor, coarser: Tensor | None, factor: int) -> Tensor:
        x = self.own(self.adapt(x))
        if self.coarse is not None and coarser is not None:
            x = x + corner_bilinear(self.coarse(coarser), factor, _size(x))
        x = F.relu(x)
        return cast("Tensor", self.out(x + self.chained(x)))


class RefineNet(MapNet):
    """Four levels from coarse to fine, each refined by the map of its stride."""

    def __init__(
        self,
        n_segments: int,
        width: float = 1.0,
        output_stride: int = 32,
        dilated: bool = True,
    ):
        super().__init__()
        self.trunk = Trunk(width, output_stride, dilated=dilated)
        c = max(4, round(48 * width))
        last = len(self.trunk.channels) - 1
        self.levels = nn.ModuleList(_Refine(c_in, c, lowest=i == last) for i, c_in in enumerate(self.trunk.channels))
        self.head = nn.Conv2d(c, n_segments, 1)
        self.stride = STEM

    def along(self) -> dict[str, nn.Module]:
        """The trunk, and the levels from coarse to fine."""
        levels = {f"refined {i}": self.levels[i] for i in reversed(range(len(self.levels)))}
        return {**self.trunk.along(), **levels, "scores": self.head}

    def features(self, pixels: Tensor) -> Tensor:
        """(b, d, ⌈height / 4⌉, ⌈width / 4⌉): the finest level."""
        maps, strides = self.trunk(pixels), self.trunk.strides
        x = self.levels[-1](maps[-1], None, 1)
        for i in reversed(range(len(maps) - 1)):
            x = self.levels[i](maps[i], x, strides[i + 1] // strides[i])
        return cast("Tensor", x)


def _size(x: Tensor) -> tuple[int, int]:
    return x.shape[2], x.shape[3]
