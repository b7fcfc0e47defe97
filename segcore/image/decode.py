"""Files, arrays and Pillow images become (height, width, 3) uint8, upright; what is no picture is refused in words."""

import io
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import ExifTags, Image, TiffImagePlugin
from torch import Tensor

from segcore.errors import InputError, shortened

MAX_PIXELS = 40_000_000
MAX_FILE_BYTES = 1 << 29  # an uncompressed picture of MAX_PIXELS in three channels of float32 still fits
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")  # Pillow opens more, some by starting other programs

FILES = str | os.PathLike[str] | bytes | bytearray | memoryview
Source = FILES | Image.Image | np.ndarray | Tensor

_USE = "use a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF file"
_MAGIC = re.compile(rb"\xff\xd8\xff|\x89PNG|GIF8|II[*+]\0|MM\0[*+]|BM|RIFF....WEBP|....ftypavi", re.DOTALL)
_DEEP_COLOR = re.compile(r"\b(RGBA?|LA);16")  # raw modes of which Pillow keeps only the high bytes
_PILLOW_LOCK = threading.Lock()


def read_image(source: Source) -> Tensor:
    """Decode a picture, turn it upright and bring it to 8-bit RGB.

    Args:
        source: path of a file, bytes of a file, a Pillow image, or an array or tensor of shape (height, width) or
            (height, width, c) with c = 1, 3 or 4, as uint8, uint16 or floats in [0, 1].

    Returns:
        (height, width, 3) uint8 on the CPU, with at most MAX_PIXELS pixels and memory of its own.

    Convention:
        EXIF orientation is applied; alpha is laid over white; a 16-bit value v becomes v / 257, rounded. Floats in a file
        are kept where all lie in [0, 1], else stretched from smallest to largest. The first frame or page counts. Color
        profiles are not applied.

    Raises:
        InputError: with `field` "image"; the file is missing, unreadable, empty, damaged, too large or of another format; or
            the array has another shape or type, no pixels, or values outside [0, 1] or not finite.

    Cost: that of decoding. The size in the header is checked before a pixel is decoded.
    """
    if isinstance(source, str | os.PathLike | bytes | bytearray | memoryview):
        return _decode(*named_bytes(source))
    if isinstance(source, Image.Image):
        with _contained("The picture"):
            return _to_tensor(_read_pillow(source, "The picture"))
    if isinstance(source, Tensor):
        source = source.detach().cpu()
        source = (source.float() if source.is_floating_point() else source).numpy()
    if isinstance(source, np.ndarray):
        return _to_tensor(_check_array(source))
    raise _refusal(f"A picture must be a path, bytes, a Pillow image, an array or a tensor; got {type(source).__name__}.")


def _refusal(sentence: str) -> InputError:
    return InputError(sentence, field="image")


