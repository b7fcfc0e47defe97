"""LOST: start from the patch that resembles the fewest others, and grow it to an object.

A = f fᵀ, f not normalized;  deg_i = #{j ≠ i : A_ij > 0};  seed = arg min deg;  similar = those of the patches
of lowest degree with A_seed,p > 0;  M = Σ_{p similar} A_p;  object: the 4-connected component of M > 0 that holds the seed.

(Siméoni et al., Localizing objects with self-supervised transformers and no labels, BMVC 2021.)
"""

from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.cut.components import bounding_box, component_at
from segcore.cut.ncut import ncut_value
from segcore.cut.tokencut import place
from segcore.errors import InputError
from segcore.types import Bipartition


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
    check_tensor("f", f, ("h", "w", "d"))
    check_range("n_potentials", n_potentials, lo=1)
    h, w = f.shape[:2]
    X = f.flatten(0, 1)
    A = X @ X.T
    joined = A > 0
    degree = joined.sum(1) - joined.diagonal().long()
    by_degree = degree.argsort(stable=True)
    seed, potentials = int(by_degree[0]), by_degree[:n_potentials]
    similar = potentials[joined[seed, potentials]]
    M = A[similar].sum(0)
    mask = component_at((M > 0).reshape(h, w), seed)
    box = bounding_box(mask)
    if box is None:
        raise InputError(
            f"The features of the seed, the patch in {place(seed, w)}, are all 0, so no patch resembles it. "
            "Choose another backbone or facet.",
            field="f",
        )
    value = ncut_value(A.clamp_min(0), mask.flatten())
    filled = ("The object fills the whole picture: every patch resembles the seed or its kin.",) if bool(mask.all()) else ()
    return Bipartition(
        side=mask.flatten(),
        v=M,
        threshold=0.0,
        cut_value=value,
        box=box,
        facts={
            "ncut": value,
            "seed_patch": place(seed, w),
            "similar_patches": len(similar),
            "box": str(box),
            "object": "seed",
        },
        notes=filled,
    )
