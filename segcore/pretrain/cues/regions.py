"""Regions of a picture, from fine to coarse, drawn without learning."""

import numpy as np
from numpy.typing import NDArray

from segcore.pretrain.cues.hierarchy import LEVELS, merge
from segcore.pretrain.cues.pieces import describe, to_lab

# k of Felzenszwalb and Huttenlocher, as a share of the area: pieces to merge, then regions.
PIECES, SCALES = 1 / 1400, (1 / 768, 1 / 384, 1 / 192, 1 / 96)
REGION_LEVELS = len(SCALES) + len(LEVELS)


def draw_regions(picture: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Over-segment a picture in two ways, each from fine to coarse.

    Args:
        picture: (height, width, 3) uint8 RGB.

    Returns:
        (height, width, REGION_LEVELS) int16: the region that each pixel is in, numbered from 0 within its level. The first
        levels are drawn by color alone, each by itself; the others are the merged hierarchy of `merge`, which also knows
        texture and the contrast along borders.

    Cost: 0.15 s for 128 × 192 pixels.

    Reference: Felzenszwalb and Huttenlocher 2004; for self-supervision, Hénaff et al. (DetCon) 2021.
    """
    from skimage.segmentation import felzenszwalb

    area = picture.shape[0] * picture.shape[1]

    def cut_up(share: float) -> NDArray[np.int64]:
        k = area * share
        labels = felzenszwalb(picture, scale=k, sigma=0.5, min_size=max(1, round(k / 2)))
        return np.asarray(labels, np.int64)

    pieces = describe(cut_up(PIECES), to_lab(picture))
    merged = merge(pieces)[pieces.labels]
    return np.concatenate((np.stack([cut_up(share) for share in SCALES], axis=-1), merged), axis=-1).astype(np.int16)
