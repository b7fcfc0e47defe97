"""What a training leaves on the disk in the end: the weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segcore.pretrain.networks import Network
from segcore.pretrain.recipe import MEAN, STD, Recipe
from segcore.train.checkpoint import replace_file
from segcore.train.digest import signed


def save_weights(out: Path, teacher: Network, recipe: Recipe, *, facts: Mapping[str, Any]) -> None:
    """Write the transformer as timm names its tensors, in half precision; the metadata describe it and carry a digest."""
    from safetensors.torch import save

    config = {
        "architecture": recipe.architecture,
        "num_classes": 0,
        "model_args": recipe.model_args,
        "pretrained_cfg": {"mean": list(MEAN), "std": list(STD), "input_size": [3, recipe.large_px, recipe.large_px]},
        "training": dict(facts),
    }
    tensors = {name: x.detach().half().cpu().contiguous() for name, x in teacher.net.state_dict().items()}
    metadata = signed(tensors, {"format": "pt", "config": json.dumps(config)})
    # safetensors' own save_file would let nobody but its owner read the file.
    replace_file(out, lambda path: path.write_bytes(save(tensors, metadata=metadata)))
