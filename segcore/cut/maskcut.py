"""MaskCut: TokenCut again and again, each time without the patches that were found before.

Round i: features of the patches taken so far become 0, so that only ε joins them to anything; W, v and its mean as in
TokenCut; the object is the 4-connected component of the highest entry on the side that is not the picture's frame.

(Wang et al., Cut and learn for unsupervised object detection and instance segmentation, CVPR 2023.)
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.cut.components import component_at
from segcore.cut.foreground import corner_cells, named_rule, weak_cut_notes
from segcore.cut.ncut import ncut_value
from segcore.cut.tokencut import EDGE_FLOOR, NO_STRUCTURE, binary_affinity, is_uniform, peak, second_vector
from segcore.graph.laplacian import degrees
from segcore.types import Clustering, Round, Spectrum

_MOST_OVERLAP = 0.5  # intersection over union with the round before; above, the round found the same thing again
_LEAST_AREA = 0.01  # share of the grid that a mask must exceed, from the second round on


@dataclass(frozen=True, eq=False, slots=True)
class _Round:
    """One cut, and the mask that it gave."""

    v: Tensor  # (n,) float64, with the object at its high end
    eigenvalue: float
    residual: float
    ncut: float
    mask: Tensor  # (h, w) bool
    side: Tensor  # (n,) bool, of the object
    degree: Tensor  # (n,) float64
    taken: Tensor  # (h, w) bool, by the rounds before
    remark: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class MaskCutState:
    """One of the looks that MaskCut takes in a round, on the grid's cells in their order."""

    name: str  # "similarity-1", "vector-1", "mask-1", "similarity-2", …
    phase: str  # "similarity", "vector" or "mask"
    round: int
    degree: Tensor  # (n,) float64: edges of weight 1 of each patch, and ε for each of the others
    v: Tensor  # (n,) float64, the object at its high end
    side: Tensor  # (n,) bool: v > mean v
    seed: int  # patch of the highest entry
    mask: Tensor  # (n,) bool: what the round adds; empty where it is dropped
    out: Tensor  # (n,) bool: taken by the rounds before
    labels: Tensor  # (n,) int64: 0, and the number of each object kept so far, this round's included in phase "mask"
    ncut: float
    eigenvalue: float
    remark: str  # why the round's mask was dropped; empty where it was kept


def maskcut(f: Tensor, *, n_objects: int = 3, tau: float = 0.15) -> Tensor:
    """Find several objects, one after the other.

    Args:
        f: (h, w, d) features, not yet normalized, on a grid of any shape.
        n_objects: rounds, ≥ 1.
        tau: τ in [−1, 1], cosine above which two patches are joined.

    Returns:
        masks (m, h, w) bool, m ≤ n_objects, none empty, no two of them overlapping, in the order they were found.

    Convention:
        The published code squashes pictures to squares and asks for square grids; nothing in the rules needs that, so the
        grid keeps the picture's shape. It reverses a side with three corners only if the eigenvector came out of LAPACK
        with that side positive, which is chance; here three corners always make a side the background, and else the side
        of arg max |v| is the object. A mask that is dropped counts as empty in the comparison of the next round, as there.

    Raises:
        InputError: f is not (h, w, d) or holds NaN, or a number is out of range.

    Cost: that of TokenCut for each round that changes the graph.

    Reference: Wang et al. 2023, section 3.2.
    """
    h, w = _check(f, n_objects)
    kept = [r.mask for r in _rounds(f, n_objects, tau) if bool(r.mask.any())]
    return torch.stack(kept) if kept else torch.zeros(0, h, w, dtype=torch.bool, device=f.device)


def maskcut_objects(f: Tensor, *, n_objects: int = 3, tau: float = 0.15) -> Clustering:
    """The same as a clustering: label 0 is the background, 1 … m the objects; its spectrum has the vector of each round."""
    h, w = _check(f, n_objects)
    rounds = list(_rounds(f, n_objects, tau))
    labels = torch.zeros(h * w, dtype=torch.int64, device=f.device)
    kept = [r.mask.flatten() for r in rounds if bool(r.mask.any())]
    for label, mask in enumerate(kept, 1):
        labels[mask] = label
    notes = [*weak_cut_notes(rounds[0].ncut)] if rounds else [NO_STRUCTURE]
    if rounds and len(kept) < n_objects:
        notes.append(f"{len(kept)} of {n_objects} rounds found an object, the others the same one again, or too little.")
    return Clustering(
        labels=labels,
        objective=sum(r.ncut for r in rounds),
        n_iter=len(rounds),
        converged=True,
        facts={
            "objects": len(kept),
            "object": named_rule("corners"),
            **{f"ncut_{i}": r.ncut for i, r in enumerate(rounds, 1)},
        },
        notes=tuple(notes),
        has_background=True,
        spectrum=_spectrum_of(rounds),
        rounds=tuple(_told(r) for r in rounds),
    )


