"""The losses of a step.

picture: student and teacher should see the same in two crops of a picture. Cross-entropy H(q, p) = −Σ_k q_k log p_k with

q = Sinkhorn(teacher's cosines / τ_t)    every row sums to 1, every prototype gets about the same mass
p = softmax(student's cosines / τ_s)

keys: patches of one crop should be alike as far as they belong together. The cosine of the student's keys, which becomes
the affinity W_feat of a segmentation, should be

T_ij = (1 − o) R_ij + o c s_i s_j,    s = 2 g − 1,    c = 1 where both are object, 0.4 where both are background, else 0.3

with R the share of over-segmentations that leave both patches in one region, g how likely a patch is object, and o the
share of objects: alike within the object, a little unlike across, and no opinion where g is near ½. Two patches of the
background are as alike as their regions say, or little more, as it is made of many things; but T_ij is at least
0.2 √(s_i s_j) for them, since TokenCut and MaskCut ask whether a cosine is above 0.2, or 0.15.

attention: [CLS] should look at the objects, and each head of the last block at something of its own: the border of the
object, its inside, and, with the last head, all of it (`sights`). Cross-entropy of the attention of each head to the patches
with what it is to see + ε, divided by its sum. ε is larger where all of the object is to be seen: an object on a quarter of
the patches then holds two thirds of the attention, and not nearly all of it, as what is read from attention later are the
patches that hold a share of it, such as 60 %.

The colors of the crop are changed before the student sees them. The dense terms are what makes short trainings worth while:
every step has millions of pairs to learn from.

Reference: Caron et al. (DINO) 2021; Hénaff et al. (DetCon) 2021 for regions by color in self-supervision; Nguyen et al.
(DeepUSPS) 2019 for saliency by hand as the first teacher of a network.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from segcore.pretrain.crops import Crops, agreement, change_colors, cut, draw_crops, draw_pictures, objectness
from segcore.pretrain.networks import Network, Seen
from segcore.pretrain.pictures import PictureStore
from segcore.pretrain.recipe import Phase, Recipe

_FLOOR, _FLOOR_OF_ALL = 0.02, 0.15  # ε: attention that even background gets, and that of heads that see all of the object
# c across: more would drive apart what is one region, and less would leave LOST no seed. Of T itself with o = 0.3, covering
# (OIS) on pictures of BSDS500 was 0.46, 0.47 and 0.50 at 1, 0.3 and 0, and the IoU of LOST on horses 0.54 at 0.3, 0.23 at 0.
_APART = 0.3
_GROUND, _LEAST = 0.4, 0.2  # c of two patches of the background, and how alike these are at least
_LEAK = 0.1  # a segmentation clips cosines at 0, so what is below counts little, but enough to come back


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """What student and teacher see in one step: two large crops and some small ones of each of b pictures."""

    large: tuple[Crops, Crops]
    small: tuple[Crops, ...]
    large_pixels: Tensor  # (2 b, 3, px, px), view by view
    small_pixels: Tensor  # (n_small · b, 3, px, px), view by view
    agreement: Tensor  # (2 b, n, n) in [0, 1]: how often patches of a large crop are in one region
    objectness: Tensor  # (2 b, n) in [0, 1]: how likely each patch of a large crop is object


@dataclass(frozen=True, eq=False, slots=True)
class Losses:
    """Scalars."""

    picture: Tensor  # in nats
    keys: Tensor  # mean squared error of their cosines
    attention: Tensor  # in nats, above the entropy of its target


def draw_batch(store: PictureStore, recipe: Recipe, phase: Phase, *, generator: Generator, device: torch.device) -> Batch:
    """Draw pictures, crops, colors and masks of one step; what is drawn depends on nothing but the generator's state."""
    numbers = draw_pictures(store, n=phase.batch, px=phase.large_px, generator=generator)
    size = store.size[:, 0].cpu()[numbers]

    def crops(px: int, area: tuple[float, float]) -> Crops:
        return draw_crops(size, px=px, area=area, most_zoom=recipe.most_zoom, generator=generator)

    def pixels(views: tuple[Crops, ...]) -> Tensor:
        # Colors change view by view, which keeps the working memory small.
        return torch.cat([change_colors(cut(store, numbers, view).to(device), generator=generator) for view in views])

    n_small = recipe.n_small if recipe.picture_weight else 0
    large = crops(phase.large_px, recipe.large_area), crops(phase.large_px, recipe.large_area)
    small = tuple(crops(phase.small_px, recipe.small_area) for _ in range(n_small))
    return Batch(
        (large[0].to(device), large[1].to(device)),
        tuple(view.to(device) for view in small),
        pixels(large),
        pixels(small) if small else torch.empty(0, device=device),
        torch.cat([agreement(store, numbers, view, recipe.patch).to(device) for view in large]),
        torch.cat([objectness(store, numbers, view, recipe.patch).to(device) for view in large]),
    )


