"""Files of ground truth become label maps: what a pixel holds is its label, never a color to be blended or scaled."""

import re
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from segcore.errors import InputError
from segcore.image.decode import levels, read_raster
from segcore.image.raster import Raster, refusal
from segcore.image.source import FILES

_MANY_THIN = 8  # labels without a flat spot that a drawn map may hold, as thin lines do
_CLOSE = 1 << 16
_COLOR = 1 << 24  # marks a label that is a color; a gray is its value, in files of colors too
_OPAQUE = 255
_NAMED = 4  # values in a sentence
_MANY_COLORS = 64  # more are blends


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
    """Read a label map: gray of 1 to 16 bits or whole numbers, palette, or one color per label.

    Args:
        source: path of a file, a `PictureFile`, or its bytes.

    Returns:
        The labels as they stand in the file, of the file's own size.

    Convention:
        Gray values and palette indices are labels as they are; where 0 is white in a TIFF, they count from black. The label
        of a color is 0x1RRGGBB, but that of a gray is its value, so that black is 0 and one color has one label in all
        files. Transparent pixels are 0, and black is 0x1000000 beside them; in a palette, the index counts. EXIF orientation
        is applied, as to pictures.

    Raises:
        InputError: with `field` "image"; as of `read_image`; or there are values between labels, as anti-aliasing and JPEG
            leave them; or the values are no whole numbers.
    """
    raster, name = read_raster(source)
    labels, colors, transparent = _labels(raster, name)
    _check_flat(labels, name)
    return LabelFile(torch.from_numpy(np.ascontiguousarray(labels)), colors, transparent)


def read_mask(source: FILES) -> np.ndarray:
    """Read the mask of an object: bright is the object, and what is transparent is background.

    Args:
        source: path of a picture, a `PictureFile`, or its bytes.

    Returns:
        (height, width) bool.

    Convention:
        Where what can be seen in the file holds two values, whatever they are, the brighter one is the object; in a palette,
        the one of the higher index, whatever the colors. Where it holds one, or is a colored cut-out, and the rest is
        transparent, all of it is the object. Else all above the middle between black and white is, so that soft edges do no
        harm.

    Raises:
        InputError: as of `read_image`; or the file marks nothing, or everything, or is no mask.
    """
    raster, name = read_raster(source)
    seen = raster.visible()
    seen, cut_out = (np.ones(raster.values.shape[:2], bool), False) if seen is None else (seen, True)
    if not seen.any():
        raise _no_mask(name, "all of it is transparent")
    if raster.palette is not None and not _is_ramp(raster, seen):
        mask = _of_indices(raster.values, seen, cut_out=cut_out, name=name)
    else:
        mask = _of_brightness(raster, seen, cut_out=cut_out, name=name)
    if mask.all() or not mask.any():
        raise _no_mask(name, "the whole picture is object" if mask.all() else "no pixel is bright")
    return mask


def _of_indices(index: np.ndarray, seen: np.ndarray, *, cut_out: bool, name: str) -> np.ndarray:
    """The object of a palette whose colors are no brightness."""
    found = np.unique(index[seen])
    if cut_out and len(found) != 2:
        return seen
    if len(found) > 2:
        raise _no_mask(name, f"its palette is used with {len(found)} indices, {_some(found)}, as of a label map")
    return seen & (index == found[-1]) if len(found) == 2 else seen & (index > 0)


def _of_brightness(raster: Raster, seen: np.ndarray, *, cut_out: bool, name: str) -> np.ndarray:
    """The object of a gray or colored file."""
    values = raster.values.max(axis=2) if raster.has_colors else raster.values
    if raster.palette is not None or len(two := _first_values(values[seen])) > 2:
        values, _ = levels(raster, name)
        values = values.max(axis=2) if values.ndim == 3 else values
        values = (values * _OPAQUE).astype(np.uint8) if values.dtype.kind == "f" else values
        two = _first_values(values[seen])
    if cut_out and (len(two) == 1 or (len(two) > 2 and _is_colored(raster, seen))):
        return seen
    if len(two) > 2 and (n := _n_flat_colors(raster, seen)):
        raise _no_mask(name, f"it holds {n} colors, as a label map does")
    if len(two) == 2:
        return np.asarray(seen & (values == two[1]))
    if cut_out:
        raise _no_mask(name, "parts are transparent, and the rest is of many grays, so either could be the object")
    middle = np.iinfo(values.dtype).max // 2
    if len(two) > 2 and two[-1] <= middle:
        raise _no_mask(name, f"its values are {_some(two)}, as of a label map or a dark picture")
    return np.asarray(seen & (values > middle))