def maskcut_steps(f: Tensor, *, n_objects: int = 3, tau: float = 0.15) -> Iterator[MaskCutState]:
    """The run of `maskcut` with the same arguments, three looks at each round.

    Yields:
        Three states per round; none where the first graph has no structure. The labels of the last one are those of
        `maskcut_objects`.

    Raises:
        InputError: as `maskcut`.
    """
    h, w = _check(f, n_objects)
    labels, kept = torch.zeros(h * w, dtype=torch.int64, device=f.device), 0
    for i, r in enumerate(_rounds(f, n_objects, tau), 1):
        mask, out = r.mask.flatten(), r.taken.flatten()
        after = labels.clone()
        if bool(mask.any()):
            kept += 1
            after[mask] = kept
        for phase, now in (("similarity", labels), ("vector", labels), ("mask", after)):
            yield MaskCutState(
                f"{phase}-{i}", phase, i, r.degree, r.v, r.side, peak(r.v - r.v.min()), mask, out, now, r.ncut, r.eigenvalue,
                r.remark,
            )  # fmt: skip
        labels = after


def _check(f: Tensor, n_objects: int) -> tuple[int, int]:
    """Check the arguments; returns h and w."""
    check_tensor("f", f, ("h", "w", "d"))
    check_range("n_objects", n_objects, lo=1)
    return f.shape[0], f.shape[1]


def _rounds(f: Tensor, n_objects: int, tau: float) -> Iterator[_Round]:
    """All rounds, up to the one whose graph has no structure left; their masks are disjoint and may be empty."""
    nothing = torch.zeros(f.shape[:2], dtype=torch.bool, device=f.device)
    taken = before = nothing
    fresh = ~nothing
    for i in range(n_objects):
        # A round that took nothing leaves the graph, and so its cut, as they were.
        if bool(fresh.any()):
            cut = _cut(f * ~taken[..., None], tau)
        if cut is None:
            break
        why = _useless(cut.mask, before) if i > 0 else ""
        mask = nothing if why else cut.mask
        fresh = mask & ~taken
        if not why and not bool(fresh.any()):
            why = "Dropped: all that it found was found before."
        yield dataclasses.replace(cut, mask=fresh, taken=taken, remark=why)
        before, taken = mask, taken | mask


def _useless(mask: Tensor, before: Tensor) -> str:
    """Why a mask is dropped; empty where it is kept."""
    if _overlap(before, mask) > _MOST_OVERLAP:
        return "Dropped: it found the object of the round before again."
    if int(mask.sum()) <= _LEAST_AREA * mask.numel():
        return f"Dropped: it found not more than {_LEAST_AREA:.0%} of the picture."
    return ""


def _cut(f: Tensor, tau: float) -> _Round | None:
    """One cut of what is left; None where there is nothing to cut."""
    h, w = f.shape[:2]
    W = binary_affinity(f.flatten(0, 1), tau=tau, edge_floor=EDGE_FLOOR)
    if is_uniform(W):
        return None
    spectrum = second_vector(W)
    v = spectrum.fiedler
    side = v > v.mean()
    corners = int(corner_cells(side.reshape(h, w)).sum())
    if corners > 2 or (corners == 2 and not bool(side[peak(v)])):
        v, side = -v, ~side
    mask = component_at(side.reshape(h, w), peak(v - v.min()))
    value, residual = float(spectrum.eigenvalues[1]), float(spectrum.residuals[1])
    return _Round(v, value, residual, ncut_value(W, side), mask, side, degrees(W), torch.zeros_like(mask))


def _told(r: _Round) -> Round:
    """The round as others see it."""
    out = r.taken.flatten()
    return Round(r.v, r.side, r.mask.flatten(), out, r.ncut, r.degree, r.remark)


def _overlap(a: Tensor, b: Tensor) -> float:
    """Intersection over union; 0 where both are empty."""
    return float((a & b).sum()) / max(int((a | b).sum()), 1)


def _spectrum_of(rounds: list[_Round]) -> Spectrum | None:
    """The vectors of all rounds, behind the constant one that they share."""
    if not rounds:
        return None
    V = torch.stack([torch.ones_like(rounds[0].v), *(r.v for r in rounds)], 1)
    return Spectrum(
        eigenvalues=torch.tensor([0.0, *(r.eigenvalue for r in rounds)], dtype=torch.float64),
        V=V,
        residuals=torch.tensor([0.0, *(r.residual for r in rounds)], dtype=torch.float64),
        n_components=1,
        laplacian="random_walk",
        n_passes=0,
        one_graph=False,
    )
