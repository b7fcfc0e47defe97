"""AC: what a network says of a picture in two orders of its pixels shall tell as much as possible about each other.

In an order, a convolution loses the weights of later neighbors, and attention looks at no later cell; only what is left gets
a gradient. A cell of the output then depends on no pixel that is visited after the last one of the cell. In use, labels are
the mean over the orders, or there is no mask, which is the published way.

Not as in the paper: it moves the kernel so that 8 of its 9 taps see earlier pixels; here taps of later ones are masked where
they are, which leaves 5 (6 of the simplified masks). Two orders are drawn for a picture there; here an order and its
opposite. The authors' code is not public; orders and loss, of one table of all shifts, are those of a reproduction.

Reference: Ouali, Hudelot and Tami, Autoregressive Unsupervised Image Segmentation, 2020.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from segcore.learn.orders import ORDERS, Order, attention_mask, kernel_mask
from segcore.learn.pictures import Source
from segcore.learn.settings import ACSettings
from segcore.learn.systems.iic import IICLearner, Look
from segcore.nets.blocks import channels_of, gray_of
from segcore.nets.net import Net
from segcore.nets.small import HeadsNet

MARGIN = 2  # cells; the convolutions see no further
_SEEING = 4  # convolutions that see neighbors. The others do not: a cell that sees far tells how near the next surface is


class OrderedConv(nn.Module):
    """A convolution, 3×3 or 1×1, with batch norm and ReLU that can lose the weights of later neighbors."""

    def __init__(self, c_in: int, c_out: int, *, simplified: bool, size: int = 3):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(c_in, c_out, size, padding=size // 2, bias=False), nn.BatchNorm2d(c_out)
        self._simplified = simplified

    def forward(self, x: Tensor, order: Order | None) -> Tensor:
        """(b, c, h, w) → (b, c', h, w). What is left of a masked kernel is enlarged, as by dropout, to the whole's size."""
        weight = self.conv.weight
        if order is not None and max(self.conv.kernel_size) > 1:
            mask = kernel_mask(order, simplified=self._simplified).to(weight)
            weight = weight * (mask * (mask.numel() / mask.sum()))
        return F.relu(self.norm(F.conv2d(x, weight, padding=self.conv.padding)))


class OrderedAttention(nn.Module):
    """Self-attention of one head that can look at earlier cells only; it is added to what it looks at."""

    def __init__(self, n_features: int, *, simplified: bool):
        super().__init__()
        self.qkv, self.out = nn.Conv2d(n_features, 3 * n_features, 1), nn.Conv2d(n_features, n_features, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(cast("Tensor", self.out.bias))
        self._simplified = simplified

    def forward(self, x: Tensor, order: Order | None) -> Tensor:
        """(b, c, h, w) → (b, c, h, w)."""
        h, w = x.shape[2:]
        q, k, v = self.qkv(x).flatten(2).transpose(1, 2).chunk(3, dim=-1)
        mask = None if order is None else attention_mask(order, h, w, simplified=self._simplified).to(x.device)
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return x + cast("Tensor", self.out(seen.transpose(1, 2).unflatten(2, (h, w))))


def with_steps(pixels: Tensor, order: Order | None) -> Tensor:
    """RGB with the derivatives of its gray by x and y, each from the neighbor that is visited before; Sobel looks ahead.

    Args:
        pixels: (b, 3, height, width) in [0, 1].
        order: in which they are visited; without one, the mean of the steps from both neighbors.

    Returns:
        (b, 5, height, width); colors in [−1, 1], derivatives of Sobel's size. Borders are repeated.
    """
    around = F.pad(gray_of(pixels), (1, 1, 1, 1), mode="replicate")
    x_steps, y_steps = around[:, :, 1:-1].diff(dim=3), around[:, :, :, 1:-1].diff(dim=2)
    left, right = x_steps[:, :, :, :-1], x_steps[:, :, :, 1:]
    up, down = y_steps[:, :, :-1], y_steps[:, :, 1:]
    if order is None:
        by_x, by_y = (left + right) / 2, (up + down) / 2
    else:
        by_x, by_y = right if order.from_right else left, down if order.from_bottom else up
    return torch.cat((2 * pixels - 1, 4 * by_x, 4 * by_y), 1)


class ACNet(HeadsNet):
    """Four convolutions, pooled after the second and the fourth, two of 1×1, and attention; RGB and derivatives in."""

    stride = 4

    def __init__(self, n_segments: int, settings: ACSettings):
        channels = (5, *channels_of(settings.width))
        super().__init__(n_segments, channels[-1], settings.sub_heads)
        self.convs = nn.ModuleList(
            OrderedConv(c_in, c_out, simplified=settings.simplified, size=3 if i < _SEEING else 1)
            for i, (c_in, c_out) in enumerate(pairwise(channels))
        )
        self.attention = OrderedAttention(channels[-1], simplified=settings.simplified) if settings.attention else None
        self._orders = ORDERS[: settings.n_orders] if settings.mean_of_orders else ()

    def features(self, pixels: Tensor, order: Order | None = None) -> Tensor:
        """Give (b, d, ⌈height / 4⌉, ⌈width / 4⌉), seen in an order, or without one.

        In training, cells that see the border are cut off, MARGIN on each side: zeros beyond it would tell where a cell
        lies, which both views know. In use, the border is repeated instead.
        """
        height, width = pixels.shape[2:]
        around = 0 if self.training else MARGIN * self.stride
        pixels = F.pad(pixels, (around, around + -width % 4, around, around + -height % 4), mode="replicate")
        x = with_steps(pixels, order).contiguous(memory_format=torch.channels_last)
        for i, conv in enumerate(self.convs):
            x = conv(x, order)
            if i in (1, 3):
                x = F.max_pool2d(x, 2)
        x = x[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN]
        return x if self.attention is None else cast("Tensor", self.attention(x, order))

    def scores(self, pixels: Tensor) -> Tensor:
        """(b, K, h, w) probabilities, without a mask; or their mean over the orders, where the settings say so."""
        head = self.heads[int(self.best)]
        looks: Sequence[Order | None] = self._orders or (None,)
        said = [cast("Tensor", head(self.features(pixels, order))).float().softmax(1) for order in looks]
        return torch.stack(said).mean(0)


class ACLearner(IICLearner):
    """The training: that of IIC, with an order for one view and its opposite for the other.

    Two orders that have a quadrant in common see the same pixels, which tell about each other whatever surface they are of.
    """

    net: ACNet
    _settings: ACSettings

    def _looks(self, generator: Generator) -> tuple[Look, Look]:
        order = ORDERS[int(torch.randint(self._settings.n_orders, (), generator=generator))]
        first, second = (partial(self.net.features, order=one) for one in (order, order.opposite))
        return first, second


def make_net(n_segments: int, settings: ACSettings) -> ACNet:
    """A network with random first weights."""
    return ACNet(n_segments, settings)


def make_learner(net: Net, n_segments: int, settings: ACSettings, source: Source) -> ACLearner:
    """The training of such a network."""
    return ACLearner(cast("ACNet", net), n_segments, settings, source)
