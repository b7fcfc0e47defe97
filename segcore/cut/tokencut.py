"""TokenCut: the Fiedler vector of a binary graph of patches, cut at its mean.

W_ij = 1 where cos(f_i, f_j) > τ and ε elsewhere;  (D − W) v = μ D v;  object: the 4-connected component, on the side of the
largest |v|, that holds it.

(Wang et al., Self-supervised transformers for unsupervised object discovery using normalized cut, CVPR 2022.)
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.cut.components import bounding_box, component_at
from segcore.cut.foreground import named_rule, weak_cut_notes
from segcore.cut.ncut import ncut_value
from segcore.graph.eigen import smallest_eigenpairs
from segcore.graph.laplacian import degrees
from segcore.numerics import normalize_rows
from segcore.types import NOT_YET, Bipartition, Spectrum

EDGE_FLOOR = 1e-5
NO_STRUCTURE = "At this tau all patches are equally alike, so there is no object to cut off; move tau."

_TOL = 1e-10  # of the residual in float64: entries near the mean must fall on the side where an exact solver puts them
_TIE = 1e-6  # relative; larger than the error of an entry, smaller than what tells patches apart


@dataclass(frozen=True, eq=False, slots=True)
class TokenCutState:
    """What TokenCut knows after one of its looks; what it does not know yet is None."""

    name: str  # "similarity", "vector", "threshold", "seed", "object"
    phase: str  # the same
    degree: Tensor  # (n,) float64
    spectrum: Spectrum = NOT_YET
    v: Tensor = NOT_YET  # (n,) float64, the object's peak above the mean
    mean: float = NOT_YET  # the threshold
    side: Tensor = NOT_YET  # (n,) bool: v > mean
    seed: int = NOT_YET  # patch of the largest |v|
    mask: Tensor = NOT_YET  # (n,) bool: the component of the side that holds the seed
    ncut: float = NOT_YET  # of the two sides


def tokencut(f: Tensor, *, tau: float = 0.2, edge_floor: float = EDGE_FLOOR, flip: bool = False) -> Bipartition:
    """Find the most salient object of a picture.

    Args:
        f: (h, w, d) features, not yet normalized.
        tau: τ in [−1, 1], cosine above which two patches are joined.
        edge_floor: ε > 0, weight of all other edges; keeps the graph connected.
        flip: look on the other side: the peak is then the entry farthest out there.

    Returns:
        Bipartition whose `side` is the object, `v` the eigenvector with the object's peak above the threshold, `threshold`
        its mean, and `cut_value` the Ncut of the two sides of the threshold. Where all edges weigh the same there is no
        object: `side` is empty, and a note says so.

    Convention:
        All choices are those of the published code: a strict >, the mean as threshold, the peak arg max |v| as seed. Among
        peaks that agree to 1e-6 the first is taken; there, the code follows the rounding of its eigensolver.

    Raises:
        InputError: f is not (h, w, d) or holds NaN, or a number is out of range.

    Cost: O(n² d) time and two n × n matrices in float64.

    Reference: Wang et al. 2022, sections 3.2 and 3.3.
    """
    check_tensor("f", f, ("h", "w", "d"))
    h, w = f.shape[:2]
    W = binary_affinity(f.flatten(0, 1), tau=tau, edge_floor=edge_floor)
    if is_uniform(W):
        return _no_object(h, w, f.device)
    last = deque(_looks(W, h, w, flip=flip), maxlen=1).pop()
    box = bounding_box(last.mask.reshape(h, w))
    return Bipartition(
        side=last.mask,
        v=last.v,
        threshold=last.mean,
        cut_value=last.ncut,
        box=box,
        facts={
            "ncut": last.ncut,
            "threshold": last.mean,
            "seed_patch": place(last.seed, w),
            "box": str(box),
            "object": named_rule("peak", flip=flip),
        },
        notes=(*last.spectrum.notes, *weak_cut_notes(last.ncut)),
        spectrum=last.spectrum,
    )


def tokencut_steps(
    f: Tensor, *, tau: float = 0.2, edge_floor: float = EDGE_FLOOR, flip: bool = False
) -> Iterator[TokenCutState]:
    """The run of `tokencut` with the same arguments, look by look.

    Yields:
        Five states; only the first one where all edges weigh the same and there is no object.

    Raises:
        InputError: as `tokencut`.
    """
    check_tensor("f", f, ("h", "w", "d"))
    h, w = f.shape[:2]
    W = binary_affinity(f.flatten(0, 1), tau=tau, edge_floor=edge_floor)
    if is_uniform(W):
        yield TokenCutState("similarity", "similarity", degrees(W))
        return
    yield from _looks(W, h, w, flip=flip)


def _looks(W: Tensor, h: int, w: int, *, flip: bool) -> Iterator[TokenCutState]:
    """What follows from a graph that is not uniform."""
    deg = degrees(W)
    yield TokenCutState("similarity", "similarity", deg)
    spectrum = second_vector(W)
    v = spectrum.fiedler
    seed = peak(v)
    v = v if v[seed] > v.mean() else -v
    if flip:
        v = -v
        seed = peak((v - v.mean()).clamp_min(0))
    yield TokenCutState("vector", "vector", deg, spectrum, v)
    mean, side = float(v.mean()), v > v.mean()
    ncut = ncut_value(W, side)
    yield TokenCutState("threshold", "threshold", deg, spectrum, v, mean, side, NOT_YET, NOT_YET, ncut)
    yield TokenCutState("seed", "seed", deg, spectrum, v, mean, side, seed, NOT_YET, ncut)
    mask = component_at(side.reshape(h, w), seed).flatten()
    yield TokenCutState("object", "object", deg, spectrum, v, mean, side, seed, mask, ncut)


def binary_affinity(X: Tensor, *, tau: float, edge_floor: float) -> Tensor:
    """Compute W (n, n) float64 of the features X (n, d): 1 where the cosine exceeds tau, else edge_floor.

    A row of zeros has cosine 0 to all.

    Raises:
        InputError: a number is out of range.
    """
    check_range("tau", tau, lo=-1, hi=1)
    check_range("edge_floor", edge_floor, lo=torch.finfo(torch.float32).tiny, hi=1)
    F = normalize_rows(X)
    cosine = F @ F.T
    return torch.where(cosine > tau, 1.0, torch.tensor(edge_floor, dtype=torch.float64, device=X.device))


def is_uniform(W: Tensor) -> bool:
    """Whether all edges weigh the same, one patch alone included: then every vector is as good as any other."""
    return float(W.min()) == float(W.max())


def second_vector(W: Tensor) -> Spectrum:
    """The first two eigenpairs of L v = μ D v of a graph (n, n) with n ≥ 2, as exactly as float64 allows in good time."""
    return smallest_eigenpairs(W, n_vectors=min(3, len(W)), tol=_TOL)


def peak(v: Tensor) -> int:
    """The first entry whose magnitude is, up to rounding, the largest."""
    magnitude = v.abs()
    return int((magnitude >= (1 - _TIE) * magnitude.max()).int().argmax())


def place(cell: int, w: int) -> str:
    """Row and column of a cell, counted from 1, in words."""
    return f"row {cell // w + 1}, column {cell % w + 1}"


def _no_object(h: int, w: int, device: torch.device) -> Bipartition:
    v = torch.zeros(h * w, dtype=torch.float64, device=device)
    return Bipartition(side=v.bool(), v=v, threshold=0.0, cut_value=2.0, notes=(NO_STRUCTURE,))
