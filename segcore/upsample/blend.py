"""Each pixel is a mean of the cells around it, and the guide says which of them count.

    y_p = Σ_q K(f_p, f_q) W[p − q] P_q / Σ_q K(f_p, f_q) W[p − q],    K(f, f') = exp(−½ ‖f − f'‖²)

So a pixel-adaptive convolution, transposed and normalized, with one W > 0 for all channels; with a Gaussian W it is joint
bilateral upsampling. Being a mean, it keeps constants, sums over channels and the range of the values.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError
from segcore.numerics import row_blocks


def blend_weights(fine: Tensor, coarse: Tensor, log_weight: Tensor) -> Tensor:
    """Say how much of each cell around it every pixel takes: K W / Σ K W.

    Args:
        fine: (g, s·h, s·w) floats, f_p of the pixels, s ≥ 1.
        coarse: (g, h, w) floats, f_q of the cells.
        log_weight: (s², m²) floats, log W of each pixel of a cell, row by row, for each cell of the m × m around it; m odd.

    Returns:
        (h, w, s², m²) in [0, 1], sums over m² are 1; cells outside the grid have no part.

    Raises:
        InputError: shapes do not fit.

    Cost: O(m² g) per pixel, in blocks of rows of about 64 MB. Differentiable.
    """
    factor = factor_of(coarse, fine)
    m = round(log_weight.shape[-1] ** 0.5)
    check_tensor("log_weight", log_weight, (factor**2, m**2))
    h, w = coarse.shape[1:]
    around = _around(torch.ones_like(coarse[:1]), m), _around(coarse, m)  # the ones become 0 beyond the grid
    pixels = fine.reshape(-1, h, factor, w, factor).permute(1, 3, 2, 4, 0).reshape(h, w, factor**2, -1)
    rows = []
    for block in row_blocks(h, w * factor**2 * 3 * m**2 * fine.element_size()):
        inside, guides = (x[block].flatten(0, 1) for x in around)
        own = guides[:, m**2 // 2, None]  # differences from it are small, so their squares lose no digits
        mine, theirs = pixels[block].flatten(0, 1) - own, guides - own
        far = theirs.square().sum(-1)[:, None].masked_fill((inside == 0).mT, torch.inf)
        scores = torch.baddbmm(-0.5 * far, mine, theirs.mT) + log_weight
        # −½ ‖f_p‖² is the same for all cells of a pixel and drops out, as does the largest score. torch's own softmax takes
        # several times as long for so short rows.
        weights = (scores - scores.amax(-1, keepdim=True)).exp()
        rows.append(weights / weights.sum(-1, keepdim=True))
    return torch.cat(rows).reshape(h, w, factor**2, m**2)


def blend(P: Tensor, weights: Tensor) -> Tensor:
    """Give every pixel the mean of the cells around it, with the weights of `blend_weights`.

    Args:
        P: (k, h, w) floats, one value per cell and channel.
        weights: (h, w, s², m²) floats.

    Returns:
        (k, s·h, s·w).

    Raises:
        InputError: shapes do not fit.

    Cost: O(m² k) per pixel. Differentiable.
    """
    check_tensor("P", P, ("k", *weights.shape[:2]))
    k, h, w = P.shape
    factor, m = (round(n**0.5) for n in weights.shape[2:])
    means = weights.flatten(0, 1) @ _around(P, m).flatten(0, 1)
    return means.reshape(h, w, factor, factor, k).permute(4, 0, 2, 1, 3).reshape(k, h * factor, w * factor)


def gaussian_log_weight(factor: int, *, sigma: float, size: int) -> Tensor:
    """(factor², size²) float64: log W of `blend_cells`, a Gaussian of the distance from a pixel to the center of a cell.

    Args:
        factor: pixels per cell and axis, ≥ 1.
        sigma: in cells, > 0.
        size: cells of the window and axis, odd.
    """
    places = (torch.arange(factor, dtype=torch.float64) + 0.5) / factor - 0.5
    cells = torch.arange(size, dtype=torch.float64) - size // 2
    along = -0.5 * ((places[:, None] - cells) / sigma).square()
    return (along[:, None, :, None] + along[None, :, None, :]).reshape(factor**2, size**2)


def factor_of(P: Tensor, image: Tensor) -> int:
    """How many pixels of a picture (g, height, width) lie along the side of a cell of (k, h, w).

    Raises:
        InputError: the picture is no whole multiple of the grid, the same along both axes.
    """
    check_tensor("P", P, ("k", "h", "w"))
    check_tensor("image", image, ("g", "height", "width"))
    (h, w), (height, width) = P.shape[1:], image.shape[1:]
    if min(h, w, height, width) < 1 or height % h or height // h * w != width:
        raise InputError(
            f"The picture must be a whole multiple of the grid, the same along both axes; got {height} × {width} pixels for "
            f"{h} × {w} cells.",
            field="image",
        )
    return height // h


def cell_means(image: Tensor, factor: int) -> Tensor:
    """(g, h, w) mean of the pixels of each cell of a picture (g, factor·h, factor·w)."""
    check_range("factor", factor, lo=1)
    return F.avg_pool2d(image[None], factor)[0] if factor > 1 else image


def _around(x: Tensor, m: int) -> Tensor:
    """(h, w, m², c): the m × m cells around each cell of (c, h, w), zeros outside; a view."""
    windows = F.pad(x, (m // 2,) * 4).unfold(1, m, 1).unfold(2, m, 1)
    return windows.permute(1, 2, 3, 4, 0).flatten(2, 3)
