"""The three losses of a step.

All are cross-entropies H(q, p) = −Σ_k q_k log p_k with

q = Sinkhorn(teacher's cosines / τ_t)    every row sums to 1, every prototype gets about the same mass
p = softmax(student's cosines / τ_s)
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from segcore.features.pretrain.crops import Crops, change_colors, cut, draw_crops, draw_masks, draw_pictures, match
from segcore.features.pretrain.networks import Network
from segcore.features.pretrain.pictures import PictureStore
from segcore.features.pretrain.recipe import Phase, Recipe


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """What student and teacher see in one step: two large crops and some small ones of each of b pictures."""

    large: tuple[Crops, Crops]
    small: tuple[Crops, ...]
    large_pixels: Tensor  # (2 b, 3, px, px), view by view
    small_pixels: Tensor  # (n_small · b, 3, px, px), view by view
    hidden: Tensor  # (2 b, n) bool, patches that the student does not see


@dataclass(frozen=True, eq=False, slots=True)
class Losses:
    """Scalars, in nats."""

    picture: Tensor
    masked: Tensor
    matched: Tensor


def draw_batch(store: PictureStore, recipe: Recipe, phase: Phase, *, generator: Generator, device: torch.device) -> Batch:
    """Draw pictures, crops, colors and masks of one step; what is drawn depends on nothing but the generator's state."""
    numbers = draw_pictures(store, n=phase.batch, px=phase.large_px, generator=generator)
    size = store.size[:, 0].cpu()[numbers]

    def crops(px: int, area: tuple[float, float]) -> Crops:
        return draw_crops(size, px=px, area=area, most_zoom=recipe.most_zoom, generator=generator)

    def pixels(views: tuple[Crops, ...]) -> Tensor:
        # Colors change view by view, which keeps the working memory small.
        return torch.cat([change_colors(cut(store, numbers, view).to(device), generator=generator) for view in views])

    large = crops(phase.large_px, recipe.large_area), crops(phase.large_px, recipe.large_area)
    small = tuple(crops(phase.small_px, recipe.small_area) for _ in range(recipe.n_small))
    hidden = draw_masks(
        2 * phase.batch,
        phase.large_px // recipe.patch,
        share=recipe.masked_share,
        ratio=recipe.mask_ratio,
        block=recipe.mask_block,
        generator=generator,
    )
    return Batch(
        tuple(view.to(device) for view in large),
        tuple(view.to(device) for view in small),
        pixels(large),
        pixels(small),
        hidden.to(device),
    )


def compute_losses(
    student: Network, teacher: Network, batch: Batch, recipe: Recipe, *, teacher_temperature: float
) -> Losses:
    """Run both networks and compare them; the gradients reach the student only."""
    with torch.no_grad():
        # Masks hide nothing from the teacher.
        pictures, patches = teacher(batch.large_pixels)
        q_pictures = sinkhorn(pictures, temperature=teacher_temperature).chunk(2)
        q_patches = sinkhorn(patches.flatten(0, 1), temperature=teacher_temperature).view(patches.shape)
    large_pictures, large_patches = _log_softmax(student(batch.large_pixels, batch.hidden), recipe)
    small_pictures, small_patches = _log_softmax(student(batch.small_pixels), recipe)
    p_pictures = (*large_pictures.chunk(2), *small_pictures.chunk(recipe.n_small))
    p_patches = (*large_patches.chunk(2), *small_patches.chunk(recipe.n_small))
    return Losses(
        picture=_picture_loss(q_pictures, p_pictures),
        masked=_mean(-(q_patches * large_patches).sum(-1), batch.hidden),
        matched=_matched_loss(batch, q_patches.chunk(2), p_patches, patch=recipe.patch),
    )


def sinkhorn(cosines: Tensor, *, temperature: float, n_iter: int = 3) -> Tensor:
    """Turn cosines into soft assignments that use all prototypes evenly.

    Args:
        cosines: (rows, prototypes).
        temperature: smaller is harder.
        n_iter: rounds of scaling columns, then rows.

    Returns:
        (rows, prototypes) float32; rows sum to 1, columns to about rows / prototypes.

    Reference: Cuturi 2013; Caron et al. (SwAV) 2020.
    """
    cosines = cosines.float()
    Q = ((cosines - cosines.amax(1, keepdim=True)) / temperature).exp_()
    for _ in range(n_iter):
        Q /= Q.sum(0).clamp_min_(1e-30)
        Q /= Q.sum(1, keepdim=True).clamp_min_(1e-30)
    return Q


def _log_softmax(cosines: tuple[Tensor, Tensor], recipe: Recipe) -> tuple[Tensor, Tensor]:
    pictures, patches = ((x / recipe.student_temperature).log_softmax(-1) for x in cosines)
    return pictures, patches


def _picture_loss(q: tuple[Tensor, ...], p: tuple[Tensor, ...]) -> Tensor:
    """Mean over all pairs of a large crop and another crop."""
    pairs = [-(target * log_p).sum(-1).mean() for t, target in enumerate(q) for s, log_p in enumerate(p) if s != t]
    return torch.stack(pairs).mean()


def _matched_loss(batch: Batch, q: tuple[Tensor, ...], p: tuple[Tensor, ...], *, patch: int) -> Tensor:
    """Mean over all patches that are seen in a crop and lie in a large crop other than it."""
    seen = (*(~half for half in batch.hidden.chunk(2)), *(None for _ in batch.small))
    losses, weights = [], []
    for t, target in enumerate(q):
        for s, (view, log_p) in enumerate(zip((*batch.large, *batch.small), p, strict=True)):
            if s == t:
                continue
            partner, inside = match(view, batch.large[t], patch)
            matched = target.gather(1, partner[..., None].expand(-1, -1, target.shape[-1]))
            losses.append(-(matched * log_p).sum(-1))
            weights.append(inside if seen[s] is None else inside & seen[s])
    return _mean(torch.cat(losses, 1), torch.cat(weights, 1))


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean of the chosen values; 0 where there are none."""
    return (values * chosen).sum() / chosen.sum().clamp_min(1)
