"""A head on the features of a transformer that does not learn, and the clusters of its codes: the network of STEGO."""

from functools import lru_cache

import torch
from torch import Tensor

from segcore.errors import ModelError
from segcore.features import BACKBONES, Backbone, ColorModel, FeatureModel, load_vit, picture_features
from segcore.features.timm_files import transformer_of_file
from segcore.nets.blocks import nearest_prototypes
from segcore.nets.heads import CodeHead
from segcore.nets.net import Net
from segcore.settings import is_weight_file

_DIGEST_BYTES = 8


class CodeNet(Net):
    """Codes of the patches, and the clusters they lie in. The transformer is none of its tensors, but known by name."""

    centers: Tensor
    backbone_digest: Tensor

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
        super().__init__()
        self._backbone = transformer_of_file(backbone) if is_weight_file(backbone) else BACKBONES[backbone]
        self._facet = facet
        self.stride = self._backbone.patch
        probe = self._grid(torch.zeros(self.stride, self.stride, 3, dtype=torch.uint8), torch.device("cpu"))
        self.head = CodeHead(probe.shape[-1], code_size)
        self.register_buffer("centers", torch.zeros(n_segments, code_size))
        model = _model(self._backbone, "cpu")
        digest = bytes.fromhex(model.fingerprint) if self._backbone.needs_weights else bytes(_DIGEST_BYTES)
        self.register_buffer("backbone_digest", torch.tensor(list(digest), dtype=torch.uint8))

    def load_state_dict(self, state, strict: bool = True, assign: bool = False):  # type: ignore[no-untyped-def]
        """Fill the head in.

        Raises:
            ModelError: it was trained on other weights of the backbone than those here.
        """
        if not torch.equal(state["backbone_digest"].cpu(), self.backbone_digest.cpu()):
            name = self._backbone.name
            raise ModelError(f"This head was trained on other weights of {name} than those here.", backbone=name)
        return super().load_state_dict(state, strict, assign)

    def field(self, pixels: Tensor) -> Tensor:
        """(h, w, d) features of one picture (3, height, width) in [0, 1]."""
        image = (pixels * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous()
        return self._grid(image, self.centers.device)

    def _grid(self, image: Tensor, device: torch.device) -> Tensor:
        model = _model(self._backbone, str(device))
        return picture_features(model, image, max_side=max(image.shape[:2]), facet=self._facet).f

    def features(self, pixels: Tensor) -> Tensor:
        """(b, size, h, w) codes of length 1."""
        return torch.stack([self.head(self.field(one)) for one in pixels]).permute(0, 3, 1, 2)

    def scores(self, pixels: Tensor) -> Tensor:
        """(b, K, h, w) probabilities of the clusters."""
        return nearest_prototypes(self.features(pixels), self.centers)


@lru_cache(maxsize=2)
def _model(backbone: Backbone, device: str) -> FeatureModel:
    """The model of a backbone, which nothing changes."""
    if not backbone.needs_weights:
        return ColorModel(torch.device(device))
    with torch.random.fork_rng(devices=[]):  # the head's first weights must not depend on whether this is remembered
        return load_vit(backbone, device=device)
