"""Features: one vector per patch of a picture.

`picture_features` computes them with a `FeatureModel`: a transformer, a network that was trained here, or the colors
themselves. `segcore.pipeline.reader` opens one by its name.
"""

from segcore.features.color import ColorModel, color_features
from segcore.features.model import Extract, FeatureModel, extract_features, picture_features
from segcore.features.published import BACKBONES, Backbone, stand_in_note, weights_status
from segcore.features.shifts import refined, shifted_features
from segcore.features.vit import VitModel, load_vit

__all__ = [
    "BACKBONES",
    "Backbone",
    "ColorModel",
    "Extract",
    "FeatureModel",
    "VitModel",
    "color_features",
    "extract_features",
    "load_vit",
    "picture_features",
    "refined",
    "shifted_features",
    "stand_in_note",
    "weights_status",
]
