"""Pictures that move: GIF and MP4."""

import io
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import cv2
from PIL import Image

from segcore.errors import InputError
from segcore.show.paint import Picture

MOVING_SUFFIXES = (".gif", ".mp4")
_CODEC = "vp09"  # VP9, free of patents' fees, which browsers play; OpenCV brings an encoder


def moving(pictures: Iterable[Picture], suffix: str, *, fps: float) -> bytes:
    """A file of pictures in a row.

    Args:
        pictures: (height, width, 3) uint8 each, all of one size; read one at a time for MP4.
        suffix: ".gif" (256 colors, repeats) or ".mp4" (VP9).
        fps: pictures per second.

    Returns:
        The bytes of the file.

    Raises:
        InputError: there is no picture, the suffix is another, or no encoder is here.

    Cost: some 10 ms a picture of 640 px.
    """
    if suffix.lower() not in MOVING_SUFFIXES:
        raise InputError(f"Moving pictures are written as {' or '.join(MOVING_SUFFIXES)}; got {suffix!r}.", field="video")
    rest = iter(pictures)
    first = next(rest, None)
    if first is None:
        raise InputError("There is no frame to show.", field="video")
    return (_gif if suffix.lower() == ".gif" else _mp4)(first, rest, fps)


def _gif(first: Picture, rest: Iterator[Picture], fps: float) -> bytes:
    file = io.BytesIO()
    images = (Image.fromarray(picture).quantize(64, dither=Image.Dither.NONE) for picture in chain([first], rest))
    head = next(images)
    pause = max(20, round(100 / fps) * 10)  # GIF counts hundredths of a second, and browsers slow down what is shorter
    head.save(file, "GIF", save_all=True, append_images=images, duration=pause, loop=0)
    return file.getvalue()


def _mp4(first: Picture, rest: Iterator[Picture], fps: float) -> bytes:
    height, width = first.shape[:2]
    even = width - width % 2, height - height % 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*_CODEC), max(fps, 0.5), even)
        if not writer.isOpened():
            raise InputError("This OpenCV has no encoder of VP9. Write a .gif instead.", field="video")
        for picture in chain([first], rest):
            writer.write(cv2.cvtColor(picture[: even[1], : even[0]], cv2.COLOR_RGB2BGR))
        writer.release()
        return path.read_bytes()
