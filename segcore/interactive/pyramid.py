"""A cut on blocks of pixels first, then on smaller blocks and at last on pixels, in a band around its border.

The coarse energy is the fine one of labelings that are constant on blocks: unary costs of a block add up, and so do the
links between two blocks. So the coarse cut is the best of those labelings, and a band can only lower the same energy. What
the last band found is exact for everything that may happen inside it; whether more was to be had outside is not proved.

Reference: Lombaert, Sun, Grady and Xu 2005.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from segcore.checks import check_range
from segcore.interactive.expansion import alpha_expansion
from segcore.interactive.flow import MaxFlow, max_flow
from segcore.interactive.graph_cut import FREE, checked_costs, graph_cut
from segcore.interactive.grid import OFFSETS, ends

REACH = 2  # blocks on each side of the border that the band holds
SMALL = 12_000  # pixels that are cut at once


@dataclass(frozen=True, eq=False, slots=True)
class Cut:
    """A labeling found from coarse to fine."""

    labels: Tensor  # (h, w) int64, 0 … k − 1
    energy: float  # on pixels
    data: float
    smoothness: float
    n_cut: int
    band: Tensor  # (h, w) bool, the pixels that the last cut was free to change
    flow: float | None  # of the last cut, with what the rest pays: energy = flow up to `rounding`; None beyond two labels
    rounding: float
    coarse_energy: float | None  # of the cut on blocks, on the same scale; None where all pixels were cut at once
    n_open: int  # pixels in the flow of the last cut


def banded_cut(
    unary: Tensor, pairwise: Tensor, *, block: int | None = None, reach: int = REACH, solve: MaxFlow = max_flow
) -> Cut:
    """Cut blocks, then blocks of half the side around the border, and so on to pixels.

    Args:
        unary: (k, h, w) costs ≥ 0, k ≥ 2.
        pairwise: (4, h, w) weights ≥ 0, as of `graph_cut`.
        block: side of a block in pixels; 1 cuts all pixels at once. None: the least that leaves at most SMALL blocks.
        reach: width of each band, in the blocks of the level above, on each side.
        solve: finds the maximum flow.

    Returns:
        The labeling; exact where block is 1 and k is 2.

    Raises:
        InputError: as `graph_cut`, or block or reach below 1.
    """
    k, (h, w) = len(unary), unary.shape[1:]
    if block is None:
        block = max(1, int(np.ceil(np.sqrt(h * w / SMALL))))
    check_range("block", block, lo=1)
    check_range("reach", reach, lo=1)
    if block == 1:
        return _cut(unary, pairwise, None, torch.ones(h, w, dtype=torch.bool), None, solve)
    found = _cut(*coarsened(unary, pairwise, block=block), None, None, None, solve)
    coarse_energy = found.energy
    while block > 1:
        finer = max(1, block // 2)
        size = (-(-h // finer), -(-w // finer))
        near = torch.from_numpy(_near_border(found.labels.numpy(), reach, k))
        start, band = (_refined(x, block, finer, size) for x in (found.labels, near))
        energy = (unary, pairwise) if finer == 1 else coarsened(unary, pairwise, block=finer)
        found, block = _cut(*energy, start, band, coarse_energy, solve), finer
    return found


def _refined(values: Tensor, block: int, finer: int, size: tuple[int, int]) -> Tensor:
    """Values of blocks as values of the finer blocks whose first pixel they hold."""
    rows, columns = (torch.arange(n) * finer // block for n in size)
    return values[rows][:, columns]


def coarsened(unary: Tensor, pairwise: Tensor, *, block: int) -> tuple[Tensor, Tensor]:
    """The energy of labelings that are constant on blocks of `block` × `block` pixels, as an energy of blocks.

    Returns:
        unary (k, ⌈h/block⌉, ⌈w/block⌉) and pairwise of the same grid: E of blocks = E of pixels, exactly.
    """
    U, w = checked_costs(unary, pairwise, k="k")
    k, h, width = U.shape
    rows, columns = np.arange(h) // block, np.arange(width) // block
    H, W = -(-h // block), -(-width // block)
    padded = np.zeros((k, H * block, W * block))
    padded[:, :h, :width] = U
    cells = padded.reshape(k, H, block, W, block).sum((2, 4))
    number = rows[:, None] * W + columns[None, :]
    links = np.zeros((4, H * W))
    for direction, offset in enumerate(OFFSETS):
        a, b = ends(offset)
        here, there, c = number[a], number[b], w[direction][a]
        down, right = (rows[b[0]] - rows[a[0]])[:, None], (columns[b[1]] - columns[a[1]])[None, :]
        for to, (dy, dx) in enumerate(((0, 1), (1, 0), (1, 1), (1, -1))):
            leads = (down == dy) & (right == dx)
            links[to] += np.bincount(here[leads], c[leads], H * W)
        back = (down == 0) & (right == -1)  # a step to the lower left that stays in its row of blocks
        links[0] += np.bincount(there[back], c[back], H * W)
    return torch.from_numpy(cells), torch.from_numpy(links.reshape(4, H, W))


def _cut(
    unary: Tensor, pairwise: Tensor, start: Tensor | None, free: Tensor | None, coarse_energy: float | None, solve: MaxFlow
) -> Cut:
    band = torch.ones(unary.shape[1:], dtype=torch.bool) if free is None else free
    if len(unary) == 2:
        fixed = None if start is None else torch.where(band, FREE, start)
        cut = graph_cut(unary, pairwise, fixed=fixed, solve=solve)
        return Cut(
            cut.labels,
            cut.energy,
            cut.data,
            cut.smoothness,
            cut.n_cut,
            band,
            cut.flow,
            cut.rounding,
            coarse_energy,
            cut.n_open,
        )
    found = alpha_expansion(unary, pairwise, start=start, free=band, solve=solve)
    n_open = int(band.sum())
    return Cut(found.labels, found.energy, found.data, found.smoothness, found.n_cut, band, None, 0.0, coarse_energy, n_open)


def _near_border(labels: np.ndarray, reach: int, k: int) -> np.ndarray:
    """(h, w) bool: the blocks within `reach` blocks of one with another label, diagonals counted."""
    import cv2

    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    near = np.zeros(labels.shape, np.int64)
    for label in range(k):
        near += cv2.dilate((labels == label).astype(np.uint8), kernel) > 0
    return near > 1
