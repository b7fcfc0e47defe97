"""Pictures that move: GIF, animated WebP, and MP4."""

import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from segcore.errors import InputError
from segcore.show.paint import Picture

MOVING_SUFFIXES = (".gif", ".mp4", ".webp")
MOST_BYTES = 10_000_000  # of a file that goes by mail, or into slides
_CODEC = "vp09"  # VP9, free of patents' fees, which browsers play; OpenCV brings an encoder (libvpx, BSD); x264 is GPL
_SCALES = (1.0, 0.75, 0.5, 0.375)  # tried in turn until a file is small enough
_SLOWEST = 0.1  # pictures per second of a video; players lose their place in slower ones
LOWERED = "The movie was made {width} × {height} px large, as it would have more than {most:g} MB otherwise."
TOO_LARGE = (
    "A movie of {n} pictures would have {size:.0f} MB, and {most:g} are allowed; it was tried smaller. Leave out steps, or "
    "write another format."
)


def moving(pictures: Iterable[Picture], suffix: str, *, fps: float) -> bytes:
    """A file of pictures in a row.

    Args:
        pictures: (height, width, 3) uint8 each, all of one size; read one at a time for MP4.
        suffix: ".gif" (64 colors, repeats), ".webp" (repeats) or ".mp4" (VP9).
        fps: pictures per second.

    Returns:
        The bytes of the file.

    Raises:
        InputError: there is no picture, the suffix is another, or no encoder is here.

    Cost: some 10 ms a picture of 640 px.
    """
    check_suffix(suffix)
    rest = iter(pictures)
    first = next(rest, None)
    if first is None:
        raise InputError("There is no frame to show.", field="video")
    match suffix.lower():
        case ".gif":
            return _gif(first, rest, fps)
        case ".webp":
            return _webp(first, rest, fps)
        case _:
            return _mp4(first, rest, fps)


def small_enough(pictures: Sequence[Picture], suffix: str, *, fps: float, most: int = MOST_BYTES) -> tuple[bytes, str]:
    """The same, smaller where the file would be too large.

    Args:
        pictures: as above.
        suffix: as above.
        fps: pictures per second.
        most: bytes of the file.

    Returns:
        The bytes, and a sentence on what was lowered, or "".

    Raises:
        InputError: it is too large even at three eighths of its width.
    """
    check_suffix(suffix)
    height, width = pictures[0].shape[:2] if pictures else (0, 0)
    for scale in _SCALES:
        size = round(width * scale), round(height * scale)
        shrunk = pictures if scale == 1 else [_resized(picture, size) for picture in pictures]
        made = moving(shrunk, suffix, fps=fps)
        if len(made) <= most:
            told = LOWERED.format(width=size[0], height=size[1], most=most / 1e6) if scale < 1 else ""
            return made, told
    raise InputError(TOO_LARGE.format(n=len(pictures), size=len(made) / 1e6, most=most / 1e6), field="out")


def check_suffix(suffix: str) -> None:
    """Raise InputError where files of this ending are not written here."""
    if suffix.lower() not in MOVING_SUFFIXES:
        known = f"{', '.join(MOVING_SUFFIXES[:-1])} or {MOVING_SUFFIXES[-1]}"
        raise InputError(f"Moving pictures are written as {known}; got {suffix!r}.", field="video")


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _gif(first: Picture, rest: Iterator[Picture], fps: float) -> bytes:
    file = io.BytesIO()
    images = (Image.fromarray(picture).quantize(64, dither=Image.Dither.NONE) for picture in chain([first], rest))
    head = next(images)
    pause = max(20, round(100 / fps) * 10)  # GIF counts hundredths of a second, and browsers slow down what is shorter
    head.save(file, "GIF", save_all=True, append_images=images, duration=pause, loop=0)
    return file.getvalue()


def _webp(first: Picture, rest: Iterator[Picture], fps: float) -> bytes:
    file = io.BytesIO()
    images = (Image.fromarray(picture) for picture in rest)
    pause = max(20, round(1000 / fps))
    head = Image.fromarray(first)
    head.save(file, "WEBP", save_all=True, append_images=images, duration=pause, loop=0, quality=85, method=2)
    return file.getvalue()


def _mp4(first: Picture, rest: Iterator[Picture], fps: float) -> bytes:
    height, width = first.shape[:2]
    even = width - width % 2, height - height % 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*_CODEC), max(fps, _SLOWEST), even)
        if not writer.isOpened():
            raise InputError("This OpenCV has no encoder of VP9. Write a .gif instead.", field="video")
        for picture in chain([first], rest):
            writer.write(cv2.cvtColor(picture[: even[1], : even[0]], cv2.COLOR_RGB2BGR))
        writer.release()
        return path.read_bytes()
