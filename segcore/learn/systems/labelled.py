"""A network of `segcore.nets` learns from label maps: the cross-entropy of its pixels, classes weighted.

    −Σ_p w(y_p) ln softmax(z_p)_{y_p} / Σ_p w(y_p)

over the pixels of a step that have a class. Median-frequency weights are w_c = median(f) / f_c, with f_c the pixels of c
over all pixels of the pictures that hold c; at most 5, as crops of a small network would follow a few pixels else.

Reference: Eigen and Fergus 2015 for the weights, as SegNet has them; Paszke and others 2016 for 1 / ln(1.02 + p_c).
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.errors import InputError
from segcore.learn.learner import ClusterLearner, ClusterLoss
from segcore.learn.pictures import Source
from segcore.learn.settings import LabelledSettings
from segcore.nets.labelled import LabelledNet
from segcore.nets.net import Net
from segcore.nets.registry import NETS
from segcore.train.learner import Turn

WARM = 0.05  # of the training, while the learning rate rises
MOST_WEIGHT = 5.0
_KEPT = 0.95  # of the confusion table, per step


class LabelledLearner(ClusterLearner):
    """The training: crops, mirrored and scaled, against their label maps."""

    net: LabelledNet
    warm = WARM
    confusion: Tensor
    class_weights: Tensor

    def __init__(self, net: LabelledNet, n_segments: int, settings: LabelledSettings, source: Source):
        """Count the classes.

        Raises:
            InputError: there are no label maps, or fewer than two classes in those that are learned from; or a crop is
                smaller than a cell of the last map.
        """
        if settings.crop < settings.least_crop:
            raise InputError(
                f"crop must be at least the output stride, {settings.least_crop} px; got {settings.crop}. Raise crop, or "
                "choose a finer output stride.",
                field="crop",
            )
        super().__init__(net, source, settings.learning_rate)
        self._settings = settings
        counts = source.class_counts(n_segments, settings.n_labelled)
        if int((counts.sum(0) > 0).sum()) < 2:
            raise InputError(
                "The label maps that are learned from hold one class only. Give some that hold two or more, or raise "
                "n_labelled.",
                field="labels",
            )
        self.register_buffer("class_weights", weights_of(counts, settings.class_weights))
        self.register_buffer("confusion", torch.zeros(n_segments, n_segments))

    def losses(self, turn: Turn) -> ClusterLoss:
        """The weighted cross-entropy, and which class is taken for which."""
        s = self._settings
        pixels, truth = self.source.draw_labelled(s.batch, s.crop, turn.generator, scale=s.scale, first=s.n_labelled)
        z = self.net.logits(pixels).float()
        weights = self.class_weights[truth.clamp_min(0)] * (truth >= 0)
        each = F.cross_entropy(z, truth.clamp_min(0), reduction="none")
        total = (weights * each).sum() / weights.sum().clamp_min(1e-6)
        found = z.detach().argmax(1)
        use = torch.bincount(found.flatten(), minlength=len(self.confusion)).float()
        right = self._count(found, truth)
        parts = {"cross-entropy": float(total.detach()), "right pixels": right}
        P = self.confusion / self.confusion.sum().clamp_min(1)
        return ClusterLoss(total, parts, use / use.sum(), P)

    def _count(self, found: Tensor, truth: Tensor) -> float:
        """Add to the running table of classes (rows) and what they are taken for; returns the share that is right."""
        k = len(self.confusion)
        there = truth >= 0
        table = torch.bincount(truth[there] * k + found[there], minlength=k * k).reshape(k, k).float()
        self.confusion.mul_(_KEPT).add_(table)
        return float(table.trace() / table.sum().clamp_min(1))


def weights_of(counts: Tensor, rule: str) -> Tensor:
    """(K,) float32 weights of the classes.

    Args:
        counts: (n, K) pixels of each class in each picture.
        rule: "none", "median" or "enet"; a class that never occurs counts 0 by the latter two.
    """
    pixels = counts.sum(0).double()
    if rule == "none":
        return torch.ones(len(pixels))
    there = pixels > 0
    if rule == "enet":
        return torch.where(there, 1 / (1.02 + pixels / pixels.sum()).log(), torch.zeros(())).float()
    held = ((counts > 0) * counts.sum(1, keepdim=True)).sum(0).double()
    f = pixels[there] / held[there]
    weights = torch.zeros(len(pixels))
    weights[there] = (f.median() / f).clamp_max(MOST_WEIGHT).float()
    return weights


def make_net(name: str, n_segments: int, settings: LabelledSettings) -> LabelledNet:
    """A network with random first weights."""
    return cast("LabelledNet", NETS[name].make(n_segments, **settings.of_net()))


def make_learner(net: Net, n_segments: int, settings: LabelledSettings, source: Source) -> LabelledLearner:
    """The training of such a network."""
    return LabelledLearner(cast("LabelledNet", net), n_segments, settings, source)
