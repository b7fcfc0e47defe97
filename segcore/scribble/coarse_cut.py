"""A cut on blocks of pixels first, then on smaller blocks and at last on pixels, in a band around its border.

The coarse energy is the fine one of labelings that are constant on blocks: unary costs of a block add up, and so do the
links between two blocks. So the coarse cut is the best of those labelings, and a band can only lower the same energy. What
the last band found is exact for everything that may happen inside it; whether more was to be had outside is not proved.

Reference: Lombaert, Sun, Grady and Xu 2005.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segcore.checks import check_range
from segcore.scribble.expansion import Labeling, expansion
from segcore.scribble.graph_cut import FREE, GraphCut, Reals, checked_links, checked_unary, cut_open
from segcore.scribble.max_flow import MaxFlow, max_flow

REACH = 2  # blocks on each side of the border that the band holds
SMALL = 20_000  # pixels, or blocks, that are cut at once


@dataclass(frozen=True, eq=False, slots=True)
class Links:
    """The links of a picture's pixels and those of its blocks; they do not depend on strokes."""

    levels: tuple[Tensor, ...]  # (4, ⌈h/2ⁱ⌉, ⌈w/2ⁱ⌉): between blocks of 2ⁱ × 2ⁱ pixels

    @property
    def pairwise(self) -> Tensor:
        """(4, h, w): those of the pixels, as `graph_cut` takes them."""
        return self.levels[0]

    @property
    def pixels_only(self) -> "Links":
        """Without blocks: then all pixels are cut at once."""
        return Links(self.levels[:1])

    def times(self, weight: float) -> "Links":
        """All links times a number ≥ 0."""
        return Links(tuple(w * weight for w in self.levels))


def links_of(pairwise: Tensor, *, n_levels: int | None = None) -> Links:
    """Add up the links between blocks.

    Args:
        pairwise: (4, h, w) weights ≥ 0, as of `graph_cut`.
        n_levels: pixels, blocks of 2 × 2 pixels, of 4 × 4, and so on; None: until at most SMALL blocks are left.

    Raises:
        InputError: as `graph_cut`, or n_levels below 1.
    """
    levels = [checked_links(pairwise)]
    if n_levels is not None:
        check_range("n_levels", n_levels, lo=1)
    while len(levels) < n_levels if n_levels else levels[-1][0].size > SMALL:
        levels.append(halved_links(levels[-1]))
    return Links(tuple(map(torch.from_numpy, levels)))


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


def banded_cut(unary: Tensor, links: Links, *, reach: int = REACH, solve: MaxFlow = max_flow) -> Cut:
    """Cut the largest blocks, then blocks of half the side around the border, and so on to pixels.

    Args:
        unary: (k, h, w) costs ≥ 0, k ≥ 2.
        links: of the pixels and the blocks; with one level, all pixels are cut at once.
        reach: width of each band, in the blocks of the level above, on each side.
        solve: finds the maximum flow.

    Returns:
        The labeling; exact where there is one level and k is 2.

    Raises:
        InputError: as `graph_cut`, or reach below 1.
    """
    check_range("reach", reach, lo=1)
    costs = [checked_unary(unary, k="k", size=tuple(links.pairwise.shape[1:]))]
    for _ in links.levels[1:]:
        costs.append(halved_costs(costs[-1]))
    found: Cut | None = None
    coarse_energy = None
    for U, level in zip(reversed(costs), reversed(links.levels), strict=True):
        w = level.numpy()
        if found is None:
            found = _cut(U, w, None, None, coarse_energy, solve)
            coarse_energy = None if len(costs) == 1 else found.energy
            continue
        start = _doubled(found.labels.numpy(), U.shape[1:])
        band = _doubled(_near_border(found.labels.numpy(), reach, len(U)), U.shape[1:])
        found = _cut(U, w, start, band, coarse_energy, solve)
    assert found is not None  # noqa: S101
    return found


def halved_costs(U: Reals) -> Reals:
    """(k, ⌈h/2⌉, ⌈w/2⌉): the costs of blocks of 2 × 2, which add up."""
    even = np.pad(U, ((0, 0), (0, U.shape[1] % 2), (0, U.shape[2] % 2)))
    rows = even[:, ::2] + even[:, 1::2]
    return rows[:, :, ::2] + rows[:, :, 1::2]


def halved_links(w: Reals) -> Reals:
    """(4, ⌈h/2⌉, ⌈w/2⌉): the links between blocks of 2 × 2. E of blocks = E of their pixels, exactly."""
    right, down, down_right, down_left = np.pad(w, ((0, 0), (0, w.shape[1] % 2), (0, w.shape[2] % 2)))
    first, second = slice(0, None, 2), slice(1, None, 2)  # rows and columns of a block
    links = np.empty((4, (w.shape[1] + 1) // 2, (w.shape[2] + 1) // 2))
    links[0] = right[first, second] + right[second, second] + down_right[first, second]
    links[0][:, :-1] += down_left[first, first][:, 1:]  # to the lower left, within the row of blocks
    links[1] = down[second, first] + down[second, second] + down_right[second, first] + down_left[second, second]
    links[2] = down_right[second, second]
    links[3] = down_left[second, first]
    return links


def _doubled(values: NDArray[Any], size: tuple[int, ...]) -> NDArray[Any]:
    """Values of blocks as values of the blocks of half the side."""
    return values.repeat(2, 0).repeat(2, 1)[: size[0], : size[1]]


def _cut(
    U: Reals, w: Reals, start: NDArray[np.int64] | None, free: NDArray[np.bool_] | None, coarse: float | None, solve: MaxFlow
) -> Cut:
    band = np.ones(U.shape[1:], dtype=bool) if free is None else free
    if len(U) == 2:
        given = np.full(band.shape, FREE) if start is None else np.where(band, FREE, start)
        cut = cut_open(U, w, given.astype(np.int8), solve)
        flow, rounding, n_open = cut.flow, cut.rounding, cut.n_open
        found: GraphCut | Labeling = cut
    else:
        found = expansion(U, w, U.argmin(0) if start is None else start, band, solve)
        flow, rounding, n_open = None, 0.0, int(band.sum())
    return Cut(
        found.labels, found.energy, found.data, found.smoothness, found.n_cut, torch.from_numpy(band), flow, rounding,
        coarse, n_open,
    )  # fmt: skip


def _near_border(labels: np.ndarray, reach: int, k: int) -> np.ndarray:
    """(h, w) bool: the blocks within `reach` blocks of one with another label, diagonals counted."""
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    near = np.zeros(labels.shape, np.int64)
    for label in range(k):
        near += cv2.dilate((labels == label).astype(np.uint8), kernel) > 0
    return near > 1