def compute_losses(
    student: Network, teacher: Network, batch: Batch, recipe: Recipe, *, teacher_temperature: float
) -> Losses:
    """Run both networks and compare them; the gradients reach the student only."""
    large, side = student(batch.large_pixels), math.isqrt(batch.objectness.shape[1])
    return Losses(
        picture=_picture_loss(large, student, teacher, batch, recipe, teacher_temperature=teacher_temperature),
        keys=key_loss(large.keys.float(), alikeness(batch.agreement, batch.objectness, recipe.objects_share)),
        attention=attention_loss(large.looks.float(), batch.objectness.unflatten(1, (side, side))),
    )


def alikeness(agreement: Tensor, objectness: Tensor, share: float) -> Tensor:
    """What the cosines of keys should be: T (b, n, n) of R (b, n, n) and g (b, n), with `share` of the objects in [0, 1]."""
    s = 2 * objectness - 1
    pairs = s[:, :, None] * s[:, None, :]
    ground = (s[:, :, None] < 0) & (s[:, None, :] < 0)
    T = (1 - share) * agreement + share * torch.where(ground, _GROUND * pairs, F.leaky_relu(pairs, _APART))
    return torch.where(ground, T.maximum(_LEAST * pairs.abs().sqrt()), T)


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


def _picture_loss(
    large: Seen, student: Network, teacher: Network, batch: Batch, recipe: Recipe, *, teacher_temperature: float
) -> Tensor:
    """Mean over all pairs of a large crop and another crop; where it counts for nothing, nothing is computed."""
    if not recipe.picture_weight:
        return large.cosines.new_zeros(())
    with torch.no_grad():
        q = sinkhorn(teacher(batch.large_pixels).cosines, temperature=teacher_temperature).chunk(2)
    cosines = list(large.cosines.chunk(2))
    if recipe.n_small:
        cosines += student(batch.small_pixels).cosines.chunk(recipe.n_small)
    log_p = [(x / recipe.student_temperature).log_softmax(-1) for x in cosines]
    pairs = [-(target * x).sum(-1).mean() for t, target in enumerate(q) for s, x in enumerate(log_p) if s != t]
    return torch.stack(pairs).mean()


def key_loss(keys: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of the cosines of keys (b, n, width) to (b, n, n), where both are damped below 0: ()."""
    unit = F.normalize(keys, dim=-1)
    return F.mse_loss(F.leaky_relu(unit @ unit.mT, _LEAK), F.leaky_relu(target, _LEAK))


def attention_loss(looks: Tensor, objectness: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the attention of heads from what each is to see, in nats: ().

    Args:
        looks: (b, heads, n) logits of the attention that [CLS] pays to the patches.
        objectness: g (b, h, w) in [0, 1]; n = h w.
    """
    heads = looks.shape[1]
    floors = looks.new_tensor([_FLOOR_OF_ALL if _sees(head, heads) == 0 else _FLOOR for head in range(heads)])
    target = sights(objectness, heads) + floors[:, None]
    target = target / target.sum(2, keepdim=True)
    return F.kl_div(looks.log_softmax(-1), target, reduction="sum") / looks[..., 0].numel()


def sights(objectness: Tensor, heads: int) -> Tensor:
    """What each head is to see, so that they differ.

    Args:
        objectness: g (b, h, w) in [0, 1], of the patches of crops or pictures.
        heads: how many.

    Returns:
        (b, heads, h w) in [0, 1]: in the last head and every third before it the object g, in those before them its inside
        g ḡ³, in the others its border |g − ḡ|, with ḡ the mean of g over squares of 2/5 or 1/5 of the shorter side.
    """
    g, side = objectness[:, None], min(objectness.shape[1:])
    inside = g * _local_mean(g, side // 5) ** 3
    border = (g - _local_mean(g, side // 10)).abs()
    kinds = (g, inside, border)
    return torch.cat([kinds[_sees(head, heads)] for head in range(heads)], dim=1).flatten(2)


def _sees(head: int, heads: int) -> int:
    """0 where a head is to see all of the object, 1 its inside, 2 its border."""
    return (heads - 1 - head) % 3


def _local_mean(maps: Tensor, radius: int) -> Tensor:
    """Mean over squares of 2 max(radius, 1) + 1 cells, as far as they lie in the map (b, 1, h, w)."""
    radius = max(radius, 1)
    return F.avg_pool2d(maps, 2 * radius + 1, stride=1, padding=radius, count_include_pad=False)
