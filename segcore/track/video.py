"""Frames, one after another: of a video file, or of a folder, zip or list of pictures.

Videos are read by OpenCV, which the project needs anyway: its FFmpeg reads what cameras and phones write, turns portrait
ones, and gives the time of each frame. (PyAV would read no more of what was tried, and brings a second FFmpeg of 30 MB.) One
frame is in memory at a time, whatever the length.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcore.checks import check_range
from segcore.errors import InputError, shortened
from segcore.image import PictureFile, read_image
from segcore.image.listing import SUFFIXES, pictures_of
from segcore.runtime.stopping import stop_if_asked

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".gif")
_LISTS = tuple({".zip", ".txt", *SUFFIXES} - {".gif"})  # what holds pictures
MOST_FRAMES = 20_000  # that are worked on at once
SIDE = 640  # px: longer side of the frames that are worked on
_UNEVEN = 0.25  # of the middle distance of two frames; more is no clock

Picture = NDArray[np.uint8]


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One of them."""

    number: int  # among those that are worked on, from 0
    original: int  # in the file, from 0
    seconds: float  # since the first frame of the file
    picture: Picture  # (height, width, 3) uint8 RGB


@dataclass(frozen=True, slots=True)
class Video:
    """Where frames come from; nothing is open until they are asked for."""

    path: Path
    pictures: tuple[PictureFile, ...]  # of a folder, in order; empty for a video file
    size: tuple[int, int]  # width and height of the frames that are worked on
    n_frames: int  # that are worked on, as the file says; it may be cut short
    fps: float  # of the frames that are worked on
    every: int
    first: int
    last: int  # of the file, inclusive

    def frames(self) -> Iterator[Frame]:
        """The frames in order.

        Raises:
            InputError: one cannot be read, or has another size than the first one.

        Cost: one frame of memory.
        """
        yield from self._of_pictures() if self.pictures else self._of_file()

    def _of_pictures(self) -> Iterator[Frame]:
        chosen = range(self.first, self.last + 1, self.every)
        shape: tuple[int, ...] | None = None
        for number, k in enumerate(chosen):
            stop_if_asked()
            picture = read_image(self.pictures[k]).numpy()
            shape = shape or picture.shape
            if picture.shape != shape:
                raise InputError(
                    f"Frame {self.pictures[k].shown} has {picture.shape[1]} × {picture.shape[0]} pixels, the first one "
                    f"{shape[1]} × {shape[0]}. Frames of a video have one size; take the others out of the folder.",
                    field="source",
                )
            yield Frame(number, k, k / (self.fps * self.every), _fitted(picture, self.size))

    def _of_file(self) -> Iterator[Frame]:
        with _opened(self.path) as capture:
            number = 0
            for k in range(self.last + 1):
                stop_if_asked()
                if not capture.grab():
                    break
                if k < self.first or (k - self.first) % self.every:
                    continue
                seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                there, picture = capture.retrieve()
                if not there:
                    break
                yield Frame(number, k, seconds, _fitted(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), self.size))
                number += 1


def open_video(source: Path | str, *, every: int = 1, first: int = 0, last: int | None = None, side: int = SIDE) -> Video:
    """Look at a video, or at a folder, zip or list of frames.

    Args:
        source: the file or folder; frames of a folder come in the order of the numbers in their names.
        every: take each so many-th frame only.
        first: the first frame to take, from 0.
        last: the last one, inclusive; all if None.
        side: frames are scaled down so that their longer side has at most this many pixels.

    Returns:
        Video.

    Raises:
        InputError: there is no such file, it cannot be read, holds no frame of this range, or more than `MOST_FRAMES`.
    """
    check_range("every", every, lo=1)
    check_range("first", first, lo=0)
    check_range("side", side, lo=32)
    path = Path(source)
    if not path.exists():
        raise InputError(f"There is no file or folder {shortened(str(path))}; check the path.", field="source")
    if path.is_dir() or path.suffix.lower() in _LISTS:
        pictures = tuple(sorted(pictures_of(path, least=1, field="source"), key=lambda picture: natural(picture.name)))
        height, width = read_image(pictures[0]).shape[:2]
        n, fps = len(pictures), 25.0
    else:
        pictures = ()
        n, fps, width, height = _facts(path)
    last = n - 1 if last is None else min(last, n - 1)
    chosen = len(range(first, last + 1, every))
    if chosen == 0:
        raise InputError(
            f"{path.name} has {n} frames, and none from {first} to {last}. Use another first and last frame.", field="source"
        )
    if chosen > MOST_FRAMES:
        raise InputError(
            f"{path.name} has {chosen:,} frames; at most {MOST_FRAMES:,} are worked on at once. Take each "
            f"{-(-chosen // MOST_FRAMES) * every}th with --every, or a part with --first and --last.",
            field="source",
        )
    share = min(1.0, side / max(width, height))
    size = max(1, round(width * share)), max(1, round(height * share))
    return Video(path, pictures, size, chosen, fps / every, every, first, last)


def frames_of(video: Video) -> Iterator[Picture]:
    """The pictures alone, in order, one at a time."""
    return (frame.picture for frame in video.frames())


def timing_note(seconds: list[float]) -> str:
    """What must be known of frames at these times: whether they are unevenly spaced. Empty where they are even."""
    gaps = np.diff(seconds)
    middle = float(np.median(gaps)) if len(gaps) else 0.0
    if middle <= 0 or float((np.abs(gaps - middle) > _UNEVEN * middle).mean()) < 0.02:
        return ""
    return (
        f"The frames are unevenly spaced, {gaps.min():.3f} to {gaps.max():.3f} s apart; trackers count frames, so what "
        "moves evenly seems to jump."
    )


def _facts(path: Path) -> tuple[int, float, int, int]:
    """Frames, frames per second, width and height, of which the first two may be the file's guess."""
    with _opened(path) as capture:
        there, picture = capture.read()
        if not there:
            raise InputError(
                f"{path.name} holds no frame that can be read: it is empty, damaged, or of a kind that is not known. "
                "Save it as MP4.",
                field="source",
            )
        n, fps = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), float(capture.get(cv2.CAP_PROP_FPS))
    height, width = picture.shape[:2]
    fps = fps if np.isfinite(fps) and 0.01 < fps < 1000 else 25.0
    return (n if 0 < n < 10**8 else MOST_FRAMES), fps, width, height


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise InputError(
                f"{path.name} cannot be opened as a video: it is cut short, damaged, or of a kind that is not known. "
                f"Save it as MP4, or name a folder of frames ({', '.join(SUFFIXES[:3])}, …).",
                field="source",
            )
        yield capture
    finally:
        capture.release()


def _fitted(picture: Picture, size: tuple[int, int]) -> Picture:
    if picture.shape[1::-1] == size:
        return picture
    small: Picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return small


def natural(name: str) -> list[Any]:
    """A key by which frame-9 comes before frame-10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
