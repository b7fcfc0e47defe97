"""LOST: start from the patch that resembles the fewest others, and grow it to an object.

A = f fᵀ, f not normalized;  deg_i = #{j ≠ i : A_ij > 0};  seed = arg min deg;  similar = those of the patches
of lowest degree with A_seed,p > 0;  M = Σ_{p similar} A_p;  object: the 4-connected component of M > 0 that holds the seed.

(Siméoni et al., Localizing objects with self-supervised transformers and no labels, BMVC 2021.)
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.cut.components import bounding_box, component_at
from segcore.cut.ncut import ncut_value
from segcore.cut.tokencut import place
from segcore.errors import InputError
from segcore.types import NOT_YET, Bipartition


@dataclass(frozen=True, eq=False, slots=True)
class LostState:
    """What LOST knows after one of its looks; what it does not know yet is None."""

    name: str  # "degree", "seed", "similar", "sum", "object"
    phase: str  # the same
    degree: Tensor  # (n,) int64: patches with f_i · f_j > 0, the patch itself not counted
    seed: int = NOT_YET  # patch of lowest degree
    to_seed: Tensor = NOT_YET  # (n,) f_seed · f_i
    similar: Tensor = NOT_YET  # patches of low degree that resemble the seed, by rising degree
    M: Tensor = NOT_YET  # (n,) sum of their products with each patch
    mask: Tensor = NOT_YET  # (n,) bool: the component of M > 0 that holds the seed
    ncut: float = NOT_YET  # of the object, in the graph of the positive products


def lost(f: Tensor, *, n_potentials: int = 100) -> Bipartition:
    """Find one object of a picture and its box.

    It takes objects to be smaller than their background; one that fills the picture is lost.

    Args:
        f: (h, w, d) features, not normalized: their lengths count. Keys are what the method was made for.
        n_potentials: patches of lowest degree that may join the seed, ≥ 1; at most n are used.

    Returns:
        Bipartition with the component as `side`, its `box` in cells, `v` the sums M, `threshold` 0, and `cut_value` the Ncut
        of the object in the graph of the positive products.

    Convention:
        Patches of equal degree, which are many, are taken in the order of the grid.

    Raises:
        InputError: f is not (h, w, d), holds NaN, or the seed's features are all 0.

    Cost: O(n² d) time and two n × n matrices.

    Reference: Siméoni et al. 2021, section 3.
    """
    last = deque(lost_steps(f, n_potentials=n_potentials), maxlen=1).pop()
    h, w = f.shape[:2]
    box = bounding_box(last.mask.reshape(h, w))
    filled = ("The object fills the whole picture: every patch resembles the seed or its kin.",)
    return Bipartition(
        side=last.mask,
        v=last.M,
        threshold=0.0,
        cut_value=last.ncut,
        box=box,
        facts={
            "ncut": last.ncut,
            "seed_patch": place(last.seed, w),
            "similar_patches": len(last.similar),
            "box": str(box),
            "object": "seed",
        },
        notes=filled if bool(last.mask.all()) else (),
    )


def lost_steps(f: Tensor, *, n_potentials: int = 100) -> Iterator[LostState]:
    """The run of `lost` with the same arguments, look by look.

    Yields:
        Five states.

    Raises:
        InputError: as `lost`.
    """
    check_tensor("f", f, ("h", "w", "d"))
    check_range("n_potentials", n_potentials, lo=1)
    h, w = f.shape[:2]
    X = f.flatten(0, 1)
    A = X @ X.T
    joined = A > 0
    degree = joined.sum(1) - joined.diagonal().long()
    yield LostState("degree", "degree", degree)
    by_degree = degree.argsort(stable=True)
    seed, potentials = int(by_degree[0]), by_degree[:n_potentials]
    yield LostState("seed", "seed", degree, seed, A[seed])
    similar = potentials[joined[seed, potentials]]
    yield LostState("similar", "similar", degree, seed, A[seed], similar)
    M = A[similar].sum(0)
    yield LostState("sum", "sum", degree, seed, A[seed], similar, M)
    mask = component_at((M > 0).reshape(h, w), seed).flatten()
    if not bool(mask.any()):
        raise InputError(
            f"The features of the seed, the patch in {place(seed, w)}, are all 0, so no patch resembles it. "
            "Choose another backbone or facet.",
            field="f",
        )
    yield LostState("object", "object", degree, seed, A[seed], similar, M, mask, ncut_value(A.clamp_min(0), mask))
