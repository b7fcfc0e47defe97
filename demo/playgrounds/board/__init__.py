"""The component that shows a playground."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo.playgrounds import texts
from demo.playgrounds.asked import NAME
from demo.playgrounds.games import PLAYGROUNDS
from demo.shared.components.base import Component
from demo.shared.formula import typeset
from segcore.show.palette import DIVERGING, PALETTE


class Board(Component):
    """A list of playgrounds, the controls of one, and what is seen of it.

    The browser keeps the state in the address, asks `answer` whenever it changes, and draws the answer; it computes nothing
    itself, and pointing at things asks nothing. The value is the query of the picture to work on, {"example": …} or
    {"picture": …}, or None.

    Events: `segment`, when an answer waits for the segments of the picture. Its `gr.EventData` has `question`.
    """

    files = Path(__file__).parent
    happens = ("segment",)
    about = "the picture to work on, as an address names it"

    def __init__(self, *, answer: Callable[[Any], dict[str, Any]], elem_id: str | None = None, **kwargs: Any):
        """Make the component.

        Args:
            answer: takes {"query", "given"} as the browser sends them, and judges them.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """

        def ask(question: Any) -> dict[str, Any]:  # Gradio marks what it is given, which a bound method refuses
            return answer(question)

        listed = [
            {
                "key": p.key,
                "title": p.title,
                "lead": p.lead,
                "formula": typeset(p.formula),
                "presets": [{"title": preset.title, "seed": preset.seed, "state": preset.state} for preset in p.presets],
            }
            for p in PLAYGROUNDS.values()
        ]
        words = {"copied": texts.COPIED, "wait": texts.WAIT_LABELS, **texts.BOARD}
        inks = [PALETTE.hex(7)[i] for i in (0, 4, 5, 6)]  # of curves, those farthest apart
        fixed = {"stops": DIVERGING, "inks": inks, "playgrounds": listed, "play": NAME, "words": words}
        super().__init__(None, fixed=fixed, elem_id=elem_id, server_functions=[ask], **kwargs)
