"""Arrays to arrays of colors: overlays, heat maps, and pictures small enough for a page.

Every function returns a new array and leaves its arguments as they are.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from segcore.show.palette import ERRORS, PALETTE, Palette, hex_to_rgb

DISPLAY_SIDE = 1280  # pixels: longer side of what the page shows
_DIM, _MARK = 0.5, 0.85  # brightness of what is right, and opacity of the colors of errors

Picture = NDArray[np.uint8]  # (height, width, 3)


def paint_labels(
    image: Picture,
    label_map: NDArray[np.integer],
    *,
    opacity: float = 0.55,
    palette: Palette = PALETTE,
    contours: bool = True,
) -> Picture:
    """Lay the colors of the segments over a picture.

    Args:
        image: (height, width, 3) uint8.
        label_map: (height, width) labels 0, 1, ….
        opacity: 0 shows the picture, 1 the bare colors.
        palette: the colors of the labels.
        contours: draw a light line with a dark rim between segments, so that color is not the only cue.

    Returns:
        (height, width, 3) uint8.

    Raises:
        ValueError: the shapes do not fit, or a label is negative.
    """
    label_map = checked_labels(label_map)
    if image.shape != (*label_map.shape, 3):
        raise ValueError(f"image is {image.shape}, but label_map asks for {(*label_map.shape, 3)}")
    opacity = float(np.clip(opacity, 0.0, 1.0))
    colors = palette.rgb(count_labels(label_map))[label_map]
    overlay = to_bytes(image * (1.0 - opacity) + colors * opacity)
    if contours:
        _draw_contours(overlay, label_map)
    return overlay


def paint_errors(image: Picture, errors: NDArray[np.integer]) -> Picture:
    """Mark wrong pixels on a dimmed gray picture.

    Args:
        image: (height, width, 3) uint8.
        errors: (height, width) codes: 0 is right and stays dim, the others take their color of `palette.ERRORS`.

    Returns:
        (height, width, 3) uint8.
    """
    dim = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None] * _DIM
    marked = dim * (1 - _MARK) + hex_to_rgb(ERRORS)[errors] * _MARK
    return to_bytes(np.where(errors[..., None] == 0, dim, marked))


def borders(label_map: NDArray[np.integer]) -> NDArray[np.bool_]:
    """(height, width): pixels with a neighbor to the right, left, above or below in another segment."""
    label_map = np.asarray(label_map)
    across = label_map[:, 1:] != label_map[:, :-1]
    down = label_map[1:] != label_map[:-1]
    found = np.zeros(label_map.shape, dtype=bool)
    found[:, 1:] |= across
    found[:, :-1] |= across
    found[1:] |= down
    found[:-1] |= down
    return found


def shrink(picture: NDArray[np.uint8], *, max_side: int = DISPLAY_SIDE) -> Picture:
    """Scale a picture down until its longer side fits; a picture that fits is copied."""
    size = shrunk_size(picture.shape, max_side=max_side)
    if size == picture.shape[:2]:
        return picture.copy()
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def shrink_labels(label_map: NDArray[np.integer], *, max_side: int = DISPLAY_SIDE) -> NDArray[np.integer]:
    """Scale labels down like `shrink`, each pixel taking the label of the nearest pixel: labels are never mixed."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int)
        for new, old in zip(shrunk_size(label_map.shape, max_side=max_side), label_map.shape, strict=True)
    )
    shrunk: NDArray[np.integer] = label_map[rows[:, None], columns[None, :]]
    return shrunk


def shrunk_size(shape: tuple[int, ...], *, max_side: int = DISPLAY_SIDE) -> tuple[int, int]:
    """Height and width of a picture of this shape after `shrink`."""
    height, width = shape[:2]
    scale = min(1.0, max_side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def checked_labels(label_map: NDArray[np.integer]) -> NDArray[np.integer]:
    """The label map as an array, after a look at its shape, type and sign."""
    label_map = np.asarray(label_map)
    if label_map.ndim != 2 or not np.issubdtype(label_map.dtype, np.integer):
        raise ValueError(f"label_map must be (height, width) integers; got {label_map.dtype} {label_map.shape}")
    if label_map.size and label_map.min() < 0:
        raise ValueError("labels start at 0")
    return label_map


def count_labels(label_map: NDArray[np.integer]) -> int:
    """One more than the largest label."""
    return int(label_map.max(initial=0)) + 1


def _draw_contours(picture: Picture, label_map: NDArray[np.integer]) -> None:
    width = max(1, round(max(label_map.shape) / 900))  # of the light line on each side of a border
    light = _grown(borders(label_map), width - 1)
    rim = _grown(light, width) & ~light
    picture[rim] = to_bytes(picture[rim] * 0.45)
    picture[light] = 255


def _grown(mask: NDArray[np.bool_], times: int) -> NDArray[np.bool_]:
    mask = mask.copy()
    for _ in range(times):
        old = mask.copy()
        mask[1:] |= old[:-1]
        mask[:-1] |= old[1:]
        mask[:, 1:] |= old[:, :-1]
        mask[:, :-1] |= old[:, 1:]
    return mask


def to_bytes(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round to bytes; halves go up, as in the browser."""
    rounded: NDArray[np.uint8] = np.floor(values + 0.5).clip(0, 255).astype(np.uint8)
    return rounded


def paint_ramp(shares: NDArray[np.floating], stops: tuple[str, ...]) -> Picture:
    """Colors of shares on a ramp, linear between evenly spaced stops.

    Args:
        shares: (height, width) in [0, 1]; what lies outside takes the color of the nearer end.
        stops: `#rrggbb` from 0 to 1, such as `palette.SEQUENTIAL`.

    Returns:
        (height, width, 3) uint8.
    """
    colors = hex_to_rgb(stops).astype(np.float64)
    place = np.clip(shares, 0, 1) * (len(colors) - 1)
    below = np.minimum(place.astype(int), len(colors) - 2)
    part = (place - below)[..., None]
    return to_bytes(colors[below] * (1 - part) + colors[below + 1] * part)
