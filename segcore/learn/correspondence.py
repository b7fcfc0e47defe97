"""Codes that keep the correspondences of features, and sharpen them.

With f_ij the cosine of the features of patch i of one picture and patch j of another, centered over j, and s_ij that of
their codes,

    L(b) = −mean_ij max(s_ij, 0) (f_ij − b)

draws the codes of a pair together where f_ij > b, and apart where it is below, until they are orthogonal. The loss of a step
is λ_self L(b_self) + λ_nn L(b_nn) + λ_rand L(b_rand): of pictures with themselves, with one of their nearest neighbors, and
with random ones. The backbone stays as it is; only the head, linear + two-layer, learns.

As in the authors' code, f loses channels by dropout, too, and random pictures are a permutation of the batch without the
picture itself. What differs from it:

* Codes are computed there on the grid and interpolated like the features; here the head reads the interpolated features,
  which are first brought to the length √d (the tokens of DINO have about that). So codes are not quite the same, not even
  those of the linear part, which would commute with interpolation alone.
* b is found by quantiles (`measure_shifts`); 0.18, 0.12 and 0.46 are the values of their configuration file, which says
  0.08, 0.02 and 0.66 for COCO-Stuff.
* Clusters are found by k-means of the codes; there a probe learns them by Adam along with the head, for the same objective.

Reference: Hamilton and others, STEGO, ICLR 2022, equations 2 to 4, and src/modules.py of their code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from segcore.checks import check_tensor
from segcore.cluster.kmeans import kmeans
from segcore.errors import InputError
from segcore.learn.settings import CorrespondenceSettings
from segcore.metrics.matching import match_labels
from segcore.nets.heads import CodeHead
from segcore.numerics import normalize_rows, row_blocks

PAIRS = ("self", "neighbors", "random")
_MEASURED = 32  # pictures on which the shifts are measured
_MOST_MEASURED = 1 << 20  # pairs that a quantile is taken of
_MOMENTUM = 0.95  # of the centers, per step
_RESTARTS = 3


def centered(f: Tensor) -> Tensor:
    """Likenesses (b, m, n) less each row's mean, plus the mean of all, as in the authors' code."""
    return f - f.mean(2, keepdim=True) + f.mean()


def correspondence_loss(f: Tensor, s: Tensor, *, shift: float | Tensor, zero_clamp: bool = True) -> Tensor:
    """L(b) of likenesses of features and of codes.

    Args:
        f: (b, m, n) of features, `centered` or not.
        s: (b, m, n) of codes, in [−1, 1].
        shift: b.
        zero_clamp: use max(s, 0) instead of s.

    Returns:
        (): differentiable in s.

    Raises:
        InputError: the shapes differ.
    """
    check_tensor("s", s.detach(), tuple(f.shape))
    return -((s.clamp_min(0) if zero_clamp else s) * (f - shift)).mean()


@dataclass(frozen=True, eq=False, slots=True)
class Bank:
    """The features of all pictures, one picture at a time, and which pictures are alike."""

    field: Callable[[int], Tensor]  # number of a picture → (h, w, d) float32 features of its patches
    neighbors: Tensor  # (N, k) int64: the most similar other pictures of each, the most similar one first
    device: torch.device

    def __len__(self) -> int:
        return len(self.neighbors)

    def draw(self, numbers: Sequence[int], n: int, generator: Generator) -> Tensor:
        """(b, n, d): features at random places of pictures, interpolated bilinearly between the centers of patches."""
        out = []
        for number in numbers:
            f = self.field(number)
            places = 2 * torch.rand(1, 1, n, 2, generator=generator).to(f.device) - 1
            out.append(nn.functional.grid_sample(f.permute(2, 0, 1)[None], places, align_corners=True)[0, :, 0].T)
        return torch.stack(out).to(self.device)


def nearest_pictures(means: Tensor, k: int) -> Tensor:
    """(N, min(k, N − 1)) int64: for each picture those whose mean feature (N, d) has the largest cosine with its own.

    Raises:
        InputError: there is only one picture.
    """
    check_tensor("means", means, ("N", "d"))
    if len(means) < 2:
        raise InputError("Pictures are compared with others, and there is only one. Give at least two.", field="pictures")
    unit, found = normalize_rows(means), []
    for block in row_blocks(len(unit), 4 * len(unit)):
        likeness = unit[block] @ unit.T
        likeness[:, block].fill_diagonal_(-torch.inf)
        found.append(likeness.topk(min(k, len(unit) - 1), 1).indices)
    return torch.cat(found)


@dataclass(frozen=True, eq=False, slots=True)
class Pairs:
    """What one step compares: patches (b, m, d) of b pictures, and what stands against each."""

    own: Tensor
    other: Tensor  # of the same pictures, at other patches
    near: Tensor  # of a neighbor of each
    others: tuple[Tensor, ...]  # (b,) int64 each: a random other picture for each; their patches are rows of `other`


def draw_pairs(bank: Bank, settings: CorrespondenceSettings, batch: int, generator: Generator) -> Pairs:
    """Draw pictures, a neighbor of each, and patches; what is drawn depends on nothing but the generator's state.

    Random pictures are other ones of the same batch.
    """
    b = min(batch, len(bank))
    numbers = torch.randperm(len(bank), generator=generator)[:b]
    which = torch.randint(bank.neighbors.shape[1], (b,), generator=generator)
    near = bank.neighbors.cpu()[numbers, which]
    others = tuple(others_of(b, generator) for _ in range(settings.random_pictures))
    own, other = (bank.draw(numbers.tolist(), settings.points, generator) for _ in range(2))
    return Pairs(own, other, bank.draw(near.tolist(), settings.points, generator), others)


def others_of(b: int, generator: Generator) -> Tensor:
    """(b,) int64: for each of b ≥ 2 pictures another one, by a random permutation whose fixed points move on by one."""
    order = torch.randperm(b, generator=generator)
    return torch.where(order == torch.arange(b), (order + 1) % b, order)


def likenesses(pairs: Pairs, *, centering: bool, kept: tuple[Tensor, Tensor] | None = None) -> dict[str, list[Tensor]]:
    """(b, m, m) likenesses of features for each of PAIRS.

    Args:
        pairs: what is compared.
        centering: whether they are `centered`.
        kept: (b, 1, d) factors of the features' channels, of the pictures and of their neighbors.
    """
    of_own, of_near = (1, 1) if kept is None else kept
    own, other, near = (normalize_rows(X) for X in (pairs.own * of_own, pairs.other * of_own, pairs.near * of_near))
    against = {"self": [own], "neighbors": [near], "random": [other[order] for order in pairs.others]}
    level = centered if centering else lambda f: f
    return {name: [level(own @ X.mT) for X in Xs] for name, Xs in against.items()}


def measure_shifts(bank: Bank, settings: CorrespondenceSettings, generator: Generator) -> Tensor:
    """(3,) b of PAIRS: as they are set, or the likenesses above which the wanted shares of the pairs lie.

    The published numbers suit the features of one backbone on one data set: where all features are more alike than there,
    nothing repels. Shares carry over.
    """
    if settings.shift_rule == "fixed":
        return torch.tensor([settings.self_shift, settings.neighbors_shift, settings.random_shift])
    f = likenesses(draw_pairs(bank, settings, _MEASURED, generator), centering=settings.centering)
    shares = (settings.attracting, settings.attracting, settings.attracting_random)
    return torch.stack([_quantile(f[name], 1 - share) for name, share in zip(PAIRS, shares, strict=True)]).cpu()


def _quantile(f: Sequence[Tensor], level: float) -> Tensor:
    values = torch.cat([x.flatten() for x in f])
    values = values[:: max(1, len(values) // _MOST_MEASURED)].sort().values
    return values[int(level * (len(values) - 1))]


def head_losses(
    head: CodeHead, pairs: Pairs, shifts: Tensor, settings: CorrespondenceSettings, generator: Generator
) -> tuple[Tensor, dict[str, float], Tensor]:
    """What a step asks of the head.

    Returns:
        The loss (), its parts by the names of PAIRS before they are weighted, and the codes (b · m, size), without
        gradients.

    Cost: O(b m² (d + size)) for each of the 2 + random_pictures pairings.
    """
    dropped = _kept(pairs.own, settings.dropout, generator) if settings.feature_dropout else None
    f = likenesses(pairs, centering=settings.centering, kept=dropped)
    own, other, near = (head(X, _kept(X, settings.dropout, generator)) for X in (pairs.own, pairs.other, pairs.near))
    against = {"self": [own], "neighbors": [near], "random": [other[order] for order in pairs.others]}
    weights = (settings.self_weight, settings.neighbors_weight, settings.random_weight)
    parts = {
        name: torch.stack([
            correspondence_loss(fs, own @ S.mT, shift=shift, zero_clamp=settings.zero_clamp)
            for fs, S in zip(f[name], against[name], strict=True)
        ]).mean()
        for name, shift in zip(PAIRS, shifts.to(own), strict=True)
    }  # fmt: skip
    total = torch.stack([weight * part for weight, part in zip(weights, parts.values(), strict=True)]).sum()
    return total, {name: float(part.detach()) for name, part in parts.items()}, own.detach().flatten(0, 1)


def _kept(X: Tensor, dropout: float, generator: Generator) -> tuple[Tensor, Tensor] | None:
    """Two draws of factors (b, 1, d) of the channels: 0 of those that are dropped, 1 / (1 − dropout) of the others."""
    if dropout == 0:
        return None
    u = torch.rand(2, len(X), 1, X.shape[2], generator=generator)
    first, second = ((u >= dropout).to(X) / (1 - dropout)).unbind()
    return first, second


def cosine_kmeans(S: Tensor, n_clusters: int, *, generator: Generator, n_init: int = _RESTARTS) -> Tensor:
    """Centers (K, size) of length 1 of codes (m, size) of length 1.

    On the sphere ‖s − c‖² = 2 − 2 cos(s, c), so k-means there is k-means by the cosine, but that its centers are means; they
    are brought to length 1 at the end.

    Raises:
        InputError: there are fewer codes than clusters.
    """
    found = kmeans(S, n_clusters=n_clusters, n_init=n_init, generator=generator)
    members = nn.functional.one_hot(found.labels, n_clusters).to(S)
    return normalize_rows(members.T @ S)


def renumbered(centers: Tensor, before: Tensor) -> Tensor:
    """The rows of new centers (K, size) in the order in which they resemble the old ones most, so that colors stay."""
    partner = torch.from_numpy(match_labels((centers @ before.T).cpu().numpy()))
    out = torch.empty_like(centers)
    out[partner.to(centers.device)] = centers
    return out


def moved(centers: Tensor, S: Tensor) -> Tensor:
    """A step of mini-batch k-means by the cosine: centers (K, size) move towards the mean of their codes in S (m, size)."""
    nearest = (S @ centers.T).argmax(1)
    members = nn.functional.one_hot(nearest, len(centers)).to(S)
    means = normalize_rows(members.T @ S)
    return normalize_rows(torch.lerp(centers, means, (1 - _MOMENTUM) * (members.sum(0) > 0).to(S)[:, None]))
