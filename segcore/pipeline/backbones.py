"""The backbone that a name means here, and its model: a transformer, colors, or what `segcore.learn` wrote.

Nothing below knows all three.
"""

import functools
from pathlib import Path

import torch

from segcore.checks import check_choice
from segcore.features import BACKBONES, Backbone, ColorModel, FeatureModel, load_vit
from segcore.features.published import best_here
from segcore.features.timm_files import stamp_of, transformer_of_file
from segcore.learn.learned import is_learned
from segcore.pipeline.learned_model import learned_backbone, load_learned_model
from segcore.settings import is_weight_file


def resolve_backbone(name: str) -> tuple[Backbone, str | None]:
    """Turn a backbone's name into the backbone.

    Args:
        name: a key of BACKBONES; a path that ends in .safetensors, .pth or .pt; or "auto", see `best_here`.

    Returns:
        The backbone, and a note of `stand_in_note` where "auto" had to fall back, else None.

    Raises:
        InputError: there is no backbone of this name.
        ModelError: the file is missing, damaged, or holds no vision transformer.

    Cost: for "auto", that of `best_here`; a file is read once, and then again only when it changes.
    """
    if is_weight_file(name):
        path = Path(name).expanduser()
        return _learned_in(name, path, stamp_of(path)) or transformer_of_file(name), None
    if name == "auto":
        return best_here()
    check_choice("backbone", name, ("auto", *BACKBONES))
    return BACKBONES[name], None


@functools.lru_cache(maxsize=8)
def _learned_in(name: str, path: Path, stamp: tuple[int, int] | None) -> Backbone | None:
    return learned_backbone(name, path, stamp) if is_learned(path) else None


def load_model(backbone: Backbone, *, device: torch.device | str = "cpu") -> FeatureModel:
    """Load what computes a backbone's features.

    Args:
        backbone: of `resolve_backbone`.
        device: where it will compute.

    Raises:
        ModelError: the weights cannot be had or read.

    Cost: that of `load_vit` for a transformer. Keep the result.
    """
    if backbone.timm_name:
        return load_vit(backbone, device=device)
    if backbone.file:
        return load_learned_model(backbone, backbone.file, device=device)
    return ColorModel(torch.device(device))
