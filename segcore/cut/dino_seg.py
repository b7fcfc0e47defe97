"""DINO-seg: where one attention head of the last block looks.

a = attention from [CLS] to the patches;  kept: the smallest set of patches with Σ a ≥ mass · Σ a over all;  object: its
largest 4-connected component.

(Caron et al., DINO, ICCV 2021, section 4.2.2; as an object detector in Siméoni et al., LOST, BMVC 2021.)
"""

from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.cut.components import bounding_box, largest_component
from segcore.errors import InputError
from segcore.types import Bipartition


def head_here(attention: Tensor, wanted: int) -> tuple[int, tuple[str, ...]]:
    """The wanted head of attention (heads, h, w), or the last one where there are fewer, and a note that says so."""
    last = len(attention) - 1
    if wanted <= last:
        return wanted, ()
    return last, (f"This backbone has heads 0 to {last}, so head {last} stands in for head {wanted}.",)


def dino_seg(attention: Tensor | None, *, head: int = 4, mass: float = 0.6) -> Bipartition:
    """Take the patches that hold most of a head's attention as the object.

    Args:
        attention: (heads, h, w) ≥ 0, from [CLS] to each patch; None where the backbone has none, which is refused.
        head: counted from 0.
        mass: share of the attention that the kept patches hold together, in (0, 1).

    Returns:
        Bipartition with the largest component as `side`, its `box`, and `v` the attention divided by its sum. No graph is
        cut, so `cut_value` is None.

    Convention:
        The published code never looks at the component that was numbered last, and boxes the background where there is only
        one component; here the largest component is the object, always. Of patches with equal attention, those later in the
        grid are kept first, as there.

    Raises:
        InputError: there is no attention, no such head, a value is negative, NaN, or all are 0, or the mass is out of range.

    Cost: O(n log n).
    """
    if attention is None:
        raise InputError(
            "This backbone has no attention from a [CLS] token to show. Choose one of the DINO transformers.",
            field="backbone",
        )
    check_tensor("attention", attention, ("heads", "h", "w"))
    check_range("attention_mass", mass, lo=0.01, hi=0.99)
    heads, h, w = attention.shape
    if not 0 <= head < heads:
        raise InputError(
            f"attention_head must be from 0 to {heads - 1}, since this backbone has {heads} heads; got {head}.",
            field="attention_head",
        )
    a = attention[head].flatten().double()
    if bool((a < 0).any()) or float(a.sum()) <= 0:
        raise InputError("attention must be nonnegative, with a positive sum in the chosen head.", field="attention")
    a = a / a.sum()
    ascending, order = a.sort(stable=True)
    kept = a.new_zeros(a.shape).bool()
    kept[order] = ascending.cumsum(0) > 1 - mass
    mask = largest_component(kept.reshape(h, w))
    box = bounding_box(mask)
    return Bipartition(
        side=mask.flatten(),
        v=a,
        threshold=float(ascending[~kept[order]].max()) if not bool(kept.all()) else 0.0,
        cut_value=None,
        box=box,
        facts={
            "attention_share": float(a[mask.flatten()].sum()),
            "patches_kept": int(kept.sum()),
            "box": str(box),
            "object": "largest_piece",
        },
    )
