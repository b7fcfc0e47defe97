"""Strokes with which an example opens, so that the page shows what it does before anybody draws."""

from segcore.scribble.strokes import Stroke, Strokes

_STARTS: dict[str, Strokes] = {
    "camera": (
        Stroke(1, 0.02, ((0.42, 0.20), (0.36, 0.45), (0.18, 0.60), (0.12, 0.92))),
        Stroke(1, 0.02, ((0.36, 0.45), (0.50, 0.52))),
        Stroke(2, 0.02, ((0.08, 0.30), (0.30, 0.06), (0.85, 0.10), (0.92, 0.50))),
        Stroke(2, 0.02, ((0.40, 0.72), (0.60, 0.85), (0.92, 0.75))),
    ),
    "coffee": (
        Stroke(1, 0.02, ((0.40, 0.30), (0.50, 0.42), (0.62, 0.38))),
        Stroke(1, 0.02, ((0.38, 0.55), (0.50, 0.62), (0.60, 0.56))),
        Stroke(2, 0.02, ((0.06, 0.20), (0.08, 0.85), (0.40, 0.95))),
        Stroke(2, 0.02, ((0.70, 0.10), (0.94, 0.15), (0.95, 0.60))),
    ),
}


def start_strokes(example: str) -> Strokes | None:
    """The strokes of an example, or None."""
    return _STARTS.get(example)
