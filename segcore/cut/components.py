"""Connected pieces of a mask on the grid: 4-connected, as scipy.ndimage.label has it by default."""

import numpy as np
import scipy.ndimage
import torch
from torch import Tensor


def component_at(mask: Tensor, cell: int) -> Tensor:
    """Keep the 4-connected component of a mask that holds a cell.

    Args:
        mask: (h, w) bool.
        cell: its number y·w + x.

    Returns:
        (h, w) bool; empty where the cell is not in the mask.
    """
    numbers, _ = scipy.ndimage.label(mask.cpu().numpy())
    here = numbers.flat[cell]
    return torch.from_numpy((numbers == here) & (here > 0)).to(mask.device)


def largest_component(mask: Tensor) -> Tensor:
    """Keep the largest 4-connected component of a mask (h, w) bool, the first among equals; an empty mask stays empty."""
    numbers, _ = scipy.ndimage.label(mask.cpu().numpy())
    sizes = np.bincount(numbers.ravel())
    sizes[0] = 0
    here = int(sizes.argmax())
    return torch.from_numpy((numbers == here) & (here > 0)).to(mask.device)


def bounding_box(mask: Tensor) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1 in cells, end exclusive, of a mask (h, w) bool; None where it is empty."""
    rows, columns = mask.any(1).nonzero().flatten().tolist(), mask.any(0).nonzero().flatten().tolist()
    return (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if rows else None
