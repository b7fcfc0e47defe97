"""DINOSAUR: slots share the patches of a picture among them, because they must rebuild its features.

The features of all pictures are computed once, at the first step, and kept in half precision. Slots of all pictures are
clustered anew at steps 1, 2, 4, 8, …, so that they have classes.
"""

from typing import cast

import torch
from torch import Tensor

from segcore.learn.correspondence import renumbered
from segcore.learn.fields import FieldLearner, standardize
from segcore.learn.learner import ClusterLoss
from segcore.learn.pictures import Source
from segcore.learn.settings import DinosaurSettings
from segcore.learn.slots import WARM, described, slot_classes, slot_loss
from segcore.nets.blocks import soft_clusters
from segcore.nets.dinosaur import SlotNet
from segcore.nets.net import Net
from segcore.runtime.stopping import stop_if_asked
from segcore.train.learner import Turn

_CLUSTERED = 48  # pictures, when classes are found anew


class DinosaurLearner(FieldLearner):
    """The training of slots and decoder."""

    net: SlotNet
    warm = WARM

    def __init__(self, net: SlotNet, settings: DinosaurSettings, source: Source):
        super().__init__(net, source, settings.learning_rate)
        self._settings = settings

    def prepare(self, turn: Turn) -> None:
        """Find the features before the first step, and the classes anew when the number of steps is a power of two."""
        if not self.is_read:
            self.read()
        if turn.step == 0:
            standardize(self.net.head, self.rows())
        if turn.step & (turn.step - 1) == 0:
            self._cluster(turn.generator)

    def _cluster(self, generator: torch.Generator) -> None:
        net, rows = self.net, []
        for i in torch.randperm(len(self.source), generator=generator)[:_CLUSTERED].tolist():
            stop_if_asked()
            f = self.field(i)
            rows.append(described(net.head, f, net.rebuild(f)[1]))
        centers = slot_classes(rows, len(net.centers), generator)
        net.centers.copy_(renumbered(centers, net.centers) if bool(net.centers.any()) else centers)

    def losses(self, turn: Turn) -> ClusterLoss:
        """Rebuild the features of some pictures of one size."""
        s = self._settings
        f = torch.stack([self.field(i) for i in self.draw(s.batch, turn.generator)])
        with torch.autocast(self.source.device.type, enabled=False):
            step = slot_loss(self.net.head, f, s, turn.generator)
            use = (step.masks @ soft_clusters(step.held, self.net.centers)).mean((0, 1))
        return ClusterLoss(step.total, step.parts, use / use.sum())

    def marks(self, number: int) -> Tensor | None:
        """The slot that has most of each patch of a picture."""
        if not self.is_read:
            return None
        return self.net.rebuild(self.field(number))[1].argmax(2).cpu()


def make_net(n_segments: int, settings: DinosaurSettings) -> SlotNet:
    """A network whose looks begin as steps of soft k-means."""
    s = settings
    return SlotNet(
        n_segments, s.backbone, s.facet, n_slots=s.slots, n_looks=s.looks, size=s.slot_size, decoder=s.decoder, near=s.near
    )


def make_learner(net: Net, _n_segments: int, settings: DinosaurSettings, source: Source) -> DinosaurLearner:
    """The training of such a network."""
    return DinosaurLearner(cast("SlotNet", net), settings, source)
