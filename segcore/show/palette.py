"""Colors with a meaning: one for each segment, a diverging ramp for signed values, a sequential one for amounts.

The first eight segment colors were searched for: laid at 55 % over dark, gray and light ground, any two of them differ by
ΔE 13 (CIEDE2000) or more, for normal vision and for simulated protanopia, deuteranopia and tritanopia. The others were added
one by one, each the farthest (in OKLab) from all before it and from the neutral gray, for the same four.
"""

import colorsys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEUTRAL = "#8c8c8c"  # the background of object methods

_SEGMENTS = (
    "#007dff", "#ff9e00", "#50ffca", "#7f1447", "#b3d0ff", "#413a00", "#0c00c5",
    "#9c8657", "#765498", "#dcfe10", "#985410", "#ba98fe", "#76baba", "#1032fe",
    "#321076", "#10dc98", "#107654", "#761098", "#dcdc54", "#541032",
)  # fmt: skip

# From −max over 0 to +max. Both arms lose lightness at the same rate, and blue against orange survives color blindness.
DIVERGING = (
    "#0a2f5c", "#1c66a6", "#66a9d6", "#bcd9ec", "#f7f7f5", "#f9cc9c", "#e2883c", "#a0450a", "#541c02",
)  # fmt: skip

# What is the matter with a pixel, told apart on a dark gray picture, in the order of `segcore.evaluate.compare`.
ERRORS = ("#404040", "#d55e00", "#cc79a7", "#56b4e9", "#e69f00", "#8c8c8c")

# From the lowest to the highest value: viridis (van der Walt and Smith 2015, CC0), which rises evenly in lightness.
SEQUENTIAL = (
    "#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Palette:
    """One color per label.

    Past its own colors a palette goes on with lighter and darker versions of them, so that it never ends.
    """

    segments: tuple[str, ...] = _SEGMENTS
    background: str | None = None  # color of label 0 where label 0 is not a segment but what lies behind

    def hex(self, n: int) -> tuple[str, ...]:
        """Colors of the labels 0 … n − 1 as `#rrggbb`."""
        head = () if self.background is None else (self.background,)
        tail = tuple(_variant(self.segments, i) for i in range(max(n - len(head), 0)))
        return (head + tail)[:n]

    def rgb(self, n: int) -> NDArray[np.uint8]:
        """(n, 3): the same colors as numbers."""
        return hex_to_rgb(self.hex(n))


def hex_to_rgb(colors: tuple[str, ...]) -> NDArray[np.uint8]:
    """(n, 3): the red, green and blue of `#rrggbb` colors."""
    return np.array([tuple(bytes.fromhex(color[1:])) for color in colors], dtype=np.uint8).reshape(-1, 3)


def _variant(colors: tuple[str, ...], i: int) -> str:
    turn, place = divmod(i, len(colors))
    if turn == 0:
        return colors[place]
    red, green, blue = (byte / 255 for byte in bytes.fromhex(colors[place][1:]))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    shift = 0.44 * ((0.5 + turn * 0.618034) % 1.0 - 0.5)  # golden steps keep the turns apart, some lighter, some darker
    lightness = min(max(lightness + shift, 0.18), 0.88)
    return "#" + bytes(round(255 * c) for c in colorsys.hls_to_rgb(hue, lightness, saturation)).hex()


PALETTE = Palette()
OBJECT_PALETTE = Palette(background=NEUTRAL)
