"""SegNet and U-Net: convolutions and poolings down, as many steps up again, and what goes across.

SegNet passes on where the maxima stood; U-Net passes the maps themselves. Both are one network with other settings.

Reference: Badrinarayanan, Kendall and Cipolla 2017; Ronneberger, Fischer and Brox 2015. Otherwise than there: 3×3 instead of
SegNet-Basic's 7×7, ReLU in the decoder too, batch norm and padded convolutions in U-Net; an eighth of U-Net's channels.
"""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segcore.nets.blocks import conv_norm
from segcore.nets.choices import UNPOOLING, UNPOOLING_OF_ANOTHER
from segcore.nets.enlarge import Passed, Pool, Unpool, doubling
from segcore.nets.labelled import MapNet


class PoolingNet(MapNet):
    """An encoder with poolings, and its mirror image."""

    stride = 1

    def __init__(self, n_segments: int, *, channels: Sequence[int], n_convs: int, bottom: int, skips: str, upsampling: str):
        """Build it.

        Args:
            n_segments: K.
            channels: of each level, from the pixels down; a pooling follows each.
            n_convs: convolutions of a level, on the way down and on the way up.
            bottom: channels of as many convolutions below the last pooling; 0 for none.
            skips: one of SKIPS: what joins a level of the decoder from that of the encoder.
            upsampling: one of ENLARGING, UNPOOLING, or UNPOOLING_OF_ANOTHER.
        """
        super().__init__()
        self._skips = skips
        ups = list(reversed(channels))
        self.down = nn.ModuleList(_level(c_in, c, n_convs) for c_in, c in zip((3, *channels[:-1]), channels, strict=True))
        self.pool = Pool()
        self.bottom = _level(channels[-1], bottom, n_convs) if bottom else nn.Identity()
        self.up, self.join = nn.ModuleList(), nn.ModuleList()
        for c_in, c in zip((bottom or ups[0], *ups[:-1]), ups, strict=True):
            self.up.append(
                Unpool(c_in, c, of_another=upsampling == UNPOOLING_OF_ANOTHER)
                if upsampling in (UNPOOLING, UNPOOLING_OF_ANOTHER)
                else doubling(c_in, c, upsampling)
            )
            self.join.append(_level(2 * c if skips == "concatenation" else c, c, n_convs))
        self.head = nn.Conv2d(channels[0], n_segments, 1)

    def along(self) -> dict[str, nn.Module]:
        """The levels of the encoder, the bottom, and those of the decoder."""
        down = {f"down {i}": level for i, level in enumerate(self.down, 1)}
        up = {f"up {i}": level for i, level in zip(range(len(self.join), 0, -1), self.join, strict=True)}
        return {**down, "bottom": self.bottom, **up, "scores": self.head}

    def features(self, pixels: Tensor) -> Tensor:
        """(b, d, height, width): the last map of the decoder."""
        height, width = pixels.shape[2:]
        side = 2 ** len(self.down)
        x = F.pad(pixels, (0, -width % side, 0, -height % side), mode="replicate")
        x = (2 * x - 1).contiguous(memory_format=torch.channels_last)
        passed = []
        for level in self.down:
            x = level(x)
            passed.append(Passed(x, self.pool(x)))
            x = passed[-1].pooled.values
        x = self.bottom(x)
        for up, join, across in zip(self.up, self.join, reversed(passed), strict=True):
            x = up(x, across) if isinstance(up, Unpool) else up(x)
            if self._skips == "sum":
                x = x + across.map
            elif self._skips == "concatenation":
                x = torch.cat((x, across.map), 1)
            x = join(x)
        return cast("Tensor", x[:, :, :height, :width])


def _level(c_in: int, c_out: int, n_convs: int) -> nn.Sequential:
    return nn.Sequential(*(conv_norm(c_in if i == 0 else c_out, c_out) for i in range(n_convs)))


class SegNet(PoolingNet):
    """Four levels of one convolution; the decoder knows where the maxima stood."""

    def __init__(self, n_segments: int, width: float = 1.0, skips: str = "none", upsampling: str = UNPOOLING):
        channels = (max(4, round(32 * width)),) * 4
        super().__init__(n_segments, channels=channels, n_convs=1, bottom=0, skips=skips, upsampling=upsampling)


class UNet(PoolingNet):
    """Four levels of two convolutions and a bottom; the decoder has the encoder's maps beside its own."""

    def __init__(
        self, n_segments: int, width: float = 1.0, skips: str = "concatenation", upsampling: str = "transposed_2x2"
    ):
        *channels, bottom = (max(4, round(width * c)) for c in (8, 16, 32, 64, 64))
        super().__init__(n_segments, channels=channels, n_convs=2, bottom=bottom, skips=skips, upsampling=upsampling)
