"""Which side of a two-way cut is the object. The sign of an eigenvector means nothing, so this is a rule with a name."""

import torch
from torch import Tensor

from segcore.checks import check_choice

OBJECT_RULES = ("minority", "corners", "peak")


def object_side(side: Tensor, v: Tensor, *, h: int, w: int, rule: str) -> Tensor:
    """Choose the object among the two sides of a cut.

    Args:
        side: (n,) bool, one side, n = h·w row by row.
        v: (n,) the vector that was cut.
        h: rows of the grid.
        w: columns of the grid.
        rule: "minority": the side with fewer cells; "corners": the side with fewer of the four corner cells; "peak": the
            side of the first entry of largest |v|. A tie goes to the smaller side, then to the side without the first cell.

    Returns:
        (n,) bool, True on the object.

    Raises:
        InputError: the rule is unknown.

    Reference: minority, Melas-Kyriazi et al. 2022; corners, Wang et al. (CutLER) 2023; peak, Wang et al. (TokenCut) 2022.
    """
    check_choice("object_rule", rule, OBJECT_RULES)
    n = h * w
    if rule == "peak":
        return side if bool(side[v.abs().argmax()]) else ~side
    if rule == "corners":
        corners = side[torch.tensor([0, w - 1, n - w, n - 1], device=side.device)].sum()
        if int(corners) != 2:
            return side if int(corners) < 2 else ~side
    count = int(side.sum())
    swap = 2 * count > n or (2 * count == n and bool(side[0]))
    return ~side if swap else side
