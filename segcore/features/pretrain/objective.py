"""The two losses of a step.

picture: student and teacher should see the same in two crops of a picture. Cross-entropy H(q, p) = −Σ_k q_k log p_k with

q = Sinkhorn(teacher's cosines / τ_t)    every row sums to 1, every prototype gets about the same mass
p = softmax(student's cosines / τ_s)

regions: patches of one crop should be alike as far as they belong together. The cosine of the student's keys, which becomes
the affinity W_feat of a segmentation, should be the share of over-segmentations by color that leave both patches in one
region. The colors of the crop are changed before the student sees them. This dense term is what makes short trainings worth
while: every step has millions of pairs to learn from.

Reference: Caron et al. (DINO) 2021; Hénaff et al. (DetCon) 2021 for regions by color in self-supervision.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from segcore.features.pretrain.crops import Crops, agreement, change_colors, cut, draw_crops, draw_pictures
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
    agreement: Tensor  # (2 b, n, n) in [0, 1]: how often patches of a large crop are in one region


@dataclass(frozen=True, eq=False, slots=True)
class Losses:
    """Scalars."""

    picture: Tensor  # in nats
    regions: Tensor  # mean squared error of the cosines


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
    return Batch(
        (large[0].to(device), large[1].to(device)),
        tuple(view.to(device) for view in small),
        pixels(large),
        pixels(small),
        torch.cat([agreement(store, numbers, view, recipe.patch).to(device) for view in large]),
    )


def compute_losses(
    student: Network, teacher: Network, batch: Batch, recipe: Recipe, *, teacher_temperature: float
) -> Losses:
    """Run both networks and compare them; the gradients reach the student only."""
    with torch.no_grad():
        q = sinkhorn(teacher(batch.large_pixels)[0], temperature=teacher_temperature).chunk(2)
    large, keys = student(batch.large_pixels)
    small, _ = student(batch.small_pixels)
    log_p = [(x / recipe.student_temperature).log_softmax(-1) for x in (*large.chunk(2), *small.chunk(recipe.n_small))]
    return Losses(picture=_picture_loss(q, log_p), regions=_region_loss(keys.float(), batch.agreement))


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


def _picture_loss(q: Sequence[Tensor], log_p: Sequence[Tensor]) -> Tensor:
    """Mean over all pairs of a large crop and another crop."""
    pairs = [-(target * x).sum(-1).mean() for t, target in enumerate(q) for s, x in enumerate(log_p) if s != t]
    return torch.stack(pairs).mean()


def _region_loss(keys: Tensor, agreement: Tensor) -> Tensor:
    """Mean squared error over all pairs of patches (b, n, n).

    A segmentation clips cosines at 0, so what is below counts little, but enough to come back.
    """
    unit = F.normalize(keys, dim=-1)
    return F.mse_loss(F.leaky_relu(unit @ unit.mT, 0.1), agreement)
