"""STEGO: a head on the features of a transformer that stays as it is, taught by their correspondences.

The features of all pictures are computed once, at the first step, and kept in half precision. Clusters follow while the head
learns: they are found anew at steps 1, 2, 4, 8, … by k-means with the cosine, and move with every step between.
"""

from functools import lru_cache
from typing import cast

import torch
from torch import Tensor

from segcore.errors import ModelError
from segcore.features import BACKBONES, Backbone, ColorModel, FeatureModel, load_vit, picture_features
from segcore.features.timm_files import transformer_of_file
from segcore.learn.catalog import CATALOG, StegoSettings
from segcore.learn.correspondence import (
    Bank,
    CodeHead,
    cosine_kmeans,
    draw_pairs,
    head_losses,
    measure_shifts,
    moved,
    nearest_pictures,
    renumbered,
)
from segcore.learn.types import Crops, Learner, Losses, Net, System, Turn
from segcore.nets.small import nearest_prototypes
from segcore.runtime.stopping import stop_if_asked
from segcore.settings import is_weight_file

_CLUSTERED = 4096  # patches, when clusters are found anew
_DIGEST_BYTES = 8


class StegoNet(Net):
    """Codes of the patches, and the clusters they lie in. The transformer is none of its tensors, but known by name."""

    centers: Tensor
    backbone_digest: Tensor

    def __init__(self, n_segments: int, settings: StegoSettings):
        """Build the head.

        Raises:
            InputError: there is no backbone of this name.
            ModelError: its weights cannot be had.
        """
        super().__init__()
        name = settings.backbone
        self._backbone = transformer_of_file(name) if is_weight_file(name) else BACKBONES[name]
        self._facet = settings.facet
        self.stride = self._backbone.patch
        probe = self._grid(torch.zeros(self.stride, self.stride, 3, dtype=torch.uint8), torch.device("cpu"))
        self.head = CodeHead(probe.shape[-1], settings.code_size)
        self.register_buffer("centers", torch.zeros(n_segments, settings.code_size))
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


class StegoLearner(Learner):
    """The training of the head."""

    net: StegoNet
    shifts: Tensor

    def __init__(self, net: StegoNet, settings: StegoSettings, crops: Crops):
        super().__init__()
        self.net, self._settings, self._crops = net, settings, crops
        self.register_buffer("shifts", torch.zeros(3))
        self._bank: Bank | None = None
        self._codes: Tensor | None = None

    @property
    def bank(self) -> Bank:
        """The features of all pictures, computed when they are first asked for."""
        if self._bank is None:
            fields = []
            for i in range(len(self._crops)):
                stop_if_asked()
                fields.append(self.net.field(self._crops.whole(i)[0]).half())
            means = torch.stack([f.float().mean((0, 1)) for f in fields])
            self._bank = Bank(
                lambda i: fields[i].float(), nearest_pictures(means, self._settings.neighbors), self._crops.device
            )
        return self._bank

    def prepare(self, turn: Turn) -> None:
        """Measure the shifts before the first step; find the clusters anew when the number of steps is a power of two."""
        if turn.step == 0:
            self.shifts.copy_(measure_shifts(self.bank, self._settings, turn.generator))
        if turn.step & (turn.step - 1) == 0:
            self._cluster(turn.generator)

    def _cluster(self, generator: torch.Generator) -> None:
        n = min(len(self.bank), _CLUSTERED // 16)
        chosen = torch.randperm(len(self.bank), generator=generator)[:n].tolist()
        X = self.bank.draw(chosen, _CLUSTERED // n, generator).flatten(0, 1)
        with torch.no_grad():
            centers = cosine_kmeans(self.net.head(X), len(self.net.centers), generator=generator)
        known = bool(self.net.centers.any())
        self.net.centers.copy_(renumbered(centers, self.net.centers) if known else centers)

    def losses(self, turn: Turn) -> Losses:
        """Compare the codes of some pictures with themselves, with a neighbor of each, and with random ones."""
        with torch.autocast(turn.crops.device.type, enabled=False):  # differences of likenesses need their digits
            pairs = draw_pairs(self.bank, self._settings, self._settings.batch, turn.generator)
            total, parts, codes = head_losses(self.net.head, pairs, self.shifts, self._settings, turn.generator)
            self._codes = codes
            nearest = (codes @ self.net.centers.T).argmax(1)
        use = torch.bincount(nearest, minlength=len(self.net.centers)) / len(nearest)
        return Losses(total, parts, use)

    def follow(self, progress: float) -> None:  # noqa: ARG002
        """Let the clusters follow the codes of the step."""
        if self._codes is not None:
            self.net.centers.copy_(moved(self.net.centers, self._codes))


def _make_net(n_segments: int, settings: StegoSettings) -> StegoNet:
    return StegoNet(n_segments, settings)


def _make_learner(net: Net, _n_segments: int, settings: StegoSettings, crops: Crops) -> StegoLearner:
    return StegoLearner(cast("StegoNet", net), settings, crops)


STEGO = System(CATALOG["stego"], _make_net, _make_learner)
