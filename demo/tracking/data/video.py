"""A video, or a zip of frames, through the lab: the work of a job that finds the detections, and what it leaves."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.shared.jobs import Report, Work
from demo.shared.service import Service
from demo.tracking import texts
from segcore.errors import InputError
from segcore.image import read_image
from segcore.runtime.places import ASSETS
from segcore.runtime.steps import Progress, mapped
from segcore.runtime.stopping import stop_if_asked
from segcore.settings import param, params
from segcore.show.files import jpeg
from segcore.show.paint import shrink
from segcore.track.detect import detect
from segcore.track.detections import Detections
from segcore.track.settings import DetectSettings
from segcore.track.video import open_video

KIND = "tracking"
CLIPS, OWN = ASSETS / "clips", "own"
MOST = 240  # frames that a page plays
_SIDE = 480  # px of the frames that are played
_DETECTED = 0.9  # of the bar


@dataclass(frozen=True, kw_only=True)
class VideoSettings(DetectSettings):
    """What is asked for of a video."""

    # fmt: off
    clip: str = param(
        "bottles", stage="video", label=texts.CLIP, choices=tuple(texts.CLIPS), advanced=False, info=texts.CLIP_INFO)
    every: int = param(
        2, stage="video", label=texts.EVERY, lo=1, hi=50, step=1, advanced=False, info=texts.EVERY_INFO.format(most=MOST))
    # fmt: on

    def detecting(self) -> DetectSettings:
        """Those of the detection alone."""
        known = params(DetectSettings)
        return DetectSettings.from_values({name: value for name, value in self.to_dict().items() if name in known})


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """What a job leaves: the detections, and the frames as files of pictures."""

    title: str
    detections: Detections
    frames: tuple[bytes, ...]
    settings: VideoSettings

    def draw(self, frame: int) -> NDArray[np.uint8]:
        """(height, width, 3): a frame."""
        pixels: NDArray[np.uint8] = read_image(self.frames[frame]).numpy()
        return pixels

    @property
    def code(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Python that finds the same: lines that import, and lines after them."""
        changed = "".join(f", {name}={value!r}" for name, value in self.settings.detecting().changed().items())
        last = self.settings.every * (MOST - 1)
        return (
            (
                "from segcore.runtime.steps import finish",
                "from segcore.track.detect import detect",
                "from segcore.track.settings import DetectSettings",
                "from segcore.track.video import open_video",
            ),
            (
                f'video = open_video("{self.title}", every={self.settings.every}, last={last})',
                f"detections = finish(detect(video, DetectSettings({changed.removeprefix(', ')})))",
            ),
        )


def check_left(left: Any) -> Found:
    """What a job left, or a sentence."""
    if not isinstance(left, Found):
        raise InputError(texts.NO_VIDEO, field="video")
    return left


def path_of(file: str, settings: VideoSettings) -> str:
    """The video that is meant: a visitor's own where there is one, else the clip.

    Raises:
        InputError: the visitor's own is meant, and there is none.
    """
    if settings.clip == OWN and not file:
        raise InputError(texts.NO_VIDEO, field="video")
    return file if settings.clip == OWN else str(CLIPS / f"{settings.clip}.mp4")


def make_work(path: str, settings: VideoSettings, service: Service) -> Work:
    """The work of a job: detections frame by frame, and then the frames as they are played."""

    def work(_left: Any) -> Generator[Report, None, None]:
        yield Report(texts.OPENING)
        video = open_video(path, every=settings.every, last=settings.every * (MOST - 1))
        steps = detect(video, settings.detecting(), pipeline=service.pipeline)
        detections = yield from mapped(steps, _told)
        frames = []
        for frame in video.frames():
            stop_if_asked()
            frames.append(jpeg(shrink(frame.picture, max_side=_SIDE), quality=85))
            if len(frames) % 10 == 0:
                share = _DETECTED + (1 - _DETECTED) * len(frames) / detections.n_frames
                yield Report(texts.FRAMES, len(frames), detections.n_frames, texts.N_FRAMES, share=min(share, 1.0))
        notes = detections.notes
        if video.n_frames >= MOST:
            notes = (*notes, texts.FIRST_FRAMES.format(most=MOST))
        detections = replace(detections, notes=notes)
        found = Found(Path(path).name, detections, tuple(frames[: detections.n_frames]), settings)
        yield Report(texts.FRAMES, share=1.0, left=found)

    return work


def _told(progress: Progress) -> Report:
    share = _DETECTED * progress.done / progress.total if progress.total else None
    return Report(texts.DETECTING, progress.done, progress.total, progress.unit, share=share)
