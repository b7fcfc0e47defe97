"""What a lecture is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

VERSION = 1  # of the format of `lecture.json`
OWN = "own-"  # begins the ids of lectures that a browser keeps
TEXTS = ("topic", "says", "told", "ask", "answer", "teacher", "claim", "look", "still")


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
    choices: tuple[str, ...] = ()  # what a hall votes on
    still: str = ""  # name of its picture in the file, or ""

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

    def to_dict(self) -> dict[str, Any]:
        """As `lecture.json` has it; what is empty is left out."""
        texts = {name: getattr(self, name) for name in TEXTS if getattr(self, name)}
        lists = {name: list(getattr(self, name)) for name in ("slides", "choices") if getattr(self, name)}
        link = {} if self.page is None else {"link": {"page": self.page, "query": dict(self.query)}}
        against = {"against": {name: dict(q) for name, q in self.against.items()}} if self.against else {}
        return {"topic": "", **texts, **lists, **link, **against}


@dataclass(frozen=True, slots=True)
class Sheet:
    """The lines of one lecture, in its own order."""

    id: str
    title: str
    about: str
    lines: tuple[Line, ...]

    def to_dict(self) -> dict[str, Any]:
        """As `lecture.json` has it."""
        lines = [line.to_dict() for line in self.lines]
        return {"version": VERSION, "id": self.id, "title": self.title, "about": self.about, "lines": lines}


@dataclass(frozen=True, slots=True)
class Lecture:
    """A lecture with what its lines need: what its file holds.

    Attributes:
        sheet: the lines.
        stills: by the names that the lines have for them.
        own: files that links name, such as pictures and weights, by the name: ending, and content.
        notes: a sentence for each thing that could not be read.
    """

    sheet: Sheet
    stills: Mapping[str, bytes] = field(default_factory=dict)
    own: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def shots(self) -> dict[int, bytes]:
        """The stills by place of their line, counted from 0."""
        return {i: self.stills[line.still] for i, line in enumerate(self.sheet.lines) if line.still in self.stills}
