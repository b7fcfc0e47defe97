"""The network of CutLER: a dense mask head on the features of a transformer that does not learn."""

import torch
from torch import Tensor

from segcore.nets.masks import MOST, MaskHead
from segcore.nets.net import MaskNet
from segcore.nets.patches import OnPatches

GROUND, OBJECT = 0, 1


class DenseMaskNet(OnPatches, MaskNet):
    """Separate objects; as labels, ground and object."""

    def __init__(self, backbone: str = "dino_tiny", facet: str = "key", places: int = 10):
        """Build the head; arguments and errors as of `OnPatches`, and `places` along a side of the picture."""
        super().__init__(backbone, facet)
        self.head = MaskHead(self.d, places=places)

    def features(self, pixels: Tensor) -> Tensor:
        """(b, d, h, w): those that the head reads."""
        return torch.stack([self.field(one) for one in pixels]).permute(0, 3, 1, 2)

    def instances(self, pixels: Tensor, *, most: int | None = None, seed: int = 0) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """The surest objects, at most `most`; see `MaskHead.found`. Nothing is drawn."""
        return self.head.found(self.field(pixels[0]), most=most or MOST)

    def scores(self, pixels: Tensor) -> Tensor:
        """(b, 2, h, w) probabilities of ground and object: the largest of any mask of an object that is found."""
        out = []
        for one in pixels:
            f = self.field(one)
            masks, _ = self.head.found(f)
            p = masks.amax(0) if len(masks) else f.new_zeros(f.shape[:2])
            out.append(torch.stack([1 - p, p]))
        return torch.stack(out)
