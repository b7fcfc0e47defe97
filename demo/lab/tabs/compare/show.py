"""What came of a contender, as a cell of the grid and a place on the sheet."""

import uuid
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from demo.lab import show, texts
from demo.lab.components.comparison import Cell, ComparisonValue
from demo.lab.tabs.compare.asked import CONTENDERS
from demo.shared.contact_sheet import Captioned
from demo.shared.numbered import places
from demo.shared.service import Service
from segcore.show.color_match import BEHIND, matched_palette
from segcore.show.files import jpeg
from segcore.show.paint import Picture
from segcore.show.palette import Palette
from segcore.types import Segmentation, StageReport

_SHARED = ("weights", "features")  # stages that all methods have in common


@dataclass(frozen=True, eq=False, slots=True)
class Painted:
    """The result of one method, in colors that agree with those of the others."""

    result: Segmentation
    overlay: Picture
    label_map: NDArray[np.integer]  # of the size of the overlay
    colors: NDArray[np.int64]  # color index of each label, as of `match_colors`

    @property
    def palette(self) -> Palette:
        """The colors of the labels."""
        return matched_palette(self.colors)


class Grid:
    """What the grid shows, as results come in."""

    def __init__(self, picture: str, keys: tuple[str, ...]):
        self._picture = picture
        self._cells: dict[str, Cell] = {k: {"method": k, "title": CONTENDERS[k].title, "state": "waiting"} for k in keys}
        self._size = (3, 4)  # until a result says better
        self._colors = ""  # whose colors the others follow
        self._run = uuid.uuid4().hex

    def take(self, service: Service, key: str, what: StageReport | Painted | str | None) -> None:
        """Note that a contender begins, a stage of it, its result or its failure."""
        title = CONTENDERS[key].title
        if isinstance(what, Painted) and not self._colors:
            self._size = what.overlay.shape[:2]
            self._colors = texts.COMPARE_REFERENCE.format(title=title)
        if key not in self._cells:
            return  # the main result lends its colors only
        cell: Cell = {"method": key, "title": title, "state": "running"}
        match what:
            case StageReport():
                cell["line"] = f"{texts.STAGES[what.name]} · {show.seconds(what.seconds)} …"
            case Painted():
                picture = service.publish(jpeg(what.overlay), f"{key}.jpg")
                cell |= cast(Cell, {"state": "done", "picture": picture, **_told(what, title, self._picture)})
            case str():
                cell |= {"state": "failed", "line": what}
        self._cells[key] = cell

    def value(self, *, running: bool) -> ComparisonValue:
        """The value of the grid."""
        cells, (height, width) = list(self._cells.values()), self._size
        n = sum(cell["state"] in ("done", "failed") for cell in cells)
        count = texts.COMPARE_STATUS.format(n=n, total=len(cells))
        status = " · ".join(filter(None, (count, self._colors)))
        return {"run": self._run, "running": running, "status": status, "width": width, "height": height, "cells": cells}


def _told(painted: Painted, title: str, picture: str) -> dict[str, Any]:
    """What the cell of a result says beside its picture."""
    result, hexes = painted.result, painted.palette.hex(len(painted.colors))
    by_color = sorted(result.segments, key=lambda s: (painted.colors[s.label] == BEHIND, painted.colors[s.label]))
    count = _count(result)
    return {
        "alt": texts.COMPARE_ALT.format(title=title, count=count, picture=picture),
        "facts": [count, _cost(result)],
        "notes": list(dict.fromkeys(note for stage in _own_stages(result) for note in stage.notes)),
        "areas": [(hexes[s.label], s.area_fraction) for s in by_color],
        "numbers": [(int(c) + 1, *at) for k, at in places(painted.label_map) if (c := painted.colors[k]) != BEHIND],
    }


def _count(result: Segmentation) -> str:
    segments = _number(result.n_segments, "segment")
    if not result.has_background:
        return segments
    return f"{segments} ({_number(sum(segment.label > 0 for segment in result.segments), 'object')})"


def _number(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _cost(result: Segmentation) -> str:
    """What the method took, and how much of it was remembered."""
    stages = _own_stages(result)
    total, remembered = sum(s.seconds for s in stages), sum(s.seconds for s in stages if s.cached)
    words = {"seconds": show.seconds(total), "remembered": show.seconds(remembered)}
    if all(s.cached for s in stages):
        return texts.COMPARE_REMEMBERED.format(**words)
    return (texts.COMPARE_PARTLY if remembered >= 0.001 else texts.COMPARE_SECONDS).format(**words)


def _own_stages(result: Segmentation) -> list[StageReport]:
    return [stage for stage in result.stages if stage.name not in _SHARED]


def captioned(key: str, what: Painted | str) -> Captioned:
    """A contender on the sheet."""
    title = CONTENDERS[key].title
    if isinstance(what, str):
        return Captioned(title, (what,))
    cost = show.seconds(sum(stage.seconds for stage in _own_stages(what.result)))
    return Captioned(title, (f"{_count(what.result)} · {cost}", *what.result.stages[-1].notes), what.overlay)