def _first_values(values: np.ndarray) -> np.ndarray:
    """Which values occur, in ascending order."""
    return np.flatnonzero(np.bincount(values.ravel())) if values.dtype == np.uint8 else np.unique(values)


def _some(values: np.ndarray) -> str:
    return ", ".join(f"{value:g}" for value in values[:_NAMED]) + (" …" if len(values) > _NAMED else "")


def _is_ramp(raster: Raster, seen: np.ndarray) -> bool:
    """Whether a palette holds many grays that rise with the index, as programs store gray pictures."""
    assert raster.palette is not None  # noqa: S101 - asked only of palettes
    used = raster.palette[np.unique(raster.values[seen]).clip(0, len(raster.palette) - 1)].astype(int)
    return len(used) > 2 and bool((used == used[:, :1]).all() and (np.diff(used[:, 0]) > 0).all())


def _is_colored(raster: Raster, seen: np.ndarray) -> bool:
    if not raster.has_colors:
        return False
    colors = raster.values[seen]
    return bool((colors != colors[:, :1]).any())


def _n_flat_colors(raster: Raster, seen: np.ndarray) -> int:
    """How many colors a drawn map holds; 0 for grays and for blends of colors, as JPEG leaves them."""
    if not _is_colored(raster, seen):
        return 0
    colors = raster.values[seen].astype(np.int64)
    n = len(np.unique(colors[:, 0] << 32 | colors[:, 1] << 16 | colors[:, 2]))
    return n if n <= _MANY_COLORS else 0


def _no_mask(name: str, reason: str) -> InputError:
    told = f"{name} is no mask that parts an object from its background: {reason}."
    return InputError(f"{told} IoU, F_β and CorLoc need both: save it in black and white.", field="image")


def _labels(raster: Raster, name: str) -> tuple[np.ndarray, bool, bool]:
    """(height, width) int64 labels, whether they are colors, and whether 0 is what shows through."""
    values = raster.values
    if raster.has_colors and values.dtype != np.uint8:
        raise refusal(f"{name} has 16 bits per color; save the label map with 8 bits per color, or as 16-bit gray.")
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.rint(values)).all()):
        raise refusal(f"{name} holds fractions; a label map must hold whole numbers. Save it as 8- or 16-bit gray.")
    labels = (
        _of_color(*(values[..., i].astype(np.int64) for i in range(3))) if raster.has_colors else values.astype(np.int64)
    )
    opaque = raster.white or 1
    if raster.palette is not None or raster.alpha is None or (raster.alpha == opaque).all():
        return labels, raster.has_colors and bool((labels >= _COLOR).any()), False
    hidden = np.rint(_OPAQUE - raster.alpha * (_OPAQUE / opaque)).astype(np.int64)
    labels = np.where(labels == 0, _COLOR, labels) | hidden << 32
    return np.where(raster.alpha > 0, labels, 0), True, True


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
        raise refusal(
            f"{name} holds {n:,} values, and {n - n_flat:,} of them fill no flat spot anywhere, which is "
            "what smoothing and JPEG leave along edges. Save it as PNG without anti-aliasing, one value per region."
        )


def _count_distinct(labels: np.ndarray) -> int:
    """How many values occur; without a sort where they lie close together, as they do but for colors."""
    low, high = labels.min(initial=_CLOSE), labels.max(initial=0)
    if low < 0 or high >= _CLOSE:
        return len(np.unique(labels))
    return int(np.count_nonzero(np.bincount(labels.ravel())))
