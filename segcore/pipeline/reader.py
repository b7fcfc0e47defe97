"""The door to features: from a picture, a crop or a frame to one vector per patch."""

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from segcore.features import Extract, FeatureModel, extract_features, picture_features, refined, shifted_features
from segcore.image import fit_to_grid, read_image
from segcore.pipeline.backbones import load_model, resolve_backbone
from segcore.runtime.device import pick_device
from segcore.settings import Settings
from segcore.types import FeatureGrid, Geometry


@dataclass(frozen=True, eq=False, slots=True)
class Reader:
    """A model, and how it reads pictures: a pure function of a picture, which can run anywhere."""

    model: FeatureModel
    settings: Settings  # facet, block and max_side count; its backbone is that of the model
    class_token: bool = False  # whether it is wanted too; it takes a bit longer
    extract: Extract = extract_features
    notes: tuple[str, ...] = ()

    @property
    def recipe(self) -> str:
        """All that features depend on beside the picture, in one line."""
        s, backbone = self.settings, self.model.backbone
        of_vit = f" facet={s.facet} block={s.block}" if backbone.needs_weights else ""
        return f"backbone={backbone.name} weights={self.model.fingerprint}{of_vit} max_side={s.max_side}"

    def having(self, **changes: Any) -> "Reader":
        """The same with other values of its settings."""
        return replace(self, settings=self.settings.replace(**changes))

    def fit(self, picture: Any, *, shifts: int = 1) -> tuple[Tensor, Geometry]:
        """What the model sees of a picture, on the CPU, and how its patches, or parts of them, lie over the picture.

        See `fit_to_grid`; with shifts, what `shifted_features` says of its grid.
        """
        fitted = fit_to_grid(_decoded(picture), max_side=self.settings.max_side, patch=self.model.patch)
        return refined(*fitted, shifts=shifts) if shifts > 1 else fitted

    def read(self, picture: Any, *, shifts: int = 1) -> FeatureGrid:
        """Features of a picture.

        Args:
            picture: as `read_image` takes it; a tensor (height, width, 3) uint8, such as a frame, is taken as it is.
            shifts: s > 1 gives a grid that is s times as fine, without attention and class token; see `shifted_features`.

        Returns:
            One vector per patch, on the device of the model.

        Raises:
            InputError: it is no picture that can be read, there is no such block, or the shifts do not divide a patch.

        Cost: the model s² times; nothing is remembered.
        """
        s, image = self.settings, _decoded(picture)
        how: dict[str, Any] = {"max_side": s.max_side, "facet": s.facet, "block": s.block, "extract": self.extract}
        if shifts > 1:
            return shifted_features(self.model, image, shifts=shifts, **how)
        return picture_features(self.model, image, class_token=self.class_token, **how)


def _decoded(picture: Any) -> Tensor:
    return picture if isinstance(picture, Tensor) else read_image(picture)


def open_reader(
    settings: Settings,
    *,
    device: str = "auto",
    extract: Extract = extract_features,
    untrained: int | None = None,
    class_token: bool = False,
) -> Reader:
    """Load the backbone that the settings mean here.

    Args:
        settings: backbone, facet, block and max_side count.
        device: "auto", "cpu" or "cuda".
        extract: runs the model; a host may pass one that borrows a GPU for the call.
        untrained: a seed, for a twin of the backbone with random weights, to compare with.
        class_token: whether it is wanted too.

    Raises:
        InputError: a setting breaks a rule.
        ModelError: the weights cannot be had or read; none stand in, as groups of other features would be others.
    """
    backbone, note = resolve_backbone(settings.backbone)
    model = load_model(backbone, device=pick_device(device))
    if untrained is not None:
        model = model.untrained(seed=untrained)
    notes = (note,) if note else ()
    return Reader(model, settings.replace(backbone=backbone.name), class_token, extract, notes)
