"""SLIC superpixels: k-means in color and position, each center looking at its surroundings only.

distance² = ‖Lab_i − Lab_c‖² + (m / s)² ‖xy_i − xy_c‖²,  s = √(pixels / superpixels)

Centers start on a regular grid. A pixel chooses among the centers whose grid cell is its own or one of the eight around it.
In the end every connected piece is a superpixel, if it is large enough; the small ones join a neighbor.

(Achanta et al., SLIC superpixels compared to state-of-the-art superpixel methods, 2012.)
"""

import cv2
import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError
from segcore.types import Clustering


def slic(pixels: Tensor, *, n_superpixels: int, compactness: float = 10.0, n_iter: int = 10) -> Clustering:
    """Part a picture into compact pieces of about equal size that follow its edges.

    Args:
        pixels: (height, width, 3) uint8 RGB.
        n_superpixels: about how many, ≥ 1; at most one per pixel.
        compactness: m > 0: the difference in Lab (L in [0, 100]) that weighs as much as the distance s.
        n_iter: steps; the authors use 10.

    Returns:
        Clustering of the height · width pixels, row by row; each superpixel is 4-connected.

    Convention:
        A pixel looks at the 3 × 3 centers around its place in the start grid, where the authors let each center look at a
        window of 2 s × 2 s; both bound the work, and centers hardly leave their cell. The start is not moved to the lowest
        gradient. Pieces smaller than half a superpixel are merged, however they came about.

    Raises:
        InputError: pixels are no picture, or a number is out of range.

    Cost: 9 distances per pixel and step, on the device of the pixels; about 1 s for 480 × 360. Deterministic.

    Reference: Achanta et al. 2012, algorithm 1.
    """
    check_tensor("pixels", pixels, ("height", "width", 3))
    if pixels.dtype != torch.uint8 or pixels.numel() == 0:
        raise InputError(f"pixels must be uint8, 0 to 255; got {pixels.dtype} {tuple(pixels.shape)}.", field="pixels")
    check_range("n_superpixels", n_superpixels, lo=1)
    check_range("compactness", compactness, lo=1e-3)
    check_range("n_iter", n_iter, lo=1)
    height, width = pixels.shape[:2]
    s = (height * width / min(n_superpixels, height * width)) ** 0.5
    x, candidates = _points(pixels, compactness / s), _candidates(height, width, s, pixels.device)
    # The pixel that starts nearest to its own cell's center is in that cell, so the start labels are the cells.
    labels = candidates[:, 4]
    n_centers = int(candidates.max()) + 1
    for _ in range(n_iter):
        count = torch.bincount(labels, minlength=n_centers)
        centers = x.new_zeros(n_centers, x.shape[1]).index_add_(0, labels, x) / count.clamp_min(1)[:, None]
        centers[count == 0] = torch.inf
        labels = _nearest(x, centers, candidates)
    objective = float((x - centers[labels]).square().sum())
    pieces = _connected(labels.reshape(height, width).cpu().numpy(), least=round(s * s / 2))
    n = int(pieces.max()) + 1
    return Clustering(
        labels=torch.from_numpy(pieces).to(pixels.device).flatten(),
        objective=objective,
        n_iter=n_iter,
        converged=True,
        facts={"superpixels": n, "side_of_start_cell": s},
    )


def _points(pixels: Tensor, place_weight: float) -> Tensor:
    """(n, 5): L, a, b, and the weighted place of each pixel."""
    lab = torch.from_numpy(cv2.cvtColor(pixels.cpu().numpy().astype(np.float32) / 255, cv2.COLOR_RGB2Lab)).to(pixels.device)
    y, x = torch.meshgrid(*(torch.arange(size, device=lab.device).float() for size in lab.shape[:2]), indexing="ij")
    return torch.cat([lab, place_weight * torch.stack([y, x], -1)], -1).flatten(0, 1)


def _candidates(height: int, width: int, s: float, device: torch.device) -> Tensor:
    """(n, 9): the centers that a pixel may choose, its own cell's in the middle; at the border some are named twice."""
    rows, columns = max(1, round(height / s)), max(1, round(width / s))
    row = (torch.arange(height, device=device) * rows // height)[:, None, None]
    column = (torch.arange(width, device=device) * columns // width)[None, :, None]
    step = torch.arange(9, device=device)
    return ((row + step // 3 - 1).clamp(0, rows - 1) * columns + (column + step % 3 - 1).clamp(0, columns - 1)).flatten(0, 1)


def _nearest(x: Tensor, centers: Tensor, candidates: Tensor) -> Tensor:
    """(n,): for each point the nearest of its candidates, the first among equals."""
    best, labels = torch.full_like(x[:, 0], torch.inf), candidates[:, 4].clone()
    for j in range(candidates.shape[1]):
        d2 = (x - centers[candidates[:, j]]).square().sum(1)
        closer = d2 < best
        best, labels = torch.where(closer, d2, best), torch.where(closer, candidates[:, j], labels)
    return labels


def _connected(labels: NDArray[np.int64], least: int) -> NDArray[np.int64]:
    """Number the connected pieces from 0; one with fewer pixels than `least` joins the neighbor with most border to it."""
    pixel = np.arange(labels.size).reshape(labels.shape)
    across, down = (pixel[:, 1:], pixel[:, :-1]), (pixel[1:], pixel[:-1])
    pairs = np.concatenate([np.stack([a.ravel(), b.ravel()]) for a, b in (across, down)], axis=1)
    piece = _components(labels.size, pairs[:, labels.flat[pairs[0]] == labels.flat[pairs[1]]])
    while True:
        area = np.bincount(piece)
        a, b = piece[pairs[0]], piece[pairs[1]]
        border = scipy.sparse.coo_array((np.ones(int((a != b).sum())), (a[a != b], b[a != b])), shape=(len(area),) * 2)
        border = (border + border.T).tocsr()
        small = ((area < least) & (border.sum(1) > 0)).nonzero()[0]
        if len(small) == 0:
            return piece.reshape(labels.shape).astype(np.int64)
        joins = border[small].argmax(axis=1)
        piece = _components(len(area), np.stack([small, joins]))[piece]


def _components(n: int, pairs: NDArray[np.int64]) -> NDArray[np.int32]:
    """Number the connected components of n nodes joined by pairs (2, m)."""
    graph = scipy.sparse.coo_array((np.ones(pairs.shape[1], np.int8), tuple(pairs)), shape=(n, n))
    return connected_components(graph, directed=False)[1]