def named_bytes(source: FILES) -> tuple[bytes, str]:
    """The bytes of a file, and what to call it in a sentence."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), "The file"
    return _read_file(os.fsdecode(source))


def _read_file(given: str) -> tuple[bytes, str]:
    """Read a file; returns its bytes and what to call it in a sentence."""
    path, shown = Path(given), repr(shortened(given))
    try:
        if not given or not path.exists():
            raise _refusal(f"There is no file {shown}; check the path.")
        if path.is_dir():
            raise _refusal(f"{shown} is a folder; name a picture file in it.")
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            raise _refusal(f"{shown} must be an ordinary file of at most {MAX_FILE_BYTES >> 20} MB; save a smaller picture.")
        return path.read_bytes(), f"The file {path.name!r}"
    except OSError as error:
        raise _refusal(f"The file {shown} cannot be read ({error.strerror}); check its name and permissions.") from error


def _decode(data: bytes, name: str) -> Tensor:
    with _contained(name, data):
        size = _size_if_float_tiff(data)
        if size:
            _check_size(name, *size)
            return _to_tensor(_stretched(name, _read_opencv(data)))
    with opened(data, name) as picture:
        return _to_tensor(_read_pillow(picture, name, data))


def picture_size(source: FILES) -> tuple[int, int]:
    """Height and width of a picture as `read_image` would give it, from the head of its file.

    Raises:
        InputError: as of `read_image`.
    """
    data, name = named_bytes(source)
    with opened(data, name) as picture:
        turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in range(5, 9)
        return picture.size if turned else picture.size[::-1]


@contextmanager
def opened(data: bytes, name: str) -> Iterator[Image.Image]:
    """Open the bytes of a file for somebody to read its values, which go through `upright` afterwards.

    Raises:
        InputError: as of `read_image`; whatever is raised inside, other than InputError, means a damaged file.
    """
    if not data:
        raise _refusal(f"{name} is empty; {_USE}.")
    with _contained(name, data), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        _check_size(name, *picture.size)
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
            raise _refusal(f"{name} has more than {MAX_PIXELS / 1e6:g} megapixels; scale it down first.") from error
        except Exception as error:
            raise _refusal(_what_is_wrong(name, data)) from error


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


def _check_size(name: str, width: int, height: int) -> None:
    if min(width, height) < 1:
        raise _refusal(f"{name} has no pixels: it is {width} px wide and {height} px high.")
    if width * height > MAX_PIXELS:
        limit = f"at most {MAX_PIXELS / 1e6:g} megapixels are allowed"
        raise _refusal(f"{name} has {width} × {height} pixels, but {limit}; scale it down first.")


def _check_array(array: np.ndarray) -> np.ndarray:
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4):
        rule = "(height, width) or (height, width, c) with c = 1, 3 or 4 channels last"
        raise _refusal(f"A picture must have shape {rule}; got {array.shape}.")
    if array.dtype.str[1:] not in ("u1", "u2") and array.dtype.kind != "f":
        raise _refusal(f"A picture must be uint8, uint16 or floats in [0, 1]; got {array.dtype}; convert it first.")
    _check_size("The picture", array.shape[1], array.shape[0])
    if array.dtype.kind != "f":
        return array
    lowest, highest = float(array.min()), float(array.max())
    if not (lowest >= -1e-6 and highest <= 1 + 1e-6):  # NaN fails, too; rounding of float32 passes
        raise _refusal(f"A picture of floats must lie in [0, 1]; got {lowest:g} … {highest:g}; pass levels as uint8.")
    return array.astype(np.float32).clip(0, 1)


def _size_if_float_tiff(data: bytes) -> tuple[int, int] | None:
    """(width, height) of a TIFF of floats that Pillow cannot read: several channels, or other than 32 bits."""
    if not data.startswith((b"II*\0", b"MM\0*")):
        return None
    tags, stream = TiffImagePlugin.ImageFileDirectory_v2(data[:8]), io.BytesIO(data)
    stream.seek(tags.next)
    tags.load(stream)
    formats, bits = (np.atleast_1d(tags.get(number, 1)).tolist() for number in (339, 258))
    return (tags[256], tags[257]) if formats[0] == 3 and bits != [32] else None


def _read_opencv(data: bytes) -> np.ndarray:
    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None:
        raise ValueError("OpenCV cannot decode the picture.")
    return array if array.ndim == 2 else array[..., (2, 1, 0, 3)[: array.shape[2]]]  # from BGR


def _read_pillow(picture: Image.Image, name: str, data: bytes = b"") -> np.ndarray:
    """Decode to (height, width) or (height, width, 3 or 4) uint8, uint16 or float32 in [0, 1], upright."""
    _check_size(name, *picture.size)
    deep = data and has_deep_color(picture)
    picture.load()
    if picture.mode.startswith("I;16"):
        array = np.asarray(picture).astype(np.uint16)
        if "transparency" in picture.info:  # one gray value that stands for no color
            array[array == picture.info["transparency"]] = 65535
    elif picture.mode in ("I", "F"):
        array = _stretched(name, np.asarray(picture))
    else:
        array = np.asarray(picture.convert("RGBA" if picture.has_transparency_data else "RGB"))
        array = _deepened(array, data) if deep else array
    return upright(array, picture)


def has_deep_color(picture: Image.Image) -> bool:
    """Whether a picture that is not decoded yet has 16 bits per channel of color, of which Pillow keeps 8."""
    return any(_DEEP_COLOR.search(str(tile)) for tile in getattr(picture, "tile", ()))


def upright(array: np.ndarray, picture: Image.Image) -> np.ndarray:
    """Apply the EXIF orientation of a picture to its values."""
    orientation = None
    with suppress(Exception):  # a damaged EXIF block is no reason to refuse a sound picture
        orientation = picture.getexif().get(ExifTags.Base.Orientation)
    array = array.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else array
    array = array[::-1] if orientation in (3, 4, 7, 8) else array
    return array[:, ::-1] if orientation in (2, 3, 6, 7) else array


def _deepened(array: np.ndarray, data: bytes) -> np.ndarray:
    """Read the low bytes, too, where OpenCV sees the same picture as Pillow, which keeps only the high ones."""
    with suppress(ValueError, cv2.error):
        deep = _read_opencv(data)
        if deep.dtype == np.uint16 and deep.shape == array.shape and np.array_equal(deep >> 8, array):
            return deep
    return array


def _stretched(name: str, values: np.ndarray) -> np.ndarray:
    """Bring the floats or 32-bit integers of a file to [0, 1]."""
    if not np.isfinite(values).all():
        raise _refusal(f"{name} holds NaN or infinite values; replace them first.")
    lowest, highest = float(values.min()), float(values.max())
    if lowest >= 0 and highest <= 1:
        return values.astype(np.float32)
    unit = max(-lowest, highest)  # dividing first keeps the difference of huge values finite
    span = max((highest / unit) - (lowest / unit), np.finfo(np.float64).tiny)
    return ((values.astype(np.float64) / unit - lowest / unit) / span).astype(np.float32)


def _to_tensor(array: np.ndarray) -> Tensor:
    """Lay alpha over white and round to 8 bits; the array has the types and shapes of `_read_pillow`."""
    array = array if array.ndim == 3 else array[..., None]
    white, wide = {"u1": (255, np.uint16), "u2": (65535, np.uint32), "f4": (1, np.float32)}[array.dtype.str[1:]]
    if array.shape[2] == 4:
        alpha, blend = array[..., 3:].astype(wide), array[..., :3].astype(wide)
        blend *= alpha
        blend += white * (white - alpha)  # at most white², which still fits
        array = blend if white == 1 else (blend + white // 2) // white
    if array.dtype.kind == "f":
        array = np.rint(array * 255)
    elif white == 65535:
        array = (array.astype(np.uint32) + 128) // 257
    return torch.from_numpy(np.broadcast_to(array, (*array.shape[:2], 3)).astype(np.uint8, order="C"))
