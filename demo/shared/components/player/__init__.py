"""The component that plays a sequence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from demo.shared import texts
from demo.shared.components.base import Component
from segcore.show.palette import DIVERGING, SEQUENTIAL


class Player(Component):
    """Plays what `demo.shared.sequence.assemble` makes, in the browser alone. A page derives from it, and brings its views.

    Attributes:
        views: the script of the page, whose `mount` calls `play` of player.js with what draws each kind of view.
        words: what these views say beside what all players say.
    """

    files = Path(__file__).parent
    views: ClassVar[Path]
    words: ClassVar[Mapping[str, Any]] = {}
    about = "all steps of a run, with packed arrays"

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any):
        """Make the component.

        Args:
            value: a sequence, or None.
            kwargs: as for `Component`.
        """
        ramps = {"sequential": SEQUENTIAL, "diverging": DIVERGING}
        super().__init__(value, fixed={"ramps": ramps, "words": {**texts.PLAYER, **self.words}}, **kwargs)

    def _file(self, ending: str) -> Path:
        return self.views if ending == "js" else super()._file(ending)
