"""The component that shows trackers side by side."""

from pathlib import Path
from typing import Any

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

    def __init__(self, value: dict[str, Any] | None = None, *, elem_id: str | None = None, **kwargs: Any):
        """Make the component.

        Args:
            value: what is shown.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        fixed = {"words": {**texts.PLAYER, **texts.BOARD}, "columns": texts.COLUMNS, "falls": texts.BETTER_BELOW}
        super().__init__(value, fixed=fixed, elem_id=elem_id, **kwargs)
