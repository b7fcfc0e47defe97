"""Open every line of the lectures, and see whether what it claims is true there.

`python -m segcore lecture check` runs it; what may be claimed is in `demo.shared.claims` and the `facts` of the pages.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.lectures.data import sheets
from demo.pages import PAGES
from demo.shared.claims import Book, judge
from demo.shared.lecture.file import read_file, read_whole
from demo.shared.lecture.given import keep_files
from demo.shared.lecture.value import Lecture, Line, Sheet
from demo.shared.service import Service
from segcore.errors import InputError, SegcoreError
from segcore.runtime.progress import say

BOOKS: Mapping[str, Book] = {page.path: page.book for page in PAGES if page.book is not None}


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a line.

    Attributes:
        name: of the sheet, and number of the line.
        line: itself.
        holds: whether its claim does; None where it makes none.
        told: why it does not hold, with the facts that it names.
    """

    name: str
    line: Line
    holds: bool | None
    told: str = ""


def check(service: Service, chosen: Iterable[Sheet] | None = None) -> Iterator[Checked]:
    """Check the lines of sheets, those of the app if none are given.

    Cost: that of the states; a state of the lab on a picture takes some seconds.
    """
    for sheet in sheets().values() if chosen is None else chosen:
        for number, line in enumerate(sheet.lines, 1):
            yield check_line(service, line, f"{sheet.id}, line {number}")


def check_line(service: Service, line: Line, name: str) -> Checked:
    """Open the state of a line, and judge its claim; a state that cannot be opened as it says does not hold."""
    if line.page is None:
        return Checked(name, line, None)
    try:
        book = _book(line.page)
        states: dict[str, Any] = {"": _opened(service, book, line.query)}
        if not line.claim:
            return Checked(name, line, None)
        states |= {key: _opened(service, book, {**line.query, **changes}) for key, changes in line.against.items()}
        verdict = judge(line.claim, states, book.facts)
    except SegcoreError as error:
        return Checked(name, line, False, str(error))
    values = ", ".join(f"{fact} = {_shown(value)}" for fact, value in verdict.values.items())
    return Checked(name, line, verdict.holds, "" if verdict.holds else f"{line.claim}; but {values}")


def _book(page: str) -> Book:
    if page not in BOOKS:
        raise InputError(f"There is no page {page!r} to link. There are: {', '.join(map(repr, BOOKS))}.")
    return BOOKS[page]


def _opened(service: Service, book: Book, query: Mapping[str, str]) -> Any:
    """The state of an address; what the page would only warn of is a mistake here."""
    unknown = sorted(set(query) - book.names(query))
    if unknown:
        raise InputError(f"The page reads no {', '.join(unknown)}. It reads: {', '.join(sorted(book.names(query)))}.")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        state = book.open(service, query)
    said = [str(warning.message) for warning in told if warning.category is UserWarning]
    if said:
        raise InputError(" ".join(said))
    return state


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"[{', '.join(map(_shown, value))}]" if isinstance(value, list) else str(value)


def read(file: str) -> Lecture:
    """A lecture of somebody's own: a zip in part, with a note for what is left out, a sheet as JSON whole or not at all.

    Raises:
        InputError: nothing of it can be read, or the sheet is not whole.
    """
    path = Path(file)
    if path.suffix == ".json":
        return Lecture(read_whole(path))
    lecture = read_file(path)
    for note in lecture.notes:
        say(f"note: {note}")
    return lecture


def main(file: str | None = None, *, device: str = "cpu") -> int:
    """Print a line for each line that does not hold, and one with the counts; returns 1 if there are any.

    Raises:
        InputError: nothing of the file can be read.
    """
    service, chosen = Service(device=device), None
    if file is not None:
        lecture = read(file)
        keep_files(service, [lecture])
        chosen = [lecture.sheet]
    counts = {True: 0, False: 0, None: 0}
    for found in check(service, chosen):
        counts[found.holds] += 1
        if found.holds is False:
            say(f"{found.name}, {found.line.topic}: {found.told}")
    say(f"{counts[True]} claims hold, {counts[False]} do not, {counts[None]} lines make none.")
    return 1 if counts[False] else 0
