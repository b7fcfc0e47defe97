"""Files, arrays and Pillow images become (height, width, 3) uint8, upright; what is no picture is refused in words."""

import io
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import cv2
import numpy as np
import torch
from PIL import ExifTags, Image
from torch import Tensor

from segcore.errors import InputError
from segcore.image.raster import MAX_PIXELS, Raster, check_size, refusal, turned
from segcore.image.source import FILES, PictureFile, named_bytes
from segcore.image.tiff import is_tiff, read_tiff, tiff_size

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")  # Pillow opens more, some by starting other programs

Source = FILES | Image.Image | np.ndarray | Tensor

_USE = "use a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF file"
_MAGIC = re.compile(rb"\xff\xd8\xff|\x89PNG|GIF8|II[*+]\0|MM\0[*+]|BM|RIFF....WEBP|....ftypavi", re.DOTALL)
_DEEP_COLOR = re.compile(r"\b(RGBA?|LA);16")  # raw modes of which Pillow keeps only the high bytes
_PILLOW_LOCK = threading.Lock()
_FEW_LEVELS = 16
_BYTE, _TWO_BYTES = 255, 65535  # white


def read_image(source: Source) -> Tensor:
    """Decode a picture, turn it upright and bring it to 8-bit RGB.

    Args:
        source: path of a file, a `PictureFile`, bytes of a file, a Pillow image, or an array or tensor of shape (height,
            width) or (height, width, c) with c = 1, 3 or 4, as uint8, uint16 or floats in [0, 1].

    Returns:
        (height, width, 3) uint8 on the CPU, with at most MAX_PIXELS pixels and memory of its own.

    Convention:
        EXIF orientation is applied; alpha is laid over white; a 16-bit value v becomes v / 257, rounded. Floats in a file
        are kept where all lie in [0, 1], else stretched from smallest to largest, and so are signed integers and those past
        16 bits. Where 0 is white in a TIFF, black and white are changed back. The first frame or page counts. Color
        profiles are not applied.

    Raises:
        InputError: with `field` "image"; the file is missing, unreadable, empty, damaged, too large or of another format; or
            the array has another shape or type, no pixels, or values outside [0, 1] or not finite.

    Cost: that of decoding. The size in the header is checked before a pixel is decoded.
    """
    if isinstance(source, str | os.PathLike | bytes | bytearray | memoryview | PictureFile):
        data, name = named_bytes(source)
        return _to_tensor(*levels(_raster(data, name), name))
    if isinstance(source, Image.Image):
        with _contained("The picture"):
            return _to_tensor(*levels(_of_pillow(source, "The picture"), "The picture"))
    if isinstance(source, Tensor):
        source = source.detach().cpu()
        source = (source.float() if source.is_floating_point() else source).numpy()
    if isinstance(source, np.ndarray):
        return _to_tensor(_check_array(source))
    raise refusal(f"A picture must be a path, bytes, a Pillow image, an array or a tensor; got {type(source).__name__}.")


def read_raster(source: FILES) -> tuple[Raster, str]:
    """Decode a file to the values that it holds; also what to call it in a sentence.

    Raises:
        InputError: as of `read_image`.
    """
    data, name = named_bytes(source)
    return _raster(data, name), name


def picture_size(source: FILES) -> tuple[int, int]:
    """Height and width of a picture as `read_image` would give it, from the head of its file.

    Raises:
        InputError: as of `read_image`.
    """
    data, name = named_bytes(source)
    if is_tiff(data):
        with _contained(name, data):
            return tiff_size(data, name)
    with _opened(data, name) as picture:
        return picture.size if _orientation(picture) in (5, 6, 7, 8) else picture.size[::-1]


def levels_note(picture: Tensor) -> tuple[str, ...]:
    """What to know of a picture (height, width, 3) uint8 that is nearly flat, as 12 bits in a file of 16 make it."""
    low, high = (int(x) for x in picture.aminmax())
    if not 0 < high - low < _FEW_LEVELS:
        return ()
    used = f"The picture uses {high - low + 1} of 256 levels, {low} to {high}"
    return (f"{used}, which tells little apart. Where its file holds more, stretch its values before.",)


