"""MaskDistill on a collection: object masks from attention or TokenCut, grouped by their crops, distilled into a head.

A picture's mask, from the attention a of [CLS] and the keys k of the patches: the 40 % of the patches with most of a are
likely, and those of them with k · k_top > 0, where top is the first, are Q; M_p = Σ_{q ∈ Q} k_p · k_q spreads them to what
looks the same; the mask is the connected part of M > 0 that holds the top patch. a is the mean over the first 5 heads, of as
many as there are, of what the softmax is taken of. Further masks, where more than the authors' one are wanted, are sought
the same way among the patches that are left.

That is the rule where one mask is sought, as published. On streets it takes most of a picture at once, so where several
masks are sought another one is taken, unless `rule` says which: Q are the patches that hold 40 % of the attention, and M_p =
mean_{q ∈ Q} cos(k_p, k_q), scaled to [0, 1], must exceed a threshold. Masks are by keys whatever the collection reads, which
describes them.

Crops are as they are in the picture, not widened, and class tokens of them are whitened, as in the authors' code. It sets
attention outside of half of its sum to 0 first, which changes Q only where that half lies in fewer patches than 40 %.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_choice, check_range, check_tensor
from segcore.collection.collection import Collection
from segcore.collection.pieces import (
    PieceSettings,
    by_class_token,
    by_patches,
    check_pieces,
    cluster_kmeans,
    gathered,
    group_pieces,
)
from segcore.collection.system import CollectionSystem, GroupSteps, setting
from segcore.cut.components import component_at
from segcore.cut.dino_seg import head_here
from segcore.cut.maskcut import maskcut
from segcore.cut.tokencut import tokencut
from segcore.errors import InputError
from segcore.numerics import normalize_rows

MASKS = ("attention", "tokencut", "both")
RULES = ("products", "cosines")
_TINY = 1e-8  # attention


@dataclass(frozen=True, kw_only=True)
class MaskDistillSettings(PieceSettings):
    """The tunables of MaskDistill."""

    # fmt: off
    masks: str = setting(
        "attention", "Masks from", choices=MASKS,
        info="attention: where the class token looks; tokencut: the side of a cut; both: one, then the other on the rest.")
    n_masks: int = setting(
        24, "Masks per picture", lo=1, hi=32, step=1,
        info="How many are sought, one after the other; 1 is the published number, for pictures of one object.")
    heads: int = setting(
        5, "Attention heads", lo=1, hi=16, step=1,
        info="The mean over so many is taken, the first ones, of as many as there are; 5 of 6 are published.")
    head: int = setting(
        -1, "One head", lo=-1, hi=15, step=1,
        info="Read this one alone, from 0; −1 reads their mean.")
    rule: str = setting(
        "auto", "A patch joins by", choices=("auto", *RULES),
        info="products: where its products with likely patches sum to more than 0, as published; cosines: where its mean "
             "cosine with them exceeds the threshold; auto: products for one mask, cosines for several.")
    share: float = setting(
        0.4, "Share that starts", lo=0.05, hi=0.95, step=0.05,
        info="Of the patches, the most attended ones, with products; with cosines of the attention that they hold.")
    threshold: float = setting(
        0.7, "Threshold", lo=0.0, hi=1.0, step=0.05,
        info="With cosines: of the mean cosine, scaled to 0 … 1 over the patches.")
    whiten: str = setting(
        "auto", "Whitening", choices=("auto", "yes", "no"),
        info="Divide each number of the descriptions by its standard deviation before they are clustered; auto: those by "
             "class tokens, as published, and not means of patches, where what varies little says little.")
    tau: float = setting(
        0.2, "τ of TokenCut", lo=-1.0, hi=1.0, step=0.05,
        info="Cosine above which two patches are joined.")
    least_cells: int = setting(
        4, "Smallest mask", lo=1, hi=256, step=1, unit="patches",
        info="Smaller ones are left out.")
    # fmt: on


def attention_masks(
    f: Tensor,
    attention: Tensor,
    *,
    n_masks: int,
    rule: str = "products",
    share: float = 0.4,
    threshold: float = 0.5,
    least_cells: int = 1,
) -> Tensor:
    """Cut objects out by attention, one after the other.

    Args:
        f: (h, w, d) features; keys, for what was published.
        attention: (h, w) ≥ 0, from [CLS].
        n_masks: how many at most.
        rule: one of RULES.
        share: of the patches that are left ("products"), or of the attention that is left ("cosines"), in (0, 1): so many
            start a mask.
        threshold: of their mean cosine to a patch, scaled to [0, 1] over the patches that are left; "cosines" only.
        least_cells: of a mask; smaller ones are passed over.

    Returns:
        (h, w) int64: 1, 2, … in the order in which they were found, 0 elsewhere.

    Raises:
        InputError: a shape or a number is wrong, or attention is negative.

    Cost: O(n_masks n² d) at most; n is the number of patches.

    Reference: Van Gansbeke and others 2022, section 3.1, and their gen_masks.py for the numbers.
    """
    check_tensor("f", f, ("h", "w", "d"))
    check_tensor("attention", attention, tuple(f.shape[:2]))
    check_choice("rule", rule, RULES)
    check_range("share", share, lo=1e-3, hi=1 - 1e-3)
    if bool((attention < 0).any()):
        raise InputError("attention must be ≥ 0 everywhere.", field="attention")
    h, w = attention.shape
    X, a = f.flatten(0, 1), attention.flatten().double()
    X = normalize_rows(X) if rule == "cosines" else X
    found = torch.zeros(h * w, dtype=torch.int64, device=f.device)
    left = torch.ones_like(found, dtype=torch.bool)
    number = 0
    while number < n_masks and bool((a[left] > 0).any()):
        order = torch.where(left, a, -1.0).argsort(descending=True, stable=True)[: int(left.sum())]
        top = int(order[0])
        if rule == "products":
            likely = order[: max(1, int(share * len(order)))]
            likely = likely[X[likely] @ X[top] > 0]
            joined = left & (X @ X[likely].sum(0) > 0)
        else:
            reached = a[order].cumsum(0) >= share * a[order].sum()
            likeness = X @ X[order[: int(reached.int().argmax()) + 1]].mean(0)
            low, high = likeness[left].min(), likeness[left].max()
            joined = left & (likeness >= low + threshold * (high - low))
        joined[top] = True
        mask = component_at(joined.reshape(h, w), top).flatten()
        left &= ~mask
        if int(mask.sum()) >= least_cells:
            number += 1
            found[mask] = number
    return found.reshape(h, w)


def tokencut_masks(f: Tensor, *, n_masks: int, tau: float, least_cells: int = 1) -> Tensor:
    """(h, w) int64: the object of TokenCut as 1, or where more are wanted those of MaskCut as 1, 2, …; 0 elsewhere."""
    masks = tokencut(f, tau=tau).side.reshape(1, *f.shape[:2]) if n_masks == 1 else maskcut(f, n_objects=n_masks, tau=tau)
    masks = masks[masks.sum((1, 2)) >= least_cells]
    numbers = torch.arange(1, len(masks) + 1, device=f.device)
    return (masks * numbers[:, None, None]).sum(0) if len(masks) else torch.zeros(f.shape[:2], dtype=torch.int64)


def run_maskdistill(collection: Collection, *, n_groups: int, seed: int, settings: MaskDistillSettings) -> GroupSteps:
    """Find masks in every picture, describe and cluster them over the collection, and distil the groups into a head."""
    s, own = settings, settings.background == "own"
    rule = ("products" if s.n_masks == 1 else "cosines") if s.rule == "auto" else s.rule
    whiten = s.whiten == "yes" or (s.whiten == "auto" and s.describe == "class_token")
    notes: dict[str, None] = {}
    keys = yield from collection.having(facet="key")

    def cut(i: int) -> Tensor:
        stored = keys.features(i)
        found = torch.zeros(stored.f.shape[:2], dtype=torch.int64)
        if s.masks != "tokencut":
            attention, note = _attention(stored.attention, s, rule)
            notes.update(dict.fromkeys(note))
            found = attention_masks(
                stored.f, attention, n_masks=s.n_masks, rule=rule, share=s.share, threshold=s.threshold,
                least_cells=s.least_cells,
            )  # fmt: skip
        if s.masks != "attention":
            rest = stored.f * (found == 0)[..., None]
            more = tokencut_masks(rest, n_masks=s.n_masks, tau=s.tau, least_cells=s.least_cells) * (found == 0)
            found = torch.where(more > 0, more + int(found.max()), found)
        numbered: Tensor = found.unique(return_inverse=True)[1]
        return numbered + int(bool((found > 0).all()))

    describe = by_patches(collection) if s.describe == "patches" else by_class_token(collection)
    with gathered(collection, cut, describe, stage="masks") as steps:
        pieces = yield from steps
        check_pieces(pieces, n_groups - own, what="mask")
        found = cluster_kmeans(pieces, n_groups - own, s, seed=seed, whiten=whiten)
        return (
            yield from group_pieces(
                "maskdistill",
                collection,
                pieces,
                found,
                n_groups=n_groups,
                settings=s,
                seed=seed,
                notes=tuple(notes),
            )
        )


def _attention(attention: Tensor | None, settings: MaskDistillSettings, rule: str) -> tuple[Tensor, tuple[str, ...]]:
    """(h, w) of one head, or of the first ones together."""
    if attention is None:
        raise InputError(
            "This backbone has no attention from a [CLS] token to cut masks by. Choose one of the DINO transformers, or "
            "masks = tokencut.",
            field="backbone",
        )
    if settings.head < 0:
        return mean_attention(attention[: settings.heads], rule), ()
    number, note = head_here(attention, settings.head)
    return attention[number], note


def mean_attention(attention: Tensor, rule: str) -> Tensor:
    """(h, w) mean of heads (heads, h, w): with "products" the geometric one, which is in the order of the mean of q · k."""
    return attention.clamp_min(_TINY).log().mean(0).exp() if rule == "products" else attention.mean(0)


MASKDISTILL = CollectionSystem(
    name="maskdistill",
    title="MaskDistill",
    summary="Object masks by attention and keys, grouped over all pictures, and taught to a head that then teaches itself.",
    formula=r"M_p = \textstyle\sum_{q \in Q} k_p \cdot k_q > 0, \quad Q \subset \operatorname{top}_{40\,\%}(a)",
    source="Van Gansbeke and others 2022",
    settings=MaskDistillSettings,
    run=run_maskdistill,
    learns=True,
    reads={"facet": "token"},
)
