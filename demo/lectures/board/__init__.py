"""The sheets as a component: everything but the handout happens in the browser."""

from pathlib import Path
from typing import Any

from demo.lectures import texts
from demo.shared.components.base import Component


class Board(Component):
    """Sheets, presenter view and tables.

    Its event `handout` asks for the file of a sheet; its event data has `sheet`, `answers`, `base`, the address of the
    server, `paper`, `form`, and what the browser knows: `lecture`, where it keeps it, and `stills`. A new value ends
    the waiting; its `file` is saved, or printed.
    """

    files = Path(__file__).parent
    happens = ("handout",)
    pictures = ("file",)
    about = "the file of a handout, once it is made"

    def __init__(
        self,
        value: dict[str, Any] | None = None,
        *,
        content: dict[str, Any],
        votes: bool = False,
        elem_id: str | None = None,
        **kwargs: Any,
    ):
        """Make the component.

        Args:
            value: an answer to the event `handout`.
            content: sheets and tables that all visitors see, see `demo.lectures.data.as_value`.
            votes: whether questions may be put to the hall.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        words = texts.WORDS | {"open": {path: texts.OPEN.format(page=name) for path, name in texts.PAGES.items()}}
        super().__init__(value, fixed={"words": words, "votes": votes, "content": content}, elem_id=elem_id, **kwargs)
