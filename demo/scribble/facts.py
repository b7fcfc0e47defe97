"""What claims can say of strokes and what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import torch

from demo.scribble.asked import OPTIONS, in_link, options_of_link, strokes_of_link
from demo.scribble.data import start_strokes
from demo.shared.claims import Book
from demo.shared.link import CARRIED, read_link
from demo.shared.service import Service
from segcore.errors import InputError
from segcore.scribble.scribble import Scribbled, scribble


@dataclass(frozen=True, eq=False, slots=True)
class _State:
    result: Scribbled


def _open(service: Service, query: Mapping[str, str]) -> _State:
    linked = read_link(service, query)
    strokes = strokes_of_link(service, query)
    if strokes is None and linked.example is not None:
        strokes = start_strokes(linked.example.id)
    if not strokes:
        raise InputError("There are no strokes in this state.")
    return _State(scribble(service.pipeline, linked.picture, linked.settings, strokes, options_of_link(query)))


def label(state: _State, row: float, column: float) -> int:
    """Label at a place, given as shares of height and width."""
    height, width = state.result.label_map.shape
    return int(state.result.label_map[int(row * height), int(column * width)])


def area(state: _State, label: int) -> float:
    """Share of the pixels that a label has."""
    return float((state.result.label_map == label).double().mean())


def pieces(state: _State, label: int) -> int:
    """Number of pieces of a label that are at least 0.1 % of the picture."""
    mask = (state.result.label_map == label).to(torch.uint8).numpy()
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    return sum(int(s[cv2.CC_STAT_AREA]) >= mask.size / 1000 for s in stats[1:])


def energy(state: _State) -> float:
    """Energy of the labels that the cut found."""
    if state.result.cut is None:
        raise InputError("This method has no energy.")
    return float(state.result.cut.energy)


def flow(state: _State) -> float:
    """Maximum flow, with what the rest pays; equal to the energy where the cut is exact."""
    if state.result.cut is None or state.result.cut.flow is None:
        raise InputError("There is no flow here: it needs the graph cut, and two labels.")
    return float(state.result.cut.flow)


_FACTS = (label, area, pieces, energy, flow)


def _names(_query: Mapping[str, str]) -> set[str]:
    return {*CARRIED, *map(in_link, OPTIONS), "strokes", "names"}


BOOK = Book(_open, {fact.__name__: fact for fact in _FACTS}, _names)