def levels(raster: Raster, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """The picture of a raster, (height, width) or (height, width, 3), and its alpha: uint8, uint16 or float32 in [0, 1].

    Raises:
        InputError: it holds NaN or infinite values.
    """
    values, alpha, white = raster.values, raster.alpha, raster.white
    if raster.palette is not None:
        values = np.take(raster.palette, values, axis=0, mode="clip")
        alpha = alpha if alpha is None or white == _BYTE else np.rint(alpha * (_BYTE / (white or 1))).astype(np.uint8)
    elif white is None:
        values = _stretched(name, values)
    elif white not in (_BYTE, _TWO_BYTES):
        full, kind = (_BYTE, np.uint8) if white < _BYTE else (_TWO_BYTES, np.uint16)
        values = np.rint(values * (full / white)).astype(kind)
        alpha = alpha if alpha is None else np.rint(alpha * (full / white)).astype(kind)
    return values, alpha


def _raster(data: bytes, name: str) -> Raster:
    if is_tiff(data):
        with _contained(name, data):
            raster = read_tiff(data, name)
        if raster is not None:
            return raster
    with _opened(data, name) as picture:
        return _of_pillow(picture, name, data)


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[Image.Image]:
    """Open the bytes of a file; whatever is raised inside, other than InputError, means a damaged file."""
    if not data:
        raise refusal(f"{name} is empty; {_USE}.")
    with _contained(name, data), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        check_size(name, *picture.size)
        yield picture


@contextmanager
def _contained(name: str, data: bytes = b"") -> Iterator[None]:
    """Let neither warnings nor exceptions of the decoders out; what goes wrong becomes one sentence."""
    # The list of warning filters belongs to the whole process, hence the lock. Should code elsewhere change the list at the
    # same time, the worst that can stay behind is a filter on Pillow's own warnings.
    with _PILLOW_LOCK, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")
        try:
            yield
        except InputError:
            raise
        except Image.DecompressionBombError as error:
            raise refusal(f"{name} has more than {MAX_PIXELS / 1e6:g} megapixels; scale it down first.") from error
        except Exception as error:
            raise refusal(_what_is_wrong(name, data)) from error


def _what_is_wrong(name: str, data: bytes) -> str:
    if not data:
        return f"{name} cannot be decoded: it is damaged, closed, or of an unknown color mode; pass it in mode RGB."
    if b"<svg" in data[:1024].lower():
        return f"{name} is an SVG drawing and has no pixels; export it as PNG."
    if re.match(rb"....ftyp(hei|hev|mif)", data, re.DOTALL):
        return f"{name} is a HEIC photograph, which cannot be read here; export it as JPEG."
    if _MAGIC.match(data):
        return f"{name} is damaged, cut short, or of a rare kind; save it again as PNG or JPEG."
    return f"{name} is not a picture that can be read here; {_USE}."


def _check_array(array: np.ndarray) -> np.ndarray:
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4):
        rule = "(height, width) or (height, width, c) with c = 1, 3 or 4 channels last"
        raise refusal(f"A picture must have shape {rule}; got {array.shape}.")
    if array.dtype.str[1:] not in ("u1", "u2") and array.dtype.kind != "f":
        raise refusal(f"A picture must be uint8, uint16 or floats in [0, 1]; got {array.dtype}; convert it first.")
    check_size("The picture", array.shape[1], array.shape[0])
    if array.dtype.kind != "f":
        return array
    lowest, highest = float(array.min()), float(array.max())
    if not (lowest >= -1e-6 and highest <= 1 + 1e-6):  # NaN fails, too; rounding of float32 passes
        raise refusal(f"A picture of floats must lie in [0, 1]; got {lowest:g} … {highest:g}; pass levels as uint8.")
    return array.astype(np.float32).clip(0, 1)


