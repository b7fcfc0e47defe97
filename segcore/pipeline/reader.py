"""From one picture to its features: a pure function of its bytes and of settings, which can run anywhere."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.features import BACKBONES, Backbone, VitModel, load_model, resolve_backbone
from segcore.features.color import color_features
from segcore.features.untrained import untrained_twin
from segcore.features.vit import extract_features
from segcore.heads.apply import UNTRAINED, fingerprint_of
from segcore.image import fit_to_grid, read_image
from segcore.runtime.device import pick_device
from segcore.settings import Settings
from segcore.types import FeatureGrid

Extract = Callable[..., FeatureGrid]


@dataclass(frozen=True, eq=False, slots=True)
class Reader:
    """A backbone that is loaded, and how it reads pictures."""

    backbone: Backbone
    model: VitModel | None  # None for a backbone without weights
    settings: Settings  # facet, block and max_side count; its backbone is that of this reader
    weights: str  # fingerprint, "none" without weights
    device: torch.device
    extract: Extract = extract_features
    notes: tuple[str, ...] = ()

    @property
    def recipe(self) -> str:
        """All that features depend on beside the picture, in one line."""
        s = self.settings
        of_vit = f" facet={s.facet} block={s.block}" if self.model else ""
        return f"backbone={self.backbone.name} weights={self.weights}{of_vit} max_side={s.max_side}"

    @property
    def patch(self) -> int:
        """Side of a cell, in pixels of the scaled picture."""
        return self.backbone.patch

    def read(self, data: bytes) -> FeatureGrid:
        """Features of the bytes of a file.

        Raises:
            InputError: it is no picture that can be read, or there is no such block.
        """
        return self.grid(read_image(data))

    def grid(self, image: Tensor, *, max_side: int | None = None) -> FeatureGrid:
        """Features of a picture (height, width, 3) uint8, or of a crop of one, with its class token where there is one.

        Args:
            image: the picture.
            max_side: to which its longer side is scaled; that of the settings if None.
        """
        pixels, geometry = fit_to_grid(image, max_side=max_side or self.settings.max_side, patch=self.patch)
        pixels = pixels.to(self.device)
        if self.model is None:
            return color_features(pixels, geometry)
        how = {"facet": self.settings.facet, "block": self.settings.block}
        return self.extract(self.model, pixels, geometry, **how, class_token=True)


def open_reader(
    settings: Settings, *, device: str = "auto", extract: Extract = extract_features, untrained: int | None = None
) -> Reader:
    """Load the backbone that the settings mean here.

    Args:
        settings: backbone, facet, block and max_side count.
        device: "auto", "cpu" or "cuda".
        extract: runs the transformer; a host may pass one that borrows a GPU for the call.
        untrained: a seed, for a twin of the backbone with random weights, to compare with.

    Raises:
        InputError: a setting breaks a rule.
        ModelError: the weights cannot be had or read; none stand in, as groups of other features would be others.
    """
    backbone, note = resolve_backbone(settings.backbone)
    where = pick_device(device)
    model = load_model(backbone, device=where) if backbone.needs_weights else None
    weights = "none" if model is None else fingerprint_of(model)
    if untrained is not None and model is not None:
        model, weights = untrained_twin(model, seed=untrained), f"{UNTRAINED} {untrained}"
    if backbone.name in BACKBONES:
        settings = settings.replace(backbone=backbone.name)
    return Reader(backbone, model, settings, weights, where, extract, (note,) if note else ())
