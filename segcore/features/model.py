"""What computes features: a transformer, a network that was trained here, or the colors themselves, all of one shape."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from segcore.checks import check_tensor
from segcore.errors import InputError
from segcore.features.published import Backbone
from segcore.features.untrained import redrawn
from segcore.features.weights import fingerprint
from segcore.image.grid import fit_to_grid
from segcore.types import FeatureGrid, Geometry

UNTRAINED = "random"  # the fingerprint of weights that were never trained
NO_WEIGHTS = "none"  # the fingerprint of a model that has no weights


class FeatureModel(Protocol):
    """A backbone ready to run. Nothing changes it, so threads may share it."""

    @property
    def backbone(self) -> Backbone:
        """Which one it is."""

    @property
    def patch(self) -> int:
        """Side of a cell, in pixels of the scaled picture."""

    @property
    def source(self) -> str:
        """Where the weights came from, in words."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    @property
    def fingerprint(self) -> str:
        """What tells these weights from others: 16 hexadecimal digits, UNTRAINED with a seed, or NO_WEIGHTS."""

    def __hash__(self) -> int:
        """It may be a key."""

    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""

    def untrained(self, *, seed: int) -> Self:
        """Its twin with random weights, to compare with: of the same architecture and patch, on the same device."""

    def extract(
        self, pixels: Tensor, geometry: Geometry, *, facet: str = "key", block: int = -1, class_token: bool = False
    ) -> FeatureGrid:
        """Features of pixels that fit its patch; see `extract_features`, which checks that they do."""


@dataclass(frozen=True, eq=False)
class NetModel:
    """What all models with a network have in common."""

    net: Any  # in eval mode
    backbone: Backbone
    source: str  # where the weights came from, in words
    seed: int | None = field(default=None, kw_only=True)  # of weights that are random; None for those that were trained

    @property
    def patch(self) -> int:
        """Side of a cell, in pixels of the scaled picture."""
        return self.backbone.patch

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = next(self.net.parameters()).device
        return device

    @cached_property
    def fingerprint(self) -> str:
        """Of the weights, computed once."""
        return fingerprint(self.net) if self.seed is None else f"{UNTRAINED} {self.seed}"

    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""
        return replace(self, net=self.net.to(device))

    def untrained(self, *, seed: int) -> Self:
        """Its twin with random weights, drawn as a training begins; see `redrawn`."""
        return replace(self, net=redrawn(self.net, seed=seed), source=f"random weights, seed {seed}", seed=seed)


class Extract(Protocol):
    """How a host runs a model: `extract_features`, or the same on a GPU that is borrowed for the call."""

    def __call__(
        self, model: FeatureModel, pixels: Tensor, geometry: Geometry, *, facet: str, block: int, class_token: bool
    ) -> FeatureGrid:
        """As `extract_features`."""


def extract_features(
    model: FeatureModel,
    pixels: Tensor,
    geometry: Geometry,
    *,
    facet: str = "key",
    block: int = -1,
    class_token: bool = False,
) -> FeatureGrid:
    """Compute one feature vector per patch of a picture.

    Args:
        model: any; facet, block and class_token are a transformer's, and others do not read them.
        pixels: (h·patch, w·patch, 3) uint8 RGB, on any device.
        geometry: how the patches lie over the picture; its patch is the model's.
        facet: "key", "query" or "value" (what the block's attention projects its input to, d = heads · head_dim) or "token"
            (what leaves the block, d = width; after the model's final norm where the block is the last one).
        block: counted from the end; −1 is the last one.
        class_token: also give what leaves the model at [CLS], after the final norm, for which the last block must be run to
            its end.

    Returns:
        Features and, where the model has a [CLS] token, the attention that it pays to each patch in the last block. Per head
        the attention sums to less than 1: the rest goes to [CLS] and to the registers. Tensors lie on the model's device.

    Raises:
        InputError: pixels are not those of the geometry, the patch is another one, there is no such facet, or the model has
            fewer blocks.

    Cost: the model once; of a transformer, up to the last block's attention, O(n²·d) for n patches. Deterministic.
    """
    if geometry.patch != model.patch:
        raise InputError(
            f"The picture was fitted to patches of {geometry.patch} pixels; {model.backbone.name} needs {model.patch}.",
            field="backbone",
        )
    check_tensor("pixels", pixels, (geometry.h * geometry.patch, geometry.w * geometry.patch, 3))
    if pixels.dtype != torch.uint8:
        raise InputError(f"pixels must be uint8, 0 to 255; got {pixels.dtype}.", field="pixels")
    return model.extract(pixels, geometry, facet=facet, block=block, class_token=class_token)


def picture_features(
    model: FeatureModel,
    picture: Tensor,
    *,
    max_side: int,
    facet: str = "key",
    block: int = -1,
    class_token: bool = False,
    extract: Extract = extract_features,
) -> FeatureGrid:
    """Fit a picture to the patches of a model, put it where the model is, and compute its features.

    Args:
        model: any.
        picture: (height, width, 3) uint8.
        max_side: to which the longer side is scaled first, in pixels.
        facet: as of `extract_features`, like all that follow.
        block: counted from the end.
        class_token: whether it is wanted too.
        extract: of the host.

    Returns:
        One vector per patch.

    Raises:
        InputError: as of `fit_to_grid` and `extract_features`.
    """
    pixels, geometry = fit_to_grid(picture, max_side=max_side, patch=model.patch)
    return extract(model, pixels.to(model.device), geometry, facet=facet, block=block, class_token=class_token)
