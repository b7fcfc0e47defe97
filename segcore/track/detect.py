"""Detections of a video by the lab itself: what moves, or what a method of segmentation takes for an object, frame by frame.

    motion       what differs from the background that a mixture of Gaussians learned of each pixel (MOG2)
    maskcut, tokencut, attention       objects of these methods on the features of a backbone
    label maps       what another program, or a system of a collection, has drawn: the parts of each label but 0

Each object is one detection: its mask, the box around it, and the mean of the backbone's features within the mask, less the
mean of all frames, as its appearance.

Source: Zivkovic 2004 (MOG2, of OpenCV); the methods as `segcore.pipeline.methods` names them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from segcore.errors import InputError
from segcore.image import read_labels
from segcore.image.listing import pictures_of
from segcore.runtime.steps import Progress, Steps
from segcore.settings import DEFAULTS, Settings
from segcore.track.detections import Bools, Detections, Floats, Ints, empty
from segcore.track.settings import METHODS, DetectSettings
from segcore.track.video import Frame, Picture, Video, natural, timing_note

if TYPE_CHECKING:
    from segcore.pipeline import Pipeline

CACHE_BYTES = 128 << 20  # of a pipeline that looks at each frame once
_HISTORY, _LEARNED = 500, 150  # frames of the background's memory, and of the first look
_FLOODED = 0.5  # share of a frame that moves when the light changes, and not an object
_FOREGROUND = 255  # of MOG2's map; shadows are less


@dataclass(frozen=True, eq=False, slots=True)
class _Found:
    """What one frame holds."""

    frame: int
    masks: list[Bools]  # of their boxes
    boxes: list[tuple[int, int, int, int]]
    scores: list[float]
    looks: list[Floats]


def detect(
    video: Video,
    settings: DetectSettings | None = None,
    *,
    labels: Path | None = None,
    pipeline: "Pipeline | None" = None,
) -> Steps[Progress, Detections]:
    """Find objects in all frames.

    Args:
        video: of `open_video`.
        settings: the defaults if None.
        labels: a folder of label maps, one for each frame, instead of a detector: of the frames' names, as
            `collection segment` writes them, or as many in the order of their numbers.
        pipeline: whose memory and device are used; one of its own if None.

    Yields:
        `Progress` after each frame.

    Returns:
        Detections with masks, in the pixels of the frames that are worked on, and with appearances where they are asked for.

    Raises:
        InputError: a frame cannot be read, or the backbone lacks what the method needs.
        ModelError: a file of weights cannot be used.

    Cost: motion 5 ms a frame of 640 px; features of `dino_tiny` 60 ms, MaskCut as much again.
    """
    settings = settings or DetectSettings()
    find = _drawn(video, labels) if labels else _motion(video) if settings.detector == "motion" else None
    if find is None or settings.appearance:
        from segcore.pipeline import Pipeline

        pipeline = pipeline or Pipeline(cache_bytes=CACHE_BYTES)
    found: list[_Found] = []
    times: list[float] = []
    mean, n_cells = 0.0 * np.zeros(1), 0
    for frame in video.frames():
        times.append(frame.seconds)
        seen = find(frame) if find else _objects(frame.picture, settings, pipeline)
        masks, boxes, scores = _parts(seen, settings.least_area)
        looks: list[Floats] = []
        if settings.appearance and pipeline is not None:
            cells = _cells(frame.picture, settings, pipeline)
            mean, n_cells = mean + cells.reshape(-1, cells.shape[2]).sum(0), n_cells + cells.shape[0] * cells.shape[1]
            looks = [_mean_within(cells, mask, box, video.size) for mask, box in zip(masks, boxes, strict=True)]
        found.append(_Found(frame.number, masks, boxes, scores, looks))
        yield Progress("detect", frame.number + 1, video.n_frames, unit="frames")
    return _together(found, video, mean / max(1, n_cells), times, with_looks=settings.appearance)


def objects_of(labels: Ints, *, least_area: float = 0.0) -> tuple[list[Bools], list[tuple[int, int, int, int]]]:
    """The objects 1, 2, … of a label map, as masks of their boxes, and boxes x, y, width, height in pixels.

    Args:
        labels: (height, width); 0 is what lies behind.
        least_area: share of the map below which an object is left out.
    """
    masks, boxes, _ = _parts(labels, least_area)
    return masks, boxes


def _parts(labels: Ints, least_area: float) -> tuple[list[Bools], list[tuple[int, int, int, int]], list[float]]:
    masks, boxes, scores = [], [], []
    for label in np.unique(labels[labels > 0]):
        mask = labels == label
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        y0, y1, x0, x1 = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        inside = mask[y0:y1, x0:x1]
        if inside.sum() < max(1.0, least_area * mask.size):
            continue
        masks.append(inside.copy())
        boxes.append((int(x0), int(y0), int(x1 - x0), int(y1 - y0)))
        scores.append(0.5 + 0.5 * float(inside.mean()))  # compact things are surer
    return masks, boxes, scores


def _drawn(video: Video, folder: Path) -> Callable[[Frame], Ints]:
    """A reader of label maps: of the names of the frames, or of their order."""
    found = pictures_of(folder, least=1, field="labels")
    maps = sorted((f for f in found if not f.name.endswith(".overlay")), key=lambda f: natural(f.name))
    named = {f.name.removesuffix(".labels"): f for f in maps}
    if all(picture.name in named for picture in video.pictures) and video.pictures:
        maps = [named[picture.name] for picture in video.pictures]
    elif len(maps) <= video.last:
        raise InputError(
            f"{folder} holds {len(maps)} label maps for {video.last + 1} frames; each frame needs one, of its name or in "
            "its order.",
            field="labels",
        )

    def read(frame: Frame) -> Ints:
        labels = read_labels(maps[frame.original]).labels.numpy()
        parts = np.zeros(labels.shape, np.int64)
        for label in np.unique(labels[labels > 0]):
            pieces = cv2.connectedComponents((labels == label).astype(np.uint8))[1]
            parts[pieces > 0] = parts.max() + pieces[pieces > 0]
        fitted: Ints = cv2.resize(parts.astype(np.float64), video.size, interpolation=cv2.INTER_NEAREST).astype(np.int64)
        return fitted

    return read


def _motion(video: Video) -> Callable[[Frame], Ints]:
    """A finder of what moves, that has seen the background before."""
    subtractor = cv2.createBackgroundSubtractorMOG2(history=_HISTORY, detectShadows=True)
    for frame, _ in zip(video.frames(), range(_LEARNED), strict=False):
        subtractor.apply(frame.picture)
    open_by, close_by = (cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (k, k)) for k in (3, 9))

    def find(frame: Frame) -> Ints:
        moving = (subtractor.apply(frame.picture) == _FOREGROUND).astype(np.uint8)
        moving = cv2.morphologyEx(cv2.morphologyEx(moving, cv2.MORPH_OPEN, open_by), cv2.MORPH_CLOSE, close_by)
        if moving.mean() > _FLOODED:
            return np.zeros(moving.shape, np.int64)
        return cv2.connectedComponents(moving)[1].astype(np.int64)

    return find


def _settings(settings: DetectSettings) -> Settings:
    return DEFAULTS.replace(
        method=METHODS.get(settings.detector, "maskcut"), backbone=settings.backbone, n_objects=settings.n_objects,
        max_side=settings.side,
    )  # fmt: skip


def _objects(picture: Picture, settings: DetectSettings, pipeline: "Pipeline | None") -> Ints:
    assert pipeline is not None  # noqa: S101 - made by whoever calls
    result = pipeline.run(torch.from_numpy(picture), _settings(settings))
    return result.label_map.numpy().astype(np.int64)


def _cells(picture: Picture, settings: DetectSettings, pipeline: "Pipeline") -> Floats:
    """(h, w, d): the features of a frame."""
    grid = pipeline.features(torch.from_numpy(picture), _settings(settings))
    geometry = grid.geometry
    covered: Floats = grid.f[: geometry.h, : geometry.w].cpu().numpy().astype(np.float64)
    return covered


def _mean_within(cells: Floats, mask: Bools, box: tuple[int, int, int, int], size: tuple[int, int]) -> Floats:
    """(d,): the mean of the cells, each weighted with its share of the mask."""
    x, y, w, h = box
    whole = np.zeros(size[::-1], np.float32)
    whole[y : y + h, x : x + w] = mask
    share = cv2.resize(whole, cells.shape[1::-1], interpolation=cv2.INTER_AREA)
    mean: Floats = (cells * share[..., None]).sum((0, 1)) / max(float(share.sum()), 1e-9)
    return mean


def _together(
    found: list[_Found], video: Video, mean: NDArray[np.float64], times: list[float], *, with_looks: bool
) -> Detections:
    n_frames = max(1, len(found))
    notes = [timing_note(times)]
    if len(found) < video.n_frames:
        notes.append(
            f"{video.path.name} ends after {len(found)} of the {video.n_frames} frames that it promises: it is cut short, "
            "or counts them wrongly."
        )
    frames = [f.frame for f in found for _ in f.boxes]
    if not frames:
        nothing = "Nothing was found in any frame; try another detector, or a smaller least area."
        return replace(empty(n_frames, video.size), notes=tuple(note for note in (*notes, nothing) if note))
    return Detections(
        frame=np.array(frames, np.int64),
        boxes=np.array([box for f in found for box in f.boxes], np.float64),
        score=np.array([score for f in found for score in f.scores]),
        n_frames=n_frames,
        size=video.size,
        appearance=np.array([look for f in found for look in f.looks]) - mean if with_looks else None,
        masks=tuple(mask for f in found for mask in f.masks),
        notes=tuple(note for note in notes if note),
    )
