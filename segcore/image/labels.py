"""Files of ground truth become label maps: what a pixel holds is its label, never a color to be blended or scaled."""

import re
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from segcore.errors import InputError
from segcore.image.decode import FILES, has_deep_color, named_bytes, opened, read_image, upright

_MANY_THIN = 8  # labels without a flat spot that a drawn map may hold, as thin lines do
_CLOSE = 1 << 16
_COLOR = 1 << 24  # marks a label that is a color; a gray is its value, in files of colors too
_OPAQUE = 255
_OBJECT_LEVEL = 127  # a mask is bright on its object: above this level


@dataclass(frozen=True, eq=False, slots=True)
class LabelFile:
    """A label map as somebody drew it."""

    labels: Tensor  # (height, width) int64, with any gaps; see `read_labels`
    colors: bool = False  # the file holds colors
    transparent: bool = False  # 0 is what shows through

    def name(self, label: int) -> str:
        """What to call a label: its number, or its color as #rrggbb."""
        if not self.colors and label < _COLOR:
            return str(label)
        if label == 0 and self.transparent:
            return "transparent"
        return f"#{label * 0x010101 if label < _COLOR else label & 0xFFFFFF:06x}"


def parse_label(text: str) -> int | None:
    """The label that a person means: 255, or #rrggbb for a color; None for an empty text.

    Raises:
        InputError: it is neither.
    """
    text = text.strip()
    if re.fullmatch("#[0-9a-fA-F]{6}", text):
        return int(_of_color(*np.frombuffer(bytes.fromhex(text[1:]), np.uint8).astype(np.int64)))
    try:
        return int(text) if text else None
    except ValueError:
        raise InputError(
            f"A label must be a whole number such as 255, or a color such as #e0e0c0; got {text!r}.", field="ignore"
        ) from None


def read_labels(source: FILES) -> LabelFile:
    """Read a label map: gray of 1, 8 or 16 bits, palette, or one color per label.

    Args:
        source: path of a file, or its bytes.

    Returns:
        The labels as they stand in the file, of the file's own size.

    Convention:
        Gray values and palette indices are labels as they are. The label of a color is 0x1RRGGBB, but that of a gray is its
        value, so that black is 0 and one color has one label in all files. Transparent pixels are 0, and black is 0x1000000
        beside them. EXIF orientation is applied, as to pictures.

    Raises:
        InputError: with `field` "image"; as of `read_image`; or there are values between labels, as anti-aliasing and JPEG
            leave them; or the values are no whole numbers.
    """
    data, name = named_bytes(source)
    with opened(data, name) as picture:
        labels, colors, transparent = _values(picture, name)
        labels = upright(labels, picture)
    _check_flat(labels, name)
    return LabelFile(torch.from_numpy(np.ascontiguousarray(labels)), colors, transparent)


def read_mask(source: FILES) -> np.ndarray:
    """Read the mask of an object: bright is the object.

    Args:
        source: path of a picture, or its bytes.

    Returns:
        (height, width) bool. Where the file holds two values, whatever they are, the brighter one is the object; else all
        above level 127 of 255 is, so that soft edges do no harm.

    Raises:
        InputError: as of `read_image`; or the mask marks nothing, or everything.
    """
    data, name = named_bytes(source)
    levels = _deep_gray(data, name)
    if levels is None or len(two := np.unique(levels)) != 2:
        levels = read_image(source).numpy().max(axis=2)
        two = np.flatnonzero(np.bincount(levels.ravel(), minlength=256))
    mask = levels == two[1] if len(two) == 2 else levels > _OBJECT_LEVEL
    if mask.all() or not mask.any():
        what = "the whole picture is object" if mask.all() else "no pixel is bright"
        raise InputError(
            f"The mask parts nothing: {what}. IoU, F_β and CorLoc need an object and its background.", field="image"
        )
    return mask


def _deep_gray(data: bytes, name: str) -> np.ndarray | None:
    """Gray values that 8 bits may not tell apart, upright; None for a picture of another kind."""
    with opened(data, name) as picture:
        return upright(np.asarray(picture), picture) if picture.mode == "I" or picture.mode.startswith("I;16") else None


def _values(picture: Image.Image, name: str) -> tuple[np.ndarray, bool, bool]:
    """(height, width) int64 labels, whether they are colors, and whether 0 is what shows through."""
    if has_deep_color(picture):
        raise _refusal(f"{name} has 16 bits per color; save the label map with 8 bits per color, or as 16-bit gray.")
    picture.load()
    labels = _gray(picture, name)
    if labels is not None:
        return labels, False, False
    return _colored(np.asarray(picture.convert("RGBA" if picture.has_transparency_data else "RGB")))


def _gray(picture: Image.Image, name: str) -> np.ndarray | None:
    """The values of a picture with one channel; None for one of colors."""
    if picture.mode not in ("1", "L", "P", "I", "F") and not picture.mode.startswith("I;16"):
        return None
    values = np.asarray(picture)
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.rint(values)).all()):
        raise _refusal(f"{name} holds fractions; a label map must hold whole numbers. Save it as 8- or 16-bit gray.")
    return values.astype(np.int64)


def _colored(pixels: np.ndarray) -> tuple[np.ndarray, bool, bool]:
    """As of `_values`, of (height, width, 3 or 4) bytes."""
    red, green, blue = (pixels[..., i].astype(np.int64) for i in range(3))
    labels = _of_color(red, green, blue)
    if pixels.shape[2] == 3 or (pixels[..., 3] == _OPAQUE).all():
        return labels, bool((labels >= _COLOR).any()), False
    alpha = pixels[..., 3].astype(np.int64)
    labels = np.where(labels == 0, _COLOR, labels) | (_OPAQUE - alpha) << 32
    return np.where(alpha > 0, labels, 0), True, True


def _of_color(red: np.ndarray, green: np.ndarray, blue: np.ndarray) -> np.ndarray:
    """The label of each color."""
    is_gray = (red == green) & (green == blue)
    return np.where(is_gray, red, _COLOR | red << 16 | green << 8 | blue)


def _check_flat(labels: np.ndarray, name: str) -> None:
    """Refuse a map most of whose values never fill a flat spot: they are no labels, but blends of them, or a photograph."""
    inside = np.ones(labels.shape, dtype=bool)  # pixels whose neighbors all have their label
    across, down = labels[:, 1:] == labels[:, :-1], labels[1:] == labels[:-1]
    inside[:, 1:] &= across
    inside[:, :-1] &= across
    inside[1:] &= down
    inside[:-1] &= down
    n, n_flat = _count_distinct(labels), _count_distinct(labels[inside])
    if n - n_flat > max(_MANY_THIN, n // 2):
        raise _refusal(
            f"{name} holds {n:,} values, and {n - n_flat:,} of them fill no flat spot anywhere, which is "
            "what smoothing and JPEG leave along edges. Save it as PNG without anti-aliasing, one value per region."
        )


def _count_distinct(labels: np.ndarray) -> int:
    """How many values occur; without a sort where they lie close together, as they do but for colors."""
    low, high = labels.min(initial=_CLOSE), labels.max(initial=0)
    if low < 0 or high >= _CLOSE:
        return len(np.unique(labels))
    return int(np.count_nonzero(np.bincount(labels.ravel())))


def _refusal(sentence: str) -> InputError:
    return InputError(sentence, field="image")
