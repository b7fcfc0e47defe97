"""The component that shows a playground."""

from collections.abc import Callable
from typing import Any

from demo.playgrounds import texts
from demo.playgrounds.answers import NAME
from demo.playgrounds.catalog import PLAYGROUNDS
from demo.shared.components import JsonHTML, parts
from segcore.palette import DIVERGING


class Board(JsonHTML):
    """A list of playgrounds, the controls of one, and what is seen of it.

    The browser keeps the state in the address, asks `answer` whenever it changes, and draws the answer; it computes nothing
    itself, and pointing at things asks nothing. The value is the query of the picture to work on, {"example": …} or
    {"picture": …}, or None.

    Events: `segment`, when an answer waits for the segments of the picture. Its `gr.EventData` has `question`.
    """

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
                "formula": p.formula,
                "presets": [{"title": preset.title, "seed": preset.seed, "state": preset.state} for preset in p.presets],
            }
            for p in PLAYGROUNDS.values()
        ]
        words = {"copied": texts.COPIED, "wait": texts.WAIT_LABELS}
        scripts = ("maps", *(f"playgrounds_{name}" for name in ("pointing", "tables", "pictures", "blocks")))
        fixed = {"stops": DIVERGING, "playgrounds": listed, "play": NAME, "words": words}
        super().__init__(
            None,
            elem_id=elem_id,
            apply_default_css=False,
            server_functions=[ask],
            **parts("playgrounds", *scripts, **fixed),
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        """Describe the value to API clients."""
        return {"type": {}, "description": "the picture to work on, as an address names it"}
