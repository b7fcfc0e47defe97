"""What claims can say of a playground in a state: what its view shows."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from demo.playgrounds import fields
from demo.playgrounds.asked import NAME
from demo.playgrounds.data import Labels, Pictures
from demo.playgrounds.games import PLAYGROUNDS
from demo.playgrounds.playground import Playground
from demo.playgrounds.show import Block, View
from demo.shared.claims import Book
from demo.shared.link import CARRIED
from demo.shared.service import Service
from segcore.errors import InputError


@dataclass(frozen=True, eq=False, slots=True)
class _State:
    playground: Playground
    view: View

    def blocks(self, kind: str) -> Iterator[Block]:
        """Its parts of a kind."""
        return (block for row in self.view["rows"] for block in row if block["block"] == kind)

    def table(self, key: str) -> Block:
        """One of its tables."""
        tables = {table["id"]: table for table in self.blocks("table") if "values" in table}
        if key not in tables:
            raise InputError(f"The playground shows no table {key!r}. It shows: {', '.join(tables)}.")
        return tables[key]


def _open(service: Service, query: Mapping[str, str]) -> _State:
    name = query.get(NAME, next(iter(PLAYGROUNDS)))
    if name not in PLAYGROUNDS:
        raise InputError(f"There is no playground {name!r}. There are: {', '.join(PLAYGROUNDS)}.")
    playground = PLAYGROUNDS[name]
    state, problems = fields.read(playground.fields, query)
    if problems:
        raise InputError(" ".join(problems))
    labels = Labels(service)
    source = Pictures(service, query, labels)
    if playground.has_picture and state.get("on") == "picture":
        labels.compute(source.path, source.settings)
    return _State(playground, playground.view(state, source))


def cell(state: _State, table: str, row: int, column: int) -> float:
    """A cell of a table by the table's key, row and column, counted from 0."""
    return float(state.table(table)["values"][row][column])


def rows(state: _State, table: str) -> int:
    """Number of rows of a table."""
    return len(state.table(table)["values"])


def columns(state: _State, table: str) -> int:
    """Number of columns of a table."""
    return len(state.table(table)["values"][0])


def value(state: _State, symbol: str) -> float | str:
    """What stands first at a symbol in the lines of facts: a number, with or without bits or px, or the text."""
    shown: dict[str, str] = {}
    for row in (row for block in state.blocks("facts") for row in block["rows"]):
        shown.setdefault(row[0], row[1])
    if symbol not in shown:
        raise InputError(f"The playground shows no {symbol!r}. It shows: {', '.join(filter(None, shown))}.")
    told = shown[symbol].replace("−", "-").replace(",", "")
    try:
        return float(re.sub(r" (bits|px)$", "", told))
    except ValueError:
        return shown[symbol]


def spread(state: _State, table: str) -> float:
    """The largest value of a table less the smallest."""
    cells = [cell for row in state.table(table)["values"] for cell in row]
    return float(max(cells) - min(cells))


def checks(state: _State) -> bool:
    """Whether all that the playground tries just now holds."""
    return all(ok for block in state.blocks("checks") for ok, _ in block["rows"])


_FACTS = (cell, rows, columns, value, spread, checks)


def _names(query: Mapping[str, Any]) -> set[str]:
    playground = PLAYGROUNDS.get(query.get(NAME, ""))
    return {*CARRIED, NAME, "cover", *(field.name for field in playground.fields if playground)} if playground else {NAME}


BOOK = Book(_open, {fact.__name__: fact for fact in _FACTS}, _names)
