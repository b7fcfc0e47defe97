"""The network of DINOSAUR: slots on the features of a transformer that does not learn, and classes of slots."""

import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.nets.net import MaskNet
from segcore.nets.patches import OnPatches
from segcore.nets.slots import Shared, SlotHead


class SlotNet(OnPatches, MaskNet):
    """Separate masks by slots, whose number may change after the training; as labels, clusters of what the masks hold."""

    centers: Tensor

    def __init__(
        self,
        n_segments: int,
        backbone: str = "dino_tiny",
        facet: str = "key",
        *,
        n_slots: int = 7,
        n_looks: int = 3,
        size: int = 64,
        decoder: str = "mlp",
        near: float = 0.0,
    ):
        """Build the head.

        Args:
            n_segments: K, of the clusters of slots.
            backbone: as of `OnPatches`.
            facet: as of `OnPatches`.
            n_slots: of a picture, where nothing else is asked for.
            n_looks: how often slots look at a picture.
            size: of a slot.
            decoder: "mlp" or "transformer".
            near: ρ, how much a slot keeps to its place; see `segcore.nets.slots`.

        Raises:
            ModelError: the backbone's weights cannot be had.
        """
        super().__init__(backbone, facet)
        self.n_slots, self.n_looks = n_slots, n_looks
        self.head = SlotHead(self.d, size=size, decoder=decoder, near=near)
        self.register_buffer("centers", torch.zeros(n_segments, self.d))

    def features(self, pixels: Tensor) -> Tensor:
        """(b, d, h, w) features that the slots rebuild."""
        return torch.stack([self.rebuild(self.field(one))[0] for one in pixels]).permute(0, 3, 1, 2)

    def rebuild(self, f: Tensor, *, n_slots: int | None = None, seed: int = 0) -> tuple[Tensor, Tensor]:
        """(h, w, d) standardized features that the slots rebuild, and (h, w, K) masks, of features (h, w, d)."""
        found = self.shared(f, n_slots=n_slots, seed=seed)
        return found.y, found.masks

    def shared(self, f: Tensor, *, n_slots: int | None = None, seed: int = 0) -> Shared:
        """How slots share features (h, w, d): as many as it was trained with, or any other number."""
        return self.head.shared(f, n_slots or self.n_slots, self.n_looks, seed=seed)

    def instances(self, pixels: Tensor, *, most: int | None = None, seed: int = 0) -> tuple[Tensor, Tensor]:
        """The masks of the slots, ground among them; a pixel is in that of the largest share, so each is in one.

        The score is the mean share inside. `most` is the number of slots, and `seed` where they begin.
        """
        _, masks = self.rebuild(self.field(pixels[0]), n_slots=most, seed=seed)
        shares = F.interpolate(masks.movedim(2, 0)[None], pixels.shape[2:], mode="bilinear")[0]
        own = F.one_hot(shares.argmax(0), len(shares)).movedim(2, 0)
        sure = (shares * own).sum((1, 2)) / own.sum((1, 2)).clamp_min(1)
        order = sure.argsort(descending=True)
        return own[order].float(), sure[order]

    def scores(self, pixels: Tensor) -> Tensor:
        """(b, K, h, w): of each slot its cluster, weighted by its mask."""
        return torch.stack([self.classes(self.field(one)) for one in pixels]).permute(0, 3, 1, 2)

    def classes(self, f: Tensor) -> Tensor:
        """(h, w, K) probabilities of the clusters, of features (h, w, d)."""
        return self.head.classes(f, self.rebuild(f)[1], self.centers)
