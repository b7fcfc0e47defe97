"""Arrays to pictures: overlays, label maps, heat maps, and the bytes that carry them to a browser.

Every function returns a new array and leaves its arguments as they are.
"""

import base64
import io

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from demo.palette import DIVERGING, PALETTE, Palette, hex_to_rgb

DISPLAY_SIDE = 1280  # pixels: longer side of what the page shows

Picture = NDArray[np.uint8]  # (height, width, 3)

_GRAY_LABELS = 255  # more segments than this leave the 8-bit gray file for a 16-bit one


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
    label_map = _checked_labels(label_map)
    if image.shape != (*label_map.shape, 3):
        raise ValueError(f"image is {image.shape}, but label_map asks for {(*label_map.shape, 3)}")
    opacity = float(np.clip(opacity, 0.0, 1.0))
    colors = palette.rgb(_n_labels(label_map))[label_map]
    overlay = _to_bytes(image * (1.0 - opacity) + colors * opacity)
    if contours:
        _draw_contours(overlay, label_map)
    return overlay


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


def label_png(label_map: NDArray[np.integer]) -> bytes:
    """Encode labels as a PNG with one channel: the gray value of a pixel is its label.

    8 bits hold up to 255 segments; more take 16 bits.

    Raises:
        ValueError: a label is negative or past 65535.
    """
    label_map = _checked_labels(label_map)
    n_labels = _n_labels(label_map)
    if n_labels > 2**16:
        raise ValueError(f"a 16-bit file holds 65536 labels; got {n_labels}")
    return png(label_map.astype(np.uint8 if n_labels <= _GRAY_LABELS else np.uint16))


def display_label_png(label_map: NDArray[np.integer]) -> bytes:
    """Encode labels for a browser, which reads 8 bits per channel only.

    Up to 256 labels the file is gray, and a gray value is a label. Past that, red holds the low byte and green the high one.

    Raises:
        ValueError: a label is negative or past 65535.
    """
    label_map = _checked_labels(label_map)
    n_labels = _n_labels(label_map)
    if n_labels > 2**16:
        raise ValueError(f"two bytes hold 65536 labels; got {n_labels}")
    if n_labels <= 2**8:
        return png(label_map.astype(np.uint8))
    low, high = label_map % 256, label_map // 256
    return png(np.stack([low, high, np.zeros_like(low)], axis=-1).astype(np.uint8))


def diverging(values: ArrayLike, *, limit: float | None = None, stops: tuple[str, ...] = DIVERGING) -> Picture:
    """Map signed values to colors, 0 to the neutral middle.

    Args:
        values: (h, w).
        limit: |value| of the two ends; the largest |value| if not given. Values beyond it take the color of the end.
        stops: evenly spaced colors from −limit to +limit, with linear interpolation between them.

    Returns:
        (h, w, 3) uint8. A constant 0 is all middle; what is not a number is drawn as the middle, too.
    """
    values = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0)
    finite = np.abs(values[np.isfinite(values)])
    limit = float(finite.max(initial=0.0)) if limit is None else float(limit)
    share = np.divide(values, limit, out=np.zeros_like(values), where=limit > 0)
    place = (np.clip(share, -1.0, 1.0) + 1.0) / 2.0 * (len(stops) - 1)
    below = np.minimum(place.astype(int), len(stops) - 2)
    part = (place - below)[..., None]
    ramp = hex_to_rgb(stops).astype(np.float64)
    return _to_bytes(ramp[below] * (1.0 - part) + ramp[below + 1] * part)


def shrink(picture: NDArray[np.uint8], *, max_side: int = DISPLAY_SIDE) -> Picture:
    """Scale a picture down until its longer side fits; a picture that fits is copied."""
    size = shrunk_size(picture.shape, max_side=max_side)
    if size == picture.shape[:2]:
        return picture.copy()
    return np.asarray(Image.fromarray(picture).resize(size[::-1], Image.Resampling.LANCZOS)).copy()


def shrink_labels(label_map: NDArray[np.integer], *, max_side: int = DISPLAY_SIDE) -> NDArray[np.integer]:
    """Scale labels down like `shrink`, each pixel taking the label of the nearest pixel: labels are never mixed."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int)
        for new, old in zip(shrunk_size(label_map.shape, max_side=max_side), label_map.shape, strict=True)
    )
    return label_map[rows[:, None], columns[None, :]]


def shrunk_size(shape: tuple[int, ...], *, max_side: int = DISPLAY_SIDE) -> tuple[int, int]:
    """Height and width of a picture of this shape after `shrink`."""
    height, width = shape[:2]
    scale = min(1.0, max_side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def png(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """Encode (height, width) or (height, width, 3) without loss."""
    return _encode(Image.fromarray(np.ascontiguousarray(pixels)), "PNG", optimize=False)


def jpeg(picture: Picture, *, quality: int = 90) -> bytes:
    """Encode a photograph for display; not for pixels whose exact values carry a meaning."""
    return _encode(Image.fromarray(np.ascontiguousarray(picture)), "JPEG", quality=quality, subsampling=0)


def data_uri(file: bytes) -> str:
    """Carry a PNG or JPEG inside a value instead of beside it."""
    kind = "png" if file.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(file).decode('ascii')}"


def pack_floats(values: ArrayLike) -> str:
    """Base64 of 32-bit little-endian floats, row by row, as the page unpacks them."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def _checked_labels(label_map: NDArray[np.integer]) -> NDArray[np.integer]:
    label_map = np.asarray(label_map)
    if label_map.ndim != 2 or not np.issubdtype(label_map.dtype, np.integer):
        raise ValueError(f"label_map must be (height, width) integers; got {label_map.dtype} {label_map.shape}")
    if label_map.size and label_map.min() < 0:
        raise ValueError("labels start at 0")
    return label_map


def _n_labels(label_map: NDArray[np.integer]) -> int:
    return int(label_map.max(initial=0)) + 1


def _draw_contours(picture: Picture, label_map: NDArray[np.integer]) -> None:
    width = max(1, round(max(label_map.shape) / 900))  # of the light line on each side of a border
    light = _grown(borders(label_map), width - 1)
    rim = _grown(light, width) & ~light
    picture[rim] = _to_bytes(picture[rim] * 0.45)
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


def _to_bytes(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.floor(values + 0.5).clip(0, 255).astype(np.uint8)  # halves go up, as in the browser


def _encode(image: Image.Image, kind: str, **options: int | bool) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
