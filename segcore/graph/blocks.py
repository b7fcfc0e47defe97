"""A graph of many cells as a matrix of few blocks, to look at."""

import math

import torch
from torch import Tensor


def block_of_cells(h: int, w: int, *, most: int) -> tuple[Tensor, tuple[int, int]]:
    """Lay a grid of at most about `most` blocks over a grid of cells.

    Returns:
        (n,) int64 the block of each cell, and the rows and columns of the grid of blocks. Cell (y, x) lies in the block
        (⌊y · rows / h⌋, ⌊x · columns / w⌋); with few cells each is its own block.
    """
    side = max(1, math.ceil(math.sqrt(h * w / most)))
    rows, columns = math.ceil(h / side), math.ceil(w / side)
    y, x = torch.meshgrid(torch.arange(h) * rows // h, torch.arange(w) * columns // w, indexing="ij")
    return (y * columns + x).flatten(), (rows, columns)


def block_means(W: Tensor, block: Tensor) -> Tensor:
    """Mean weight between the cells of each pair of blocks.

    Args:
        W: (n, n).
        block: (n,) int64, 0 … m − 1, none empty.

    Returns:
        (m, m) float64.
    """
    member = torch.nn.functional.one_hot(block).double()
    member /= member.sum(0)
    return member.T @ (W.double() @ member)


def mean_in_blocks(values: Tensor, block: Tensor) -> Tensor:
    """(m,) float64 mean of values (n,) in each block."""
    member = torch.nn.functional.one_hot(block).double()
    return (member / member.sum(0)).T @ values.double()
