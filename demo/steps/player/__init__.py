"""The component that plays an algorithm on points or on a picture."""

from pathlib import Path

from demo.shared.components.player import Player


class AlgorithmPlayer(Player):
    """A player whose views are pictures, scatter plots, matrices, curves and trees.

    Events: `points`, when a visitor has added or removed a point of their own. Its `gr.EventData` has `points`, a text that
    `data.unpacked_points` reads, and which it must judge.
    """

    views = Path(__file__).parent / "player.js"
    happens = ("points",)
    pictures = ("picture",)
