"""The weights of the graph: W = W_feat + λ W_knn.

W_feat = f fᵀ ⊙ (f fᵀ > 0) joins patches whose features point the same way; W_knn joins each patch to its nearest neighbors
in color and position, ψ. Both are symmetric and nonnegative. (Melas-Kyriazi et al., Deep Spectral Methods, CVPR 2022.)
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from segcore.checks import check_choice, check_range, check_tensor
from segcore.errors import InputError
from segcore.numerics import normalize_rows, row_blocks, squared_distances

_STRIPS = 4  # of W_feat: mirrored, they need 10 / 16 of the products

PIXEL_SPACES = ("hsv_xy", "rgb_xy")

# The published Deep Spectral code adds two graphs: many neighbors near by, and half as many wherever the color is alike.
_RGB_XY_GRAPHS = ((1.0, 2.0), (0.5, 0.1))  # (share of n_neighbors, weight of x and y)


def cosine_affinity(X: Tensor) -> Tensor:
    """Compute W_feat, the positive part of the cosine similarity.

    Args:
        X: (n, d) features, of any length; a row of zeros is joined to nothing.

    Returns:
        (n, n) symmetric, entries in [0, 1], 1 on the diagonal (self-loops stay, as in the formula; they change the degrees
        but not the Laplacian L = D − W).

    Raises:
        InputError: X is not (n, d) or holds NaN.

    Cost: O(n² d) time, one and a quarter n × n matrices of memory.

    Reference: Melas-Kyriazi et al. 2022, eq. 3.
    """
    check_tensor("X", X, ("n", "d"))
    F = normalize_rows(X)
    W = F.new_empty(len(F), len(F))
    step = -(-len(F) // _STRIPS)
    for start in range(0, len(F), step):  # what lies left of the diagonal blocks is there already, mirrored
        rows = slice(start, start + step)
        W[rows, start:] = (F[rows] @ F[start:].T).clamp_(0, 1)
        W[rows, rows] = (W[rows, rows] + W[rows, rows].T) / 2  # products of matrices round without regard for symmetry
        W[start + step :, rows] = W[rows, start + step :].T
    return W


def color_knn_affinity(image: Tensor, *, h: int, w: int, n_neighbors: int, space: str = "hsv_xy") -> Tensor:
    """Compute W_knn, the nearest-neighbor graph of the cells in color and position.

    Args:
        image: (height, width, 3) RGB, uint8 or float in [0, 1]; each of the h × w cells takes the mean color of its pixels.
        h: rows of the grid.
        w: columns of the grid.
        n_neighbors: neighbors per cell, not counting itself; at most n − 1 are used.
        space: "hsv_xy" weighs an edge 1 − ‖ψ(u) − ψ(v)‖, clipped at 0, with ψ = (cos H, sin H, S, V, x, y); "rgb_xy" is what
            the published Deep Spectral code does: the sum of two graphs of 0/1 edges in (r, g, b, c·x, c·y), n_neighbors
            with c = 2 and half as many with c = 0.1, each cell its own neighbor, each direction adding 1 (entries 0 … 4).

    Returns:
        (n, n) sparse COO, coalesced, symmetric, nonnegative, n = h·w; u and v are joined where either is among the other's
        neighbors. Colors lie in [0, 1], the hue angle in [0, 2π), x and y run from 0 to 1 over the grid.

    Raises:
        InputError: a shape, a size, n_neighbors or the space is wrong.

    Cost: O(n log n) on a CPU, O(n²) in row blocks on a GPU.

    Reference: Melas-Kyriazi et al. 2022, eq. 5; Chen, Li and Tang, KNN matting, 2013.
    """
    check_tensor("image", image, ("height", "width", 3))
    check_choice("space", space, PIXEL_SPACES)
    check_range("n_neighbors", n_neighbors, lo=1)
    if h < 1 or w < 1 or h > image.shape[0] or w > image.shape[1]:
        height, width = image.shape[:2]
        raise InputError(f"The grid must have 1 to {height} rows and 1 to {width} columns; got {h} × {w}.", field="h")
    if space == "hsv_xy":
        return _distance_graph(color_and_place(image, h=h, w=w), n_neighbors)
    rgb, xy = _cell_colors(image, h, w), _cell_positions(h, w, image.device)
    parts = [
        _counting_graph(torch.cat([rgb, c * xy], 1), max(1, math.floor(share * n_neighbors))) for share, c in _RGB_XY_GRAPHS
    ]
    return (parts[0] + parts[1]).coalesce()


def color_and_place(image: Tensor, *, h: int, w: int) -> Tensor:
    """Compute ψ = (cos H, sin H, S, V, x, y), whose distances W_knn is made of.

    Args:
        image: (height, width, 3) RGB, uint8 or float in [0, 1]; each of the h × w cells takes the mean color of its pixels.
        h: rows of the grid, at most the height.
        w: columns of the grid, at most the width.

    Returns:
        (h·w, 6); S, V, x and y lie in [0, 1].
    """
    return torch.cat([_hue_circle_sv(_cell_colors(image, h, w)), _cell_positions(h, w, image.device)], 1)


def combine_affinities(W_feat: Tensor, W_knn: Tensor, *, knn_weight: float) -> tuple[Tensor, float]:
    """Compute W = W_feat + λ W_knn.

    Args:
        W_feat: (n, n) dense.
        W_knn: (n, n) sparse, coalesced.
        knn_weight: λ ≥ 0.

    Returns:
        W (n, n) dense, and the share of its sum that comes from λ W_knn, in [0, 1].
    """
    check_range("knn_weight", knn_weight, lo=0)
    W = W_feat.clone()
    rows, columns = W_knn.indices()
    W[rows, columns] += knn_weight * W_knn.values().to(W.dtype)
    total = float(W.sum())
    return W, knn_weight * float(W_knn.values().sum()) / total if total > 0 else 0.0


def _cell_colors(image: Tensor, h: int, w: int) -> Tensor:
    """(h·w, 3) mean color of each cell, in [0, 1]."""
    scale = 1.0 if image.is_floating_point() else 255.0
    channels_first = image.permute(2, 0, 1).float() / scale
    return torch.nn.functional.adaptive_avg_pool2d(channels_first, (h, w)).flatten(1).T


def _cell_positions(h: int, w: int, device: torch.device) -> Tensor:
    """(h·w, 2) x and y of each cell, from 0 to 1 over the grid."""
    y, x = torch.meshgrid(torch.linspace(0, 1, h), torch.linspace(0, 1, w), indexing="ij")
    return torch.stack([x, y], -1).reshape(-1, 2).to(device)


def _hue_circle_sv(rgb: Tensor) -> Tensor:
    """(n, 4): cos H, sin H, S, V; a gray cell has hue 0."""
    value, which = rgb.max(1)
    chroma = value - rgb.min(1).values
    safe = chroma.clamp_min(1e-12)
    r, g, b = rgb.unbind(1)
    sextant = torch.stack([(g - b) / safe, (b - r) / safe + 2, (r - g) / safe + 4], 1)
    hue = torch.where(chroma > 0, sextant.gather(1, which[:, None])[:, 0], 0.0) * (math.pi / 3)
    saturation = torch.where(value > 0, chroma / value.clamp_min(1e-12), 0.0)
    return torch.stack([hue.cos(), hue.sin(), saturation, value], 1)


def _nearest(psi: Tensor, n_neighbors: int, *, with_self: bool) -> tuple[Tensor, Tensor]:
    """Indices and distances (n, k) of the k nearest rows, no two of which are equal; nearest first."""
    n = psi.shape[0]
    k = min(n_neighbors, n if with_self else n - 1)
    centered = psi - psi.mean(0)
    if psi.device.type == "cpu":
        distances, indices = (torch.from_numpy(x) for x in _tree_query(centered.numpy(), k + (not with_self)))
        skip = 0 if with_self else 1  # each row is nearest to itself
        return indices[:, skip:].long(), distances[:, skip:].to(psi.dtype)
    return _nearest_by_blocks(centered, k, with_self=with_self)


def _tree_query(points: NDArray[np.float32], k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances and indices (n, k) by a k-d tree: in few dimensions a tenth of the time of all distances."""
    distances, indices = cKDTree(points).query(points, k=k, workers=-1)
    return np.reshape(distances, (-1, k)), np.reshape(indices, (-1, k))


