"""IIC: labels of two views of a picture, and of neighbors, shall tell as much as possible about each other.

As in the published commands: the loss (`segcore.learn.mutual`), and net "10a" with 30 px of sight. Differently, so that it
learns on a CPU in minutes: an eighth of the channels; shifts of T = 3 cells, which are 6 px, as labels are compared on the
grid, where the authors enlarge the softmax to the crop first and take T = 10 px; both heads in every step instead of epoch
by epoch, with 3 sub-heads instead of 1, and λ for both, where theirs is 1.5 on the main head alone; Sobel on all pictures,
which Potsdam has not there; cells that a turned view does not show are masked, there they are zeros; borders are mirrored.
Turns and shears are in their code, but in none of the published segmentation commands.

Reference: Ji, Henriques and Vedaldi, Invariant Information Clustering, 2019; examples/commands.txt of their code.
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Generator, Tensor, nn

from segcore.learn.learner import ClusterLearner, ClusterLoss
from segcore.learn.mutual import information_loss, joint_table, joint_tables, parts_of, use_of
from segcore.learn.pictures import Source
from segcore.learn.settings import IICSettings, MutualSettings
from segcore.learn.views import draw_moves, jitter_colors
from segcore.nets.net import Net
from segcore.nets.small import ConvNet, HeadsNet
from segcore.train.learner import Turn

Look = Callable[[Tensor], Tensor]


class IICLearner(ClusterLearner):
    """The training: two views of each crop, and all heads on both."""

    net: HeadsNet

    def __init__(self, net: HeadsNet, n_segments: int, settings: MutualSettings, source: Source):
        super().__init__(net, source, settings.learning_rate)
        self._settings = settings
        n_over = settings.sub_heads if settings.overclustering else 0
        self.over = nn.ModuleList(nn.Conv2d(net.n_features, n_segments * settings.over_factor, 1) for _ in range(n_over))
        self.mean_loss: Tensor
        self.register_buffer("mean_loss", torch.zeros(settings.sub_heads))

    def losses(self, turn: Turn) -> ClusterLoss:
        """The mean over sub-heads, of both sizes; the published code takes the two sizes in turn, epoch by epoch."""
        s = self._settings
        pixels = self.source.draw(s.batch, s.crop, turn.generator)
        first, second, weight = self._views(pixels, turn.generator)
        count = joint_tables if s.joint == "shifts" else joint_table
        tables = [count(z, y, reach=s.reach, weight=weight) for z, y in zip(first, second, strict=True)]
        losses = torch.stack([self._loss(P).mean() for P in tables])
        main, over = losses[: s.sub_heads], losses[s.sub_heads :]
        self._rank(main.detach())
        best = int(self.net.best)
        parts = dict(parts_of(tables[best]))
        if len(over):
            parts["I, overclustering"] = parts_of(tables[s.sub_heads + best])["I(z, z')"]
        total = main.mean() + (over.mean() if len(over) else 0.0)
        k = tables[best].shape[-1]
        return ClusterLoss(total, parts, use_of(first[best]), tables[best].reshape(-1, k, k).mean(0))

    def _loss(self, P: Tensor) -> Tensor:
        return information_loss(P, marginal_weight=self._settings.marginal_weight if self._settings.entropy else 0.0)

    def _looks(self, _generator: Generator) -> tuple[Look, Look]:
        """How the network looks at the first view, and at the second one: pixels → features."""
        return self.net.features, self.net.features

    def _views(self, pixels: Tensor, generator: Generator) -> tuple[list[Tensor], list[Tensor], Tensor | None]:
        """Soft labels (b, k, h, w) of each head on both views, pixel on pixel, and which of them both views show."""
        s = self._settings
        look, look_again = self._looks(generator)
        if not s.augmentation:
            return self._labels(look(pixels)), self._labels(look_again(pixels)), None
        views = [jitter_colors(pixels, strength=s.color_change, generator=generator) for _ in range(2)]
        moves = draw_moves(len(pixels), strength=s.geometry, generator=generator)
        back = moves.inverse()
        first = self._labels(look(views[0]))
        second = [back.apply(z) for z in self._labels(look_again(moves.apply(views[1])))]
        h, w = first[0].shape[2:]
        return first, second, back.inside(h, w).to(first[0])

    def _labels(self, f: Tensor) -> list[Tensor]:
        return [cast("Tensor", head(f)).float().softmax(1) for head in (*self.net.heads, *self.over)]

    def _rank(self, losses: Tensor) -> None:
        """Remember which sub-head has the lowest loss, as a running mean."""
        self.mean_loss.mul_(0.99).add_(losses, alpha=0.01)
        self.net.best.copy_(self.mean_loss.argmin())


def make_net(n_segments: int, settings: IICSettings) -> ConvNet:
    """A network with random first weights."""
    return ConvNet(n_segments, settings.width, settings.sub_heads, settings.dilation)


def make_learner(net: Net, n_segments: int, settings: MutualSettings, source: Source) -> IICLearner:
    """The training of such a network."""
    return IICLearner(cast("HeadsNet", net), n_segments, settings, source)
