"""IIC: labels of two views of a picture, and of neighbors, shall tell as much as possible about each other.

Reference: Ji, Henriques and Vedaldi, Invariant Information Clustering, 2019; net "10a" of their code.
"""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segcore.learn.mutual import information_loss, joint_table, parts_of, use_of
from segcore.learn.types import Crops, Learner, LearnSettings, Losses, Net, System, Turn
from segcore.learn.views import change_colors, draw_moves, sobel
from segcore.settings import param


@dataclass(frozen=True, kw_only=True)
class IICSettings(LearnSettings):
    """The tunables of IIC."""

    # fmt: off
    reach: int = param(
        3, stage="learn", label="Largest shift T", symbol="T", lo=0, hi=16, step=1, unit="cells",
        info="Neighbors at most so far away shall have labels that tell about each other.")
    entropy: bool = param(
        True, stage="learn", label="Entropy term",
        info="Without it only H(z, z') is made small, and one cluster takes all pixels.")
    marginal_weight: float = param(
        1.0, stage="learn", label="Weight λ of the entropies", symbol="λ", lo=1.0, hi=3.0, step=0.1,
        info="1 is mutual information; more asks for clusters of equal size. Published: 1.5 for 3 classes, else 1.")
    augmentation: bool = param(
        True, stage="learn", label="Augmentation",
        info="Without it both views are the same pixels.")
    color_change: float = param(
        0.2, stage="learn", label="Color change", lo=0.0, hi=0.5, step=0.05,
        info="How much brightness, contrast, saturation and hue of a view vary.")
    geometry: float = param(
        0.5, stage="learn", label="Geometric change", lo=0.0, hi=1.0, step=0.05,
        info="How much a view is turned, scaled and sheared; half of them are mirrored.")
    overclustering: bool = param(
        True, stage="learn", label="Overclustering head",
        info="A second head with more clusters learns on the same features.")
    over_factor: int = param(
        4, stage="learn", label="Clusters of that head per segment", lo=2, hi=16, step=1,
        info="Published: 5 for 3 classes, 6 for 6, 3 for 15.")
    sub_heads: int = param(
        1, stage="learn", label="Sub-heads", lo=1, hi=5, step=1,
        info="Heads of the same size with other first weights; the one of lowest loss labels.")
    # fmt: on


def conv_block(c_in: int, c_out: int) -> nn.Sequential:
    """A 3×3 convolution with batch norm and ReLU."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU())


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
        return cast("Tensor", self.trunk(2 * sobel(pixels) - 1))

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


IIC = System(
    name="iic",
    title="IIC",
    summary="Labels of two views of a picture, and of neighbors, tell as much as possible about each other.",
    formula=r"-I(z, z') = -\sum_{ij} P_{ij} \ln \frac{P_{ij}}{P_i P_j}",
    source="Ji, Henriques and Vedaldi 2019",
    settings=IICSettings,
    make_net=_make_net,
    make_learner=_make_learner,
)
