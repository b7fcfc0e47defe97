"""What is tracked: detections of a drawn scene, of a visitor's own files, or of a video; with its frames as pictures."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from demo.shared.service import Service
from demo.tracking.asked import FILES, OWN_FILES, Asked
from demo.tracking.data.files import read_own
from demo.tracking.data.video import check_left
from segcore.show.files import jpeg, png
from segcore.show.paint import shrink
from segcore.track.detections import Detections
from segcore.track.scenes import SCENES, make_scene
from segcore.types import Boxes

_REMEMBERED = 24  # sources
_SHEET = (4, 4)  # frames on a sheet, beside and below each other
_SIDE = 480  # px of a frame on it
_GAP = 0.07  # between nodes of a column, as a share of its height

Draw = Callable[[int], NDArray[np.uint8]]  # frame → (height, width, 3)


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """Detections of a sequence, and what is known of it.

    Attributes:
        key: two sources with one key are the same.
        title: what the page calls it.
        detections: of all frames.
        truth: where it is known.
        draw: a frame as a picture; None where there are no pictures.
        sheets: files with the frames as pictures.
        tile: width and height of a frame on them.
        place: (n,) how far down a detection stands in its column of the graph, in [0, 1].
        masks: files like `sheets`: each pixel says which detection of its frame is there, counted from 1; 0 for none.
        named: how a link names the files that it is of.
        code: Python that makes `detections`, and `truth` where it is known: lines that import, and lines after them.
    """

    key: tuple[Any, ...]
    title: str
    detections: Detections
    truth: Boxes | None
    draw: Draw | None
    sheets: tuple[str, ...]
    tile: tuple[int, int]
    place: NDArray[np.float64]
    masks: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    code: tuple[tuple[str, ...], tuple[str, ...]] = field(default=((), ()))


class Sources:
    """Makes sources, and remembers those that were asked for last. Safe for threads."""

    def __init__(self, service: Service):
        """Nothing was asked for yet."""
        self._service = service
        self._made: LRUCache[tuple[Any, ...], Source] = LRUCache(_REMEMBERED)
        self._lock = threading.Lock()

    def get(self, asked: Asked) -> Source:
        """The source of what is asked.

        Raises:
            InputError: a file cannot be read, or the video was not looked at yet.
        """
        key = asked.source
        with self._lock:
            known = self._made.get(key)
        if known is None or not all(
            Path(sheet).exists() for sheet in (*known.sheets, *known.masks)
        ):  # files are removed after an hour
            known = self._make(asked, key)
            with self._lock:
                self._made[key] = known
        return known

    def _make(self, asked: Asked, key: tuple[Any, ...]) -> Source:
        if asked.is_scene:
            name, seed = asked.options.source, asked.options.seed
            scene = make_scene(name, seed, **asked.scene.to_dict())
            return self._source(key, SCENES[name].title, scene.detections, scene.truth, scene.draw, _scene_code(asked))
        if asked.options.source == FILES:
            own = read_own(asked.detections, asked.truth)
            given = {name: path for name, path in zip(OWN_FILES, (asked.detections, asked.truth), strict=True) if path}
            named = {name: self._service.keep_file(path) for name, path in given.items()}
            return self._source(key, own.title, own.detections, own.truth, None, own.code, named)
        found = check_left(self._service.jobs.left(asked.job))
        return self._source(key, found.title, found.detections, None, found.draw, found.code)

    def _source(
        self,
        key: tuple[Any, ...],
        title: str,
        detections: Detections,
        truth: Boxes | None,
        draw: Draw | None,
        code: tuple[tuple[str, ...], tuple[str, ...]],
        named: Mapping[str, str] = MappingProxyType({}),
    ) -> Source:
        sheets, tile = _sheets(self._service, detections.n_frames, draw) if draw else ((), (1, 1))
        masks = _masks(self._service, detections, tile) if sheets else ()
        return Source(key, title, detections, truth, draw, sheets, tile, places(detections), masks, named, code)


def _sheets(service: Service, n_frames: int, draw: Draw) -> tuple[tuple[str, ...], tuple[int, int]]:
    """Files with the frames, and the size of one of them."""
    height, width = shrink(draw(0), max_side=_SIDE).shape[:2]
    laid = _laid_out(n_frames, lambda t: shrink(draw(t), max_side=_SIDE))
    paths = [service.publish(jpeg(sheet, quality=85), f"frames-{k}.jpg") for k, sheet in enumerate(laid)]
    return tuple(paths), (width, height)


def _masks(service: Service, detections: Detections, tile: tuple[int, int]) -> tuple[str, ...]:
    """Files with the masks, where there are any."""
    if detections.masks is None:
        return ()
    laid = _laid_out(detections.n_frames, lambda t: masks_of_frame(detections, t, tile))
    return tuple(service.publish(png(sheet), f"masks-{k}.png") for k, sheet in enumerate(laid))


def masks_of_frame(detections: Detections, t: int, tile: tuple[int, int]) -> NDArray[np.uint8]:
    """(height, width) of a tile: which detection of a frame is where, counted from 1; the smaller ones lie on top."""
    width, height = detections.size
    numbers = np.zeros((height, width), np.uint8)
    rows = detections.of_frame(t)
    for k in sorted(rows, key=lambda k: -detections.boxes[k, 2:].prod()):
        x, y, w, h = detections.boxes[k].astype(int)
        inside = numbers[y : y + h, x : x + w]
        mask = detections.masks[k][: inside.shape[0], : inside.shape[1]]  # type: ignore[index]
        inside[mask] = min(k - rows[0] + 1, 255)
    return np.asarray(cv2.resize(numbers, tile, interpolation=cv2.INTER_NEAREST), np.uint8)


def _laid_out(n_frames: int, draw: Draw) -> Iterator[NDArray[np.uint8]]:
    """Sheets of frames, beside and below each other."""
    columns, rows = _SHEET
    for start in range(0, n_frames, columns * rows):
        tiles = [draw(t) for t in range(start, min(start + columns * rows, n_frames))]
        height, width = tiles[0].shape[:2]
        sheet = np.zeros((-(-len(tiles) // columns) * height, columns * width, *tiles[0].shape[2:]), np.uint8)
        for i, tile in enumerate(tiles):
            y, x = i // columns * height, i % columns * width
            sheet[y : y + height, x : x + width] = tile
        yield sheet


def places(detections: Detections) -> NDArray[np.float64]:
    """(n,) in [0, 1]: where nodes stand in their columns, by the axis that spreads boxes more; none on top of another."""
    middle = (detections.boxes[:, :2] + detections.boxes[:, 2:] / 2) / np.array(detections.size)
    at = middle[:, int(middle.std(0).argmax())] if len(middle) else np.zeros(0)
    at = (at - at.min(initial=1)) / max(float(np.ptp(at)) if len(at) else 1.0, 1e-9)
    found: NDArray[np.float64] = at.clip(0, 1)
    for frame in np.unique(detections.frame):
        rows = detections.of_frame(int(frame))
        rows = rows[np.argsort(at[rows], kind="stable")]
        gap = min(_GAP, 1 / max(len(rows) - 1, 1))
        for a, b in pairwise(rows):
            found[b] = max(found[b], found[a] + gap)
        found[rows[-1]] = min(found[rows[-1]], 1.0)
        for b, a in pairwise(rows[::-1]):
            found[a] = max(min(found[a], found[b] - gap), 0.0)
    return found


def _scene_code(asked: Asked) -> tuple[tuple[str, ...], tuple[str, ...]]:
    name, seed = asked.options.source, asked.options.seed
    default = SCENES[name].settings.to_dict()
    changed = "".join(f", {key}={value!r}" for key, value in asked.scene.to_dict().items() if value != default[key])
    return (
        ("from segcore.track.scenes import make_scene",),
        (f'scene = make_scene("{name}", {seed}{changed})', "detections, truth = scene.detections, scene.truth"),
    )
