"""Picture files by their bytes: every format that is read, and the odd and bad ones that come with uploads."""

import io
import struct
import zlib

import cv2
import numpy as np
from PIL import Image

PNG_GRAY, PNG_RGB, PNG_GRAY_ALPHA, PNG_RGBA = 0, 2, 4, 6  # color types
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def colors(height=20, width=30):
    """(height, width, 3) uint8: smooth, and without any symmetry, so that a turn or a swap of channels shows."""
    y, x = np.mgrid[:height, :width]
    planes = (255 * x / max(1, width - 1), 255 * y / max(1, height - 1), 40 + 100 * (x + 2 * y) / (width + 2 * height))
    return np.stack(planes, axis=-1).round().astype(np.uint8)


def deep(height=20, width=30, channels=3):
    """(height, width, channels) uint16 whose low bytes matter."""
    shape = (height, width, channels)
    return np.random.default_rng(5).integers(0, 65536, shape).astype(np.uint16)


def to_8_bit(array):
    """v / 257, rounded, the slow way."""
    return np.array([round(int(v) / 257) for v in array.ravel()], dtype=np.uint8).reshape(array.shape)


def saved(array_or_picture, file_format, **options):
    """What Pillow writes."""
    picture = array_or_picture if isinstance(array_or_picture, Image.Image) else Image.fromarray(array_or_picture)
    stream = io.BytesIO()
    picture.save(stream, file_format, **options)
    return stream.getvalue()


def saved_by_opencv(array, suffix):
    """What OpenCV writes: 16-bit color and floats in several channels, which Pillow cannot."""
    if array.ndim == 3:
        array = array[..., [2, 1, 0, 3][: array.shape[2]]]
    return cv2.imencode(suffix, np.ascontiguousarray(array))[1].tobytes()


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(array, color_type, *, interlaced=False, size=None, extra=b""):
    """A PNG written by hand: any color type, 8 or 16 bit, interlaced, or with a false (width, height) in its header."""
    height, width = array.shape[:2]
    bits = array.dtype.itemsize * 8
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    rows = []
    for y, x, step_y, step_x in passes:
        part = array[y::step_y, x::step_x]
        if part.size:
            rows += [b"\0" + row.astype(f">u{array.dtype.itemsize}").tobytes() for row in part]
    header = struct.pack(">IIBBBBB", *(size or (width, height)), bits, color_type, 0, 0, int(interlaced))
    body = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", zlib.compress(b"".join(rows)))
    return b"\x89PNG\r\n\x1a\n" + body + png_chunk(b"IEND", b"")


