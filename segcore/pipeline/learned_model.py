"""What a training left, as a backbone of the lab: its features instead of a transformer's."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.features.published import Backbone
from segcore.learn.learned import load_learned, pixels_of
from segcore.types import FeatureGrid, Geometry

PATCH = 8  # px: a graph of cells as small as those of most networks here would not fit into memory


@dataclass(frozen=True, eq=False, slots=True)
class LearnedModel:
    """A network that stands where a `VitModel` does; threads may share it."""

    net: Any  # a `Net` in eval mode
    backbone: Backbone
    patch: int
    source: str
    system: str

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = next(self.net.parameters()).device
        return device

    def extract(self, pixels: Tensor, geometry: Geometry) -> FeatureGrid:
        """Mean features of each cell, less the mean of the picture, since activations are positive and all alike else."""
        with torch.inference_mode():
            f = self.net.features(pixels_of(pixels, self.device)).float()
            f = F.adaptive_avg_pool2d(f, (geometry.h, geometry.w))[0]
            f = (f - f.mean((1, 2), keepdim=True)).permute(1, 2, 0)
        return FeatureGrid(
            f=f.clone(), geometry=geometry, pixels=pixels, origin=f"features that {self.system} learned", source=self.source
        )


def learned_backbone(name: str, path: Any, stamp: tuple[int, int] | None) -> Backbone:
    """The backbone of a file that `learn` wrote."""
    return Backbone(
        name=name,
        title=f"what was learned, from {path.name}",
        patch=PATCH,
        licence="that of the file",
        help="A network that a system trained on pictures alone.",
        file=path,
        stamp=stamp,
        learned=True,
    )


def load_model(backbone: Backbone, *, device: torch.device | str = "cpu") -> LearnedModel:
    """Read the network of such a backbone.

    Raises:
        ModelError: the file is damaged, or of another version.
    """
    learned = load_learned(backbone.file or "", device=device)
    file = backbone.file.name if backbone.file else ""
    return LearnedModel(learned.net, backbone, backbone.patch, f"file {file}", learned.system)
