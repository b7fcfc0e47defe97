"""STEGO: a head on the features of a transformer that stays as it is, taught by their correspondences.

The features of all pictures are computed once, at the first step, and kept in half precision. Clusters follow while the head
learns: they are found anew at steps 1, 2, 4, 8, … by k-means with the cosine, and move with every step between.
"""

from typing import cast

import torch
from torch import Tensor

from segcore.learn.correspondence import (
    Bank,
    cosine_kmeans,
    draw_pairs,
    head_losses,
    measure_shifts,
    moved,
    nearest_pictures,
    renumbered,
)
from segcore.learn.learner import ClusterLearner, ClusterLoss
from segcore.learn.pictures import Source
from segcore.learn.settings import StegoSettings
from segcore.nets.codes import CodeNet
from segcore.nets.net import Net
from segcore.runtime.stopping import stop_if_asked
from segcore.train.learner import Turn

_CLUSTERED = 4096  # patches, when clusters are found anew


class StegoLearner(ClusterLearner):
    """The training of the head."""

    net: CodeNet
    shifts: Tensor

    def __init__(self, net: CodeNet, settings: StegoSettings, source: Source):
        super().__init__(net, source, settings.learning_rate)
        self._settings = settings
        self.register_buffer("shifts", torch.zeros(3))
        self._bank: Bank | None = None
        self._codes: Tensor | None = None

    @property
    def bank(self) -> Bank:
        """The features of all pictures, computed when they are first asked for."""
        if self._bank is None:
            fields = []
            for i in range(len(self.source)):
                stop_if_asked()
                fields.append(self.net.field(self.source.whole(i)[0]).half())
            means = torch.stack([f.float().mean((0, 1)) for f in fields])
            self._bank = Bank(
                lambda i: fields[i].float(), nearest_pictures(means, self._settings.neighbors), self.source.device
            )
        return self._bank

    def prepare(self, turn: Turn) -> None:
        """Measure the shifts before the first step; find the clusters anew when the number of steps is a power of two."""
        if turn.step == 0:
            self.shifts.copy_(measure_shifts(self.bank, self._settings, turn.generator))
        if turn.step & (turn.step - 1) == 0:
            self._cluster(turn.generator)

    def _cluster(self, generator: torch.Generator) -> None:
        n = min(len(self.bank), _CLUSTERED // 16)
        chosen = torch.randperm(len(self.bank), generator=generator)[:n].tolist()
        X = self.bank.draw(chosen, _CLUSTERED // n, generator).flatten(0, 1)
        with torch.no_grad():
            centers = cosine_kmeans(self.net.head(X), len(self.net.centers), generator=generator)
        known = bool(self.net.centers.any())
        self.net.centers.copy_(renumbered(centers, self.net.centers) if known else centers)

    def losses(self, turn: Turn) -> ClusterLoss:
        """Compare the codes of some pictures with themselves, with a neighbor of each, and with random ones."""
        with torch.autocast(self.source.device.type, enabled=False):  # differences of likenesses need their digits
            pairs = draw_pairs(self.bank, self._settings, self._settings.batch, turn.generator)
            total, parts, codes = head_losses(self.net.head, pairs, self.shifts, self._settings, turn.generator)
            self._codes = codes
            nearest = (codes @ self.net.centers.T).argmax(1)
        use = torch.bincount(nearest, minlength=len(self.net.centers)) / len(nearest)
        return ClusterLoss(total, parts, use)

    def follow(self, progress: float) -> None:  # noqa: ARG002
        """Let the clusters follow the codes of the step."""
        if self._codes is not None:
            self.net.centers.copy_(moved(self.net.centers, self._codes))


def make_net(n_segments: int, settings: StegoSettings) -> CodeNet:
    """A network with random first weights."""
    return CodeNet(n_segments, settings.backbone, settings.facet, settings.code_size)


def make_learner(net: Net, _n_segments: int, settings: StegoSettings, source: Source) -> StegoLearner:
    """The training of such a network."""
    return StegoLearner(cast("CodeNet", net), settings, source)
