"""Networks that learn from label maps: the contract, and the encoder that most of them share.

The published ones stand on ResNet or VGG-16, whose weights come from a million pictures. These are small, so that they learn
from random weights on a CPU in minutes: a stem, and three stages of two convolutions.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from segcore.nets.blocks import conv_norm
from segcore.nets.choices import OUTPUT_STRIDES
from segcore.nets.enlarge import corner_bilinear
from segcore.nets.net import Net

STEM = 4  # stride of what the stem gives
_STEM_CHANNELS, _STAGE_CHANNELS = 32, (64, 128, 128)


class LabelledNet(Net):
    """A network that learns from label maps."""

    def logits(self, pixels: Tensor) -> Tensor:
        """(b, K, height, width): of which the softmax are the probabilities of the classes at each pixel."""
        raise NotImplementedError

    def scores(self, pixels: Tensor) -> Tensor:
        """(b, K, height, width) probabilities."""
        return self.logits(pixels).float().softmax(1)

    def along(self) -> Mapping[str, nn.Module]:
        """The layers that give the maps worth looking at, from the pixels on, by what the page calls them."""
        raise NotImplementedError


class MapNet(LabelledNet):
    """A network whose `head` scores the cells of its features, which lie on every pixel of a multiple of its stride."""

    head: nn.Module

    def logits(self, pixels: Tensor) -> Tensor:
        """(b, K, height, width): the scores of the cells, bilinearly."""
        return corner_bilinear(self.head(self.features(pixels)), self.stride, (pixels.shape[2], pixels.shape[3]))


class Trunk(nn.Module):
    """An encoder: maps of strides 4, 8, 16 and 32, or the last of them at a finer one.

    A stage begins with stride 2 while the output stride is not reached. From there on it keeps the size, and where it is
    dilated its convolutions, and those of later stages, take every 2nd, 4th … cell: the weights see what they saw before.
    """

    def __init__(self, width: float = 1.0, output_stride: int = 32, *, dilated: bool = True):
        super().__init__()
        first, *rest = (max(4, round(width * c)) for c in (_STEM_CHANNELS, *_STAGE_CHANNELS))
        self.channels = (first, *rest)  # of the maps
        self.strides = (STEM, *(min(s, output_stride) for s in OUTPUT_STRIDES))
        self.stem = nn.Sequential(conv_norm(3, first, stride=2), conv_norm(first, first, stride=2))
        self.stages = nn.ModuleList()
        stride, dilation = STEM, 1
        for c_in, c_out in zip(self.channels, rest, strict=False):
            step = 2 if stride < output_stride else 1
            before, dilation = dilation, dilation * (2 if step == 1 and dilated else 1)
            stride *= step
            # The first convolution still looks at the map before, at the distances that hold there.
            self.stages.append(
                nn.Sequential(
                    conv_norm(c_in, c_out, stride=step, dilation=before), conv_norm(c_out, c_out, dilation=dilation)
                )
            )

    def along(self) -> dict[str, nn.Module]:
        """As of `LabelledNet`."""
        return {"stem": self.stem} | {f"stage {i}": stage for i, stage in enumerate(self.stages, 1)}

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """(b, 3, height, width) in [0, 1] → four maps (b, channels, ⌈height / stride⌉, ⌈width / stride⌉)."""
        maps = [self.stem((2 * pixels - 1).contiguous(memory_format=torch.channels_last))]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps
