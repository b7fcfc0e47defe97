"""The component that plays a sequence."""

from pathlib import Path
from typing import ClassVar

from demo.shared.components.base import Component
from demo.steps import texts
from segcore.show.palette import DIVERGING, SEQUENTIAL


class Player(Component):
    """Plays what `sequence.assemble` makes, in the browser alone.

    Events: `points`, when a visitor has added or removed a point of their own. Its `gr.EventData` has `points`, a text that
    `data.unpacked_points` reads, and which it must judge.
    """

    files = Path(__file__).parent
    happens = ("points",)
    pictures = ("picture",)
    about = "all steps of a run, with packed arrays"
    told: ClassVar = {"ramps": {"sequential": SEQUENTIAL, "diverging": DIVERGING}, "words": texts.PLAYER}
    empty = texts.EMPTY
