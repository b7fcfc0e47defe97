"""Numbers on segments: a picture that is printed in gray keeps them apart, and says which pieces belong together."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from demo.shared.contact_sheet import font_of
from segcore.show.paint import Picture, shrink_labels

_LEAST = 0.006  # share of the picture that a piece needs for a number of its own
_LETTERS = 0.032  # height of the numbers, as a share of the longer side


def numbered(picture: Picture, label_map: NDArray[np.integer]) -> Picture:
    """Write the number of its segment, from 1 on, into each large piece.

    Args:
        picture: (height, width, 3) uint8, what is shown of the segments.
        label_map: labels 0, 1, … of the picture in this size or a larger one.

    Returns:
        (height, width, 3) uint8.
    """
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    size = max(12, round(_LETTERS * max(image.size)))
    for label, (x, y) in places(shrink_labels(label_map, max_side=max(image.size))):
        draw.ellipse(
            (x - 0.8 * size, y - 0.8 * size, x + 0.8 * size, y + 0.8 * size), fill="#ffffff", outline="#000000", width=2
        )
        draw.text((x, y), str(label + 1), fill="#000000", font=font_of(size), anchor="mm")
    return np.asarray(image)


def places(label_map: NDArray[np.integer]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Label and innermost pixel (x, y) of each connected piece of at least 0.6 % of the picture."""
    for label in np.unique(label_map).tolist():
        n, pieces, stats, _ = cv2.connectedComponentsWithStats((label_map == label).astype(np.uint8), connectivity=4)
        for piece in range(1, n):
            if stats[piece, cv2.CC_STAT_AREA] < _LEAST * label_map.size:
                continue
            inside = np.pad((pieces == piece).astype(np.uint8), 1)
            away = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
            y, x = np.unravel_index(int(away.argmax()), away.shape)
            yield label, (int(x), int(y))
