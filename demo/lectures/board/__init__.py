"""The sheets as a component: everything but the handout happens in the browser."""

from typing import Any

from demo.lectures import texts
from demo.lectures.sheets import as_value
from demo.shared.components import JsonHTML, parts


class Board(JsonHTML):
    """Sheets, presenter view and tables.

    Its event `handout` asks for the file of a sheet; its event data has `sheet`, `answers` and `base`, the address of
    the server. Setting the value to anything new ends the waiting.
    """

    def __init__(self, value: str | None = None, *, elem_id: str | None = None, **kwargs: Any):
        """Make the component.

        Args:
            value: what ends the waiting for a handout.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        words = texts.WORDS | {"open": {path: texts.OPEN.format(page=name) for path, name in texts.PAGES.items()}}
        super().__init__(
            value,
            elem_id=elem_id,
            apply_default_css=False,
            **parts("lectures", words=words, content=as_value()),
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        """Describe the value to API clients."""
        return {"type": "string", "description": "nothing of use"}