def _of_pillow(picture: Image.Image, name: str, data: bytes = b"") -> Raster:
    """Decode what Pillow has opened."""
    check_size(name, *picture.size)
    deep = data and any(_DEEP_COLOR.search(str(tile)) for tile in getattr(picture, "tile", ()))
    picture.load()
    orientation = _orientation(picture)
    palette = alpha = None
    white: int | None = _BYTE
    if picture.mode.startswith("I;16"):
        values, white = np.asarray(picture).astype(np.uint16), _TWO_BYTES
        if "transparency" in picture.info:  # one gray value that stands for no color
            alpha = np.where(values == picture.info["transparency"], 0, white).astype(np.uint16)
    elif picture.mode in ("I", "F"):
        values, white = np.asarray(picture), None
    elif picture.mode == "P":
        values = np.asarray(picture)
        palette = np.zeros((256, 3), np.uint8)
        colors = np.array(picture.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        palette[: len(colors)] = colors
        alpha = np.asarray(picture.convert("RGBA"))[..., 3] if picture.has_transparency_data else None
    elif picture.mode == "1" and not picture.has_transparency_data:
        values, white = np.asarray(picture).astype(np.uint8), 1
    elif picture.mode == "L" and not picture.has_transparency_data:
        values = np.asarray(picture)
    else:
        array = np.asarray(picture.convert("RGBA" if picture.has_transparency_data else "RGB"))
        array = _deepened(array, data) if deep else array
        white = _TWO_BYTES if array.dtype == np.uint16 else _BYTE
        values, alpha = (array[..., :3], array[..., 3]) if array.shape[2] == 4 else (array, None)
        values = values[..., 0] if picture.mode in ("1", "L", "LA", "La") else values
    return Raster(turned(values, orientation), white, None if alpha is None else turned(alpha, orientation), palette)


def _orientation(picture: Image.Image) -> object:
    with suppress(Exception):  # a damaged EXIF block is no reason to refuse a sound picture
        return picture.getexif().get(ExifTags.Base.Orientation)
    return None


def _deepened(array: np.ndarray, data: bytes) -> np.ndarray:
    """As 16 bits: with the low bytes where OpenCV sees the same picture as Pillow, which keeps only the high ones."""
    with suppress(ValueError, cv2.error):
        read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        deep: np.ndarray = array if read is None or read.ndim == 2 else read[..., (2, 1, 0, 3)[: read.shape[2]]]  # from BGR
        if deep.dtype == np.uint16 and deep.shape == array.shape and np.array_equal(deep >> 8, array):
            return deep
    return array.astype(np.uint16) * 257


def _stretched(name: str, values: np.ndarray) -> np.ndarray:
    """Bring floats and wide or signed integers to [0, 1]."""
    if not np.isfinite(values).all():
        raise refusal(f"{name} holds NaN or infinite values; replace them first.")
    lowest, highest = float(values.min()), float(values.max())
    if lowest >= 0 and highest <= 1:
        return values.astype(np.float32)
    unit = max(-lowest, highest)  # dividing first keeps the difference of huge values finite
    span = max((highest / unit) - (lowest / unit), np.finfo(np.float64).tiny)
    return ((values.astype(np.float64) / unit - lowest / unit) / span).astype(np.float32)


def _to_tensor(values: np.ndarray, alpha: np.ndarray | None = None) -> Tensor:
    """Lay alpha over white and round to 8 bits; both are as of `levels`, or alpha is a fourth channel."""
    if values.ndim == 2 and values.dtype == np.uint8 and alpha is None:
        return torch.from_numpy(cv2.cvtColor(np.ascontiguousarray(values), cv2.COLOR_GRAY2RGB))
    array = values if values.ndim == 3 else values[..., None]
    array, alpha = (array[..., :3], array[..., 3]) if array.shape[2] == 4 else (array, alpha)
    white, wide = {"u1": (255, np.uint16), "u2": (65535, np.uint32), "f4": (1, np.float32)}[array.dtype.str[1:]]
    if alpha is not None:
        share, blend = alpha[..., None].astype(wide), array.astype(wide)
        blend *= share
        blend += white * (white - share)  # at most white², which still fits
        array = blend if white == 1 else (blend + white // 2) // white
    if array.dtype.kind == "f":
        array = np.rint(array * 255)
    elif white == 65535:
        array = (array.astype(np.uint32) + 128) // 257
    return torch.from_numpy(np.broadcast_to(array, (*array.shape[:2], 3)).astype(np.uint8, order="C"))
