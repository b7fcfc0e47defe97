"""Small networks that learn from scratch, and the bundled transformer with a head."""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segcore.features import BACKBONES, load_vit
from segcore.features.batch import batch_features
from segcore.nets.blocks import channels_of, conv_block, nearest_prototypes, sobel
from segcore.nets.net import Net


class HeadsNet(Net):
    """A network with one or more 1×1 heads, the best of which labels."""

    def __init__(self, n_segments: int, n_features: int, sub_heads: int):
        super().__init__()
        self.n_features = n_features  # channels of `features`
        self.heads = nn.ModuleList(nn.Conv2d(n_features, n_segments, 1) for _ in range(sub_heads))
        self.best: Tensor
        self.register_buffer("best", torch.zeros((), dtype=torch.int64))  # the sub-head of lowest loss

    def scores(self, pixels: Tensor) -> Tensor:
        """(b, K, h, w) probabilities of the best sub-head."""
        return cast("Tensor", self.heads[int(self.best)](self.features(pixels))).float().softmax(1)


class ConvNet(HeadsNet):
    """3×3 convolutions 64, 128, pool, 256, 256, 512, 512 and a 1×1 head per sub-head; RGB and Sobel in.

    With the last two dilated by 2 a cell sees 30 × 30 of the pixels that Sobel's filter gives, as in net "10a" of IIC.
    """

    stride = 2

    def __init__(self, n_segments: int, width: float = 0.125, sub_heads: int = 1, dilation: int = 2):
        a, b, *rest = channels_of(width)
        super().__init__(n_segments, rest[-1], sub_heads)
        dilations = (1, 1, dilation, dilation)
        deep = [conv_block(*sizes) for sizes in zip((b, *rest[:-1]), rest, dilations, strict=True)]
        self.trunk = nn.Sequential(conv_block(5, a), conv_block(a, b), nn.MaxPool2d(2), *deep)
        self._least = 2 * (dilation + 1)  # pixels, so that borders can be mirrored

    def features(self, pixels: Tensor) -> Tensor:
        """(b, d, ⌈height / 2⌉, ⌈width / 2⌉) activations before the heads."""
        height, width = pixels.shape[2:]
        right, below = (max(n % 2, self._least - n) for n in (width, height))
        pixels = F.pad(pixels, (0, right, 0, below), mode="replicate")
        x = (2 * sobel(pixels) - 1).contiguous(memory_format=torch.channels_last)  # a third faster on a CPU
        return cast("Tensor", self.trunk(x))[:, :, : -(-height // 2), : -(-width // 2)]


class Pyramid(nn.Module):
    """Convolutions to strides 4 and 8, whose features are added on the finer grid as in a feature pyramid."""

    def __init__(self, n_features: int, width: float):
        super().__init__()
        a, b, c, _, e, _ = channels_of(width)
        self.fine = nn.Sequential(
            conv_block(5, a), conv_block(a, b), nn.MaxPool2d(2), conv_block(b, c), conv_block(c, c), nn.MaxPool2d(2),
            conv_block(c, e),
        )  # fmt: skip
        self.coarse = nn.Sequential(nn.MaxPool2d(2), conv_block(e, e))
        self.of_fine, self.of_coarse = nn.Conv2d(e, n_features, 1), nn.Conv2d(e, n_features, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """(b, 3, height, width) in [0, 1] → (b, d, ⌈height / 4⌉, ⌈width / 4⌉)."""
        height, width = pixels.shape[2:]
        h, w = -(-height // 4), -(-width // 4)
        pixels = F.pad(pixels, (0, -width % 8, 0, -height % 8), mode="replicate")
        fine = self.fine((2 * sobel(pixels) - 1).contiguous(memory_format=torch.channels_last))
        coarse = F.interpolate(self.of_coarse(self.coarse(fine)), scale_factor=2, mode="bilinear", align_corners=False)
        return cast("Tensor", self.of_fine(fine) + coarse)[:, :, :h, :w]


class FeatureNet(Net):
    """A network whose features have unit length, and prototypes: unit vectors among them, or means of such."""

    def __init__(self, n_segments: int, n_features: int):
        super().__init__()
        self.prototypes: Tensor
        self.register_buffer("prototypes", F.normalize(torch.randn(n_segments, n_features), dim=1))

    def scores(self, pixels: Tensor) -> Tensor:
        """(b, K, h, w) probabilities, by the product of each cell with each prototype, which is their cosine if unit."""
        return nearest_prototypes(self.features(pixels), self.prototypes)


class PyramidNet(FeatureNet):
    """A pyramid of convolutions."""

    stride = 4

    def __init__(self, n_segments: int, n_features: int = 64, width: float = 0.125):
        super().__init__(n_segments, n_features)
        self.pyramid = Pyramid(n_features, width)

    def features(self, pixels: Tensor) -> Tensor:
        """(b, d, ⌈height / 4⌉, ⌈width / 4⌉), unit length."""
        return F.normalize(self.pyramid(pixels).float(), dim=1)


class TransformerNet(FeatureNet):
    """Keys of the bundled transformer, then a small head; the transformer learns too, or stays as it is."""

    stride = 8

    def __init__(self, n_segments: int, n_features: int = 64, *, tuned: bool = False):
        super().__init__(n_segments, n_features)
        self._model, self._tuned = load_vit(BACKBONES["dino_tiny"]), tuned
        self.vit: Any = self._model.net.requires_grad_(tuned)
        d = self.vit.embed_dim
        self.head = nn.Sequential(nn.Conv2d(d, d, 1), nn.ReLU(), nn.Conv2d(d, n_features, 1))

    def features(self, pixels: Tensor) -> Tensor:
        """(b, d, ⌈height / 8⌉, ⌈width / 8⌉), unit length."""
        with torch.set_grad_enabled(self._tuned and torch.is_grad_enabled()):
            keys = batch_features(self._model, pixels)
        return F.normalize(cast("Tensor", self.head(keys.float())).float(), dim=1)
