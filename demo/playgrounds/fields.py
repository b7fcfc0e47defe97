"""What a visitor can change in a playground, and how it stands in an address.

A field knows its default and its rule. Values come as JSON from the browser or as text from an address; what breaks the rule
becomes the default, or the nearest value that may be, and one sentence says so.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from demo.playgrounds import texts
from segcore.errors import InputError, shortened

State = dict[str, Any]
Rows = list[list[float]]
Size = int | Callable[[State], int]

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a range."""

    name: str
    label: str
    default: float
    lo: float
    hi: float
    step: float = 1
    help: str = ""

    def read(self, given: Any, _state: State) -> float:
        """The value that is meant. Raises InputError."""
        value = _number(given)
        if not self.lo <= value <= self.hi:
            ends = {"lo": _text(self.lo), "hi": _text(self.hi)}
            raise InputError(texts.OUT_OF_RANGE.format(label=self.label, value=_text(value), **ends))
        return round(value) if self.step == 1 else value

    def instead(self, given: Any, _state: State) -> float:
        """What stands in for a value that cannot be."""
        try:
            value = min(max(_number(given), self.lo), self.hi)
        except InputError:
            return self.default
        return round(value) if self.step == 1 else value

    def write(self, value: float) -> str:
        """The value in an address."""
        return _text(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few."""

    name: str
    label: str
    default: str
    choices: Mapping[str, str]  # titles by key
    help: str = ""

    def read(self, given: Any, _state: State) -> str:
        """The value that is meant. Raises InputError."""
        if not isinstance(given, str) or given not in self.choices:
            known = ", ".join(self.choices)
            raise InputError(texts.NO_CHOICE.format(label=self.label, known=known, value=shortened(str(given))))
        return given

    def instead(self, _given: Any, _state: State) -> str:
        """What stands in for a value that cannot be."""
        return self.default

    def write(self, value: str) -> str:
        """The value in an address."""
        return value


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of numbers, whose size may follow from the fields before it."""

    name: str
    label: str
    default: tuple[tuple[float, ...], ...]
    rows: Size | None  # None: as many as there are, at most `most`
    columns: Size
    lo: float = -999
    hi: float = 999
    fill: float = 0  # of cells that a larger size adds
    most: int = 20
    limits: tuple[tuple[float, float], ...] = ()  # of each column, where they differ from each other
    heads: tuple[str, ...] = ()  # names of the columns, for sentences about them
    whole: bool = False  # cells are whole numbers

    def read(self, given: Any, state: State) -> Rows:
        """The value that is meant, in the size that the state asks for. Raises InputError."""
        rows = self._parse(given) if isinstance(given, str) else given
        if not isinstance(rows, list) or not rows or any(not isinstance(row, list) or not row for row in rows):
            raise InputError(texts.NO_TABLE.format(label=self.label))
        if len(rows) > 64 or max(map(len, rows)) > 64:
            raise InputError(texts.NO_TABLE.format(label=self.label))
        table = [[_number(cell) for cell in row] for row in rows]
        fitted = self._fitted(table, state)
        for j, cell in itertools.chain(*map(enumerate, fitted)):
            lo, hi = self.limits[j] if self.limits else (self.lo, self.hi)
            label = f"{self.label}: {self.heads[j]}" if self.heads else self.label
            if not lo <= cell <= hi:
                raise InputError(texts.OUT_OF_RANGE.format(label=label, lo=_text(lo), hi=_text(hi), value=_text(cell)))
            if self.whole and cell != int(cell):
                raise InputError(texts.NOT_WHOLE.format(label=label, value=_text(cell)))
        return fitted

    def instead(self, given: Any, state: State) -> Rows:
        """What stands in for a value that cannot be: the nearest numbers that may be, or the default."""
        try:
            rows = self._parse(given) if isinstance(given, str) else [[_number(cell) for cell in row] for row in given]
            fitted = self._fitted(rows, state)
        except (InputError, TypeError):
            return self._fitted([list(row) for row in self.default], state)
        limits = [self.limits[j] if self.limits else (self.lo, self.hi) for j in range(len(fitted[0]))]
        nearest = [[min(max(cell, lo), hi) for cell, (lo, hi) in zip(row, limits, strict=True)] for row in fitted]
        return [[round(cell) for cell in row] for row in nearest] if self.whole else nearest

    def write(self, value: Rows) -> str:
        """The value in an address; with characters that an address keeps as they are."""
        return "*".join("_".join(map(_text, row)) for row in value)

    def _parse(self, text: str) -> Rows:
        return [[_number(cell) for cell in row.split("_")] for row in text.split("*")]

    def _fitted(self, table: Rows, state: State) -> Rows:
        columns = self.columns(state) if callable(self.columns) else self.columns
        given = min(len(table), self.most) if self.rows is None else self.rows
        rows = given(state) if callable(given) else given
        return [
            [table[i][j] if i < len(table) and j < len(table[i]) else self.fill for j in range(columns)] for i in range(rows)
        ]


class Painted(Table):
    """Labels 0 … 35 on a grid, with runs in the address: "a12" is twelve times 10."""

    __slots__ = ()

    def write(self, value: Rows) -> str:
        """The value in an address."""
        runs = [(key, sum(1 for _ in run)) for key, run in itertools.groupby(int(cell) for cell in itertools.chain(*value))]
        return "".join(f"{_DIGITS[key]}.{count}." if count > 1 else f"{_DIGITS[key]}.." for key, count in runs)

    def _parse(self, text: str) -> Rows:
        if not re.fullmatch(r"(?:[0-9a-z]\.\d{0,4}\.)+", text):
            raise InputError(texts.NO_TABLE.format(label=self.label))
        rows, columns = self.rows, self.columns
        flat = [
            _DIGITS.index(key) for key, count in re.findall(r"([0-9a-z])\.(\d{0,4})\.", text) for _ in range(int(count or 1))
        ]
        if not isinstance(rows, int) or not isinstance(columns, int) or len(flat) != rows * columns:
            raise InputError(texts.NO_TABLE.format(label=self.label))
        return [[*flat[i : i + columns]] for i in range(0, len(flat), columns)]


Field = Number | Choice | Table


def read(fields: Iterable[Field], given: Mapping[str, Any]) -> tuple[State, list[str]]:
    """The state that is meant, and what could not be, one sentence each."""
    state: State = {}
    problems = []
    for field in fields:
        value = given.get(field.name)
        if value is None:
            state[field.name] = field.instead(None, state) if isinstance(field, Table) else field.default
            continue
        try:
            state[field.name] = field.read(value, state)
        except InputError as error:
            problems.append(str(error))
            state[field.name] = field.instead(value, state)
    return state, problems


def write(fields: Iterable[Field], state: State) -> dict[str, str]:
    """What an address must say: the fields that are not as they are by default."""
    said = {}
    for field in fields:
        default = field.instead(None, state) if isinstance(field, Table) else field.default
        if state[field.name] != default:
            said[field.name] = field.write(state[field.name])
    return said


def _number(given: Any) -> float:
    try:
        value = math.nan if isinstance(given, bool) else float(given)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise InputError(texts.NO_NUMBER.format(value=shortened(str(given))))
    return int(value) if value == int(value) else value


def _text(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
