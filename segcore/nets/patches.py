"""Networks on a transformer that does not learn: none of their tensors, but known by its name and its weights' digest."""

from functools import lru_cache

import torch
from torch import Tensor

from segcore.errors import ModelError
from segcore.features import BACKBONES, Backbone, ColorModel, FeatureModel, load_vit, picture_features
from segcore.features.timm_files import transformer_of_file
from segcore.image import digest
from segcore.nets.net import Net
from segcore.runtime.cache import StageCache
from segcore.settings import is_weight_file

_DIGEST_BYTES = 8


# Of pictures that are looked at again and again while a head learns; nothing changes them.
_features = StageCache(128 << 20)


class OnPatches(Net):
    """A network that reads a transformer's features of patches."""

    backbone_digest: Tensor
    d: int  # length of a feature

    def __init__(self, backbone: str = "dino_tiny", facet: str = "token"):
        """Find the backbone.

        Args:
            backbone: a key of BACKBONES, or a file of a transformer.
            facet: which vectors of its last block are read.

        Raises:
            InputError: there is no backbone of this name.
            ModelError: its weights cannot be had.
        """
        super().__init__()
        self._backbone = transformer_of_file(backbone) if is_weight_file(backbone) else BACKBONES[backbone]
        self._facet = facet
        self.stride = self._backbone.patch
        probe = self._grid(torch.zeros(self.stride, self.stride, 3, dtype=torch.uint8), torch.device("cpu"))
        self.d = probe.shape[-1]
        model = _model(self._backbone, "cpu")
        digest = bytes.fromhex(model.fingerprint) if self._backbone.needs_weights else bytes(_DIGEST_BYTES)
        self.register_buffer("backbone_digest", torch.tensor(list(digest), dtype=torch.uint8))

    def load_state_dict(self, state, strict: bool = True, assign: bool = False):  # type: ignore[no-untyped-def]
        """Fill in what learned.

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
        return self._grid(image, self.backbone_digest.device)

    def _grid(self, image: Tensor, device: torch.device) -> Tensor:
        def made() -> Tensor:
            model = _model(self._backbone, str(device))
            with torch.inference_mode(False), torch.no_grad():  # so that whoever learns may read it, too
                return picture_features(model, image, max_side=max(image.shape[:2]), facet=self._facet).f.clone()

        f: Tensor = _features.get((self._backbone, str(device), self._facet, digest(image)), made)[0]
        return f


@lru_cache(maxsize=2)
def _model(backbone: Backbone, device: str) -> FeatureModel:
    """The model of a backbone, which nothing changes."""
    if not backbone.needs_weights:
        return ColorModel(torch.device(device))
    with torch.random.fork_rng(devices=[]):  # a head's first weights must not depend on whether this is remembered
        return load_vit(backbone, device=device)
