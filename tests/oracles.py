"""Slow and obvious versions, each under its formula."""

import itertools
import math

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

from segcore.show.paint import to_bytes
from segcore.show.palette import DIVERGING, hex_to_rgb


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


def binary_graph(X: Tensor, tau: float, floor: float) -> np.ndarray:
    """1 where the cosine of two rows exceeds tau, else the floor; a row of zeros is like nothing."""
    rows = [x / x.norm() if float(x.norm()) > 0 else x for x in X]
    return np.array([[1.0 if float(a @ b) > tau else floor for b in rows] for a in rows])


def second_generalized_vector(W: np.ndarray) -> np.ndarray:
    """The second smallest solution of (D − W) v = μ D v, from LAPACK."""
    D = np.diag(W.sum(1))
    return scipy.linalg.eigh(D - W, D, subset_by_index=[1, 1])[1][:, 0]


def flood(mask: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """The cells of a mask that can be reached from one of them by steps up, down, left and right."""
    reached, todo = np.zeros_like(mask), [start] if mask[start] else []
    while todo:
        y, x = todo.pop()
        if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and mask[y, x] and not reached[y, x]:
            reached[y, x] = True
            todo += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    return reached


def tokencut(f: Tensor, tau: float, floor: float) -> np.ndarray:
    """(h, w): the piece around the peak of |v|, on the peak's side of the mean of v."""
    h, w, d = f.shape
    v = second_generalized_vector(binary_graph(f.reshape(-1, d), tau, floor))
    side = v > v.mean()
    peak = int(np.abs(v).argmax())
    if not side[peak]:
        side = ~side
    return flood(side.reshape(h, w), divmod(peak, w))


def maskcut(f: Tensor, n_objects: int, tau: float) -> list[np.ndarray]:
    """The masks of all rounds, empty ones included.

    The published rule looks at the corners of v > mean only, so it depends on the sign of v. The sign taken here is the one
    that lets it see three corners where a side has them.
    """
    h, w, d = f.shape
    painted, current, masks = np.zeros((h, w), bool), np.zeros((h, w), bool), []
    for i in range(n_objects):
        painted |= current
        left = f * torch.from_numpy(~painted)[..., None]
        v = second_generalized_vector(binary_graph(left.reshape(-1, d), tau, 1e-5))
        corners = [0, w - 1, (h - 1) * w, h * w - 1]
        if sum(v[c] > v.mean() for c in corners) <= 1:
            v = -v
        side = v > v.mean()
        if sum(side[c] for c in corners) >= 3 or not side[np.abs(v).argmax()]:
            side, v = ~side, -v
        mask = flood(side.reshape(h, w), divmod(int(v.argmax()), w))
        union = (mask | current).sum()
        if i >= 1 and ((mask & current).sum() > 0.5 * union or mask.sum() <= 0.01 * h * w):
            mask = np.zeros((h, w), bool)
        current = mask
        masks.append(mask & ~painted)
    return masks


def lost(f: Tensor, n_potentials: int) -> np.ndarray:
    """(h, w): the piece of Σ similar rows > 0 around the patch with the fewest positive products."""
    h, w, d = f.shape
    A = (f.reshape(-1, d) @ f.reshape(-1, d).T).numpy()
    n = h * w
    degree = [sum(A[i, j] > 0 for j in range(n) if j != i) for i in range(n)]
    order = sorted(range(n), key=lambda i: (degree[i], i))
    seed = order[0]
    total = np.zeros(n)
    for p in order[:n_potentials]:
        if A[seed, p] > 0:
            total += A[p]
    return flood((total > 0).reshape(h, w), divmod(seed, w))


def lightest_cut(W: Tensor) -> float:
    """The lowest weight across, over all 2^(n−1) − 1 two-way partitions."""
    n = len(W)
    sides = (torch.tensor([bool(code >> i & 1) for i in range(n)]) for code in range(1, 2 ** (n - 1)))
    return min(float(W[side][:, ~side].sum()) for side in sides)


def pixel_affinity(F: np.ndarray, sigma_features: float, sigma_space: float, radius: float) -> np.ndarray:
    """w_ij by its definition; F (h, w, d)."""
    h, w, d = F.shape
    n, flat = h * w, F.reshape(-1, d)
    W = np.zeros((n, n))
    for i, j in itertools.product(range(n), repeat=2):
        far = (i // w - j // w) ** 2 + (i % w - j % w) ** 2
        if far < radius**2:
            W[i, j] = math.exp(-((flat[i] - flat[j]) ** 2).sum() / sigma_features) * math.exp(-far / sigma_space)
    return W
