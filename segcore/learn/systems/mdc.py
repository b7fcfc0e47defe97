"""MDC, modified DeepCluster: PiCIE's baseline. Features are clustered and learn their clusters in turn.

Each epoch begins with a k-means of the features of unit length; a linear classifier on them that starts anew, and the
network before it, then learn the labels. Clustered are crops in other colors, and learned from are the same crops as they
are: in the authors' code the change of colors before training is made and then not used (`image1` in the data sets). So a
label must be told in spite of its colors, which is all that says that colors do not matter. DeepCluster whitens features by
PCA before they are clustered; PiCIE's baseline does not, and here it is a setting. Labels count by the inverse of their
frequency, as in `segcore.learn.systems.picie`. The published commands begin with ImageNet's weights, and also blur, move
and mirror the pictures, both times alike; here not.

Reference: Cho and others 2021, section 4.2, and train_mdc.py of their code; Caron, Bojanowski, Joulin and Douze,
DeepCluster, 2018.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from segcore.learn.learner import ClusterLearner, ClusterLoss
from segcore.learn.pictures import Source
from segcore.learn.settings import MDCSettings
from segcore.learn.systems.picie import balanced_cross_entropy, in_order_of, minibatch_kmeans, nearest_center
from segcore.learn.views import jitter_colors
from segcore.nets.blocks import nearest_prototypes
from segcore.nets.net import Net
from segcore.nets.small import PyramidNet
from segcore.train.learner import Turn

_RIDGE = 1e-5  # share of the mean variance that is added to all variances


class WhitenedNet(PyramidNet):
    """A pyramid whose features may be whitened before they are compared with the prototypes."""

    def __init__(self, n_segments: int, n_features: int, width: float):
        super().__init__(n_segments, n_features, width)
        self.mean: Tensor
        self.whitening: Tensor
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("whitening", torch.eye(n_features))

    def whitened(self, f: Tensor) -> Tensor:
        """Features (b, d, h, w) whitened, of unit length; as they are where no whitening was found."""
        centered = f.float() - self.mean[:, None, None]
        return F.normalize(torch.einsum("bdhw,de->behw", centered, self.whitening), dim=1)

    def scores(self, pixels: Tensor) -> Tensor:
        """(b, K, h, w) probabilities, by the product of each whitened cell with each prototype."""
        return nearest_prototypes(self.whitened(self.features(pixels)), self.prototypes)


class MDCLearner(ClusterLearner):
    """The training: the labels of the epoch are a buffer, so that it can go on in the middle of one."""

    net: WhitenedNet
    labels: Tensor

    def __init__(self, net: WhitenedNet, n_segments: int, settings: MDCSettings, source: Source):
        super().__init__(net, source, settings.learning_rate)
        self._settings = settings
        d, cells = net.prototypes.shape[1], -(-settings.crop // net.stride)
        self.classifier = nn.Conv2d(d, n_segments, 1).requires_grad_(settings.classifier == "learned")
        self.register_buffer("labels", torch.zeros(settings.batch * settings.epoch, cells, cells, dtype=torch.int16))

    def prepare(self, turn: Turn) -> None:
        """At the start of an epoch, cluster the features of all its crops, and forget the classifier."""
        if turn.step % self._settings.epoch:
            return
        with torch.no_grad():
            steps = range(turn.step, turn.step + self._settings.epoch)
            f = torch.cat([self.net.features(self.clustered(turn.generator_of(step))) for step in steps]).float()
        if self._settings.whitening:
            self.net.mean, self.net.whitening = whitening_of(f.permute(0, 2, 3, 1).flatten(0, 2))
        z = self.net.whitened(f).permute(0, 2, 3, 1)
        centers = minibatch_kmeans(z.flatten(0, 2), len(self.net.prototypes), generator=turn.generator)
        self.net.prototypes.copy_(in_order_of(self.net.prototypes, centers))
        self.labels.copy_(nearest_center(z, self.net.prototypes))
        with torch.no_grad():
            first = torch.randn(self.classifier.weight.shape, generator=turn.generator)
            self.classifier.weight.copy_(first / first.shape[1] ** 0.5)
            cast("Tensor", self.classifier.bias).zero_()
            if self._settings.classifier == "centers":
                self.classifier.weight.copy_(self.net.prototypes[:, :, None, None])

    def losses(self, turn: Turn) -> ClusterLoss:
        """The cross-entropy of the epoch's labels."""
        s = self._settings
        f = self.net.features(self._crops(turn.generator_of(turn.step)))
        i = turn.step % s.epoch
        y = self.labels[i * s.batch : (i + 1) * s.batch].long()
        loss = balanced_cross_entropy(self.classifier(f).float(), y)
        k = len(self.net.prototypes)
        return ClusterLoss(
            loss, {"cross-entropy": float(loss.detach())}, torch.bincount(y.flatten(), minlength=k) / y.numel()
        )

    def clustered(self, generator: Generator) -> Tensor:
        """(b, 3, px, px) RGB in [0, 1]: the crops of a step in the colors in which they are clustered."""
        pixels, change = self._crops(generator), self._settings.color_change
        return jitter_colors(pixels, strength=change, generator=generator) if change else pixels

    def _crops(self, generator: Generator) -> Tensor:
        return self.source.draw(self._settings.batch, self._settings.crop, generator)


def whitening_of(X: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (d,) and W (d, d) such that (X − mean) W has covariance I, as far as X (n, d) varies in all directions."""
    mean = X.mean(0)
    centered = (X - mean).double()
    variances, axes = torch.linalg.eigh(centered.T @ centered / len(X))
    variances = variances.clamp_min(0) + _RIDGE * variances.mean().clamp_min(1e-12)
    return mean, (axes / variances.sqrt()).to(X.dtype)


def make_net(n_segments: int, settings: MDCSettings) -> WhitenedNet:
    """A network with random first weights."""
    return WhitenedNet(n_segments, settings.n_features, settings.width)


def make_learner(net: Net, n_segments: int, settings: MDCSettings, source: Source) -> MDCLearner:
    """The training of such a network."""
    return MDCLearner(cast("WhitenedNet", net), n_segments, settings, source)
