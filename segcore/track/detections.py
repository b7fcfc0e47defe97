"""What is tracked, and what comes out: detections of many frames, and a number for each of them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcore.errors import InputError
from segcore.types import Boxes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Detections:
    """What was found in the frames of a sequence, each frame for itself.

    Raises:
        InputError: the lengths disagree, frames go back or lie outside, or a box is not finite or has no size.
    """

    frame: Ints  # (n,) from 0, ascending
    boxes: Floats  # (n, 4) x, y, width, height in pixels; x, y is the upper left corner
    score: Floats  # (n,) how sure the detector is; in [0, 1] for what this project finds itself
    n_frames: int
    size: tuple[int, int]  # width and height of a frame, in pixels
    appearance: Floats | None = None  # (n, d) rows of any length; trackers look at their directions
    identity: Ints | None = None  # (n,) from 1, what it truly shows; 0 for a false alarm. None where nobody knows
    masks: tuple[Bools, ...] | None = None  # per detection (height, width) of its box, whose corners are whole pixels then
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def feet(self) -> Floats:
        """(n, 2): the middle of the lower side of each box."""
        feet: Floats = self.boxes[:, :2] + self.boxes[:, 2:] * (0.5, 1.0)
        return feet

    def of_frame(self, frame: int) -> Ints:
        """The detections of a frame, by number."""
        first, last = np.searchsorted(self.frame, (frame, frame + 1))
        return np.arange(first, last)

    def only(self, kept: Bools | Ints) -> "Detections":
        """Some of the detections, in their order."""
        rows = np.flatnonzero(kept) if kept.dtype == bool else kept
        return replace(
            self,
            frame=self.frame[rows],
            boxes=self.boxes[rows],
            score=self.score[rows],
            appearance=None if self.appearance is None else self.appearance[rows],
            identity=None if self.identity is None else self.identity[rows],
            masks=None if self.masks is None else tuple(self.masks[i] for i in rows),
        )


@dataclass(frozen=True, eq=False, slots=True)
class Tracks:
    """What a tracker says."""

    ids: Ints  # (n,) per detection: its track, from 1; 0 where it belongs to none
    boxes: Boxes  # the result, as it is scored and saved: some trackers smooth boxes, or fill gaps
    tracker: str = ""  # key in TRACKERS
    facts: Any = ()  # (name, value) pairs that the tracker measured, such as ("violations", 3)

    @property
    def n_tracks(self) -> int:
        """How many tracks the result has."""
        return len(np.unique(self.boxes.identity))


def empty(n_frames: int, size: tuple[int, int]) -> Detections:
    """A sequence in which nothing was found."""
    return Detections(np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0), n_frames, size)


def boxes_of(detections: Detections, ids: Ints) -> Boxes:
    """The detections that have a track, as boxes with an identity."""
    on = ids > 0
    return Boxes.sorted(detections.frame[on], ids[on], detections.boxes[on])


def renumbered(ids: Ints) -> Ints:
    """The same tracks, counted from 1 in the order in which they appear."""
    found, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    on = np.flatnonzero(found > 0)
    numbers = np.zeros(len(found), np.int64)
    numbers[on[np.argsort(first[on], kind="stable")]] = np.arange(1, len(on) + 1)
    return numbers[inverse.ravel()]


def _check(d: Detections) -> None:
    n = len(d.frame)
    lengths = {"boxes": len(d.boxes), "score": len(d.score)}
    lengths |= {
        name: len(value)
        for name, value in (("appearance", d.appearance), ("identity", d.identity), ("masks", d.masks))
        if value is not None
    }
    for name, length in lengths.items():
        if length != n:
            raise InputError(f"{name} must have an entry for each of the {n} detections; got {length}.", field=name)
    if n == 0:
        return
    if (np.diff(d.frame) < 0).any():
        raise InputError("Frames of detections must ascend; sort the detections by their frame.", field="frame")
    if d.frame[0] < 0 or d.frame[-1] >= d.n_frames:
        raise InputError(
            f"Frames of detections must lie in 0 … {d.n_frames - 1}; got {d.frame[0]} … {d.frame[-1]}.", field="frame"
        )
    wrong = np.flatnonzero(~np.isfinite(d.boxes).all(1) | ~(d.boxes[:, 2:] > 0).all(1) | ~np.isfinite(d.score))
    if len(wrong):
        raise InputError(
            f"Detection {wrong[0]} has box {d.boxes[wrong[0]].tolist()} and score {d.score[wrong[0]]}; they must be finite, "
            "and width and height above 0. Leave it out.",
            field="boxes",
        )
