"""Colors that agree between several results for one picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segcore.metrics import contingency, match_labels
from segcore.show.paint import checked_labels, count_labels
from segcore.show.palette import NEUTRAL, PALETTE, Palette

BEHIND = -1  # the color index of what lies behind objects: neutral
_OPEN = -2  # no color yet


def match_colors(
    label_map: NDArray[np.integer],
    earlier: Sequence[tuple[NDArray[np.integer], NDArray[np.integer]]] = (),
    *,
    has_background: bool = False,
) -> NDArray[np.int64]:
    """Choose colors for the segments of one picture such that the same thing has the same color in several results.

    The segments are matched one to one with those of the first earlier result, so that matched segments share as many pixels
    as can be (Hungarian assignment). What finds no partner there may find one among the segments of the later results whose
    color is still free, result by result. What finds none at all takes colors that nobody wears.

    Args:
        label_map: (height, width) labels 0, 1, ….
        earlier: the results before this one, the reference first: a label map of the same size, and what this function
            returned for it.
        has_background: label 0 is what lies behind objects. It stays neutral, and matches nothing.

    Returns:
        (n_labels,): for each label a color index: 0, 1, … into a palette, or BEHIND. No index but BEHIND occurs twice.
        Without earlier results the indices ascend from 0, which are the colors that a result has on its own.

    Raises:
        ValueError: label_map is no map of labels.
        InputError: the maps differ in size.

    Cost: one pass over the pixels and one assignment for each earlier result, until all segments have found a color.
    """
    label_map = checked_labels(label_map)
    present = _present(label_map)
    colors = np.full(count_labels(label_map), _OPEN, dtype=np.int64)
    if has_background:
        colors[0] = BEHIND
    for other_map, other_colors in earlier:
        others = _present(other_map)
        rows = np.flatnonzero(colors[present] == _OPEN)
        columns = np.flatnonzero((other_colors[others] != BEHIND) & ~np.isin(other_colors[others], colors))
        if not len(rows):
            break
        shared = contingency(label_map, other_map)[np.ix_(rows, columns)]
        for row, column in enumerate(match_labels(shared)):
            if column >= 0 and shared[row, column]:
                colors[present[rows[row]]] = other_colors[others[columns[column]]]
    worn = max((int(c.max(initial=BEHIND)) for _, c in earlier), default=BEHIND)
    alone = np.flatnonzero(colors == _OPEN)
    colors[alone] = worn + 1 + np.arange(len(alone))
    return colors


def matched_palette(colors: NDArray[np.integer], palette: Palette = PALETTE) -> Palette:
    """The palette in which label i has the color that `match_colors` chose for it."""
    chosen = palette.hex(int(colors.max(initial=BEHIND)) + 1)
    return Palette(segments=tuple(NEUTRAL if c == BEHIND else chosen[c] for c in colors))


def _present(label_map: NDArray[np.integer]) -> NDArray[np.int64]:
    """The labels that occur, ascending."""
    return np.flatnonzero(np.bincount(label_map.ravel()))
