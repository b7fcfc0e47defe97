"""The component that shows trackers side by side."""

from pathlib import Path
from typing import Any, ClassVar

from demo.shared.components.base import Component
from demo.tracking import texts


class SideBySide(Component):
    """A table of scores, and the lanes of each tracker; its value is what `run.side_by_side` makes.

    A click in a lane asks the player of the page for that frame, by the event `segcore-frame` of the document.

    Events: `picked`, when a tracker is to be played. Its `gr.EventData` has `tracker`.
    """

    files = Path(__file__).parent
    styles = (Path(__file__).parents[1] / "player" / "track.css",)
    happens = ("picked",)
    about = "scores and lanes of several trackers on the same detections"
    told: ClassVar[dict[str, Any]] = {
        "words": {**texts.PLAYER, **texts.BOARD},
        "columns": texts.COLUMNS,
        "falls": texts.BETTER_BELOW,
    }
