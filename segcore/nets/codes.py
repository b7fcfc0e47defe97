"""A head on the features of a transformer that does not learn, and the clusters of its codes: the network of STEGO."""

import torch
from torch import Tensor

from segcore.nets.blocks import nearest_prototypes
from segcore.nets.heads import CodeHead
from segcore.nets.patches import OnPatches


class CodeNet(OnPatches):
    """Codes of the patches, and the clusters they lie in."""

    centers: Tensor

    def __init__(self, n_segments: int, backbone: str = "dino_tiny", facet: str = "token", code_size: int = 70):
        """Build the head.

        Args:
            n_segments: K.
            backbone: a key of BACKBONES, or a file of a transformer.
            facet: which vectors of its last block the head reads.
            code_size: length of a code.

        Raises:
            InputError: there is no backbone of this name.
            ModelError: its weights cannot be had.
        """
        super().__init__(backbone, facet)
        self.head = CodeHead(self.d, code_size)
        self.register_buffer("centers", torch.zeros(n_segments, code_size))

    def features(self, pixels: Tensor) -> Tensor:
        """(b, size, h, w) codes of length 1."""
        return torch.stack([self.head(self.field(one)) for one in pixels]).permute(0, 3, 1, 2)

    def scores(self, pixels: Tensor) -> Tensor:
        """(b, K, h, w) probabilities of the clusters."""
        return nearest_prototypes(self.features(pixels), self.centers)
