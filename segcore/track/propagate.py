"""Masks that follow: the labels of one frame are carried to the next ones by likeness of features.

    s_i = Σ_{j ∈ N_i} a_ij s_j / Σ_{j ∈ N_i} a_ij,     a_ij = exp(cos(f_i, f_j) / τ)

of each patch i, where N_i are the k nearest patches by cosine among those of the last frames and of the first one that lie
within a radius of i. The first frame stays as it was given, so that what is lost may be found again.

Source: Jabri, Owens and Efros 2020; constants as in the video segmentation of DINO (Caron and others 2021): 7 frames, radius
12, k = 5, τ = 0.1.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from segcore.errors import InputError
from segcore.runtime.stopping import stop_if_asked
from segcore.settings import DEFAULTS
from segcore.track.detections import Ints
from segcore.track.settings import PropagateSettings
from segcore.track.video import Picture

if TYPE_CHECKING:
    from segcore.pipeline import Pipeline

MOST_LABELS = 32


@dataclass(frozen=True, eq=False, slots=True)
class Carried:
    """The labels of one frame."""

    frame: int  # from 0
    soft: Tensor  # (h, w, K) float32 of its patches, ≥ 0, sums to 1; column 0 is the ground
    labels: Ints  # (height, width) of its pixels, 0 … K − 1


def propagate(
    pictures: Iterable[Picture],
    first: Ints,
    settings: PropagateSettings | None = None,
    *,
    pipeline: "Pipeline | None" = None,
) -> Iterator[Carried]:
    """Carry the labels of the first frame through all frames.

    Args:
        pictures: (height, width, 3) uint8 each, of one size; read one at a time.
        first: (height, width) labels of the first one; 0 is the ground, 1, 2, … are what is followed. Strokes will do:
            −1 is what nobody marked, and belongs to the ground.
        settings: the defaults if None.
        pipeline: whose memory and device are used; one of its own if None.

    Yields:
        The labels of each frame, those of the first one as they were given.

    Raises:
        InputError: sizes disagree, or there are more than `MOST_LABELS` labels.

    Cost: the features of a frame, and products of its n patches with those of at most 8 others; 80 ms a frame at 240 px.
    """
    from segcore.pipeline import Pipeline

    settings = settings or PropagateSettings()
    pipeline = pipeline or Pipeline(cache_bytes=128 << 20)
    read = DEFAULTS.replace(backbone=settings.backbone, max_side=settings.side, facet=settings.facet)
    first = np.maximum(np.asarray(first, np.int64), 0)
    n_labels = int(first.max(initial=0)) + 1
    if n_labels > MOST_LABELS:
        raise InputError(f"At most {MOST_LABELS - 1} things are followed at once; got {n_labels - 1}.", field="labels")
    kept: deque[tuple[Tensor, Tensor]] = deque(maxlen=settings.last)
    start: tuple[Tensor, Tensor] | None = None
    for number, picture in enumerate(pictures):
        stop_if_asked()
        if picture.shape[:2] != first.shape:
            raise InputError(
                f"Frame {number} has {picture.shape[1]} × {picture.shape[0]} pixels, the labels {first.shape[1]} × "
                f"{first.shape[0]}; all frames have the size of the labels.",
                field="labels",
            )
        grid = pipeline.features(torch.from_numpy(picture), read)
        f = torch.nn.functional.normalize(grid.f.float().cpu(), dim=-1)
        covered = grid.geometry.covered
        if start is None:
            soft = on_patches(first, n_labels, f.shape[:2], covered)
            start = f, soft
            yield Carried(number, soft, first)
            continue
        soft = carried(f, [start, *kept], settings)
        kept.append((f, soft))
        yield Carried(number, soft, on_pixels(soft, first.shape, covered))


def carried(f: Tensor, sources: list[tuple[Tensor, Tensor]], settings: PropagateSettings) -> Tensor:
    """(h, w, K): the labels of a frame, from those of others.

    Args:
        f: (h, w, d) features of its patches, of length 1.
        sources: features (h, w, d) and labels (h, w, K) of the others.
        settings: `radius`, `nearest` and `temperature` count.
    """
    h, w, d = f.shape
    rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    places = torch.stack([rows.flatten(), columns.flatten()], 1).float()
    far = torch.cdist(places, places) > settings.radius
    cosines = torch.cat([(f.reshape(-1, d) @ g.reshape(-1, d).T).masked_fill(far, -torch.inf) for g, _ in sources], 1)
    labels = torch.cat([soft.reshape(h * w, -1) for _, soft in sources])
    near = cosines.topk(min(settings.nearest, cosines.shape[1]), dim=1)
    weights = (near.values / settings.temperature).softmax(1)
    return torch.einsum("ik,ikc->ic", weights, labels[near.indices]).reshape(h, w, -1)


def on_patches(labels: Ints, n_labels: int, grid: tuple[int, ...], covered: tuple[float, float]) -> Tensor:
    """(h, w, K): which share of each patch has which label; beyond the picture all is ground."""
    h, w = grid
    height, width = labels.shape
    whole = torch.zeros(n_labels, round(height / covered[1]), round(width / covered[0]))
    whole[0] = 1
    hot = torch.nn.functional.one_hot(torch.from_numpy(labels), n_labels).permute(2, 0, 1).float()
    whole[:, :height, :width] = hot
    return torch.nn.functional.interpolate(whole[None], (h, w), mode="area")[0].permute(1, 2, 0)


def on_pixels(soft: Tensor, shape: tuple[int, ...], covered: tuple[float, float]) -> Ints:
    """(height, width): the likeliest label of each pixel, smoothly between the patches.

    As published, the likeness of each label is stretched to [0, 1] over the frame first, so that small things do not fade.
    """
    low, high = soft.amin((0, 1)), soft.amax((0, 1))
    stretched = torch.where(high > 0.05, (soft - low) / (high - low).clamp_min(1e-9), soft)
    height, width = shape
    size = round(height / covered[1]), round(width / covered[0])
    fine = torch.nn.functional.interpolate(stretched.permute(2, 0, 1)[None], size, mode="bilinear")[0]
    labels: Ints = fine[:, :height, :width].argmax(0).numpy()
    return labels
