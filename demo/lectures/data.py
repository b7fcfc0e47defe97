"""The sheets and tables as data: `assets/lectures/SHEET.json` and `tables.json`, read and checked once."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from demo.shared.formula import typeset
from demo.shared.lecture.file import read_whole
from demo.shared.lecture.sheet import shown
from demo.shared.lecture.value import Sheet
from demo.shared.service import Service
from segcore.runtime.places import ASSETS

FOLDER = ASSETS / "lectures"


@cache
def sheets() -> dict[str, Sheet]:
    """All sheets by id, in the order of the lectures.

    Raises:
        InputError: a line has neither a link nor a reason why it is told only, or an exercise has no answer.
    """
    files = sorted(path for path in FOLDER.glob("*.json") if path.stem.isdecimal())
    return {sheet.id: sheet for sheet in map(read_whole, files)}


def all_sheets(service: Service) -> Mapping[str, Sheet]:
    """Those of the app, and those that this server was started with, which come first."""
    return {lecture.sheet.id: lecture.sheet for lecture in service.lectures} | sheets()


@cache
def tables() -> list[dict[str, Any]]:
    """The result tables of the lectures: title, unit, columns, rows, source and caveat."""
    found: list[dict[str, Any]] = json.loads((FOLDER / "tables.json").read_text(encoding="utf-8"))
    return found


def as_value(service: Service) -> dict[str, Any]:
    """Sheets and tables as the page's script takes them."""
    shots = {lecture.sheet.id: lecture.shots for lecture in service.lectures}
    return {
        "sheets": [sheet_value(sheet, shots.get(sheet.id, ())) for sheet in all_sheets(service).values()],
        "tables": [{**table, **{name: typeset(table.get(name, "")) for name in ("ask", "answer")}} for table in tables()],
    }


def sheet_value(sheet: Sheet, shots: Iterable[int] = ()) -> dict[str, Any]:
    """A sheet as the page's script takes it; the sentences of lines are HTML.

    Args:
        sheet: itself.
        shots: places of the lines that this server has stills of.
    """
    return {
        "id": sheet.id,
        "title": sheet.title,
        "about": sheet.about,
        "shots": {str(i): f"lecture/still/{sheet.id}/{i}" for i in shots},
        "lines": [
            {
                "slides": list(line.slides),
                "page": line.page,
                "address": line.address,
                "choices": list(line.choices),
                **{name: shown(text) for name, text in line.told_of.items()},
            }
            for line in sheet.lines
        ],
    }
