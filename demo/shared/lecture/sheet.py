"""The lines of a lecture as data: `lecture.json`, version 1, which the lectures of the app and one's own have alike."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from demo.shared.claims import parse
from demo.shared.formula import typeset
from demo.shared.lecture.value import TEXTS, VERSION, Line, Sheet
from segcore.errors import InputError, shortened

MOST_LINES = 200
MOST_TEXT = 4000  # characters of a sentence, and of a value in an address
_MOST_NAMES = 80  # of an address
MOST_CHOICES = 6  # of a vote
_OF_LINE = {*TEXTS, "slides", "link", "against", "choices"}
_OF_SHEET = {"version", "id", "title", "about", "lines", "pictures"}
_PAGE = re.compile(r"[a-z]{0,20}")
_ID = re.compile(r"[\w-]{1,60}")


def shown(text: str) -> str:
    """HTML of a sentence of somebody's own: typeset, or as it was written where its formulas cannot be read."""
    try:
        return typeset(text)
    except ValueError:
        return typeset(text.replace("$", "＄"))


def read_json(text: str, notes: list[str]) -> dict[str, Any]:
    """The object of a `lecture.json`; of one that is cut off, what stands before the cut.

    Args:
        text: of the file.
        notes: gets a sentence for what could not be read.

    Raises:
        InputError: nothing of it can be read.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        data = _before_the_cut(text)
        if not data.get("lines"):
            raise InputError(f"The file is no lecture: its JSON cannot be read ({error}).") from error
        notes.append(f"The file is cut off or damaged; {len(data['lines'])} lines before that place were read.")
    if not isinstance(data, dict):
        raise InputError("The file is no lecture: a lecture is a JSON object with title and lines.")
    return data


def _before_the_cut(text: str) -> dict[str, Any]:
    data: dict[str, Any] = {"version": VERSION, "lines": []}
    head, found, rest = text.partition('"lines"')
    for name in ("id", "title", "about"):
        if given := re.search(rf'"{name}"\s*:\s*("(?:[^"\\]|\\.)*")', head):
            data[name] = json.loads(given[1], strict=False)
    decoder, at = json.JSONDecoder(), rest.find("[") + 1
    while found and at > 0:
        start = rest.find("{", at)
        if start < 0 or rest[at:start].strip(" \t\r\n,"):
            break
        try:
            line, at = decoder.raw_decode(rest, start)
        except (ValueError, RecursionError):
            break
        data["lines"].append(line)
    return data


def sheet_of(data: Mapping[str, Any], notes: list[str], *, name: str = "lecture") -> Sheet:
    """A sheet from the object of a `lecture.json`.

    Args:
        data: the object.
        notes: gets a sentence for each thing that is left out or shown otherwise; nothing is added where all is well.
        name: the id of a lecture that has none.

    Raises:
        InputError: it has another version, or no lines.
    """
    version = data.get("version", VERSION)
    if version != VERSION:
        raise InputError(
            f"The lecture has version {shortened(str(version))} of the format; this lab reads version {VERSION}. "
            "Open it with the lab that wrote it, or a newer one."
        )
    lines = data.get("lines")
    if not isinstance(lines, list):
        raise InputError("The file is no lecture: it lacks lines, a list.")
    if unknown := sorted(data.keys() - _OF_SHEET):
        notes.append(f"The lecture has {_listed(unknown)}, which no lecture has; it is left out.")
    if len(lines) > MOST_LINES:
        notes.append(f"The lecture has {len(lines)} lines; the first {MOST_LINES} were read.")
    texts = {key: _text(data.get(key, ""), f"The lecture's {key}", notes) for key in ("id", "title", "about")}
    if not _ID.fullmatch(texts["id"]):
        texts["id"] = name if _ID.fullmatch(name) else "lecture"
    read = [_line(line, f"Line {i}", notes) for i, line in enumerate(lines[:MOST_LINES], 1)]
    return Sheet(**texts, lines=tuple(line for line in read if line is not None))


def _listed(names: list[str]) -> str:
    shown = ", ".join(shortened(name) for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _text(value: object, what: str, notes: list[str]) -> str:
    if not isinstance(value, str):
        notes.append(f"{what} is no text; it is left out.")
        return ""
    if len(value) > MOST_TEXT:
        notes.append(f"{what} has {len(value)} characters; the first {MOST_TEXT} were read.")
    return value[:MOST_TEXT]


def _line(data: object, where: str, notes: list[str]) -> Line | None:
    if not isinstance(data, dict):
        notes.append(f"{where} is no object; it is left out.")
        return None
    if unknown := sorted(data.keys() - _OF_LINE):
        notes.append(f"{where} has {_listed(unknown)}, which no line has; it is left out.")
    texts = {name: _text(data.get(name, ""), f"{where}: {name}", notes) for name in TEXTS}
    page, query = _link(data.get("link"), where, notes)
    if page is None and data.get("link") is not None:
        texts["told"] = texts["told"] or "The link of this line could not be read."
    _drop_bad(texts, "claim", lambda: texts["claim"] and parse(texts["claim"]), where, notes)
    for name in ("topic", "says", "told", "ask", "answer", "teacher"):
        try:
            typeset(texts[name])
        except ValueError as error:
            notes.append(f"{where}: {error} It is shown as it was written.")
    against = data.get("against", {})
    if not isinstance(against, dict) or not all(_is_query(q) for q in against.values()):
        notes.append(f"{where}: against must name states by what they change in the address; it is left out.")
        against = {}
    lists = {name: _list(data.get(name, []), f"{where}: {name}", notes) for name in ("slides", "choices")}
    if len(lists["choices"]) > MOST_CHOICES:
        notes.append(f"{where} has {len(lists['choices'])} choices; the first {MOST_CHOICES} were read.")
    return Line(
        page=page,
        query=query,
        against=against,
        slides=lists["slides"],
        choices=lists["choices"][:MOST_CHOICES],
        **texts,
    )


def _drop_bad(texts: dict[str, str], name: str, tried: Callable[[], Any], where: str, notes: list[str]) -> None:
    try:
        tried()
    except InputError as error:
        notes.append(f"{where}: {error} It is left out.")
        texts[name] = ""


def _link(link: object, where: str, notes: list[str]) -> tuple[str | None, dict[str, str]]:
    if link is None:
        return None, {}
    given: dict[str, Any] = link if isinstance(link, dict) else {}
    page, query = given.get("page"), given.get("query", {})
    if not isinstance(page, str) or not _PAGE.fullmatch(page) or not _is_query(query):
        notes.append(f"{where}: link must have page, the path of a page, and query, its names and values; it is left out.")
        return None, {}
    return page, dict(query)


def _is_query(query: object) -> bool:
    return (
        isinstance(query, dict)
        and len(query) <= _MOST_NAMES
        and all(isinstance(name, str) and isinstance(value, str) for name, value in query.items())
        and all(len(name) + len(value) <= MOST_TEXT for name, value in query.items())
    )


def _list(value: object, what: str, notes: list[str]) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        notes.append(f"{what} must be a list of texts; it is left out.")
        return ()
    return tuple(one[:200] for one in value[:50])


def strict(sheet: Sheet, notes: list[str]) -> Sheet:
    """The sheet, where it is whole as those of the app are.

    Raises:
        InputError: something was left out, a line is neither linked nor told, lacks an answer, or neither claims nor says
            why it is a matter of looking.
    """
    if notes:
        raise InputError(notes[0])
    for number, line in enumerate(sheet.lines, 1):
        where = f"Sheet {sheet.id}, line {number}"
        lacking = [
            name for name, value in (("slides", line.slides), ("topic", line.topic), ("says", line.says)) if not value
        ]
        if lacking:
            raise InputError(f"{where} lacks {', '.join(lacking)}.")
        if (line.page is None) != bool(line.told) or bool(line.ask) != bool(line.answer):
            raise InputError(f"{where}: a line is linked or told, and an exercise has an answer.")
        if bool(line.claim) + bool(line.look) != (line.page is not None):
            raise InputError(f"{where}: a line with a link has a claim, or says in look why it is a matter of looking.")
    return sheet
