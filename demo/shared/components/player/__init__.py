"""The component that plays a sequence."""

from pathlib import Path
from typing import Any, ClassVar

from demo.shared import texts
from demo.shared.components.base import Component
from segcore.show.palette import DIVERGING, SEQUENTIAL


class Player(Component):
    """Plays what `demo.shared.sequence.assemble` makes, in the browser alone. A page derives from it, and brings its views.

    Attributes:
        views: the script of the page, whose `mount` calls `play` of player.js with what draws each kind of view.
    """

    files = Path(__file__).parent
    views: ClassVar[Path]
    about = "all steps of a run, with packed arrays"
    told: ClassVar[dict[str, Any]] = {
        "ramps": {"sequential": SEQUENTIAL, "diverging": DIVERGING},
        "words": texts.PLAYER,
    }

    def _file(self, ending: str) -> Path:
        return self.views if ending == "js" else super()._file(ending)
