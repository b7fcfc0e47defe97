"""Tracks over the frames that they were found in, and as JSON."""

from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcore.show.palette import PALETTE
from segcore.track.detections import Detections, Ints, Tracks
from segcore.types import Boxes

_OPACITY = 0.45  # of masks
_DIM = (48, 48, 48)  # a frame of which only the boxes are known

Picture = NDArray[np.uint8]


def color_of(identity: int) -> tuple[int, int, int]:
    """Red, green and blue of an identity, from 1; the same in every frame and picture."""
    r, g, b = PALETTE.rgb(identity)[identity - 1].tolist()
    return r, g, b


def paint_boxes(picture: Picture, boxes: Boxes, frame: int) -> Picture:
    """Draw the boxes of a frame in the colors of their identities, with their numbers.

    Args:
        picture: (height, width, 3) uint8; is left as it is.
        boxes: of all frames.
        frame: which, from 0.

    Returns:
        (height, width, 3) uint8.
    """
    drawn = picture.copy()
    for k in range(*np.searchsorted(boxes.frame, (frame, frame + 1))):
        identity, color = int(boxes.identity[k]), color_of(int(boxes.identity[k]))
        x, y, w, h = boxes.box[k]
        a, b = (round(float(x)), round(float(y))), (round(float(x + w)), round(float(y + h)))
        cv2.rectangle(drawn, a, b, (0, 0, 0), 4)
        cv2.rectangle(drawn, a, b, color, 2)
        place = (a[0] + 3, max(a[1] + 14, 12))
        cv2.putText(drawn, str(identity), place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(drawn, str(identity), place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return drawn


def paint_masks(picture: Picture, detections: Detections, ids: Ints, frame: int) -> Picture:
    """Lay the masks of a frame's detections over it, in the colors of their tracks; those without a track stay bare."""
    drawn = picture.astype(np.float32)
    for k in detections.of_frame(frame) if detections.masks else ():
        if ids[k] > 0:
            x, y, w, h = detections.boxes[k].astype(int)
            inside = drawn[y : y + h, x : x + w]
            mask = detections.masks[k][: inside.shape[0], : inside.shape[1]]  # type: ignore[index]
            inside[mask] = (1 - _OPACITY) * inside[mask] + _OPACITY * np.array(color_of(int(ids[k])))
    return drawn.round().astype(np.uint8)


def tracked_frame(picture: Picture | None, detections: Detections, tracks: Tracks, frame: int) -> Picture:
    """A frame with masks and boxes; gray where there is no picture of it."""
    if picture is None:
        picture = np.full((*detections.size[::-1], 3), _DIM, np.uint8)
    return paint_boxes(paint_masks(picture, detections, tracks.ids, frame), tracks.boxes, frame)


def tracked_frames(pictures: Iterable[Picture] | None, detections: Detections, tracks: Tracks) -> Iterator[Picture]:
    """All frames with masks and boxes, one at a time; gray where there are no pictures."""
    shown = [None] * detections.n_frames if pictures is None else pictures
    for frame, picture in enumerate(shown):
        yield tracked_frame(picture, detections, tracks, frame)


def tracks_json(tracks: Tracks, detections: Detections, settings: dict[str, Any]) -> dict[str, Any]:
    """A result with all that led to it, ready for JSON; frames and identities as in MOTChallenge, from 1."""
    boxes = tracks.boxes
    return {
        "tracker": tracks.tracker,
        "settings": settings,
        "frames": detections.n_frames,
        "size": list(detections.size),
        "detections": len(detections),
        "facts": dict(tracks.facts),
        "notes": list(detections.notes),
        "tracks": [
            {
                "id": int(identity),
                "frames": (boxes.frame[boxes.identity == identity] + 1).tolist(),
                "boxes": boxes.box[boxes.identity == identity].round(3).tolist(),
            }
            for identity in np.unique(boxes.identity)
        ],
    }
