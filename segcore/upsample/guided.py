"""The guided filter: in each window the values are a linear function of the picture's colors.

    q = mean over the windows k around a pixel of (a_kᵀ I + b_k),
    a_k = (Cov_k(I) + ε 1)^-1 cov_k(I, p),   b_k = mean_k p − a_kᵀ mean_k I

Where the picture has an edge, so has q; where the colors are flat, q is smooth.

Reference: He, Sun and Tang 2010, equations 19 to 21.
"""

import torch
from torch import Tensor

from segcore.checks import check_range, check_tensor


def guided_filter(p: Tensor, guide: Tensor, *, radius: int, eps: float) -> Tensor:
    """Filter values along the edges of a picture of the same size.

    Args:
        p: (k, height, width) floats.
        guide: (g, height, width) floats of the same type.
        radius: a window has 2 · radius + 1 pixels along each axis, ≥ 0; those outside the picture have no part.
        eps: ε in the square of the guide's unit, > 0; edges of much less variance are smoothed.

    Returns:
        (k, height, width). Constants stay; sums over k stay; values may leave the range of p.

    Raises:
        InputError: shapes do not fit, or a number lies outside its range.

    Cost: O((k + g) g (height + width)) per pixel, as products with band matrices, whatever the radius. Differentiable.
    """
    check_tensor("p", p, ("k", "height", "width"))
    check_tensor("guide", guide, ("g", *p.shape[1:]))
    check_range("radius", radius, lo=0)
    check_range("eps", eps, lo=torch.finfo(p.dtype).tiny)
    g = len(guide)
    guide = guide - guide.mean((1, 2), keepdim=True)  # so that squares lose no digits
    first = _box(torch.cat([guide, p]), radius)
    mean_guide, mean_p = first[:g], first[g:]
    products = torch.cat([(guide[:, None] * guide).flatten(0, 1), (guide[:, None] * p).flatten(0, 1)])
    second = _box(products, radius)
    covariance = second[: g * g] - (mean_guide[:, None] * mean_guide).flatten(0, 1)
    shared = second[g * g :] - (mean_guide[:, None] * mean_p).flatten(0, 1)
    A = covariance.unflatten(0, (g, g)).permute(2, 3, 0, 1) + eps * torch.eye(g, dtype=p.dtype, device=p.device)
    slope = torch.linalg.solve(A, shared.unflatten(0, (g, -1)).permute(2, 3, 0, 1)).permute(2, 3, 0, 1)  # (g, k, …)
    offset = mean_p - (slope * mean_guide[:, None]).sum(0)
    both = _box(torch.cat([slope.flatten(0, 1), offset]), radius)
    along: Tensor = both[: g * len(p)].unflatten(0, (g, -1)) * guide[:, None]
    return along.sum(0) + both[g * len(p) :]


def _box(x: Tensor, radius: int) -> Tensor:
    """Mean over the part of the window that lies in the picture: a banded matrix along columns and one along rows."""
    down, across = (_band(size, radius).to(x) for size in x.shape[1:])
    return down @ x @ across.T


def _band(size: int, radius: int) -> Tensor:
    at = torch.arange(size)
    inside = ((at[:, None] - at).abs() <= radius).double()
    return inside / inside.sum(1, keepdim=True)
