"""Orders in which the pixels of a picture can be visited, and the masks that let a network see no later pixel.

Two families, each from the four corners and in two directions:

    raster   row by row, or column by column
    zigzag   diagonal by diagonal, each of them down or up

An order is given by two numbers of a pixel, of which the first counts before the second: (row, column) for the raster order
from the top left. The simplified masks compare the first numbers only: a whole row is seen at once, and fewer weights are
lost.

Reference: Ouali, Hudelot and Tami, Autoregressive Unsupervised Image Segmentation, 2020, figures 3 to 5.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Order:
    """One of them."""

    zigzag: bool
    columns: bool  # column by column, or diagonals that are followed along the columns
    from_bottom: bool
    from_right: bool

    @property
    def opposite(self) -> "Order":
        """The order that begins at the other corner and ends where this one begins."""
        return replace(self, from_bottom=not self.from_bottom, from_right=not self.from_right)

    def keys(self, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """The two numbers of pixels at (y, x), which may be relative to another pixel."""
        y, x = -y if self.from_bottom else y, -x if self.from_right else x
        along, across = (x, y) if self.columns else (y, x)
        return (along + across, along) if self.zigzag else (along, across)


ORDERS = tuple(
    Order(zigzag, columns, from_bottom, from_right)
    for zigzag in (False, True)
    for columns in (False, True)
    for from_bottom in (False, True)
    for from_right in (False, True)
)  # the raster orders first


def ranks(order: Order, h: int, w: int, *, simplified: bool = False) -> Tensor:
    """(h, w) int64: when each pixel is visited, from 0; with `simplified`, those of a row or diagonal together."""
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    first, second = order.keys(y, x)
    key = first if simplified else first * (2 * (h + w)) + second
    rank: Tensor = key.unique(return_inverse=True)[1]
    return rank.reshape(h, w)


@lru_cache(maxsize=64)
def kernel_mask(order: Order, *, simplified: bool = False) -> Tensor:
    """(3, 3) bool: the neighbors that are visited before the middle, and the middle itself."""
    y, x = torch.meshgrid(torch.arange(-1, 2), torch.arange(-1, 2), indexing="ij")
    first, second = order.keys(y, x)
    return first <= 0 if simplified else (first < 0) | ((first == 0) & (second <= 0))


@lru_cache(maxsize=64)
def attention_mask(order: Order, h: int, w: int, *, simplified: bool = False) -> Tensor:
    """(h · w, h · w) bool: whether the pixel of a row may look at that of a column, which is visited no later."""
    rank = ranks(order, h, w, simplified=simplified).flatten()
    return rank[:, None] >= rank[None, :]
