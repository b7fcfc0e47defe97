"""Which side of a two-way cut is the object. The sign of an eigenvector means nothing, so this is a rule with a name."""

import torch
from torch import Tensor

from segcore.checks import check_choice

OBJECT_RULES = ("minority", "corners", "peak", "border")

NO_STRUCTURE_NCUT = 1.0  # of every cut, where W_ij = d_i d_j / Σ d: edges know nothing but the degrees
WEAK_NCUT = 0.9  # of that


def object_side(side: Tensor, v: Tensor, *, h: int, w: int, rule: str) -> Tensor:
    """Choose the object among the two sides of a cut.

    Args:
        side: (n,) bool, one side, n = h·w row by row.
        v: (n,) the vector that was cut.
        h: rows of the grid.
        w: columns of the grid.
        rule: "minority": the side with fewer cells; "corners": the side with fewer of the four corner cells; "peak": the
            side of the first entry of largest |v|; "border": the side that holds the smaller share of `border_cells`. A tie
            goes to the smaller side, then to the side without the first cell.

    Returns:
        (n,) bool, True on the object.

    Raises:
        InputError: the rule is unknown.

    Reference: minority, Melas-Kyriazi et al. 2022; corners, Wang et al. (CutLER) 2023; peak, Wang et al. (TokenCut) 2022;
        border, the published Deep Spectral code, which takes the segment with the largest share of the border as background.
    """
    check_choice("object_rule", rule, OBJECT_RULES)
    n = h * w
    if rule == "peak":
        return side if bool(side[v.abs().argmax()]) else ~side
    voting = {"corners": corner_cells, "border": border_cells}.get(rule)
    voters = side[:0] if voting is None else voting(side.reshape(h, w))
    votes = 2 * int(voters.sum()) - len(voters)
    if votes != 0:
        return side if votes < 0 else ~side
    count = int(side.sum())
    swap = 2 * count > n or (2 * count == n and bool(side[0]))
    return ~side if swap else side


def named_rule(rule: str, *, flip: bool = False) -> str:
    """The rule as a fact of a result: its name, and whether the other side was taken."""
    return f"{rule}, swapped" if flip else rule


def corner_cells(labels: Tensor) -> Tensor:
    """(4,) the labels (h, w) of the cells at the corners; on a grid one cell wide a cell is two corners."""
    return labels[[0, 0, -1, -1], [0, -1, 0, -1]]


def border_cells(labels: Tensor) -> Tensor:
    """(2 h + 2 w,) the labels (h, w) of the cells along each side of the grid: those at corners come twice.

    Reference: `get_border_fraction` of the published Deep Spectral code.
    """
    return torch.cat([labels[0], labels[-1], labels[:, 0], labels[:, -1]])


def weak_cut_notes(ncut: float, *, knn_share: float = 0.0) -> tuple[str, ...]:
    """A remark where a cut is about as bad as any cut of a graph without structure, so that it may part no object.

    Args:
        ncut: of the two sides.
        knn_share: share of the sum of W that comes from λ W_knn, in [0, 1].

    Where edges follow from the degrees alone, W_ij = d_i d_j / Σ d, cut(A, B) = vol A · vol B / Σ d, and so Ncut = 1 for
    every cut. Neighbors in color and position, though, can be parted in any picture by a line that cuts few of their edges,
    so only the other share of W can be expected to be cut: Ncut ≈ 1 − knn_share.

    Ncut / (1 − knn_share) measured with two small vision transformers, λ = 10: 0.86 to 1.04 on flat color with and without
    noise, gravel and grass; 0.80 to 0.86 on bricks and smooth blobs, which have some structure; 0.08 to 0.89 on 15 of 18
    photographs, and 0.87 to 1.00 on the other three. TokenCut and MaskCut, without W_knn: 0.97 to 0.99 on noise, gravel and
    grass, 0.06 to 0.91 on 16 of 18 photographs. Hence the bound of 0.9. Where position is among the features, as in color
    features, even noise is cut at 0.1 to 0.5, as photographs are, and no bound can tell them apart.
    """
    expected = NO_STRUCTURE_NCUT - knn_share
    if ncut < WEAK_NCUT * expected:
        return ()
    return (
        f"The cut is weak: its Ncut is {ncut:.2f}, and a graph without structure would have about {expected:.2g}. "
        "There may be no object.",
    )
