"""TIFF files, whose first page may hold almost anything: tifffile reads what the tags say, and the values that follow.

Codecs that pack bytes are undone by libtiff, through Pillow, strip by strip, so that none unpacks to more than the tags say.
Codecs that pack pixels, as JPEG and fax do, are left to Pillow as a whole.
"""

import io
import logging
import struct

import numpy as np
from PIL import Image
from tifffile import PHOTOMETRIC, TiffFile, TiffPage

from segcore.image.raster import Raster, check_size, refusal, turned

_BYTE_CODECS = (1, 5, 8, 32773, 32946, 34925, 50000)  # none, LZW, deflate, PackBits, deflate of old, LZMA, Zstandard
_WHITE_IS_0, _GRAY, _RGB, _PALETTE, _MASK, _CMYK = 0, 1, 2, 3, 4, 5  # of the tag PhotometricInterpretation
_NAMED = {_WHITE_IS_0: 1, _GRAY: 1, _RGB: 3, _PALETTE: 1, _MASK: 1, _CMYK: 4}  # channels without the extra ones
_ASSOCIATED, _ALPHA = 1, 2  # of the tag ExtraSamples
_FLOAT_PREDICTOR = 3

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what is wrong with a file is said by whoever reads it


def is_tiff(data: bytes) -> bool:
    """Whether a file begins as TIFF and BigTIFF do."""
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def tiff_size(data: bytes, name: str) -> tuple[int, int]:
    """Height and width of the first page, upright.

    Raises:
        InputError: there are no pixels, or too many.
        Exception: of any kind, where the file is damaged.
    """
    with TiffFile(io.BytesIO(data)) as file:
        page = _first(file, name)
        size = page.imagelength, page.imagewidth
        return size[::-1] if _orientation(page) in (5, 6, 7, 8) else size


def read_tiff(data: bytes, name: str) -> Raster | None:
    """Read the first page.

    Returns:
        Its values; None where its codec packs pixels, so that Pillow must read it.

    Raises:
        InputError: it has no pixels or too many, or its channels are no picture.
        Exception: of any kind, where the file is damaged or of a rare kind.
    """
    with TiffFile(io.BytesIO(data)) as file:
        page = _first(file, name)
        if page.compression not in _BYTE_CODECS or page.photometric == PHOTOMETRIC.YCBCR:
            return None
        n_colors, alpha = _channels(page, name)
        _check_pages(file, name)
        bits, colormap = page.bitspersample, page.colormap
        values = turned(_values(page, data), _orientation(page))
        photometric, associated = page.photometric, _ASSOCIATED in page.extrasamples
    if values.dtype.kind not in "buif":
        raise ValueError("The values are complex numbers.")
    white = 2**bits - 1 if values.dtype.kind in "bu" and bits <= 16 else None
    values = (
        values.astype(np.uint8) if values.dtype.kind == "b" else values.astype(values.dtype.newbyteorder("="), copy=False)
    )
    share = None if alpha is None else _share(values[..., alpha], white)
    values = values[..., :n_colors] if n_colors > 1 else values[..., 0]
    if photometric == _WHITE_IS_0:
        values = _negative(values, white)
    if photometric == _CMYK:
        values = _from_cmyk(values, white, name)
    if share is not None and associated:
        values = _straight(values, share, white)
    return Raster(values, white, share, _colors(colormap) if photometric == _PALETTE and colormap is not None else None)


def _first(file: TiffFile, name: str) -> TiffPage:
    page = file.pages.first
    if not isinstance(page, TiffPage):
        raise ValueError("The file has no page.")
    check_size(name, page.imagewidth, page.imagelength)
    return page


def _orientation(page: TiffPage) -> object:
    return page.tags.valueof(274, 1)


def _channels(page: TiffPage, name: str) -> tuple[int, int | None]:
    """How many channels are colors, and which one is alpha."""
    n, named = page.samplesperpixel, _NAMED.get(page.photometric)
    if named is None or page.imagedepth != 1:
        kind = "volumes" if named is not None else f"colors of the kind {PHOTOMETRIC(page.photometric).name}"
        raise refusal(f"{name} holds {kind}, which cannot be read here; save it as gray or RGB.")
    extra = list(page.extrasamples)
    found = next((n - len(extra) + i for i, kind in enumerate(extra) if kind in (_ASSOCIATED, _ALPHA)), None)
    if named == 1 and n - (found is not None) == 3 and page.photometric == _GRAY:
        return 3, found  # as software of remote sensing writes colors
    if n < named or (named == 1 and n - (found is not None) != 1):
        raise refusal(
            f"{name} holds {n} channels of gray; a picture has one channel or three, and may have alpha, which its "
            "tags must name. Save the channels that are to be seen."
        )
    return named, found


def _check_pages(file: TiffFile, name: str) -> None:
    """Refuse colors on pages of their own, as ImageJ writes them: the first page would be taken for the picture."""
    told = file.imagej_metadata or {}
    if told.get("mode") == "composite":
        raise refusal(
            f"{name} holds {told.get('channels')} channels that make one picture, each on a page of its own. Save it as "
            "RGB, or the channel that is to be seen."
        )


