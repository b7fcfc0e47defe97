"""IIC: labels of two views of a picture, and of neighbors, shall tell as much as possible about each other.

Reference: Ji, Henriques and Vedaldi, Invariant Information Clustering, 2019; net "10a" of their code.
"""

from typing import cast

import torch
from torch import Generator, Tensor, nn

from segcore.learn.catalog import CATALOG, IICSettings
from segcore.learn.mutual import information_loss, joint_table, parts_of, use_of
from segcore.learn.nets import ConvNet
from segcore.learn.types import Crops, Learner, Losses, Net, System, Turn
from segcore.learn.views import change_colors, draw_moves


class IICLearner(Learner):
    """The training: two views, and heads in turn."""

    net: ConvNet

    def __init__(self, net: ConvNet, n_segments: int, settings: IICSettings):
        super().__init__()
        self.net, self._settings = net, settings
        n_over = n_segments * settings.over_factor if settings.overclustering else 0
        self.over = nn.ModuleList(nn.Conv2d(net.n_features, n_over, 1) for _ in range(settings.sub_heads if n_over else 0))
        self.mean_loss: Tensor
        self.register_buffer("mean_loss", torch.zeros(settings.sub_heads))

    def losses(self, turn: Turn) -> Losses:
        """Both heads on the same two views; the published code takes the heads in turn, epoch by epoch."""
        s = self._settings
        generator = turn.generator
        pixels = turn.crops.draw(s.batch, s.crop, generator)
        first, second, weight = self._views(pixels, generator)
        tables = [joint_table(z, y, reach=s.reach, weight=weight) for z, y in zip(first[0], second[0], strict=True)]
        over = [joint_table(z, y, reach=s.reach, weight=weight) for z, y in zip(first[1], second[1], strict=True)]
        main = torch.stack([self._loss(P) for P in tables])
        self._rank(main.detach())
        total = main.mean()
        best = int(self.net.best)
        parts = {**parts_of(tables[best])}
        if over:
            total = total + torch.stack([self._loss(P) for P in over]).mean()
            parts["I, overclustering"] = parts_of(over[best])["I(z, z')"]
        return Losses(total, parts, use_of(first[0][best]), tables[best])

    def _loss(self, P: Tensor) -> Tensor:
        return information_loss(P, marginal_weight=self._settings.marginal_weight if self._settings.entropy else 0.0)

    def _views(
        self, pixels: Tensor, generator: Generator
    ) -> tuple[tuple[list[Tensor], list[Tensor]], tuple[list[Tensor], list[Tensor]], Tensor | None]:
        """Labels of both views on the pixels of the first one, and which of them the second one shows."""
        s = self._settings
        if not s.augmentation:
            both = self._label(pixels)
            return both, both, None
        views = [change_colors(pixels, strength=s.color_change, generator=generator) for _ in range(2)]
        moves = draw_moves(len(pixels), strength=s.geometry, generator=generator)
        back = moves.inverse()
        first, second = self._label(views[0]), self._label(moves.apply(views[1]))
        undone = tuple([back.apply(z) for z in head] for head in second)
        h, w = first[0][0].shape[2:]
        weight = back.inside(h, w).to(pixels)
        return first, cast("tuple[list[Tensor], list[Tensor]]", undone), weight

    def _label(self, pixels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        f = self.net.features(pixels)
        return ([head(f).float().softmax(1) for head in self.net.heads], [head(f).float().softmax(1) for head in self.over])

    def _rank(self, losses: Tensor) -> None:
        """Remember which sub-head has the lowest loss, as a running mean."""
        self.mean_loss.mul_(0.99).add_(losses, alpha=0.01)
        self.net.best.copy_(self.mean_loss.argmin())


def _make_net(n_segments: int, settings: IICSettings) -> ConvNet:
    return ConvNet(n_segments, settings.width, settings.sub_heads)


def _make_learner(net: Net, n_segments: int, settings: IICSettings, _crops: Crops) -> IICLearner:
    return IICLearner(cast("ConvNet", net), n_segments, settings)


IIC = System(CATALOG["iic"], _make_net, _make_learner)
