"""Films of pictures of one size: as GIF, and as MP4 with VP9, which every browser plays and OpenCV writes."""

import io
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segcore.errors import InputError

Picture = NDArray[np.uint8]


def gif(pictures: Iterable[Picture], *, fps: float) -> bytes:
    """Encode pictures (height, width, 3) of one size as a GIF that begins anew when it ends.

    Each picture has a palette of 256 colors of its own; times are rounded to 10 ms, as the format has them.
    """
    images = [Image.fromarray(np.ascontiguousarray(picture)).quantize(256) for picture in pictures]
    if not images:
        raise InputError("A film needs at least one picture; got none.")
    buffer = io.BytesIO()
    images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=max(20, round(100 / fps) * 10), loop=0)
    return buffer.getvalue()


def mp4(pictures: Iterable[Picture], *, fps: float) -> bytes:
    """Encode pictures (height, width, 3) of one size as an MP4; sides are cut to even numbers, as the codec needs them.

    Raises:
        InputError: there is no picture, or this OpenCV writes no VP9.
    """
    writer: cv2.VideoWriter | None = None
    with TemporaryDirectory(prefix="segcore-film-") as folder:
        path = Path(folder) / "film.mp4"
        for picture in pictures:
            height, width = (side // 2 * 2 for side in picture.shape[:2])
            if writer is None:
                writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"vp09"), fps, (width, height))
                if not writer.isOpened():
                    raise InputError("This OpenCV cannot write MP4. Save a GIF, or install opencv-python-headless.")
            writer.write(cv2.cvtColor(np.ascontiguousarray(picture[:height, :width]), cv2.COLOR_RGB2BGR))
        if writer is None:
            raise InputError("A film needs at least one picture; got none.")
        writer.release()
        return path.read_bytes()