def _values(page: TiffPage, data: bytes) -> np.ndarray:
    """(height, width, channels) as they stand in the file."""
    codec, predictor, bits = int(page.compression), page.predictor, page.bitspersample
    page.compression = page.compression.__class__(1)  # the bytes that `decode` gets are unpacked already
    if predictor == _FLOAT_PREDICTOR:
        page.predictor = page.predictor.__class__(1)
    sizes = [_segment_size(page, i) for i in range(int(np.prod(page.chunked)))]
    packed = bits not in (1, 8, 16, 32, 64)
    if packed:
        page.bitspersample = 8 * np.dtype(page.dtype).itemsize
    if len(page.dataoffsets) < len(sizes):
        raise ValueError("Strips or tiles are missing.")
    out = np.zeros(page.shaped, page.dtype)
    for i, (rows, row_bytes) in enumerate(sizes):
        start, n = page.dataoffsets[i], page.databytecounts[i]
        if n == 0:  # a tile that was never written
            continue
        segment = data[start : start + n]
        segment = segment if codec == 1 else _unpacked(segment, codec, rows * row_bytes, page)
        if predictor == _FLOAT_PREDICTOR:
            segment = _unpredicted(segment, rows, page)
        if packed:
            segment = _spread(segment, bits, rows, row_bytes, page)
        decoded, (plane, _, y, x, _), _ = page.decode(segment, i)
        if decoded is None:
            raise ValueError("A strip or tile is empty.")
        part = out[plane, 0, y:, x:][: decoded.shape[1], : decoded.shape[2]]
        part[...] = decoded[0, : part.shape[0], : part.shape[1]]
    return np.moveaxis(out[:, 0, ..., 0], 0, -1) if len(out) > 1 else out[0, 0]


def _segment_size(page: TiffPage, i: int) -> tuple[int, int]:
    """Rows and bytes per row of a strip or tile."""
    if page.is_tiled:
        check_size("A tile of the file", page.tilewidth, page.tilelength)
        rows, width = page.tilelength, page.tilewidth
    else:
        per_plane = -(-page.imagelength // page.rowsperstrip)
        rows, width = min(page.rowsperstrip, page.imagelength - i % per_plane * page.rowsperstrip), page.imagewidth
    return rows, (width * _together(page) * page.bitspersample + 7) // 8


def _together(page: TiffPage) -> int:
    """How many channels a strip or tile holds."""
    return page.samplesperpixel if page.planarconfig == 1 else 1


def _unpacked(segment: bytes, codec: int, size: int, page: TiffPage) -> bytes:
    """Undo a codec: libtiff reads the bytes as a gray picture of one row."""
    tags = {256: size, 257: 1, 258: 8, 259: codec, 262: 1, 266: page.fillorder, 273: 0, 277: 1, 278: 1, 279: len(segment)}
    head = 8 + 2 + 12 * len(tags) + 4
    tags[273] = head
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    file = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + segment
    page.fillorder = page.fillorder.__class__(1)
    with Image.open(io.BytesIO(file), formats=("TIFF",)) as picture:
        return picture.tobytes()


def _unpredicted(segment: bytes, rows: int, page: TiffPage) -> bytes:
    """Undo the predictor of floats: differences of bytes, and all first bytes of a row before all second ones."""
    size = page.bitspersample // 8
    lines = np.frombuffer(segment, np.uint8).reshape(rows, -1, _together(page)).cumsum(axis=1, dtype=np.uint8)
    planes = lines.reshape(rows, size, -1)[:, :: 1 if page.parent.byteorder == ">" else -1]
    return planes.swapaxes(1, 2).tobytes()


def _spread(segment: bytes, bits: int, rows: int, row_bytes: int, page: TiffPage) -> bytes:
    """Integers that share bytes, 2 to 14 bits each, in whole bytes of their own; a row begins with a new byte."""
    per_row = (page.tilewidth if page.is_tiled else page.imagewidth) * _together(page)
    digits = np.unpackbits(np.frombuffer(segment, np.uint8)[: rows * row_bytes].reshape(rows, row_bytes), axis=1)
    digits = digits[:, : per_row * bits].reshape(rows, per_row, bits)
    values: np.ndarray = np.zeros((rows, per_row), np.uint16)
    for i in range(bits):
        values = values << 1 | digits[..., i]
    return values.astype(np.dtype(page.dtype).newbyteorder(page.parent.byteorder)).tobytes()


def _negative(values: np.ndarray, white: int | None) -> np.ndarray:
    if white is not None:
        return (white - values).astype(values.dtype)
    low, high = values.min(), values.max()
    top = 1.0 if low >= 0 and high <= 1 else float(low) + float(high)
    return np.asarray(top - values.astype(np.float64))


def _share(alpha: np.ndarray, white: int | None) -> np.ndarray:
    """Alpha as of `Raster`."""
    if white is not None:
        return alpha
    top = 1 if alpha.dtype.kind == "f" else np.iinfo(alpha.dtype).max
    return (alpha.astype(np.float64) / top).clip(0, 1).astype(np.float32)


def _straight(values: np.ndarray, alpha: np.ndarray, white: int | None) -> np.ndarray:
    """Colors as they were before alpha was multiplied in."""
    share = (alpha / (white or 1)).reshape(alpha.shape + (1,) * (values.ndim - 2))
    straight = np.divide(values, share, out=np.zeros(values.shape), where=share > 0)
    return straight if white is None else np.asarray(np.rint(straight).clip(0, white), values.dtype)


def _from_cmyk(values: np.ndarray, white: int | None, name: str) -> np.ndarray:
    if white is None:
        raise refusal(f"{name} holds inks as floats, which cannot be read here; save it as RGB.")
    ink = values.astype(np.float64) / white
    return np.asarray(np.rint(white * (1 - ink[..., :3]) * (1 - ink[..., 3:4])), values.dtype)


def _colors(colormap: np.ndarray) -> np.ndarray:
    """(n, 3) uint8 of a palette of 16 bits, in which some programs leave values of 8."""
    return np.asarray((colormap if colormap.max(initial=0) < 256 else colormap >> 8).T, np.uint8)
