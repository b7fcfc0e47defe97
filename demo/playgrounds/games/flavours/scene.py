"""A street of 16 × 24 pixels, drawn for this page, with everything that one may ask of a pixel."""

from dataclasses import dataclass

import numpy as np

_DRAWN = (
    "........................",
    "...,,,.........ttt......",
    "..,,,,,.......ttttt.....",
    ".............ttttttt....",
    ".............ttttttt....",
    "..............ttttt.....",
    "....H..........TTT...h..",
    "...PPP....aaaa..T...ppp.",
    "...PPP...aaaaaabbbb.ppp.",
    "___PPP__AAAAAAAAbbbbppp_",
    "___L_L_AAAAAAAAAABBBl_l_",
    "___L_L_AAAAAAAAAABBBl_l_",
    "_______A11AAAA11A22B____",
    "________11____11_22_____",
    "------___------___------",
    "________________________",
)
CLASSES = ("sky", "road", "tree", "car", "person")
THINGS = (3, 4)
SEGMENTS = ("sky", "road", "tree", "car 1", "car 2", "person 1", "person 2", "car 3", "person 3")
CLASS_OF = np.array([0, 1, 2, 3, 3, 4, 4, 3, 4])
INSTANCE_OF = np.array([0, 0, 0, 1, 2, 1, 2, 3, 3])
PARTS = ("no part", "window", "body", "wheel", "head", "torso", "leg", "crown", "trunk")


@dataclass(frozen=True, slots=True)
class _Ink:
    segment: int
    part: int
    color: str


_INKS = {
    ".": _Ink(0, 0, "#a9d3ee"), ",": _Ink(0, 0, "#f3f7fa"), "_": _Ink(1, 0, "#77767b"), "-": _Ink(1, 0, "#e8e4d0"),
    "t": _Ink(2, 7, "#3d8b48"), "T": _Ink(2, 8, "#7a5230"),
    "a": _Ink(3, 1, "#cfe6f2"), "A": _Ink(3, 2, "#c8322c"), "1": _Ink(3, 3, "#1d1d20"),
    "b": _Ink(4, 1, "#dcecf3"), "B": _Ink(4, 2, "#2f55a4"), "2": _Ink(4, 3, "#26262a"),
    "H": _Ink(5, 4, "#e7b98f"), "P": _Ink(5, 5, "#f0c419"), "L": _Ink(5, 6, "#2b3a55"),
    "h": _Ink(6, 4, "#8a5a3c"), "p": _Ink(6, 5, "#7b3f98"), "l": _Ink(6, 6, "#3a3a3a"),
}  # fmt: skip


def _grid(name: str) -> np.ndarray:
    return np.array([[getattr(_INKS[ink], name) for ink in row] for row in _DRAWN])


TRUTH = _grid("segment")
PART = _grid("part")
COLORS = _grid("color")
SHAPE = TRUTH.shape
