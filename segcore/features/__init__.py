"""Weights and features: one vector per patch.

`resolve_backbone` says which backbone a name means here, `load_vit` reads its weights, `compute_features` applies it.
"""

from torch import Tensor

from segcore.features.color import color_features
from segcore.features.published import BACKBONES, Backbone, resolve_backbone, stand_in_note, weights_status
from segcore.features.vit import VitModel, extract_features, load_model, load_vit
from segcore.types import FeatureGrid, Geometry

__all__ = [
    "BACKBONES",
    "Backbone",
    "VitModel",
    "compute_features",
    "load_model",
    "load_vit",
    "resolve_backbone",
    "stand_in_note",
    "weights_status",
]


def compute_features(
    pixels: Tensor,
    geometry: Geometry,
    *,
    backbone: Backbone,
    model: VitModel | None = None,
    facet: str = "key",
    block: int = -1,
) -> FeatureGrid:
    """Compute one feature vector per patch with any backbone.

    Args:
        pixels: (h·patch, w·patch, 3) uint8 RGB.
        geometry: how the patches lie over the picture; its patch is the backbone's.
        backbone: of `resolve_backbone`.
        model: of `load_vit`, kept by the caller, who knows how many fit in memory. None for a backbone without weights; for
            others the weights are then read anew, onto the device of the pixels.
        facet: key, query, value or token; a backbone without weights ignores it.
        block: counted from the last one, −1; a backbone without weights ignores it.

    Raises:
        InputError: an argument breaks a rule.
        ModelError: the weights cannot be had or read.
    """
    if not backbone.needs_weights:
        return color_features(pixels, geometry)
    return extract_features(model or load_model(backbone, device=pixels.device), pixels, geometry, facet=facet, block=block)
