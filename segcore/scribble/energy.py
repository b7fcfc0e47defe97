"""What the energy of a cut is made of: links from the picture, costs from what lies under the strokes.

w_ij = λ exp(−β ‖z_i − z_j‖²) / ‖i − j‖ with β = 1 / (2 mean ‖z_i − z_j‖²), and U_l(i) = −ln p(z_i | l), p a histogram
(Boykov and Jolly 2001) or a mixture of Gaussians (Rother, Kolmogorov and Blake 2004) of the colors under the strokes of l.
A hundredth of every density lies on all colors alike, so a color that no stroke has seen speaks for nobody.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.ndimage
import torch
from torch import Tensor

from segcore.checks import check_choice, check_range, check_tensor
from segcore.errors import InputError
from segcore.scribble.grid import LENGTHS, OFFSETS, ends

COLOR_MODELS = ("mixture", "histogram")
N_GAUSSIANS = 5  # per label, as GrabCut takes them
_MOST_SAMPLES = 1500  # stroke pixels that a mixture is fitted to
_K_MEANS = (cv2.TERM_CRITERIA_MAX_ITER, 10, 0.0)
_BINS = 8  # per channel
_ANYTHING = 0.01
_LEAST_SPREAD = 6.0  # 8-bit levels: narrower Gaussians would speak of noise


def contrast_links(image: Tensor, *, weight: float) -> Tensor:
    """Links between neighboring pixels, weak across edges.

    Args:
        image: (h, w, 3) uint8.
        weight: λ ≥ 0.

    Returns:
        (4, h, w) float32 as `graph_cut` takes them, 0 on links that lead out of the picture. A picture of one color gets
        λ / ‖i − j‖.
    """
    check_tensor("image", image, ("h", "w", 3))
    check_range("weight", weight, lo=0)
    z = image.cpu().float()
    parts = [(z[ends(offset)[0]] - z[ends(offset)[1]]).square_().sum(-1) for offset in OFFSETS]
    n = sum(part.numel() for part in parts)
    mean = sum(float(part.sum()) for part in parts) / max(n, 1)
    beta = 1 / (2 * mean) if mean > 0 else 0.0
    links = torch.zeros(4, *image.shape[:2])
    for direction, (offset, part, length) in enumerate(zip(OFFSETS, parts, LENGTHS, strict=True)):
        links[direction][ends(offset)[0]] = weight / length * torch.exp(-beta * part)
    return links


@dataclass(frozen=True, eq=False, slots=True)
class Shades:
    """The colors of a picture, to 6 bits per channel; they do not depend on strokes."""

    colors: Tensor  # (m, 3) float32: the middles of those that occur
    at: Tensor  # (h, w) int64: which of them each pixel has


def shades_of(image: Tensor) -> Shades:
    """The shades of a picture (h, w, 3) uint8."""
    check_tensor("image", image, ("h", "w", 3))
    coarse = image.cpu().long() >> 2
    key = (coarse[..., 0] << 12) | (coarse[..., 1] << 6) | coarse[..., 2]
    present = torch.bincount(key.flatten(), minlength=1 << 18) > 0
    found = present.nonzero()[:, 0]
    number = torch.cumsum(present, 0) - 1
    return Shades(torch.stack([found >> 12, (found >> 6) & 63, found & 63], 1).float() * 4 + 1.5, number[key])


def color_costs(
    image: Tensor, seeds: Tensor, labels: tuple[int, ...], *, model: str, shades: Shades | None = None, seed: int = 0
) -> Tensor:
    """What each label costs at each pixel, by the colors under its strokes.

    Args:
        image: (h, w, 3) uint8.
        seeds: (h, w) the label of each stroke's pixels, 0 elsewhere.
        labels: those asked about; each has pixels.
        model: one of COLOR_MODELS.
        shades: of the image, if they are there already.
        seed: of the mixture's start.

    Returns:
        (k, h, w) float32 ≥ 0: −ln p, less the least of the pixel.
    """
    check_tensor("image", image, ("h", "w", 3))
    check_tensor("seeds", seeds, tuple(image.shape[:2]))
    check_choice("model", model, COLOR_MODELS)
    shades = shades_of(image) if shades is None else shades
    costs = []
    for label in labels:
        marked = image[seeds == label]
        if not len(marked):
            raise InputError(f"No pixel is marked with label {label}; draw a stroke of it.", field="strokes")
        density = _mixture(marked, shades.colors, seed) if model == "mixture" else _histogram(marked, shades.colors)
        costs.append(-torch.log((1 - _ANYTHING) * density + _ANYTHING / 256**3))
    U = torch.stack(costs)
    return (U - U.amin(0))[:, shades.at]


def bound_costs(unary: Tensor, pairwise: Tensor, seeds: Tensor, labels: tuple[int, ...]) -> Tensor:
    """Bind the strokes: on a stroke its own label costs nothing and every other one more than all links of any pixel.

    Args:
        unary: (k, h, w).
        pairwise: (4, h, w).
        seeds: (h, w) label of each stroke's pixels, 0 elsewhere.
        labels: (k) the label of each row of `unary`.

    Returns:
        (k, h, w): a copy, with K = 1 + Σ of the links (Boykov and Jolly's bound, taken over the whole pixel).
    """
    K = 1 + 2 * float(pairwise.sum(0).max()) * len(OFFSETS)
    bound = unary.clone()
    marked = seeds > 0
    for row, label in enumerate(labels):
        bound[row][marked] = torch.where(seeds[marked] == label, 0.0, K)
    return bound


def _histogram(marked: Tensor, colors: Tensor) -> Tensor:
    """Density per color of the smoothed histogram of `marked`, at `colors`."""
    counts = np.zeros((_BINS,) * 3)
    step = 256 // _BINS
    np.add.at(counts, tuple((marked.cpu().numpy() // step).T), 1.0)
    smooth = scipy.ndimage.gaussian_filter(counts, 0.6, mode="nearest")
    p = torch.from_numpy(smooth / smooth.sum() / step**3).float()
    bins = (colors // step).long()
    return p[bins[:, 0], bins[:, 1], bins[:, 2]]


def _mixture(marked: Tensor, colors: Tensor, seed: int) -> Tensor:
    """Density of a mixture at `colors`, a Gaussian for each cluster of `marked`."""
    generator = np.random.default_rng(seed)
    drawn = marked.cpu().numpy().astype(np.float32)
    if len(drawn) > _MOST_SAMPLES:
        drawn = drawn[generator.permutation(len(drawn))[:_MOST_SAMPLES]]
    k = min(N_GAUSSIANS, len(drawn))
    cv2.setRNGSeed(seed)
    _, numbers, _ = cv2.kmeans(drawn, k, np.empty(0, np.int32), _K_MEANS, 1, cv2.KMEANS_PP_CENTERS)
    resp = torch.nn.functional.one_hot(torch.from_numpy(numbers[:, 0]).long(), k).double()
    resp, X = resp[:, resp.sum(0) > 0], torch.from_numpy(drawn).double()
    mass = resp.sum(0)
    means = (resp.T @ X) / mass[:, None]
    centered = X[None] - means[:, None]
    sigma = torch.einsum("kn,kni,knj->kij", resp.T, centered, centered) / mass[:, None, None]
    sigma = sigma + _LEAST_SPREAD**2 * torch.eye(3, dtype=torch.float64)
    whiten = torch.linalg.inv(torch.linalg.cholesky(sigma))
    log_front = torch.log(mass / mass.sum()) - 0.5 * torch.logdet(sigma) - 1.5 * np.log(2 * np.pi)
    # The colors whitened by all Gaussians in one product: (3 k, 3) @ (3, m).
    centers = (whiten @ means[:, :, None]).reshape(-1, 1)
    squares = (whiten.reshape(-1, 3).float() @ colors.T - centers.float()).square_().reshape(-1, 3, len(colors)).sum(1)
    return torch.exp(log_front[:, None].float() - 0.5 * squares).sum(0)
