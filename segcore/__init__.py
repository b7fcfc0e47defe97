"""Unsupervised image segmentation: features, graphs, eigenvectors, clusters, conditional random fields.

import segcore

result = segcore.segment("picture.jpg", method="spectral", n_segments=5, crf=True)
result.label_map  # (height, width), 0 … K − 1
"""

from importlib import import_module
from typing import Any

from segcore.errors import InputError, ModelError, NumericalError, SegcoreError
from segcore.settings import CRF_PRESETS, Settings

__all__ = [
    "CRF_PRESETS",
    "InputError",
    "ModelError",
    "NumericalError",
    "Pipeline",
    "SegcoreError",
    "Segmentation",
    "Settings",
    "feature_colors",
    "match_pictures",
    "segment",
]

_HOMES = {
    "Pipeline": "segcore.pipeline",
    "Segmentation": "segcore.types",
    "feature_colors": "segcore.show.feature_colors",
    "match_pictures": "segcore.show.feature_colors",
    "segment": "segcore.pipeline",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first used, so that `--help` and the schema stay quick."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'segcore' has no attribute {name!r}")
