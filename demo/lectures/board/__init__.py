"""The sheets as a component: everything but the handout happens in the browser."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from demo.lectures import texts
from demo.lectures.data import as_value
from demo.shared.components.base import Component
from demo.shared.lecture.value import Sheet


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
        sheets: Iterable[Sheet] = (),
        votes: bool = False,
        elem_id: str | None = None,
        **kwargs: Any,
    ):
        """Make the component.

        Args:
            value: an answer to the event `handout`.
            sheets: the lectures that all visitors see.
            votes: whether questions may be put to the hall.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        words = texts.WORDS | {"open": {path: texts.OPEN.format(page=name) for path, name in texts.PAGES.items()}}
        super().__init__(
            value, fixed={"words": words, "votes": votes, "content": as_value(sheets)}, elem_id=elem_id, **kwargs
        )
