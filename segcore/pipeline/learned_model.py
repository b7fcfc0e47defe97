"""What a training left, as a backbone of the lab: its features instead of a transformer's."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.features import Backbone
from segcore.features.model import NetModel
from segcore.learn.learned import load_learned, pixels_of
from segcore.types import FeatureGrid, Geometry

PATCH = 8  # px: a graph of cells as small as those of most networks here would not fit into memory


@dataclass(frozen=True, eq=False)
class LearnedModel(NetModel):
    """A network that a system trained: a `FeatureModel` that knows no facets, blocks or class token."""

    system: str

    def extract(self, pixels: Tensor, geometry: Geometry, **_how: Any) -> FeatureGrid:
        """Mean features of each cell, less the mean of the picture, since activations are positive and all alike else."""
        with torch.inference_mode():
            f = self.net.features(pixels_of(pixels, self.device)).float()
            f = F.adaptive_avg_pool2d(f, (geometry.h, geometry.w))[0]
            f = (f - f.mean((1, 2), keepdim=True)).permute(1, 2, 0)
        return FeatureGrid(
            f=f.clone(), geometry=geometry, pixels=pixels, origin=f"features that {self.system} learned", source=self.source
        )


def learned_backbone(name: str, path: Path, stamp: tuple[int, int] | None) -> Backbone:
    """The backbone of a file that `learn` wrote."""
    return Backbone(
        name=name,
        title=f"what was learned, from {path.name}",
        patch=PATCH,
        licence="that of the file",
        help="A network that a system of this project trained, on pictures alone or on pictures with label maps.",
        file=path,
        stamp=stamp,
    )


def load_learned_model(backbone: Backbone, file: Path, *, device: torch.device | str = "cpu") -> LearnedModel:
    """Read the network of such a backbone.

    Raises:
        ModelError: the file is damaged, or of another version.
    """
    learned = load_learned(file, device=device)
    return LearnedModel(learned.net, backbone, f"file {file.name}", learned.system)
