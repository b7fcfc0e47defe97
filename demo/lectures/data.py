"""The sheets and tables as data: `assets/lectures/SHEET.json` and `tables.json`, read and checked once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from demo.shared.claims import parse
from demo.shared.formula import typeset
from segcore.errors import InputError
from segcore.runtime.places import ASSETS

FOLDER = ASSETS / "lectures"
_KEYS = {"slides", "topic", "says", "link", "told", "ask", "answer", "teacher", "claim", "against", "look"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a sheet: a topic of the lecture, and the state that shows it."""

    slides: tuple[str, ...]  # rows of the lecture's inventory
    topic: str
    says: str
    page: str | None  # path of the page that the link opens; None where the line is told only
    query: Mapping[str, str]
    told: str  # why there is nothing to open, or ""
    ask: str  # the exercise, or ""
    answer: str
    teacher: str
    claim: str  # what must be true of the state, see `demo.shared.claims`; or ""
    against: Mapping[str, Mapping[str, str]]  # states that the claim names beside, by what they change in the address
    look: str  # why the line's answer is a matter of looking, where it makes no claim; or ""

    @property
    def told_of(self) -> dict[str, str]:
        """The sentences; `$…$` in them is LaTeX."""
        names = ("topic", "says", "told", "ask", "answer", "teacher")
        return {name: getattr(self, name) for name in names}

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


def read_sheet(path: Path) -> Sheet:
    """Read a sheet of somebody's own.

    Raises:
        InputError: it is no sheet, or one of its lines is not whole; says which, and what is missing.
    """
    try:
        return _sheet(path)
    except OSError as error:
        raise InputError(f"Cannot read {path.name}: {error.strerror or error}.") from error
    except KeyError as error:
        raise InputError(f"{path.name} lacks {error}: a sheet has id, title, about and lines.") from error
    except InputError:
        raise
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path.name} is no sheet of a lecture: {error}") from error


def _sheet(path: Path) -> Sheet:
    data = json.loads(path.read_text(encoding="utf-8"))
    lines = tuple(_line(path.stem, number, line) for number, line in enumerate(data["lines"], 1))
    return Sheet(data["id"], data["title"], data["about"], lines)


def _line(sheet: str, number: int, data: dict[str, Any]) -> Line:
    lacking = [name for name in ("slides", "topic", "says") if name not in data]
    unknown = sorted(data.keys() - _KEYS)
    if lacking or unknown:
        told = f"lacks {', '.join(lacking)}" if lacking else f"has {', '.join(unknown)}, which no line has"
        raise ValueError(f"Sheet {sheet}, line {number} {told}.")
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
        data.get("claim", ""),
        data.get("against", {}),
        data.get("look", ""),
    )
    where = f"Sheet {sheet}, {line.topic!r}"
    if (line.page is None) != bool(line.told) or bool(line.ask) != bool(line.answer):
        raise ValueError(f"{where}: a line is linked or told, and an exercise has an answer.")
    if bool(line.claim) + bool(line.look) != (line.page is not None):
        raise ValueError(f"{where}: a line with a link has a claim, or says in look why it is a matter of looking.")
    if line.claim:
        parse(line.claim)
    for text in line.told_of.values():
        typeset(text)
    return line


def as_value() -> dict[str, Any]:
    """Sheets and tables as the page's script takes them; the sentences of lines are HTML."""
    return {
        "sheets": [
            {
                "id": sheet.id,
                "title": sheet.title,
                "about": sheet.about,
                "lines": [
                    {
                        "slides": list(line.slides),
                        "page": line.page,
                        "address": line.address,
                        **{name: typeset(text) for name, text in line.told_of.items()},
                    }
                    for line in sheet.lines
                ],
            }
            for sheet in sheets().values()
        ],
        "tables": [{**table, **{name: typeset(table.get(name, "")) for name in ("ask", "answer")}} for table in tables()],
    }
