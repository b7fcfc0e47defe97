"""Regions from fine to coarse: pieces merged one pair after the other, the least unlike first."""

import heapq

import numpy as np
from numpy.typing import NDArray

from segcore.pretrain.cues.pieces import Superpixels

LEVELS = (32, 16, 8, 4)  # regions that are left
TEXTURE_WEIGHT = 2.0  # of the filters' answers beside Lab
CONTRAST_WEIGHT = 6.0  # of the squared contrast along the border beside the squared distance of the means


def merge(pieces: Superpixels, levels: tuple[int, ...] = LEVELS) -> NDArray[np.int64]:
    """Merge pieces that touch until few are left.

    The cost of a pair is |i| |j| / (|i| + |j|) · (‖f_i − f_j‖² + c · contrast²), with f = (Lab, texture) the mean over a
    region and the squared contrast averaged along the common border: Ward's criterion with a border.

    Returns:
        (n, levels): the region of each piece when so many regions are left, or all of them where there are fewer; nested.

    Cost: O(m log m) for m edges; 10 ms for 250 pieces.
    """
    merging, found = _Merging(pieces), {}
    for level in sorted(set(levels), reverse=True):
        while merging.n_left > level and merging.step():
            pass
        found[level] = merging.regions()
    return np.stack([found[level] for level in levels], axis=1)


class _Merging:
    """Regions that are merged pair by pair, the cheapest first."""

    def __init__(self, pieces: Superpixels):
        self.n_left = len(pieces)
        self.f = np.concatenate((pieces.lab, TEXTURE_WEIGHT * pieces.texture), axis=1)
        self.size = pieces.size.copy()
        self.region = np.arange(len(pieces))  # of each piece, named after one of its pieces
        # For each region: what it touches, the length of the border, and the sum of the squared contrast along it.
        self.touching: list[dict[int, tuple[float, float]]] = [{} for _ in range(len(pieces))]
        for (i, j), length, contrast in zip(pieces.edges.tolist(), pieces.border, pieces.contrast, strict=True):
            self.touching[i][j] = self.touching[j][i] = (length, length * contrast**2)
        self.age = [0] * len(pieces)  # grows when a region changes, so that costs of before are known to be old
        self.heap = [self._entry(i, j) for i in range(len(pieces)) for j in self.touching[i] if i < j]
        heapq.heapify(self.heap)

    def step(self) -> bool:
        """Merge the cheapest pair; False where no two regions touch."""
        while self.heap:
            _, i, j, age_i, age_j = heapq.heappop(self.heap)
            if (self.age[i], self.age[j]) == (age_i, age_j):
                self._join(i, j)
                return True
        return False

    def regions(self) -> NDArray[np.int64]:
        """(n,) the region of each piece, numbered from 0."""
        return np.unique(self.region, return_inverse=True)[1]

    def _join(self, i: int, j: int) -> None:
        self.f[i] = np.average(self.f[[i, j]], axis=0, weights=self.size[[i, j]])
        self.size[i] += self.size[j]
        self.region[self.region == j] = i
        self.age[i], self.age[j] = self.age[i] + 1, -1
        self.n_left -= 1
        for k, (length, total) in self.touching[j].items():
            del self.touching[k][j]
            if k != i:
                known = self.touching[i].get(k, (0.0, 0.0))
                self.touching[i][k] = self.touching[k][i] = (known[0] + length, known[1] + total)
        for k in self.touching[i]:
            heapq.heappush(self.heap, self._entry(i, k))

    def _entry(self, i: int, j: int) -> tuple[float, int, int, int, int]:
        length, total = self.touching[i][j]
        apart = ((self.f[i] - self.f[j]) ** 2).sum() + CONTRAST_WEIGHT * total / length
        return float(apart * self.size[i] * self.size[j] / (self.size[i] + self.size[j])), i, j, self.age[i], self.age[j]
