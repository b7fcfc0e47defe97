"""What a step asks of slots: rebuild the features of some patches of some pictures.

The mean squared error of standardized features. Slots look at, and rebuild, the same random patches of a picture, so a step
costs a fraction; the transformer, which reads patches in order, rebuilds all.

Reference: Seitzer and others 2023 (DINOSAUR), who rebuild all patches.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from segcore.learn.correspondence import cosine_kmeans
from segcore.learn.settings import SlotSettings
from segcore.nets.slots import SlotHead, held_by, middles

WARM = 0.05  # of the training, while the learning rate rises


@dataclass(frozen=True, eq=False, slots=True)
class SlotLoss:
    """What a step asks for, and what the slots hold."""

    total: Tensor  # ()
    parts: dict[str, float]  # "error", and "slots in use": those with a tenth of a fair share of the patches
    masks: Tensor  # (b, m, slots) of the patches that were rebuilt
    held: Tensor  # (b, slots, d) of length 1


def slot_loss(head: SlotHead, f: Tensor, settings: SlotSettings, generator: Generator) -> SlotLoss:
    """What a step asks of the head.

    Args:
        head: learns.
        f: (b, h, w, d) features.
        settings: how many slots, looks and patches.
        generator: draws noise and patches.
    """
    h, w = f.shape[1:3]
    X, at, chosen = head.standardized(f.flatten(1, 2)), middles((h, w)).to(f), None
    if head.decoder == "mlp" and settings.points < h * w:
        chosen = torch.randperm(h * w, generator=generator)[: settings.points]
        X, at = X[:, chosen], at[chosen]
    noise = torch.randn(len(f), settings.slots, head.size, generator=generator).to(X)
    last = head.looks(X, noise, settings.looks, at)[-1]
    found = head.rebuilt(X, last, (h, w), chosen)
    masks = head.masks(last, found).detach()
    loss = F.mse_loss(found.y, X)
    shares = F.one_hot(masks.argmax(2), settings.slots).float().mean(1)
    used = (shares > 0.1 / settings.slots).sum(1).float().mean()
    parts = {"error": float(loss.detach()), "slots in use": float(used)}
    return SlotLoss(loss, parts, masks, F.normalize(masks.mT @ X, dim=2))


def slot_classes(described: Sequence[Tensor], n_groups: int, generator: Generator) -> Tensor:
    """(K, d) centers of length 1 of what slots of pictures hold, (slots, d) each; 0 where there are fewer slots than K."""
    S = torch.cat(list(described))
    centers = cosine_kmeans(S, min(n_groups, len(S)), generator=generator)
    return F.pad(centers, (0, 0, 0, n_groups - len(centers)))


def described(head: SlotHead, f: Tensor, masks: Tensor) -> Tensor:
    """(m, d) what the slots that own a patch hold, of masks (h, w, K)."""
    owned = F.one_hot(masks.argmax(2), masks.shape[2]).sum((0, 1)) > 0
    return held_by(masks, head.standardized(f))[owned]
