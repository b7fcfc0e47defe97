"""The component that plays a tracker."""

from pathlib import Path
from typing import Any

from demo.shared.components.player import Player
from demo.tracking import texts


def as_file(path: str) -> dict[str, Any]:
    """A file as Gradio serves it."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


class TrackPlayer(Player):
    """A player whose views are a frame with its boxes, the strip of frames with the graph, a detection, and lanes."""

    views = Path(__file__).parent / "player.js"
    styles = (Path(__file__).parent / "track.css",)
    empty = texts.EMPTY
    words = texts.PLAYER

    def postprocess(self, value: Any) -> Any:
        """Send the value, with addresses of the sheets of frames."""
        if value is None or "film" not in value:
            return value
        film = value["film"]
        return {**value, "film": {**film, **{name: [as_file(path) for path in film[name]] for name in ("sheets", "masks")}}}
