"""Points in the plane on which methods of clustering show what they can and cannot do, and their graph."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from segcore.checks import check_choice, check_range, check_tensor
from segcore.numerics import squared_distances

MOST_POINTS = 400


def toy_points(name: str, *, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw a set of points.

    Args:
        name: a key of `TOYS`.
        n: how many, 12 … 400.
        generator: CPU generator.

    Returns:
        points (n, 2) float64, about within [−1, 1]², and the group (n,) int64 that each was drawn from.

    Raises:
        InputError: there is no set of that name, or n is out of range.
    """
    check_choice("toy", name, tuple(TOYS))
    check_range("n_points", n, lo=12, hi=MOST_POINTS)
    return TOYS[name](n, generator)


def gaussian_affinity(X: Tensor, *, gamma: float, least: float = 0.01) -> Tensor:
    """Compute A_ij = exp(−γ ‖x_i − x_j‖²), and 0 where that is less than `least`.

    Leaving out the faint edges lets a graph fall into pieces, as it does where points are joined to their neighbors only.

    Args:
        X: (n, d).
        gamma: γ > 0, in one over the squared units of X.
        least: in [0, 1).

    Returns:
        (n, n) symmetric, in [0, 1], with 0 on the diagonal, in the dtype of X.

    Raises:
        InputError: X is not (n, d), holds NaN, or a number is out of range.
    """
    check_tensor("X", X, ("n", "d"))
    check_range("gamma", gamma, lo=1e-6)
    check_range("least", least, lo=0, hi=1)
    centered = X - X.mean(0)
    A = (-gamma * squared_distances(centered, centered)).exp()
    A = (A + A.T) / 2
    return torch.where(least > A, 0.0, A).fill_diagonal_(0)


def _groups(n: int, shares: tuple[float, ...]) -> Tensor:
    """(n,) group of each point; the last group takes what rounding leaves."""
    counts = [max(1, round(n * share)) for share in shares[:-1]]
    return torch.repeat_interleave(torch.arange(len(shares)), torch.tensor([*counts, n - sum(counts)]))


def _clouds(
    n: int,
    generator: torch.Generator,
    centers: tuple[tuple[float, float], ...],
    spreads: tuple[tuple[float, float], ...],
    shares: tuple[float, ...],
) -> tuple[Tensor, Tensor]:
    groups = _groups(n, shares)
    noise = torch.randn(n, 2, generator=generator, dtype=torch.float64)
    middle, spread = (torch.tensor(values, dtype=torch.float64)[groups] for values in (centers, spreads))
    return middle + spread * noise, groups


def _blobs(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Three round groups of one size, well apart: what k-means is made for."""
    centers = ((-0.6, -0.4), (0.6, -0.45), (0.05, 0.6))
    return _clouds(n, generator, centers, ((0.14, 0.14),) * 3, (1 / 3,) * 3)


def _unequal(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """One wide group and two tight small ones beside it: k-means cuts the wide one instead of finding the small ones."""
    centers, spreads = ((-0.35, 0.0), (0.78, 0.3), (0.78, -0.3)), ((0.3, 0.3), (0.05, 0.05), (0.05, 0.05))
    return _clouds(n, generator, centers, spreads, (0.8, 0.1, 0.1))


def _stretched(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Three long parallel groups: variances differ by direction, which k-means cannot know and a mixture can."""
    points, groups = _clouds(n, generator, ((-0.1, 0.45), (0.0, 0.0), (0.1, -0.45)), ((0.42, 0.06),) * 3, (1 / 3,) * 3)
    turn = math.radians(20)
    rotation = torch.tensor([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]], dtype=torch.float64)
    return points @ rotation, groups


def _moons(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two half circles around each other's ends: connected, but not compact."""
    groups = _groups(n, (0.5, 0.5))
    angle = math.pi * torch.rand(n, generator=generator, dtype=torch.float64)
    sign = 1.0 - 2.0 * groups
    x = torch.cos(angle) * 0.6 + torch.where(groups == 0, -0.3, 0.3)
    y = sign * (torch.sin(angle) * 0.6 - 0.15)
    return torch.stack([x, y], 1) + 0.05 * torch.randn(n, 2, generator=generator, dtype=torch.float64), groups


def _rings(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A group inside a ring: both have the same mean."""
    groups = _groups(n, (0.3, 0.7))
    angle = 2 * math.pi * torch.rand(n, generator=generator, dtype=torch.float64)
    radius = torch.where(groups == 0, 0.22, 0.8)
    circle = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 1)
    return circle + 0.045 * torch.randn(n, 2, generator=generator, dtype=torch.float64), groups


def _outlier(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two groups and one point by itself: the lightest cut takes the single point."""
    centers, spreads = ((-0.45, -0.1), (0.4, -0.1), (0.0, 0.85)), ((0.18, 0.2), (0.18, 0.2), (1e-3, 1e-3))
    return _clouds(n, generator, centers, spreads, (0.5 - 0.5 / n, 0.5 - 0.5 / n, 1 / n))


def _bridge(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two groups with a thin chain of points between them."""
    centers, spreads = ((-0.65, 0.0), (0.65, 0.0), (0.0, 0.0)), ((0.13, 0.2), (0.13, 0.2), (0.22, 0.015))
    return _clouds(n, generator, centers, spreads, (0.45, 0.45, 0.1))


TOYS: Mapping[str, Callable[[int, torch.Generator], tuple[Tensor, Tensor]]] = {
    "blobs": _blobs,
    "unequal": _unequal,
    "stretched": _stretched,
    "moons": _moons,
    "rings": _rings,
    "outlier": _outlier,
    "bridge": _bridge,
}
