"""From soft labels of the patch grid to soft labels of the pixels."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.checks import check_choice, check_tensor
from segcore.errors import InputError
from segcore.upsample.blend import blend, blend_weights, cell_means, factor_of, gaussian_log_weight
from segcore.upsample.guided import guided_filter

# Chosen on the training pictures of BSDS500; see docs/upsampling.md.
SIGMA_CELLS = 0.7  # reach of joint bilateral upsampling, in cells
SIGMA_RGB = 50.0  # and its width in color, in 8-bit levels
WINDOW = 5  # cells that a pixel looks at, along each axis
GUIDED_RADIUS = 1.0  # of the guided filter's window, in cells
GUIDED_EPS = 15.0**2  # in squared 8-bit levels
PAC_SIGMA_RGB = 35.0
PAC_SIGMA_CELLS = 0.9
PAC_WINDOW = 3

Weights = tuple[Tensor, ...]  # of `blend_weights`, stage by stage


def upsample(P: Tensor, image: Tensor, *, upsampling: str, weights: Weights | None = None) -> Tensor:
    """Lift soft labels, one-hot labels or any other values from cells to pixels, along the edges of the picture.

    Args:
        P: (k, h, w) floats, such as responsibilities; one-hot labels are `one_hot(labels).permute(2, 0, 1).float()`.
        image: (s·h, s·w, 3) uint8 RGB: whole cells, such as `FeatureGrid.pixels`; cut the border extension off afterwards.
        upsampling: a key of UPSAMPLERS.
        weights: of `upsampling_weights` for this picture and grid, where they are known already.

    Returns:
        (k, s·h, s·w) in the type of P. Where P sums to 1 over k, so does the result; values stay within the range of P,
        except for `guided`, whose linear functions may leave it.

    Raises:
        InputError: shapes or types do not fit, or the name is unknown.

    Cost: at 480 × 360 pixels and k = 5, see docs/upsampling.md; it grows with k and with the number of pixels.
    """
    check_choice("upsampling", upsampling, tuple(UPSAMPLERS))
    check_tensor("P", P, ("k", "h", "w"))
    check_tensor("image", image, ("height", "width", 3))
    if image.dtype != torch.uint8 or not P.is_floating_point():
        raise InputError(f"P must be floats and image uint8; got {P.dtype} and {image.dtype}.", field="image")
    guide = image.permute(2, 0, 1).to(P.dtype).contiguous()
    factor_of(P, guide)
    return _blended(P, weights) if weights else UPSAMPLERS[upsampling](P, guide)


def upsampling_weights(image: Tensor, *, patch: int, upsampling: str) -> Weights:
    """What of an upsampling depends on the picture alone, so that other labels of the same picture need not compute it.

    Args:
        image: (s·h, s·w, 3) uint8 RGB: whole cells.
        patch: s, pixels per cell and axis.
        upsampling: a key of UPSAMPLERS.

    Returns:
        Weights of `blend_weights`, one tensor per stage; empty where the way is none of blending or needs no time.

    Cost: most of that of `upsample`; 9 floats per pixel of the picture, 25 for `joint_bilateral`.
    """
    of = {"joint_bilateral": joint_bilateral_weights, "pac": pac_weights}.get(upsampling)
    return of(image.permute(2, 0, 1).float().contiguous(), patch) if of else ()


def _blended(P: Tensor, weights: Weights) -> Tensor:
    for stage in weights:
        P = blend(P, stage.to(P))
    return P


def nearest(P: Tensor, image: Tensor) -> Tensor:
    """Each pixel has the value of the cell it lies in; P (k, h, w), image (g, s·h, s·w)."""
    factor = factor_of(P, image)
    return P.repeat_interleave(factor, 1).repeat_interleave(factor, 2)


def bilinear(P: Tensor, image: Tensor) -> Tensor:
    """Values change linearly from cell center to cell center and are constant beyond the outermost ones; sizes as above."""
    return (
        F.interpolate(P[None], size=image.shape[1:], mode="bilinear", align_corners=False)[0] if factor_of(P, image) else P
    )


def joint_bilateral(
    P: Tensor, guide: Tensor, *, sigma_cells: float = SIGMA_CELLS, sigma_rgb: float = SIGMA_RGB, size: int = WINDOW
) -> Tensor:
    """Each pixel is the mean of the cells around it that are near and have its color.

    Args:
        P: (k, h, w) floats.
        guide: (g, s·h, s·w) floats, such as RGB from 0 to 255.
        sigma_cells: reach in cells, > 0.
        sigma_rgb: width in color, in the unit of the guide, > 0.
        size: cells of the window along each axis, odd.

    Returns:
        (k, s·h, s·w).

    Convention:
        The color of a cell is the mean of its pixels; the paper takes the pixel in its middle, which is noisier.

    Raises:
        InputError: shapes do not fit.

    Cost: about 60 ms at 480 × 360 pixels on two cores.

    Reference: Kopf, Cohen, Lischinski and Uyttendaele 2007, equation 3.
    """
    return _blended(
        P, joint_bilateral_weights(guide, factor_of(P, guide), sigma_cells=sigma_cells, sigma_rgb=sigma_rgb, size=size)
    )


def joint_bilateral_weights(
    guide: Tensor, factor: int, *, sigma_cells: float = SIGMA_CELLS, sigma_rgb: float = SIGMA_RGB, size: int = WINDOW
) -> Weights:
    """The weights of `joint_bilateral`, one stage, for a guide (g, factor·h, factor·w)."""
    log_weight = gaussian_log_weight(factor, sigma=sigma_cells, size=size).to(guide)
    guide = guide / sigma_rgb
    return (blend_weights(guide, cell_means(guide, factor), log_weight),)


def guided(P: Tensor, guide: Tensor, *, radius_cells: float = GUIDED_RADIUS, eps: float = GUIDED_EPS) -> Tensor:
    """Bilinear values, then the guided filter of the picture; see `guided_filter`. The radius is in cells."""
    radius = max(1, round(radius_cells * factor_of(P, guide)))
    return guided_filter(bilinear(P, guide), guide, radius=radius, eps=eps)


def pac_upsample(
    P: Tensor,
    guide: Tensor,
    *,
    sigma_cells: float = PAC_SIGMA_CELLS,
    sigma_rgb: float = PAC_SIGMA_RGB,
    size: int = PAC_WINDOW,
) -> Tensor:
    """Pixel-adaptive convolution, transposed and normalized, in stages: the grid doubles until it has the picture's size.

    Arguments and result as of `joint_bilateral`; in each stage the guide is the picture at that stage's resolution, so a
    pixel is reached by a path of cells that all look alike.

    Reference: Su et al. 2019, section 4.1.
    """
    return _blended(P, pac_weights(guide, factor_of(P, guide), sigma_cells=sigma_cells, sigma_rgb=sigma_rgb, size=size))


def pac_weights(
    guide: Tensor,
    factor: int,
    *,
    sigma_cells: float = PAC_SIGMA_CELLS,
    sigma_rgb: float = PAC_SIGMA_RGB,
    size: int = PAC_WINDOW,
) -> Weights:
    """The weights of `pac_upsample`, stage by stage, for a guide (g, factor·h, factor·w)."""
    stages = []
    for step in _steps(factor):
        factor //= step
        level = cell_means(guide, factor) / sigma_rgb
        log_weight = gaussian_log_weight(step, sigma=sigma_cells, size=size).to(guide)
        stages.append(blend_weights(level, cell_means(level, step), log_weight))
    return tuple(stages)


def _steps(factor: int) -> list[int]:
    """The prime factors, ascending: 8 = 2 · 2 · 2, 14 = 2 · 7."""
    steps, p = [], 2
    while factor > 1:
        if factor % p == 0:
            steps.append(p)
            factor //= p
        else:
            p += 1
    return steps


UPSAMPLERS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "nearest": nearest,
    "bilinear": bilinear,
    "joint_bilateral": joint_bilateral,
    "guided": guided,
    "pac": pac_upsample,
}
