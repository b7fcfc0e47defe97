"""Each pixel is a mean of the cells around it, and the guide says which of them count.

    y_p = Σ_q K(f_p, f_q) W[p − q] P_q / Σ_q K(f_p, f_q) W[p − q],    K(f, f') = exp(−½ ‖f − f'‖²)

So a pixel-adaptive convolution, transposed and normalized, with one W > 0 for all channels; with a Gaussian W it is joint
bilateral upsampling. Being a mean, it keeps constants, sums over channels and the range of the values.
"""

import itertools
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError


def blend_weights(fine: Tensor, coarse: Tensor, log_weight: Tensor) -> Tensor:
    """Say how much of each cell around it every pixel takes: K W / Σ K W.

    Args:
        fine: (g, s·h, s·w) floats, f_p of the pixels, s ≥ 1.
        coarse: (g, h, w) floats, f_q of the cells.
        log_weight: (s², m²) floats, log W of each pixel of a cell, row by row, for each cell of the m × m around it; m odd.

    Returns:
        (m², s·h, s·w) in [0, 1], sums over m² are 1; cells outside the grid have no part.

    Raises:
        InputError: shapes do not fit.

    Cost: O(m² g) per pixel. Differentiable.
    """
    factor = factor_of(coarse, fine)
    m = round(log_weight.shape[-1] ** 0.5)
    check_tensor("log_weight", log_weight, (factor**2, m**2))
    by_place = log_weight.T.reshape(m**2, 1, factor, factor).repeat(1, 1, 1, coarse.shape[2])  # over a row of cells
    inside = _around(torch.zeros_like(coarse[:1]), m, factor, beyond=-torch.inf)
    planes = []
    for of_place, on_grid, theirs in zip(by_place, inside, _around(coarse, m, factor), strict=True):
        score = (on_grid.unflatten(1, (-1, factor)) + of_place).reshape(fine.shape[1:])
        for f_p, f_q in zip(fine, theirs, strict=True):
            away = f_p - f_q
            score = score.addcmul(away, away, value=-0.5)
        planes.append(score)
    scores = torch.stack(planes)
    # The largest score drops out. torch's own softmax over the first axis takes twice as long.
    weights = scores.sub_(scores.detach().amax(0)).exp_()
    return weights / weights.sum(0)


def blend(P: Tensor, weights: Tensor) -> Tensor:
    """Give every pixel the mean of the cells around it, with the weights of `blend_weights`.

    Args:
        P: (k, h, w) floats, one value per cell and channel.
        weights: (m², s·h, s·w) floats.

    Returns:
        (k, s·h, s·w).

    Raises:
        InputError: shapes do not fit.

    Cost: O(m² k) per pixel. Differentiable.
    """
    factor, m = factor_of(P, weights), round(len(weights) ** 0.5)
    means = P.new_zeros(len(P), *weights.shape[1:])
    for weight, theirs in zip(weights, _around(P, m, factor), strict=True):
        means.addcmul_(weight, theirs)
    return means


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


def _around(x: Tensor, m: int, factor: int, *, beyond: float = 0.0) -> Iterator[Tensor]:
    """For each of the m × m cells around a cell of (c, h, w), row by row: its values at each pixel (c, s·h, s·w), a view."""
    height, width = (factor * side for side in x.shape[1:])
    fine = F.pad(x, (m // 2,) * 4, value=beyond).repeat_interleave(factor, 1).repeat_interleave(factor, 2)
    for top, left in itertools.product(range(0, m * factor, factor), repeat=2):
        yield fine[:, top : top + height, left : left + width]
