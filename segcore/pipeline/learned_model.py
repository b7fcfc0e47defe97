"""What a training left, in the lab: its features instead of a transformer's, and its own labels."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.errors import InputError
from segcore.features import Backbone
from segcore.features.model import FeatureModel, NetModel
from segcore.learn.learned import Learned, load_learned, pixels_of, seen_scores
from segcore.nets.net import MaskNet
from segcore.types import Clustering, FeatureGrid, Geometry

_SHARPENED = "A CRF that these weights bring along has sharpened these labels already; one switched on here comes on top."
_NO_OBJECT = "The network finds no object here."
PATCH = 8  # px: a graph of cells as small as those of most networks here would not fit into memory


@dataclass(frozen=True, eq=False)
class LearnedModel(NetModel):
    """A network that a system trained: a `FeatureModel` that knows no facets, blocks or class token."""

    learned: Learned  # of the file; its network is `net`

    @property
    def _finds_objects(self) -> bool:
        return isinstance(self.net, MaskNet)

    @property
    def _names(self) -> tuple[str, ...]:
        """Those of classes; numbers from 1 of clusters that nobody has named."""
        names = enumerate(self.learned.names)
        return tuple(f"Cluster {i + 1}" if not self.learned.values and name == str(i) else name for i, name in names)

    def own_labels(self, picture: Tensor) -> FeatureGrid:
        """What the network says of each pixel, as features of pixels.

        Args:
            picture: (height, width, 3) uint8.

        Returns:
            How much each pixel belongs to each class or cluster, as of `seen_scores`; of a network that finds objects, the
            label map (d = 1) of `Learned.instances`, at the size of the picture.

        Cost: a pass through the network, and whatever CRF the weights have been trained with.
        """
        height, width = picture.shape[:2]
        if self._finds_objects:
            kind, seen = "objects", picture
            f = self._current.instances(picture).label_map[..., None].float().to(self.device)
        else:
            P, seen = seen_scores(self.net, picture, self.learned.settings)
            kind, f = "classes" if self.learned.values else "clusters", P.permute(1, 2, 0).contiguous()
        return FeatureGrid(
            f=f,
            geometry=Geometry((height, width), (f.shape[0], f.shape[1]), patch=1),
            pixels=seen.to(f.device),
            origin=f"{kind} that {self.learned.system} learned",
            source=self.source,
            notes=(_SHARPENED,) if getattr(self.learned.settings, "crf", False) else (),
        )

    def clustering(self, features: FeatureGrid) -> Clustering:
        """The labels that follow from `own_labels`: of each pixel the likeliest, or the object it belongs to, 0 for none."""
        if self._finds_objects:
            labels = features.X[:, 0].long()
            n = int(labels.max())
            notes = () if n else (_NO_OBJECT,)
            return Clustering(labels, float(n), 0, True, facts={"objects": n}, notes=notes, has_background=True)
        surest = features.X.max(1)
        sure = float(surest.values.mean())
        return Clustering(
            surest.indices, sure, 0, True, resp=features.X, facts={"probability": sure}, names=self._names
        )  # fmt: skip

    @property
    def _current(self) -> Learned:
        """The file's contents with the weights in use, which may be random ones, or on another device."""
        return replace(self.learned, net=self.net)

    def extract(self, pixels: Tensor, geometry: Geometry, **_how: Any) -> FeatureGrid:
        """Mean features of each cell, less the mean of the picture, since activations are positive and all alike else."""
        with torch.inference_mode():
            f = self.net.features(pixels_of(pixels, self.device)).float()
            f = F.adaptive_avg_pool2d(f, (geometry.h, geometry.w))[0]
            f = (f - f.mean((1, 2), keepdim=True)).permute(1, 2, 0)
        return FeatureGrid(
            f=f.clone(),
            geometry=geometry,
            pixels=pixels,
            origin=f"features that {self.learned.system} learned",
            source=self.source,
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
    return LearnedModel(learned.net, backbone, f"file {file.name}", learned)


def network_of(model: FeatureModel) -> LearnedModel:
    """The same model, as one that labels by itself.

    Raises:
        InputError: it computes features only.
    """
    if not isinstance(model, LearnedModel):
        raise InputError(
            "The method network shows the labels of a network that was trained here, and the backbone "
            f"{model.backbone.name} is none. Train one on Learn and press “Use in the lab” there; or name a file that "
            "`learn` wrote with --weights; or choose another method.",
            field="method",
        )
    return model
