"""IIC: labels of two views of a picture, and of neighbors, shall tell as much as possible about each other.

Reference: Ji, Henriques and Vedaldi, Invariant Information Clustering, 2019; net "10a" of their code.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segcore.learn.catalog import CATALOG, IICSettings
from segcore.learn.mutual import information_loss, joint_table, parts_of, use_of
from segcore.learn.types import Crops, Learner, Losses, Net, System, Turn
from segcore.learn.views import change_colors, draw_moves, sobel


def conv_block(c_in: int, c_out: int) -> nn.Sequential:
    """A 3×3 convolution with batch norm and ReLU; borders are mirrored, as zeros beyond them would become a cluster."""
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, padding=1, padding_mode="reflect", bias=False), nn.BatchNorm2d(c_out), nn.ReLU()
    )


def channels_of(width: float) -> tuple[int, ...]:
    """The published numbers of channels, scaled."""
    return tuple(max(4, round(width * c)) for c in (64, 128, 256, 256, 512, 512))


class ConvNet(Net):
    """3×3 convolutions 64, 128, pool, 256, 256, 512, 512 and a 1×1 head per sub-head; RGB and Sobel in."""

    stride = 2

    def __init__(self, n_segments: int, width: float, sub_heads: int = 1):
        super().__init__()
        a, b, *rest = channels_of(width)
        deep = [conv_block(i, o) for i, o in zip((b, *rest[:-1]), rest, strict=True)]
        self.trunk = nn.Sequential(conv_block(5, a), conv_block(a, b), nn.MaxPool2d(2), *deep)
        self.heads = nn.ModuleList(nn.Conv2d(rest[-1], n_segments, 1) for _ in range(sub_heads))
        self.best: Tensor
        self.register_buffer("best", torch.zeros((), dtype=torch.int64))  # the sub-head of lowest loss

    @property
    def n_features(self) -> int:
        """Channels of `features`."""
        return cast("nn.Conv2d", self.heads[0]).in_channels

    def features(self, pixels: Tensor) -> Tensor:
        """(b, d, ⌈height / 2⌉, ⌈width / 2⌉) activations before the heads."""
        height, width = pixels.shape[2:]
        pixels = F.pad(pixels, (0, width % 2, 0, height % 2), mode="replicate")
        x = (2 * sobel(pixels) - 1).contiguous(memory_format=torch.channels_last)  # a third faster on a CPU
        return cast("Tensor", self.trunk(x))

    def scores(self, pixels: Tensor) -> Tensor:
        """(b, K, h, w) probabilities of the best sub-head."""
        return cast("Tensor", self.heads[int(self.best)](self.features(pixels))).float().softmax(1)


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
        pixels = turn.crops.draw(s.batch, s.crop, turn.generator)
        first, second, weight = self._views(pixels, turn)
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
        self, pixels: Tensor, turn: Turn
    ) -> tuple[tuple[list[Tensor], list[Tensor]], tuple[list[Tensor], list[Tensor]], Tensor | None]:
        """Labels of both views on the pixels of the first one, and which of them the second one shows."""
        s = self._settings
        if not s.augmentation:
            both = self._label(pixels)
            return both, both, None
        views = [change_colors(pixels, strength=s.color_change, generator=turn.generator) for _ in range(2)]
        moves = draw_moves(len(pixels), strength=s.geometry, generator=turn.generator)
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
