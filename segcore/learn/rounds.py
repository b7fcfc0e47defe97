"""Learning from masks in rounds, as CutLER does: what a step asks of the head, pasted patches, the masks of the next round.

Masks of MaskCut miss objects. A detector that is punished for whatever they do not show learns to miss them too; DropLoss
spares places whose mask touches none of them:

    L = Σ_g d_g focal(o_g) + 3 Σ_{g positive} Dice(M_g, M),   d_g = 0 where g is negative and max_M IoU(M_g, M) ≤ τ, else 1

A later round learns what the head was sure of, and those masks of the round before that none of the sure ones covers.

Reference: Wang and others 2023 (CutLER), and their code: τ = 0.01; scores from 0.7, then 0.65; an old mask goes where a sure
one has an IoU of at least ½ with it; DropLoss in the first round only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from segcore.nets.masks import MaskHead, mask_ious, place_of

TOUCH = 0.01  # τ
_SAME = 0.5  # IoU from which on two masks are of one object
_GAMMA, _ALPHA, _DICE = 2.0, 0.25, 3.0
_COVERED = 0.5  # share of a mask under a pasted one from which on it goes


@dataclass(frozen=True, eq=False, slots=True)
class NextMasks:
    """What becomes of a picture's masks after a round."""

    masks: Tensor  # (m, h, w) bool: to learn from, new ones first
    new: Tensor  # (n,) int64 rows of `masks` that no mask before had
    dropped: Tensor  # (k, h, w) bool: masks before that a sure one replaces by something else of it


def mask_losses(head: MaskHead, f: Tensor, masks: Sequence[Tensor], *, drop: bool) -> tuple[Tensor, dict[str, float]]:
    """What a step asks of the head.

    Args:
        head: learns.
        f: (b, h, w, d) features.
        masks: per picture (m, h, w) bool, none empty; m may be 0.
        drop: DropLoss.

    Returns:
        The loss (), and its parts: "objectness", "Dice", and the share of the negative places that was "spared".
    """
    likely, logits = head(f)
    focal, dice, n_spared, n_positive = likely.new_zeros(()), likely.new_zeros(()), 0, 0
    for o, M, truth in zip(likely, logits, masks, strict=True):
        target = torch.zeros_like(o)
        places = place_of(truth, head.places) if len(truth) else torch.zeros(0, dtype=torch.int64)
        target[places] = 1
        weight = torch.ones_like(o)
        if drop and len(truth):
            touched = mask_ious(M.detach() > 0, truth).amax(1)
            weight = torch.where((target == 0) & (touched <= TOUCH), 0.0, 1.0)
            n_spared += int((weight == 0).sum())
        focal = focal + (weight * _focal(o, target)).sum()
        dice = dice + sum((_dice(M[g], t) for g, t in zip(places.tolist(), truth, strict=True)), start=dice.new_zeros(()))
        n_positive += len(truth)
    focal, dice = focal / max(n_positive, 1), dice / max(n_positive, 1)
    parts = {"objectness": float(focal.detach()), "Dice": float(dice.detach()), "spared": n_spared / likely.numel()}
    return focal + _DICE * dice, parts


def _focal(o: Tensor, target: Tensor) -> Tensor:
    p = o.sigmoid()
    right = torch.where(target > 0, p, 1 - p)
    balance = torch.where(target > 0, _ALPHA, 1 - _ALPHA)
    each = F.binary_cross_entropy_with_logits(o, target, reduction="none")
    return balance * (1 - right) ** _GAMMA * each


def _dice(logits: Tensor, truth: Tensor) -> Tensor:
    p, t = logits.sigmoid(), truth.float()
    return 1 - 2 * (p * t).sum() / ((p * p).sum() + t.sum()).clamp_min(1e-6)


def pasted(
    f: Tensor, masks: Sequence[Tensor], generator: Generator, *, smallest: float = 1.0
) -> tuple[Tensor, list[Tensor]]:
    """Paste patches under masks of one picture onto another, somewhere else; the features travel, no pixel does.

    Args:
        f: (b, h, w, d); picture i takes from picture b − 1 − i.
        masks: per picture (m, h, w) bool.
        generator: draws how many masks, which, their scale, and where to.
        smallest: factor on the sides of what is pasted, from which on it is drawn; the largest is 1.

    Returns:
        Features and masks after it; masks of which half or more is covered are gone.
    """
    out, told = f.clone(), []
    for i in range(len(f)):
        j = len(f) - 1 - i
        own, theirs = masks[i].clone(), masks[j]
        n = int(torch.randint(len(theirs), (1,), generator=generator)) + 1 if len(theirs) and i != j else 0
        for number in torch.randperm(len(theirs), generator=generator)[:n].tolist():
            target, moved = _placed(theirs[number], f[j], generator, smallest)
            if not bool(target.any()):
                continue  # too thin to be made so small
            out[i] = torch.where(target[..., None], moved, out[i])
            left = own & ~target
            stays = left.sum((1, 2)) > (1 - _COVERED) * own.sum((1, 2))
            own = torch.cat([left[stays], target[None]])
        told.append(own)
    return out, told


def _placed(mask: Tensor, f: Tensor, generator: Generator, smallest: float) -> tuple[Tensor, Tensor]:
    """The box around a mask (h, w), and features (h, w, d), scaled and somewhere else in the picture."""
    spans = []
    for held in (mask.any(1), mask.any(0)):
        at = held.nonzero()[:, 0]
        spans.append((int(at[0]), int(at[-1]) + 1))
    scale = smallest + (1 - smallest) * float(torch.rand(1, generator=generator))
    sizes = [max(1, round(scale * (end - start))) for start, end in spans]
    rows, columns = (
        start + ((torch.arange(size) + 0.5) * (end - start) / size).long()
        for (start, end), size in zip(spans, sizes, strict=True)
    )
    top, left = (
        int(torch.randint(n - size + 1, (1,), generator=generator)) for n, size in zip(mask.shape, sizes, strict=True)
    )
    target, moved = torch.zeros_like(mask), torch.zeros_like(f)
    place = slice(top, top + len(rows)), slice(left, left + len(columns))
    target[place], moved[place] = mask[rows][:, columns], f[rows][:, columns]
    return target, moved


def next_masks(before: Tensor, found: Tensor, scores: Tensor, *, least: float) -> NextMasks:
    """The masks that the next round learns from.

    Args:
        before: (m, h, w) bool that this round learned from.
        found: (n, h, w) bool that the head finds.
        scores: (n,) of those.
        least: score from which on one counts.
    """
    sure = found[scores >= least]
    ious = mask_ious(before, sure)
    gone = (ious >= _SAME).any(1)
    overlaps = mask_ious(sure, before)
    new = (overlaps < _SAME).all(1).nonzero()[:, 0] if len(before) else torch.arange(len(sure))
    return NextMasks(torch.cat([sure, before[~gone]]), new, before[gone])
