"""How a network with labels gets back to the pixels: fixed or learned layers that double the size, and unpooling."""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segcore.upsample.unpooling import Pooled, max_pool, max_unpool


def corner_bilinear(x: Tensor, factor: int, size: tuple[int, int]) -> Tensor:
    """Interpolate bilinearly, where cell i lies on pixel factor · i, as a convolution of that stride has it.

    Args:
        x: (b, c, ⌈height / factor⌉, ⌈width / factor⌉).
        factor: pixels from one cell to the next.
        size: height and width of the output; beyond the last cell, its value is repeated.
    """
    if factor == 1:
        return x
    inner = [(n - 1) * factor + 1 for n in x.shape[2:]]
    y = F.interpolate(x, inner, mode="bilinear", align_corners=True)
    return F.pad(y, (0, size[1] - inner[1], 0, size[0] - inner[0]), mode="replicate")


class Enlarge(nn.Module):
    """Enlarge maps by a power of 2: at once where it is bilinear, else by a learned layer for each doubling."""

    def __init__(self, channels: int, factor: int, upsampling: str):
        super().__init__()
        self._factor = factor
        n = 0 if upsampling == "bilinear" else factor.bit_length() - 1
        self.layers = nn.ModuleList(doubling(channels, channels, upsampling) for _ in range(n))

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(b, c, h, w) → (b, c, *size), with size at most factor times (h, w): what is more is cut off below and right."""
        if not len(self.layers):
            return corner_bilinear(x, self._factor, size)
        for layer in self.layers:
            x = layer(x)
        return x[:, :, : size[0], : size[1]]


def doubling(c_in: int, c_out: int, upsampling: str) -> nn.Module:
    """A layer (b, c_in, h, w) → (b, c_out, 2h, 2w).

    Args:
        c_in: channels that come in.
        c_out: channels that come out.
        upsampling: one of ENLARGING. "transposed_3x3": a transposed convolution of stride 2, which meets a pixel with 1, 2
            or 4 taps (the checkerboard); "transposed_4x4" and "transposed_2x2" meet all with 4, or 1; "resize_convolution":
            nearest neighbor, then 3×3; "pixel_shuffle": 3×3 to four times the channels, then rearranged; "bilinear":
            interpolated, then 1×1 where the channels change.
    """
    if upsampling == "transposed_3x3":
        return nn.ConvTranspose2d(c_in, c_out, 3, 2, 1, output_padding=1)
    if upsampling == "transposed_4x4":
        return nn.ConvTranspose2d(c_in, c_out, 4, 2, 1)
    if upsampling == "transposed_2x2":
        return nn.ConvTranspose2d(c_in, c_out, 2, 2)
    if upsampling == "resize_convolution":
        return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(c_in, c_out, 3, padding=1))
    if upsampling == "pixel_shuffle":
        return nn.Sequential(nn.Conv2d(c_in, 4 * c_out, 3, padding=1), nn.PixelShuffle(2))
    change = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
    return nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), change)


class Pool(nn.Module):
    """Maxima of 2 × 2 blocks, and where they stood."""

    spread = False  # means instead, where `segcore.nets.facts` asks what an output can depend on

    def forward(self, x: Tensor) -> Pooled:
        """(b, c, h, w), both even → maxima (b, c, h/2, w/2), and their indices."""
        if self.spread:
            return Pooled(F.avg_pool2d(x, 2), torch.zeros(0), (x.shape[2], x.shape[3]))
        return max_pool(x)


@dataclass(frozen=True, eq=False, slots=True)
class Passed:
    """What an encoder hands to the decoder's level of the same size."""

    map: Tensor  # (b, c, h, w) before pooling
    pooled: Pooled


class Unpool(nn.Module):
    """Values go where the maxima of a pooling stood, zeros elsewhere; 1×1 before, where the channels change."""

    spread = False

    def __init__(self, c_in: int, c_out: int, *, of_another: bool):
        super().__init__()
        self.change = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        self._of_another = of_another

    def forward(self, x: Tensor, passed: Passed) -> Tensor:
        """(b, c_in, h, w) → (b, c_out, 2h, 2w).

        The other picture is this one turned by 180°: as many maxima, of the same statistics, at places that tell nothing of
        this one.
        """
        x = cast("Tensor", self.change(x))
        if self.spread:
            return F.interpolate(x, scale_factor=2.0)
        return max_unpool(x, max_pool(passed.map.flip(2, 3)) if self._of_another else passed.pooled)
