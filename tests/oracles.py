"""Slow and obvious versions, each under its formula."""

import itertools
import math

import numpy as np
import torch
from torch import Tensor

from segcore.palette import DIVERGING, hex_to_rgb
from segcore.render import to_bytes


def w_feat(X: Tensor) -> Tensor:
    """W_ij = max(0, cos(x_i, x_j))."""
    n = len(X)
    W = torch.zeros(n, n, dtype=X.dtype)
    for i, j in itertools.product(range(n), repeat=2):
        W[i, j] = max(0.0, float(X[i] @ X[j] / (X[i].norm() * X[j].norm())))
    return W


def psi_hsv(colors: np.ndarray, h: int, w: int) -> np.ndarray:
    """ψ = (cos H, sin H, S, V, x, y), colors (h·w, 3) in [0, 1]."""
    import colorsys

    rows = []
    for i, (r, g, b) in enumerate(colors):
        hue, s, v = colorsys.rgb_to_hsv(r, g, b)
        y, x = divmod(i, w)
        place = [x / max(w - 1, 1), y / max(h - 1, 1)]
        rows.append([math.cos(2 * math.pi * hue), math.sin(2 * math.pi * hue), s, v, *place])
    return np.array(rows)


def w_knn(psi: np.ndarray, k: int) -> np.ndarray:
    """1 − ‖ψ(u) − ψ(v)‖, at least 0, where u is among the k nearest of v or v among those of u."""
    n = len(psi)
    distance = np.linalg.norm(psi[:, None] - psi[None], axis=2)
    W = np.zeros((n, n))
    for v in range(n):
        others = [u for u in np.argsort(distance[v], kind="stable") if u != v]
        for u in others[:k]:
            W[u, v] = W[v, u] = max(0.0, 1 - distance[u, v])
    return W


def ncut(W: Tensor, side: Tensor) -> float:
    """cut(A, B) / vol(A) + cut(A, B) / vol(B), sum by sum."""
    n = len(W)
    cut = sum(float(W[i, j]) for i in range(n) for j in range(n) if side[i] and not side[j])
    vol_a = sum(float(W[i, j]) for i in range(n) for j in range(n) if side[i])
    vol_b = sum(float(W[i, j]) for i in range(n) for j in range(n) if not side[i])
    return cut / vol_a + cut / vol_b


def best_ncut(W: Tensor) -> float:
    """The lowest Ncut over all 2^(n−1) − 1 two-way partitions."""
    n = len(W)
    sides = (torch.tensor([bool(code >> i & 1) for i in range(n)]) for code in range(1, 2 ** (n - 1)))
    return min(ncut(W, side) for side in sides)


def gaussian_log_likelihood(X: Tensor, mixing: Tensor, means: Tensor, covariances: Tensor) -> float:
    """Σ_i log Σ_k π_k N(x_i | μ_k, Σ_k)."""
    densities = [
        torch.distributions.MultivariateNormal(m, c).log_prob(X) + p.log()
        for p, m, c in zip(mixing, means, covariances, strict=True)
    ]
    return float(torch.stack(densities).logsumexp(0).sum())


def random_affinity(n: int, *, generator: torch.Generator, dtype: torch.dtype = torch.float64) -> Tensor:
    """A connected symmetric graph with random positive weights and three loose groups."""
    group = torch.arange(n) * 3 // n
    W = torch.rand(n, n, generator=generator, dtype=dtype) * torch.where(group[:, None] == group, 1.0, 0.1)
    return (W + W.T) / 2


def diverging(values, *, limit=None, stops=DIVERGING):
    """Colors of signed values, 0 to the neutral middle: linear interpolation between evenly spaced stops."""
    values = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0)
    finite = np.abs(values[np.isfinite(values)])
    limit = float(finite.max(initial=0.0)) if limit is None else float(limit)
    share = np.divide(values, limit, out=np.zeros_like(values), where=limit > 0)
    place = (np.clip(share, -1.0, 1.0) + 1.0) / 2.0 * (len(stops) - 1)
    below = np.minimum(place.astype(int), len(stops) - 2)
    part = (place - below)[..., None]
    ramp = hex_to_rgb(stops).astype(np.float64)
    return to_bytes(ramp[below] * (1.0 - part) + ramp[below + 1] * part)
