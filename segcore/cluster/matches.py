"""Which patch of one picture is which patch of another: nearest by the cosine, both ways.

nn(i) = argmax_j cos(x_i, y_j),   nn'(j) = argmax_i cos(x_i, y_j);    i and j are best buddies where nn(i) = j, nn'(j) = i
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.cluster.kmeans import kmeans
from segcore.errors import InputError
from segcore.graph.neighbors import nearest_rows
from segcore.numerics import normalize_rows

_RESTARTS = 5  # of the k-means that spreads pairs


@dataclass(frozen=True, eq=False, slots=True)
class Matches:
    """The patches of two pictures, each with the most similar one of the other."""

    nearest: Tensor  # (n,) int64: that of the second picture for each patch of the first
    cosine: Tensor  # (n,): how similar it is, in [−1, 1]
    back: Tensor  # (m,) int64: that of the first picture for each patch of the second
    back_cosine: Tensor  # (m,)
    buddies: Tensor  # (b, 2) int64: pairs of patches that are each other's nearest, in the order of the first picture

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The best buddies."""
        return ((int(i), int(j)) for i, j in self.buddies)


def best_buddies(X: Tensor, Y: Tensor, *, figure: Tensor | None = None, other_figure: Tensor | None = None) -> Matches:
    """Match the patches of two pictures.

    Args:
        X: (n, d) features of the first, of any length.
        Y: (m, d) of the second.
        figure: (n,) bool, the patches of the first that may be in a pair. None: all.
        other_figure: (m,) bool, of the second.

    Returns:
        The nearest patch of each, and the pairs that are each other's. Among equals the first patch wins.

    Convention:
        As Amir et al. do it, neighbors are looked for in the whole pictures, and a figure only says which pairs count.

    Raises:
        InputError: features differ in length, or hold NaN.

    Cost: O(n m d); about 64 MB of working memory.

    Reference: Dekel, Oron, Rubinstein, Avidan and Freeman, best-buddies similarity, 2015; Amir, Gandelsman, Bagon and Dekel
        2021.
    """
    check_tensor("X", X, ("n", "d"))
    check_tensor("Y", Y, ("m", X.shape[1]))
    unit, other = normalize_rows(X), normalize_rows(Y)
    (cosine, nearest), (back_cosine, back) = nearest_rows(unit, other, 1), nearest_rows(other, unit, 1)
    there, here = nearest[:, 0], torch.arange(len(X), device=X.device)
    mutual = back[there, 0] == here
    if figure is not None:
        mutual &= figure.to(X.device)
    if other_figure is not None:
        mutual &= other_figure.to(X.device)[there]
    buddies = torch.stack([here[mutual], there[mutual]], 1)
    return Matches(there, cosine[:, 0].clamp(-1, 1), back[:, 0], back_cosine[:, 0].clamp(-1, 1), buddies)


def spread_pairs(X: Tensor, Y: Tensor, matches: Matches, *, n_pairs: int, salience: Tensor | None = None) -> Tensor:
    """Some of the best buddies, as unlike each other as they come.

    Args:
        X: (n, d) features of the first picture.
        Y: (m, d) of the second.
        matches: of these.
        n_pairs: k, from 1; all pairs where there are no more.
        salience: (b,) of each pair of `matches.buddies`: which one of a cluster is taken. None: its cosine.

    Returns:
        (min(k, b), 2) int64 pairs, the most salient first.

    Convention:
        k-means parts the pairs, each as the two unit features side by side, into k clusters, and each gives its most salient
        pair. Amir et al. take as salience the mean attention of [CLS] to both patches.

    Raises:
        InputError: n_pairs is below 1, or a shape does not fit.

    Cost: k-means on b rows of 2 d numbers. Deterministic.
    """
    check_range("n_pairs", n_pairs, lo=1)
    pairs = matches.buddies
    worth = matches.cosine[pairs[:, 0]] if salience is None else salience
    check_tensor("salience", worth, (len(pairs),))
    if not len(pairs):
        return pairs
    rows = torch.cat([normalize_rows(X)[pairs[:, 0]], normalize_rows(Y)[pairs[:, 1]]], 1)
    k = min(n_pairs, len(pairs))
    found = kmeans(rows, n_clusters=k, n_init=_RESTARTS, generator=torch.Generator().manual_seed(0)).labels
    order = worth.argsort(descending=True, stable=True)
    taken: dict[int, int] = {}
    for i in order.tolist():
        taken.setdefault(int(found[i]), i)
    return pairs[list(taken.values())]


def mirror_error(matches: Matches, *, h: int, w: int, width: float) -> Tensor:
    """How far the matches of a picture with its own mirror image are from the truth, which is known.

    Args:
        matches: of the patches of a picture with those of its mirror image, both row by row.
        h: rows of both grids.
        w: columns.
        width: of the picture in patches: w less what its last column covers of border extension.

    Returns:
        (h·w,) distance of each patch's match from its own place in the mirror image, in patches.

    Raises:
        InputError: the grid has another number of patches.
    """
    n = len(matches.nearest)
    if n != h * w or len(matches.back) != n:
        raise InputError(f"{h} × {w} patches are {h * w}; the matches have {n}.", field="matches")
    here = torch.arange(n, device=matches.nearest.device)
    rows = (matches.nearest // w - here // w).double()
    columns = matches.nearest % w + 0.5 - (width - (here % w + 0.5))
    return (rows.square() + columns.double().square()).sqrt()
