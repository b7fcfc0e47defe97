"""A linear layer on features of a transformer that does not learn, and pixel-adaptive upsampling after it.

Reference: Oquab and others 2023 for the linear head with batch norm; Su and others 2019 for the pixel-adaptive convolution.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segcore.features import BACKBONES, load_vit
from segcore.features.batch import batch_features
from segcore.nets.labelled import LabelledNet
from segcore.upsample.pac import pixel_adaptive_convolution_transposed


class LinearNet(LabelledNet):
    """Tokens of the last block, batch norm, 1×1; enlarged bilinearly. The file holds the transformer, too."""

    def __init__(self, n_segments: int, backbone: str = "dino_tiny", tuned_blocks: int = 0):
        """Build the head.

        Args:
            n_segments: K.
            backbone: a key of BACKBONES that is a transformer.
            tuned_blocks: how many of its last blocks learn, too.

        Raises:
            ModelError: its weights cannot be had.
        """
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            self._model = load_vit(BACKBONES[backbone])
        self.vit: Any = self._model.net.requires_grad_(False)
        for block in list(self.vit.blocks)[len(self.vit.blocks) - tuned_blocks :]:
            block.requires_grad_(True)
        self._tuned = tuned_blocks > 0
        self.stride = self._model.patch
        self.norm = nn.BatchNorm2d(self.vit.embed_dim, affine=False)
        self.head = nn.Conv2d(self.vit.embed_dim, n_segments, 1)

    def along(self) -> dict[str, nn.Module]:
        """The tokens, normalized, and the scores."""
        return {"tokens": self.norm, "scores": self.head}

    def features(self, pixels: Tensor) -> Tensor:
        """(b, d, ⌈height / patch⌉, ⌈width / patch⌉) tokens after the last norm."""
        with torch.set_grad_enabled(self._tuned and torch.is_grad_enabled()):
            return batch_features(self._model, pixels, facet="token").float()

    def on_cells(self, pixels: Tensor) -> Tensor:
        """(b, K, ⌈height / patch⌉, ⌈width / patch⌉) logits of the patches."""
        y: Tensor = self.head(self.norm(self.features(pixels)))
        return y

    def logits(self, pixels: Tensor) -> Tensor:
        """(b, K, height, width)."""
        return _cut(F.interpolate(self.on_cells(pixels), scale_factor=float(self.stride), mode="bilinear"), pixels)


class PacNet(LinearNet):
    """The same; on the way to the pixels it is doubled twice by convolutions that follow the colors, then bilinearly."""

    DOUBLINGS = 2
    _GUIDE = 8  # channels
    _TAPS = ((0.25, 0.5, 0.25), (0.5, 1.0, 0.5), (0.25, 0.5, 0.25))  # bilinear, where the guide is constant

    def __init__(self, n_segments: int, backbone: str = "dino_tiny", tuned_blocks: int = 0):
        super().__init__(n_segments, backbone, tuned_blocks)
        taps = torch.tensor(self._TAPS) * torch.eye(n_segments)[:, :, None, None]
        self.weights = nn.ParameterList(nn.Parameter(taps.clone()) for _ in range(self.DOUBLINGS))
        self.guides = nn.ModuleList(nn.Conv2d(3, self._GUIDE, 3, padding=1) for _ in range(self.DOUBLINGS))

    def logits(self, pixels: Tensor) -> Tensor:
        """(b, K, height, width)."""
        y = self.on_cells(pixels)
        whole = F.pad(pixels, [n for s in reversed(pixels.shape[2:]) for n in (0, -s % self.stride)], mode="replicate")
        for weight, guide in zip(self.weights, self.guides, strict=True):
            size = (2 * y.shape[2], 2 * y.shape[3])
            f = guide(F.adaptive_avg_pool2d(whole, size)).float()
            y = pixel_adaptive_convolution_transposed(y.float(), f, weight, stride=2, padding=1, output_padding=1)
        left = float(self.stride // 2**self.DOUBLINGS)
        return _cut(F.interpolate(y, scale_factor=left, mode="bilinear"), pixels)


def _cut(y: Tensor, pixels: Tensor) -> Tensor:
    return y[:, :, : pixels.shape[2], : pixels.shape[3]]
