"""Features finer than patches: the picture is shifted by parts of a patch, and the grids are woven into one.

A patch that is shifted by δ describes what lies around its own middle, so that s × s runs of the backbone give one vector
for each s-th of a patch along each axis, without interpolation.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from segcore.checks import check_range
from segcore.errors import InputError
from segcore.features.model import Extract, FeatureModel, extract_features
from segcore.image.grid import fit_to_grid
from segcore.runtime.stopping import stop_if_asked
from segcore.types import FeatureGrid, Geometry

MOST_SHIFTS = 8


def shifted_features(
    model: FeatureModel,
    picture: Tensor,
    *,
    shifts: int,
    max_side: int,
    facet: str = "key",
    block: int = -1,
    extract: Extract = extract_features,
) -> FeatureGrid:
    """Features on a grid that is s times as fine as the patches.

    Args:
        model: any.
        picture: (height, width, 3) uint8.
        shifts: s, 1 … 8; it must divide the patch.
        max_side: to which the longer side is scaled first, in pixels.
        facet: as of `extract_features`, like all that follow.
        block: counted from the end.
        extract: of the host.

    Returns:
        One vector for each cell of patch / s pixels, from the patch with its middle there, to within half a pixel;
        pixels outside the picture repeat its border. It has no attention and no class token.

    Raises:
        InputError: s does not divide the patch; or as `fit_to_grid` and `extract_features`.

    Cost: s² runs of the backbone, and s² times the features.

    Reference: Amir et al. 2021 lay patches over each other by a smaller stride, for s⁴ times the attention of one run;
        shifts keep every run as the network was trained.
    """
    check_range("shifts", shifts, lo=1, hi=MOST_SHIFTS)
    if model.patch % shifts:
        raise InputError(
            f"{shifts} shifts do not divide the patches of {model.backbone.name}, which are {model.patch} pixels wide. Take "
            f"one of {', '.join(str(s) for s in range(1, MOST_SHIFTS + 1) if model.patch % s == 0)}.",
            field="shifts",
        )
    pixels, geometry = fit_to_grid(picture, max_side=max_side, patch=model.patch)
    how: dict[str, Any] = {"facet": facet, "block": block, "class_token": False}
    if shifts == 1:
        return extract(model, pixels.to(model.device), geometry, **how)
    h, w = geometry.h, geometry.w
    woven: Tensor | None = None
    for i in range(shifts):
        for j in range(shifts):
            stop_if_asked()
            part = extract(model, _moved(pixels, geometry, i, j, shifts).to(model.device), geometry, **how)
            if woven is None:
                woven = part.f.new_empty(h, shifts, w, shifts, part.f.shape[-1])
            woven[:, i, :, j] = part.f
    assert woven is not None  # noqa: S101 - there is at least one shift
    seen, fine = refined(pixels, geometry, shifts=shifts)
    f = woven.reshape(h * shifts, w * shifts, -1)[: fine.h, : fine.w].contiguous()
    return replace(
        part, f=f, geometry=fine, pixels=seen, attention=None, origin=f"{part.origin}, {shifts} × {shifts} shifts"
    )


def refined(pixels: Tensor, geometry: Geometry, *, shifts: int) -> tuple[Tensor, Geometry]:
    """The pixels and the geometry of `fit_to_grid` for cells of an s-th of a patch; s divides the patch."""
    fine = replace(geometry, patch=geometry.patch // shifts)
    return pixels[: fine.h * fine.patch, : fine.w * fine.patch].contiguous(), fine


def _moved(pixels: Tensor, geometry: Geometry, i: int, j: int, shifts: int) -> Tensor:
    """The picture moved so that the middle of each patch comes to that of its cell (i, j)."""
    rows, columns = (
        (torch.arange(len_) + round(geometry.patch * (2 * k + 1 - shifts) / (2 * shifts))).clamp(0, side - 1)
        for len_, k, side in zip(pixels.shape[:2], (i, j), geometry.scaled_size, strict=True)
    )
    return pixels[rows][:, columns].contiguous()