def _nearest_by_blocks(centered: Tensor, k: int, *, with_self: bool) -> tuple[Tensor, Tensor]:
    """The same from all distances, block by block: the road of GPUs."""
    n = centered.shape[0]
    indices, distances = [], []
    for rows in row_blocks(n, 8 * n):
        d2 = squared_distances(centered[rows], centered)
        if not with_self:
            d2[torch.arange(d2.shape[0]), torch.arange(rows.start, rows.stop)] = torch.inf
        nearest = d2.topk(k, dim=1, largest=False)
        indices.append(nearest.indices)
        distances.append(nearest.values.sqrt())
    return torch.cat(indices), torch.cat(distances)


def _sparse(rows: Tensor, columns: Tensor, values: Tensor, n: int) -> Tensor:
    return torch.sparse_coo_tensor(torch.stack([rows, columns]), values, (n, n), check_invariants=False).coalesce()


def _distance_graph(psi: Tensor, n_neighbors: int) -> Tensor:
    """Weights max(0, 1 − ‖ψ(u) − ψ(v)‖) where u is a neighbor of v or v of u."""
    n = psi.shape[0]
    neighbor, distance = _nearest(psi, n_neighbors, with_self=False)
    rows = torch.arange(n, device=psi.device).repeat_interleave(neighbor.shape[1])
    columns, weight = neighbor.flatten(), (1 - distance.flatten()).clamp_min_(0)
    # A pair found from both ends is written twice; dividing by how often it was written keeps its weight.
    both = torch.cat([rows, columns]), torch.cat([columns, rows])
    total = _sparse(*both, weight.repeat(2), n)
    count = _sparse(*both, torch.ones_like(weight).repeat(2), n)
    return torch.sparse_coo_tensor(
        total.indices(), total.values() / count.values(), (n, n), is_coalesced=True, check_invariants=False
    )


def _counting_graph(psi: Tensor, n_neighbors: int) -> Tensor:
    """How often u and v name each other, in both directions, themselves included."""
    n = psi.shape[0]
    neighbor, _ = _nearest(psi, n_neighbors, with_self=True)
    rows = torch.arange(n, device=psi.device).repeat_interleave(neighbor.shape[1])
    columns = neighbor.flatten()
    ones = torch.ones(2 * len(rows), device=psi.device)
    return _sparse(torch.cat([rows, columns]), torch.cat([columns, rows]), ones, n)