def with_orientation(array, orientation, file_format, **options):
    """A file whose EXIF tag asks for a turn."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(array, file_format, exif=exif, **options)


def good_files():
    """Name → (bytes, the picture that must come out, largest allowed difference)."""
    rgb = colors()
    gray = rgb[..., 0]
    as_gray = np.repeat(gray[..., None], 3, axis=2)
    dark = Image.fromarray(rgb).convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    wide, wide_gray = deep(), deep(channels=1)
    real = np.linspace(0, 1, 600, dtype=np.float32).reshape(20, 30)
    real_rgb = np.stack([real, real[::-1], real * 0.5], axis=-1)
    shades = np.repeat(np.rint(real * 255).astype(np.uint8)[..., None], 3, axis=2)
    shades_rgb = np.rint(real_rgb * 255).astype(np.uint8)
    black_or_white = np.repeat(((gray > 127) * 255).astype(np.uint8)[..., None], 3, axis=2)
    return (
        transparent_files()
        | many_frames()
        | {
            "jpeg": (saved(rgb, "JPEG", quality=95, subsampling=0), rgb, 12),
            "jpeg progressive": (saved(rgb, "JPEG", quality=95, subsampling=0, progressive=True), rgb, 12),
            "jpeg gray": (saved(gray, "JPEG", quality=95), as_gray, 8),
            "jpeg cmyk": (saved(Image.fromarray(rgb).convert("CMYK"), "JPEG", quality=95, subsampling=0), rgb, 12),
            "png": (saved(rgb, "PNG"), rgb, 0),
            "png gray": (saved(gray, "PNG"), as_gray, 0),
            "png 1 bit": (saved(Image.fromarray(gray > 127), "PNG"), black_or_white, 0),
            "png palette": (saved(dark, "PNG"), np.asarray(dark.convert("RGB")), 0),
            "png interlaced": (png(rgb, PNG_RGB, interlaced=True), rgb, 0),
            "png interlaced, one pixel": (png(rgb[:1, :1], PNG_RGB, interlaced=True), rgb[:1, :1], 0),
            "png 16 bit gray": (png(wide_gray, PNG_GRAY), np.repeat(to_8_bit(wide_gray), 3, axis=2), 0),
            "png 16 bit color": (png(wide, PNG_RGB), to_8_bit(wide), 0),
            "png 16 bit interlaced": (png(wide, PNG_RGB, interlaced=True), to_8_bit(wide), 0),
            "webp lossless": (saved(rgb, "WEBP", lossless=True), rgb, 0),
            "webp": (saved(rgb, "WEBP", quality=95), rgb, 25),
            "gif": (saved(dark, "GIF"), np.asarray(dark.convert("RGB")), 0),
            "bmp": (saved(rgb, "BMP"), rgb, 0),
            "tiff": (saved(rgb, "TIFF"), rgb, 0),
            "tiff lzw": (saved(rgb, "TIFF", compression="tiff_lzw"), rgb, 0),
            "tiff 16 bit gray": (saved(wide_gray[..., 0], "TIFF"), np.repeat(to_8_bit(wide_gray), 3, axis=2), 0),
            "tiff 16 bit color": (saved_by_opencv(wide, ".tiff"), to_8_bit(wide), 0),
            "tiff cmyk": (saved(Image.fromarray(rgb).convert("CMYK"), "TIFF"), rgb, 1),
            "tiff float": (saved(real, "TIFF"), shades, 0),
            "tiff float, other range": (saved(real * 300 - 40, "TIFF"), shades, 0),
            "tiff float, one value": (saved(np.full((20, 30), 7, np.float32), "TIFF"), np.zeros_like(rgb), 0),
            "tiff float color": (saved_by_opencv(real_rgb, ".tiff"), shades_rgb, 0),
            "tiff double color": (saved_by_opencv(real_rgb.astype(np.float64), ".tiff"), shades_rgb, 1),
            "tiff 32 bit integers": (saved((real * 1e6).astype(np.int32), "TIFF"), shades, 1),
        }
    )


def transparent_files():
    """Files with transparency; the expected picture is laid over white the slow way."""
    rgb = colors()
    alpha = np.linspace(0, 255, 600).round().astype(np.uint8).reshape(20, 30, 1)
    over = np.rint((rgb * (alpha / 255.0)) + 255 * (1 - alpha / 255.0)).astype(np.uint8)
    gray = rgb[..., :1]
    over_gray = np.repeat(np.rint(gray * (alpha / 255.0) + 255 * (1 - alpha / 255.0)).astype(np.uint8), 3, axis=2)
    wide = deep(channels=4)
    share = wide[..., 3:] / 65535
    over_wide = np.rint((wide[..., :3] * share + 65535 * (1 - share)) / 257).astype(np.uint8)
    palette = Image.fromarray(rgb).convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    index = np.asarray(palette)
    holed = np.where((index == 3)[..., None], 255, np.asarray(palette.convert("RGB"))).astype(np.uint8)
    keyed = deep(channels=1)
    keyed[4:9, 5:12] = 1000
    open_key = np.repeat(np.where(keyed == 1000, 255, to_8_bit(keyed)).astype(np.uint8), 3, axis=2)
    return {
        "png alpha": (saved(np.concatenate([rgb, alpha], axis=2), "PNG"), over, 0),
        "png gray alpha": (png(np.concatenate([gray, alpha], axis=2), PNG_GRAY_ALPHA), over_gray, 0),
        "png 16 bit alpha": (png(wide, PNG_RGBA), over_wide, 1),
        "png 16 bit gray alpha": (png(wide[..., [0, 3]], PNG_GRAY_ALPHA), np.repeat(over_wide[..., :1], 3, axis=2), 1),
        "png 16 bit gray, one transparent value": (
            png(keyed, PNG_GRAY, extra=png_chunk(b"tRNS", struct.pack(">H", 1000))),
            open_key,
            0,
        ),
        "png palette, one transparent color": (saved(palette, "PNG", transparency=3), holed, 0),
        "png palette, transparency table": (
            saved(palette, "PNG", transparency=bytes([255, 255, 255, 0, 255, 255, 255, 255])),
            holed,
            0,
        ),
        "gif, one transparent color": (saved(palette, "GIF", transparency=3), holed, 0),
        "webp alpha": (saved(np.concatenate([rgb, alpha], axis=2), "WEBP", lossless=True, exact=True), over, 0),
        "tiff alpha": (saved(np.concatenate([rgb, alpha], axis=2), "TIFF"), over, 0),
    }


def many_frames():
    """Files of several frames or pages, of which the first counts."""
    rgb = colors()
    first = Image.fromarray(rgb)
    later = [Image.fromarray(255 - rgb)]
    palette = first.convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    flat = np.asarray(palette.convert("RGB"))
    return {
        "tiff of two pages": (saved(first, "TIFF", save_all=True, append_images=later), rgb, 0),
        "animated gif": (saved(palette, "GIF", save_all=True, append_images=later), flat, 0),
        "animated webp": (saved(first, "WEBP", save_all=True, append_images=later, lossless=True), rgb, 0),
        "animated png": (saved(first, "PNG", save_all=True, append_images=later), rgb, 0),
        "jpeg of two pictures": (saved(first, "MPO", save_all=True, append_images=later, quality=95), rgb, 25),
    }


def bad_files():
    """Name → (bytes, a fragment of the sentence that must come out)."""
    rgb = colors(60, 80)
    noise = np.random.default_rng(0).integers(0, 256, rgb.shape).astype(np.uint8)
    real = np.ones((20, 30), dtype=np.float32)
    real[3, 4] = np.nan
    hot = np.ones((20, 30, 3), dtype=np.float32)
    hot[3, 4, 1] = np.inf
    svg = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'
    # A sixth is left: for TIFF, whose directory may stand at the end, the cut leaves no picture at all.
    cut = {
        f"{kind} cut short": (data[: len(data) // 6 if kind == "TIFF" else len(data) // 2], "cut short")
        for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")
        for data in [saved(noise, kind)]
    }
    return cut | {
        "nothing": (b"", "empty"),
        "text": (b"Dear reader, this is a letter.\n" * 20, "not a picture"),
        "zeros": (bytes(4096), "not a picture"),
        "one byte": (b"\xff", "not a picture"),
        "svg": (svg, "SVG"),
        "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), "HEIC"),
        "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(200), "not a picture"),
        "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        "png head alone": (saved(rgb, "PNG")[:8], "cut short"),
        "png, damaged inside": (_flip(saved(noise, "PNG"), at=2000, n=200), "damaged"),
        "png of no width": (png(rgb, PNG_RGB, size=(0, 60)), ""),
        "png of 49 megapixels": (png(rgb, PNG_RGB, size=(7000, 7000)), "megapixels"),
        "png of 100 megapixels": (png(rgb, PNG_RGB, size=(10_000, 10_000)), "megapixels"),
        "png of 10^10 pixels": (png(rgb, PNG_RGB, size=(100_000, 100_000)), "megapixels"),
        "gif of 10^9 pixels": (_with_gif_size(saved(noise, "GIF"), 32_000, 32_000), "megapixels"),
        "tiff with NaN": (saved(real, "TIFF"), "NaN"),
        "tiff color with infinity": (saved_by_opencv(hot, ".tiff"), "infinite"),
    }


def _flip(data, *, at, n):
    body = bytearray(data)
    body[at : at + n] = bytes(255 - value for value in body[at : at + n])
    return bytes(body)


def _with_gif_size(data, width, height):
    return data[:6] + struct.pack("<HH", width, height) + data[10:]
