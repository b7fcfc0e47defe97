"""Where the objects of a picture may be, by three cues without learning, on the graph of its pieces.

With d(i, j) = ‖Lab_i − Lab_j‖, geodesic distances d_geo along paths of touching pieces (pieces at the frame touch each
other too, as the background goes on outside), and 𝟙_frame of the pieces at the picture's frame:

    background   BndCon(i) = Σ_j S_ij 𝟙_frame(j) / √Σ_j S_ij,  S = exp(−d_geo² / 2σ²);  p = 1 − exp(−BndCon² / 2)
                 contrast(i) = Σ_j d(i, j) exp(−‖x_i − x_j‖² / 2·¼²) p_j;  then smoothed           (Zhu et al. 2014)
    geodesic     the length of the shortest path to the outside                                   (Wei et al. 2012)
    ranking      f = (D − αW)⁻¹ y, how much heat of each side of the frame arrives; what is left cold ranks the rest
                                                                                                  (Yang et al. 2013)

Each alone fails in other pictures; at the best threshold of a picture, their mean is better than each.
"""

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra
from scipy.spatial.distance import cdist

from segcore.numerics import otsu
from segcore.pretrain.cues.pieces import Superpixels, cut_up

SIGMA_COLOR = 10.0  # ΔE
SIGMA_SPACE = 0.25  # of the picture's longer side
_NOTICEABLE = 1.0  # ΔE
_ALPHA = 0.99
_SIGMA_RANKING = 0.1  # of the largest color difference that occurs
_LEAST_SMOOTHNESS = 0.1  # what even pieces of unlike colors exert on each other
_BACKGROUND_WEIGHT = 5.0


def draw_objects(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Say how likely each pixel of a picture (height, width, 3) uint8 RGB is object: (height, width) in [0, 1]."""
    pieces = cut_up(picture)
    g = objectness(draw_saliency(pieces), pieces.size)
    return g[pieces.labels]


def draw_saliency(pieces: Superpixels) -> NDArray[np.float64]:
    """Say how salient each piece is.

    Returns:
        (n,) in [0, 1], the mean of the three cues; all 0 where all colors look the same.
    """
    if np.ptp(pieces.lab, axis=0).max() < _NOTICEABLE:
        return np.zeros(len(pieces))
    d_geo = geodesic_distances(pieces)
    cues = (background_contrast(pieces, d_geo), geodesic(pieces, d_geo), ranking(pieces))
    mean: NDArray[np.float64] = np.mean([_stretch(cue) for cue in cues], axis=0)
    return mean


def background_contrast(pieces: Superpixels, d_geo: NDArray[np.float64]) -> NDArray[np.float64]:
    """Robust background detection (n,) in [0, 1]; Zhu, Liang, Wei and Sun 2014, eqs. 3 to 9."""
    d = cdist(pieces.lab, pieces.lab)
    p = background_probability(pieces, d_geo)
    near = np.exp(-(cdist(pieces.center, pieces.center) ** 2) / (2 * SIGMA_SPACE**2))
    contrast = _stretch((d * near * p).sum(1))
    # Smooth: minimize Σ w_bg s² + Σ w_fg (s − 1)² + Σ_edges w (s_i − s_j)².
    i, j = with_frame(pieces)
    w = np.exp(-(d[i, j] ** 2) / (2 * SIGMA_COLOR**2)) + _LEAST_SMOOTHNESS
    W = scipy.sparse.coo_array((np.r_[w, w], (np.r_[i, j], np.r_[j, i])), shape=d.shape).toarray()
    A = np.diag(W.sum(1) + _BACKGROUND_WEIGHT * p + contrast) - W
    return np.linalg.solve(A, contrast).clip(0, 1)


def background_probability(pieces: Superpixels, d_geo: NDArray[np.float64]) -> NDArray[np.float64]:
    """How likely each piece (n,) is background, in [0, 1): by how much of its likes' outline lies on the frame."""
    S = np.exp(-(d_geo**2) / (2 * SIGMA_COLOR**2))
    connectivity = S @ pieces.frame / np.sqrt(S.sum(1))
    p: NDArray[np.float64] = 1 - np.exp(-(connectivity**2) / 2)
    return p


def geodesic(pieces: Superpixels, d_geo: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length (n,) of the shortest path to the outside, in ΔE; Wei, Wen, Zhu and Sun 2012."""
    shortest: NDArray[np.float64] = d_geo[:, pieces.frame].min(1)
    return shortest


def geodesic_distances(pieces: Superpixels) -> NDArray[np.float64]:
    """Lengths (n, n) of the shortest paths along touching pieces, in ΔE; steps within a surface are free."""
    i, j = with_frame(pieces)
    step = np.linalg.norm(pieces.lab[i] - pieces.lab[j], axis=1)
    n = len(pieces)
    nearest = np.full(n, np.inf)
    np.minimum.at(nearest, i, step)
    np.minimum.at(nearest, j, step)
    free = nearest[np.isfinite(nearest)].mean() if len(step) else 0.0
    graph = scipy.sparse.coo_array((np.maximum(step - free, 1e-6), (i, j)), shape=(n, n)).tocsr()
    return dijkstra(graph, directed=False)


def with_frame(pieces: Superpixels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ends i < j of all edges, those among all pieces at the frame included."""
    at_frame = np.flatnonzero(pieces.frame)
    a, b = np.triu_indices(len(at_frame), 1)
    pairs = np.concatenate((pieces.edges, np.stack((at_frame[a], at_frame[b]), axis=1)))
    return tuple(np.unique(pairs, axis=0).T)


def ranking(pieces: Superpixels) -> NDArray[np.float64]:
    """Manifold ranking (n,): background first, side by side, then by likeness to what stood out; Yang et al. 2013."""
    n, (i, j) = len(pieces), with_frame(pieces)
    touch = scipy.sparse.coo_array((np.ones(len(i)), (i, j)), shape=(n, n)).tocsr()
    touch = touch + touch.T
    reach = ((touch @ touch + touch).toarray() > 0) & ~np.eye(n, dtype=bool)  # neighbors and theirs
    d = cdist(pieces.lab, pieces.lab)
    W = np.where(reach, np.exp(-d / (_SIGMA_RANKING * max(d.max(), 1e-9))), 0)
    spread = np.linalg.inv(np.diag(W.sum(1) + 1e-9) - _ALPHA * W)
    np.fill_diagonal(spread, 0)
    found = np.ones(n)
    for side in (pieces.labels[0], pieces.labels[-1], pieces.labels[:, 0], pieces.labels[:, -1]):
        query = np.zeros(n)
        query[side] = 1
        found *= 1 - _stretch(spread @ query)
    rank: NDArray[np.float64] = spread @ (found > found.mean())
    return rank


def _stretch(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map the range of x to [0, 1]; a constant to 0."""
    low, high = x.min(), x.max()
    return (x - low) / (high - low) if high > low else np.zeros_like(x)


def objectness(saliency: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn saliency (n,) into a probability g (n,) of being object.

    It is a sigmoid about Otsu's threshold, and goes from 0.05 to 0.95 over the distance of the means of its two classes.
    """
    t, spread = otsu(saliency, size)
    return 1 / (1 + np.exp(-(saliency - t) / max(spread / 6, 1e-6)))
