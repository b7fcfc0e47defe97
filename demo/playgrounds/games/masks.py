"""Boxes and masks: what a shift costs in IoU and in Dice."""

import numpy as np
from numpy.typing import NDArray

from demo.playgrounds import show, texts
from demo.playgrounds.fields import Choice, Number, State
from demo.playgrounds.playground import Playground, Preset, Source
from demo.playgrounds.show import View, number
from segcore.show.palette import NEUTRAL, PALETTE

HEIGHT, WIDTH = 16, 28  # cells
TOP, LEFT = 4, 7  # of the truth

Mask = NDArray[np.bool_]


def view(state: State, _source: Source) -> View:
    """The truth and the shifted mask on one grid, and their scores."""
    size = (state["height"], state["width"])
    truth = _mask(state["shape"], size, TOP, LEFT)
    found = _mask(state["shape"], size, TOP + state["down"], LEFT + state["right"])
    both, either = int((truth & found).sum()), int((truth | found).sum())
    sides = int(truth.sum()), int(found.sum())
    boxes = [_mask("box", size, TOP + down, LEFT + right) for down, right in ((0, 0), (state["down"], state["right"]))]
    box_both, box_either = int((boxes[0] & boxes[1]).sum()), int((boxes[0] | boxes[1]).sum())
    labels = [(texts.NEITHER, NEUTRAL), *zip(texts.MASK_PARTS, PALETTE.hex(3), strict=True)]
    grid = {
        "block": "paint", "id": "masks", "title": texts.TITLES["masks"], "edit": None,
        "values": (truth + 2 * found.astype(int)).tolist(),
        "labels": [{"title": name, "color": color} for name, color in labels],
    }  # fmt: skip
    facts = show.facts(
        ("IoU", number(both / either), f"|A ∩ B| / |A ∪ B| = {both} / {either}"),
        ("Dice", number(2 * both / sum(sides)), f"2 |A ∩ B| / (|A| + |B|) = 2·{both} / ({sides[0]} + {sides[1]})"),
        (texts.BOX_IOU, number(box_both / box_either), f"{box_both} / {box_either}"),
        (texts.OVERLAPPED, number(both / sides[0]), f"|A ∩ B| / |A| = {both} / {sides[0]}"),
    )
    return {"rows": [[grid, facts]]}


def _mask(shape: str, size: tuple[int, int], top: int, left: int) -> Mask:
    """(HEIGHT, WIDTH): a box, or the ellipse that fills it."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    y, x = (y - top + 0.5) / size[0], (x - left + 0.5) / size[1]
    if shape == "box":
        return np.array((abs(y - 0.5) < 0.5) & (abs(x - 0.5) < 0.5))
    return np.array((y - 0.5) ** 2 + (x - 0.5) ** 2 < 0.25)


PLAYGROUND = Playground(
    "masks",
    "Boxes and masks",
    texts.LEADS["masks"],
    r"$\text{IoU} = \frac{|A \cap B|}{|A \cup B|}$, and "
    r"$\text{Dice} = \frac{2 |A \cap B|}{|A| + |B|} = \frac{2\, \text{IoU}}{1 + \text{IoU}}$",
    (
        Choice("shape", "Shape", "box", {"box": "a box", "ellipse": "an ellipse"}),
        Number("width", "Width", 10, 1, 14),
        Number("height", "Height", 8, 1, 8),
        Number("right", "Shift to the right", 1, -7, 7),
        Number("down", "Shift down", 0, -4, 4),
    ),
    (
        Preset("Shifted by a tenth of the width", "001.1", {}),
        Preset("IoU ½: shifted by a third", "001.1", {"width": 12, "right": 4}),
        Preset("An ellipse, shifted", "001.1", {"shape": "ellipse"}),
        Preset("Small things suffer more", "001.1", {"width": 3, "height": 3}),
    ),
    view,
)
