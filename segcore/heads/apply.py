"""Heads and the pipeline: features of several blocks together, probabilities on pixels, and labels of whole pictures."""

import dataclasses
from typing import Any

import torch
from torch import Tensor

from segcore.errors import InputError, ModelError
from segcore.heads.file import Head
from segcore.image import scaled_to_pixels
from segcore.pipeline import Pipeline
from segcore.settings import Settings, is_weight_file
from segcore.types import FeatureGrid, Geometry
from segcore.upsample import upsample

UPSAMPLING = "joint_bilateral"  # between patches and pixels
MOST_BLOCKS = 4  # read side by side


def read_features(pipeline: Pipeline, picture: Any, settings: Settings, *, blocks: tuple[int, ...]) -> FeatureGrid:
    """Features of one or several blocks, side by side.

    Args:
        pipeline: computes and remembers.
        picture: as `read_image` takes it.
        settings: backbone, facet and max_side count.
        blocks: counted from the end, such as (−1,) or (−1, −2).

    Returns:
        The grid, with f (h, w, d · len(blocks)); features without blocks, such as color, stand once.

    Raises:
        InputError, ModelError: as of the pipeline. A backbone that cannot be had is an error here: a head of another one
            would be another head.
    """
    wanted, backbone = pipeline.resolve(settings).backbone, pipeline.reader(settings).model.backbone
    if backbone.name != wanted:
        raise ModelError(f"The weights of {wanted} cannot be had here; choose another backbone.", backbone=wanted)
    if not backbone.needs_weights:
        blocks = blocks[:1]
    grids = [pipeline.features(picture, settings.replace(block=block)) for block in blocks]
    if len(grids) == 1:
        return grids[0]
    f = torch.cat([grid.f for grid in grids], -1)
    return dataclasses.replace(grids[0], f=f, origin="; ".join(grid.origin for grid in grids))


def last_blocks(n: int) -> tuple[int, ...]:
    """The last n blocks, the last one first."""
    return tuple(range(-1, -n - 1, -1))


def weights_of(pipeline: Pipeline, settings: Settings) -> tuple[str, str]:
    """Name of the backbone that `settings` mean here, and the fingerprint of its weights."""
    model = pipeline.reader(settings).model
    return model.backbone.name, model.fingerprint


def settings_of_head(head: Head) -> Settings:
    """The settings under which a head reads its features.

    Raises:
        InputError: they are none; the file was made by another version.
    """
    return Settings.from_values({"backbone": head.backbone, "facet": head.facet, "max_side": head.max_side})


def check_head(pipeline: Pipeline, head: Head) -> None:
    """Refuse a head whose backbone here has other weights than where it was trained.

    Raises:
        InputError: they differ.
        ModelError: the backbone cannot be had.
    """
    settings = settings_of_head(head)
    name, weights = weights_of(pipeline, settings)
    if (name, weights) != (head.backbone, head.weights):
        file = " file of that name" if is_weight_file(head.backbone) else ""
        raise InputError(
            f"This head was trained on other weights of {head.backbone} than the{file or ' ones here'} (fingerprint "
            f"{head.weights}, here {weights} of {name}). Train it again, or get the weights it was made for.",
            field="head",
        )


def head_probabilities(head: Head, grid: FeatureGrid) -> Tensor:
    """(n, k) probabilities of the labels at the patches of a picture."""
    return head.linear.probabilities(grid.X)


def on_pixels(P: Tensor, grid: FeatureGrid, *, upsampling: str = UPSAMPLING) -> Tensor:
    """Lift values of the patches to the pixels of the scaled picture.

    Args:
        P: (n, k).
        grid: of these patches.
        upsampling: a key of `segcore.upsample.UPSAMPLERS`.

    Returns:
        (k, scaled height, scaled width).
    """
    g = grid.geometry
    fine = upsample(P.float().T.reshape(-1, g.h, g.w).contiguous(), grid.pixels, upsampling=upsampling)
    return fine[:, : g.scaled_size[0], : g.scaled_size[1]].contiguous()


def named(rows: Tensor, labels: tuple[int, ...]) -> Tensor:
    """Labels by the numbers of their rows: (…) integers 0 … k − 1 become values of `labels`."""
    values = torch.tensor(labels, dtype=torch.uint8 if max(labels) < 256 and min(labels) >= 0 else torch.int64)
    return values[rows.long()]


def label_picture(pipeline: Pipeline, head: Head, picture: Any, *, upsampling: str = UPSAMPLING) -> tuple[Tensor, Tensor]:
    """What a head makes of a picture.

    Args:
        pipeline: computes and remembers.
        head: checked by `check_head`.
        picture: as `read_image` takes it.
        upsampling: between patches and pixels.

    Returns:
        (height, width) labels of the head, and (h, w) entropy of the patches in [0, 1].

    Raises:
        InputError, ModelError: as of the pipeline.
    """
    grid = read_features(pipeline, picture, settings_of_head(head), blocks=head.blocks)
    P = head_probabilities(head, grid)
    rows = scaled_to_pixels(on_pixels(P, grid, upsampling=upsampling), grid.geometry)
    return named(rows.cpu(), head.labels), entropy(P, 1).reshape(grid.geometry.h, grid.geometry.w).cpu()


def entropy(P: Tensor, axis: int) -> Tensor:
    """Entropy of probabilities along an axis, as a share of that of a fair draw: 0 is certain, 1 is anybody's guess."""
    k = P.shape[axis]
    shares = -(P * P.clamp_min(1e-30).log()).sum(axis) / torch.log(torch.tensor(float(max(k, 2))))
    return shares.clamp(0, 1)


def cell_counts(labels: Tensor, geometry: Geometry, values: tuple[int, ...]) -> Tensor:
    """(n, k): how many pixels of each label lie in each cell.

    Args:
        labels: (height, width) of the picture, or of the scaled picture.
        geometry: of the grid.
        values: (k) the labels that count.
    """
    size = tuple(labels.shape)
    rows, columns = (
        torch.arange(1, 2 * side, 2) * scaled // (2 * side * geometry.patch)
        for side, scaled in zip(size, geometry.scaled_size, strict=True)
    )
    cells = (rows[:, None] * geometry.w + columns[None, :]).flatten()
    flat = labels.flatten().cpu()
    return torch.stack([torch.bincount(cells[flat == value], minlength=geometry.n) for value in values], 1).float()
