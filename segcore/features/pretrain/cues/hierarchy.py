"""Regions from fine to coarse: pieces merged one pair after the other, the least unlike first."""

import heapq

import numpy as np
from numpy.typing import NDArray

from segcore.features.pretrain.cues.pieces import Pieces

LEVELS = (32, 16, 8, 4)  # regions that are left
TEXTURE_WEIGHT = 2.0  # of the filters' answers beside Lab
CONTRAST_WEIGHT = 6.0  # of the squared contrast along the border beside the squared distance of the means


def merge(pieces: Pieces, levels: tuple[int, ...] = LEVELS) -> NDArray[np.int64]:
    """Merge pieces that touch until few are left.

    The cost of a pair is |i| |j| / (|i| + |j|) · (‖f_i − f_j‖² + c · contrast²), with f = (Lab, texture) the mean over a region and
    the squared contrast averaged along the common border: Ward's criterion with a border.

    Returns:
        (n, levels): the region of each piece when so many regions are left; nested.
    """
    n = len(pieces)
    f = np.concatenate((pieces.lab, TEXTURE_WEIGHT * pieces.texture), axis=1)
    size, parent = pieces.size.copy(), list(range(n))
    touching: list[dict[int, tuple[float, float]]] = [{} for _ in range(n)]
    for (i, j), length, contrast in zip(pieces.edges.tolist(), pieces.border, pieces.contrast, strict=True):
        touching[i][j] = touching[j][i] = (length, length * contrast**2)

    def cost(i: int, j: int) -> float:
        length, total = touching[i][j]
        apart = ((f[i] - f[j]) ** 2).sum() + CONTRAST_WEIGHT * total / length
        return float(apart * (size[i] * size[j] / (size[i] + size[j])))

    stamp = [0] * n
    heap = [(cost(i, j), i, j, 0, 0) for i in range(n) for j in touching[i] if i < j]
    heapq.heapify(heap)
    out, left = {}, n
    wanted = sorted(set(levels), reverse=True)

    def roots() -> NDArray[np.int64]:
        def root(i: int) -> int:
            while parent[i] != i:
                i = parent[i]
            return i

        return np.unique([root(i) for i in range(n)], return_inverse=True)[1]

    while True:
        while wanted and left <= wanted[0]:
            out[wanted.pop(0)] = roots()
        if not wanted or not heap:
            break
        _, i, j, si, sj = heapq.heappop(heap)
        if stamp[i] != si or stamp[j] != sj:
            continue
        f[i] = (size[i] * f[i] + size[j] * f[j]) / (size[i] + size[j])
        size[i] += size[j]
        parent[j] = i
        stamp[i] += 1
        stamp[j] = -1
        left -= 1
        for k, (length, total) in touching[j].items():
            touching[k].pop(j)
            if k != i:
                a, b = touching[i].get(k, (0.0, 0.0))
                touching[i][k] = touching[k][i] = (a + length, b + total)
        touching[i].pop(j, None)
        for k in touching[i]:
            heapq.heappush(heap, (cost(i, k), i, k, stamp[i], stamp[k]))
    last = roots()
    return np.stack([out.get(level, last) for level in levels], axis=1)
