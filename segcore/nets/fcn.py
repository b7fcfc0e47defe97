"""FCN: a 1×1 convolution scores the cells of coarse maps, the scores are enlarged and summed.

Reference: Long, Shelhamer and Darrell 2015. Theirs is VGG-16 with two convolutions of 4,096 channels; this is a small trunk.
"""

from typing import cast

from torch import Tensor, nn

from segcore.nets.choices import OUTPUT_STRIDES
from segcore.nets.enlarge import Enlarge
from segcore.nets.labelled import LabelledNet, Trunk


class FcnNet(LabelledNet):
    """Scores of the stages whose published stride is at least `finest`, the coarser ones enlarged and added."""

    def __init__(
        self,
        n_segments: int,
        finest: int = 32,
        width: float = 1.0,
        output_stride: int = 32,
        dilated: bool = True,
        upsampling: str = "bilinear",
    ):
        super().__init__()
        self.stride = output_stride
        self.trunk = Trunk(width, output_stride, dilated=dilated)
        strides, channels = self.trunk.strides[1:], self.trunk.channels[1:]
        first = OUTPUT_STRIDES.index(finest)
        self.heads = nn.ModuleList(nn.Conv2d(c, n_segments, 1) for c in channels[first:])
        factors = (strides[first], *(b // a for a, b in zip(strides[first:], strides[first + 1 :], strict=False)))
        self.enlarge = nn.ModuleList(Enlarge(n_segments, factor, upsampling) for factor in factors)

    def along(self) -> dict[str, nn.Module]:
        """The trunk, and the scores of its maps from coarse to fine."""
        first = len(self.trunk.stages) - len(self.heads) + 1
        scored = {f"scores of stage {first + i}": head for i, head in reversed(list(enumerate(self.heads)))}
        return {**self.trunk.along(), **scored}

    def features(self, pixels: Tensor) -> Tensor:
        """(b, d, ⌈height / stride⌉, ⌈width / stride⌉): the last map of the encoder."""
        return cast("Tensor", self.trunk(pixels)[-1])

    def logits(self, pixels: Tensor) -> Tensor:
        """(b, K, height, width)."""
        maps = self.trunk(pixels)[-len(self.heads) :]
        scored = [head(f) for head, f in zip(self.heads, maps, strict=True)]
        sizes = [tuple(pixels.shape[2:]), *(tuple(s.shape[2:]) for s in scored[:-1])]
        x = scored[-1]
        for i in reversed(range(len(scored))):
            x = self.enlarge[i](x, sizes[i])
            if i:
                x = x + scored[i - 1]
        return cast("Tensor", x)
