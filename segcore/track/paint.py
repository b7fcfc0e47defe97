"""Tracks painted over the frames."""

import cv2
import numpy as np
from numpy.typing import NDArray

from segcore.show.palette import PALETTE, hex_to_rgb
from segcore.track.detections import Detections, Tracks

_SIDE = 480  # px: a frame without a picture has at least so many along its longer side
_GROUND = "#20252f"
_NO_TRACK = "#8c8c8c"

Picture = NDArray[np.uint8]


def painted(frame: int, detections: Detections, tracks: Tracks, picture: Picture | None = None) -> Picture:
    """A frame with the boxes of the result in the colors of their tracks, and in gray the detections of no track.

    Args:
        frame: its number.
        detections: that were tracked.
        tracks: what the tracker says.
        picture: (height, width, 3) uint8 of the frame, at any scale; plain ground if None.

    Returns:
        (height, width, 3) uint8, in the size of the picture.
    """
    canvas = _ground(detections) if picture is None else np.ascontiguousarray(picture).copy()
    scale = canvas.shape[1] / detections.size[0]
    rows = detections.of_frame(frame)
    for box in detections.boxes[rows[tracks.ids[rows] == 0]]:
        _draw(canvas, box * scale, hex_to_rgb((_NO_TRACK,))[0], "")
    on = tracks.boxes.frame == frame
    for box, identity in zip(tracks.boxes.box[on], tracks.boxes.identity[on].tolist(), strict=True):
        _draw(canvas, box * scale, PALETTE.rgb(20)[(identity - 1) % 20], str(identity))
    return canvas


def _ground(detections: Detections) -> Picture:
    width, height = detections.size
    share = min(1.0, _SIDE / max(width, height))
    size = max(2, round(height * share)), max(2, round(width * share))
    return np.broadcast_to(hex_to_rgb((_GROUND,))[0], (*size, 3)).copy()


def _draw(canvas: Picture, box: NDArray[np.float64], color: NDArray[np.uint8], text: str) -> None:
    low, high = np.round(box[:2]).astype(int).tolist(), np.round(box[:2] + box[2:]).astype(int).tolist()
    cv2.rectangle(canvas, low, high, (255, 255, 255), 4)
    cv2.rectangle(canvas, low, high, color.tolist(), 2)
    if text:
        at = (low[0], max(low[1] - 4, 12))
        cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (17, 20, 28), 3, cv2.LINE_AA)
        cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
