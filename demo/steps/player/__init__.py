"""The component that plays a sequence."""

from pathlib import Path
from typing import Any

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

    def __init__(self, value: dict[str, Any] | None = None, *, empty: str = "", elem_id: str | None = None, **kwargs: Any):
        """Make the component.

        Args:
            value: a sequence, or None.
            empty: what is said while there is none.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        fixed = {"ramps": {"sequential": SEQUENTIAL, "diverging": DIVERGING}, "empty": empty, "words": texts.PLAYER}
        super().__init__(value, fixed=fixed, elem_id=elem_id, **kwargs)
