"""The sheets and tables as data: `assets/lectures/SHEET.json` and `tables.json`, read and checked once."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from segcore.runtime.places import ASSETS

FOLDER = ASSETS / "lectures"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a sheet: a topic of the lecture, and the state that shows it."""

    slides: tuple[str, ...]  # rows of the lecture's inventory
    topic: str
    says: str
    page: str | None  # path of the page that the link opens; None where the line is told only
    query: dict[str, str]
    told: str  # why there is nothing to open, or ""
    ask: str  # the exercise, or ""
    answer: str
    teacher: str

    @property
    def address(self) -> str | None:
        """Path and query of the state, without the server."""
        if self.page is None:
            return None
        return f"{self.page}?{urlencode(self.query, safe='*,_')}" if self.query else self.page


@dataclass(frozen=True, slots=True)
class Sheet:
    """The lines of one lecture, in its own order."""

    id: str
    title: str
    about: str
    lines: tuple[Line, ...]


@cache
def sheets() -> dict[str, Sheet]:
    """All sheets by id, in the order of the lectures.

    Raises:
        ValueError: a line has neither a link nor a reason why it is told only, or an exercise has no answer.
    """
    files = sorted(path for path in FOLDER.glob("*.json") if path.stem.isdecimal())
    return {sheet.id: sheet for sheet in map(_sheet, files)}


@cache
def tables() -> list[dict[str, Any]]:
    """The result tables of the lectures: title, unit, columns, rows, source and caveat."""
    found: list[dict[str, Any]] = json.loads((FOLDER / "tables.json").read_text(encoding="utf-8"))
    return found


def _sheet(path: Path) -> Sheet:
    data = json.loads(path.read_text(encoding="utf-8"))
    return Sheet(data["id"], data["title"], data["about"], tuple(_line(path.stem, line) for line in data["lines"]))


def _line(sheet: str, data: dict[str, Any]) -> Line:
    link = data.get("link")
    line = Line(
        tuple(data["slides"]),
        data["topic"],
        data["says"],
        link["page"] if link else None,
        link["query"] if link else {},
        data.get("told", ""),
        data.get("ask", ""),
        data.get("answer", ""),
        data.get("teacher", ""),
    )
    if (line.page is None) != bool(line.told) or bool(line.ask) != bool(line.answer):
        raise ValueError(f"Sheet {sheet}, {line.topic!r}: a line is linked or told, and an exercise has an answer.")
    return line


def as_value() -> dict[str, Any]:
    """Sheets and tables as the page's script takes them."""
    return {
        "sheets": [
            {
                "id": sheet.id,
                "title": sheet.title,
                "about": sheet.about,
                "lines": [
                    {
                        "slides": list(line.slides),
                        "topic": line.topic,
                        "says": line.says,
                        "page": line.page,
                        "address": line.address,
                        "told": line.told,
                        "ask": line.ask,
                        "answer": line.answer,
                        "teacher": line.teacher,
                    }
                    for line in sheet.lines
                ],
            }
            for sheet in sheets().values()
        ],
        "tables": tables(),
    }
