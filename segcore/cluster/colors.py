"""Features as colors: three numbers of each patch become red, green and blue.

    z_i = Aᵀ (f_i − m),    c_i = clip((z_i − q_lo) / (q_hi − q_lo), 0, 1)

with m the mean of the features of all pictures, A three of their principal axes, and q_lo, q_hi quantiles of each component
over all patches. One A for several pictures gives what is alike the same color in all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_choice, check_range, check_tensor
from segcore.cluster.embed import embed
from segcore.errors import InputError
from segcore.graph.affinity import cosine_affinity
from segcore.graph.eigen import smallest_eigenpairs
from segcore.numerics import NOISE, normalize_rows, otsu, row_blocks
from segcore.runtime.stopping import stop_if_asked

CLIP = 0.01  # share of the patches that each end of a color gives up, so that a single one does not make all others gray
JOINT_PATCHES = 4096  # that the graph of several pictures is made of; the others follow it
COLOR_VECTORS = 8  # after the constant one; see docs/colors.md
REDUCTIONS = ("pca", "umap")
OneColor = tuple[int, ...] | None  # of a picture that has but one
_OUTSIDE = 0.0  # color of patches that were left out


@dataclass(frozen=True, eq=False, slots=True)
class Axes:
    """Principal axes of the features of some pictures."""

    mean: Tensor  # (d,) float64
    axes: Tensor  # (d, k) float64, of length 1; among the entries of an axis the one of largest |entry| is positive
    shares: Tensor  # (k,) float64: of the variance, falling

    def scores(self, f: Tensor) -> Tensor:
        """(…, k) float32: coordinates of features (…, d) along the axes."""
        return ((f.double() - self.mean) @ self.axes).float()


@dataclass(frozen=True, eq=False, slots=True)
class PatchColors:
    """Pictures as colors."""

    colors: tuple[Tensor, ...]  # (h, w, 3) float32 in [0, 1] for each; 0 where a patch was left out
    shares: tuple[float, ...]  # of the variance along red, green and blue; empty where the reduction knows none
    all_shares: tuple[float, ...] = ()  # of the variance along the first components, falling


@dataclass(frozen=True, eq=False, slots=True)
class Figure:
    """The first component as figure and ground."""

    scores: tuple[Tensor, ...]  # (h, w) float32 in [0, 1] for each picture; the figure has the larger ones
    masks: tuple[Tensor, ...]  # (h, w) bool: score > threshold
    threshold: float
    share: float  # of the variance that the component explains


def one_color(pixels: Tensor) -> OneColor:
    """The color of a picture (height, width, 3) that has but one, else None."""
    first = pixels[0, 0]
    return tuple(first.tolist()) if bool((pixels == first).all()) else None


def check_differing(one_colors: Sequence[OneColor]) -> None:
    """Refuse pictures of one color, the same in all of them.

    Raises:
        InputError: a PCA of their features would show nothing but the places of the patches.
    """
    if one_colors and one_colors[0] is not None and len(set(one_colors)) == 1:
        raise InputError(
            "There is but one color in the picture. Principal components of its features are undefined, or show nothing but "
            "where the patches lie. Take a picture of something.",
            field="pictures",
        )


def principal_axes_of(fs: Sequence[Tensor], *, n_axes: int, masks: Sequence[Tensor] | None = None) -> Axes:
    """Principal axes of all patches of some pictures together.

    Args:
        fs: (h, w, d) features for each picture, of any h and w; read one after another, twice.
        n_axes: how many are wanted, from 1; at most d are.
        masks: (h, w) bool for each: the patches that count. None: all.

    Convention:
        The sign of an axis is free; here its largest entry by size is positive, so that the same features always get the
        same colors.

    Raises:
        InputError: there is no picture or no patch that counts, features differ in length, or all of them are the same, so
            that no direction is better than another.

    Cost: O(n d² + d³).
    """
    check_range("n_axes", n_axes, lo=1)
    if not fs:
        raise InputError("Principal components need at least one picture; got none.", field="pictures")
    d = fs[0].shape[-1]
    start, total, outer, squares, n = None, torch.zeros(d).double(), torch.zeros(d, d).double(), 0.0, 0
    for i, f in enumerate(fs):
        stop_if_asked()
        check_tensor("features", f, ("h", "w", d))
        X = _rows(f, masks[i] if masks else None).double().cpu()
        if not len(X):
            continue
        start = X.mean(0) if start is None else start  # sums about a place that is near the mean lose no digits
        centered = X - start
        total += centered.sum(0)
        outer += centered.T @ centered
        squares += float(X.square().sum())
        n += len(X)
    if start is None:
        raise InputError("No patch is left to compute principal components of. Lower the threshold.", field="threshold")
    offset = total / n
    covariance = outer / n - offset[:, None] * offset
    variances, axes = torch.linalg.eigh(covariance)
    variances, axes = variances.flip(0).clamp_min(0), axes.flip(1)[:, :n_axes]
    if float(variances.sum()) <= max(NOISE * squares / n, torch.finfo(torch.float64).tiny):
        raise InputError(
            "All patches have the same features, so principal components are undefined: there is nothing to color. Take a "
            "picture with more than one color, or lower the threshold.",
            field="pictures",
        )
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
    return Axes(start + offset, axes * largest.sign(), (variances / variances.sum())[:n_axes])


def pca_colors(
    fs: Sequence[Tensor],
    *,
    components: Sequence[int] = (0, 1, 2),
    masks: Sequence[Tensor] | None = None,
    clip: float = CLIP,
) -> PatchColors:
    """Principal components of the features as red, green and blue, one PCA for all pictures.

    Args:
        fs: (h, w, d) features for each picture.
        components: those of red, green and blue, counted from 0.
        masks: (h, w) bool for each picture: the patches that are colored, and that the PCA is of. None: all.
        clip: share of the patches that may be beyond each end of a color, 0 to 0.49.

    Returns:
        Colors, the share of the variance of each, and those of the first components. A component that there is not, or along
        which nothing differs, is 0.5.

    Raises:
        InputError: as `principal_axes_of`, or a component is below 0.

    Cost: one PCA, O(n d² + d³), and a sort of n numbers per color.

    Reference: the figures of DINO v2 (Oquab et al. 2023) and of Amir et al. 2021, which scale from the lowest to the highest
        value; a quantile of 1 % instead, as ncut_pytorch takes.
    """
    if len(components) != 3:
        raise InputError(f"components must be three, of red, green and blue; got {len(components)}.", field="components")
    for component in components:
        check_range("components", component, lo=0)
    found = principal_axes_of(fs, n_axes=max(10, 1 + max(components)), masks=masks)
    known = found.axes.shape[1]
    scores = [found.scores(f.cpu()) for f in fs]
    chosen = [torch.stack([s[..., c] if c < known else torch.zeros_like(s[..., 0]) for c in components], -1) for s in scores]
    shares = found.shares.tolist()
    return PatchColors(
        _scaled(chosen, masks, clip),
        tuple(shares[c] if c < known else 0.0 for c in components),
        tuple(shares),
    )


def figure_ground(fs: Sequence[Tensor], *, threshold: float | None = None, other: bool = False) -> Figure:
    """Part figure from ground by the first principal component, one for all pictures.

    Args:
        fs: (h, w, d) features for each picture.
        threshold: of the scaled component, 0 to 1; None: Otsu's, which parts it with the largest variance between.
        other: take the other side as the figure.

    Returns:
        The component, scaled to [0, 1] from its lowest 1 % to its highest, and what lies above the threshold.

    Convention:
        A component has no sign. The figure is the side that, cut at Otsu's threshold, holds the smaller share of the patches
        along the borders of the pictures, and the component is turned so that it is the upper one.

    Raises:
        InputError: as `principal_axes_of`, or the threshold is not in [0, 1].

    Reference: the two steps of DINO v2's figures (Oquab et al. 2023): the first component parts figure from ground, and a
        second PCA colors the figure. There, sign and threshold are chosen by hand.
    """
    if threshold is not None:
        check_range("threshold", threshold, lo=0, hi=1)
    axes = principal_axes_of(fs, n_axes=1)
    scores = [s[..., 0] for s in _scaled([axes.scores(f.cpu()) for f in fs], None, CLIP)]
    cut = _otsu(scores)
    borders = torch.cat([torch.cat([s[0], s[-1], s[1:-1, 0], s[1:-1, -1]]) for s in scores])
    if (float((borders > cut).double().mean()) > 0.5) != other:
        scores, cut = [1 - s for s in scores], 1 - cut
    cut = cut if threshold is None else threshold
    return Figure(tuple(scores), tuple(s > cut for s in scores), cut, float(axes.shares[0]))


def joint_eigenvectors(
    fs: Sequence[Tensor], *, n_vectors: int, seed: int = 0, most: int = JOINT_PATCHES
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Eigenvectors of the normalized cut of the patches of all pictures together, W = max(cos(f_i, f_j), 0).

    Args:
        fs: (h, w, d) features for each picture.
        n_vectors: m, how many after the constant one; fewer where there are fewer patches.
        seed: of the draw of patches, where there are more than `most`.
        most: patches that the graph is made of.

    Returns:
        (h, w, m) float32 for each picture, and their eigenvalues μ (m,), ascending.

    Convention:
        A patch x outside the graph takes the value that the equation of the eigenvectors gives to a node with its edges,
        v(x) = Σ_j w(x, j) v_j / (d(x) (1 − μ)), which for a patch inside is its own (Nyström).

    Raises:
        InputError: as `smallest_eigenpairs`; or fewer than two patches.

    Cost: O(most²) for the graph and its vectors, O(n · most · d) for the others.

    Reference: Fowlkes, Belongie, Chung and Malik 2004.
    """
    X = torch.cat([f.flatten(0, 1).cpu() for f in fs])
    n = len(X)
    kept = torch.arange(n)
    if n > most:
        kept = torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:most].sort().values
    unit = normalize_rows(X[kept])
    if len(unit) < 2:
        raise InputError("Eigenvectors need at least two patches; the pictures have one.", field="pictures")
    spectrum = smallest_eigenpairs(cosine_affinity(unit), n_vectors=min(n_vectors + 1, len(unit)))
    V, mu = spectrum.V[:, 1:].float(), spectrum.eigenvalues[1:]
    if n > most:
        V = _extended(X, unit, V, mu)
    sizes = [f.shape[0] * f.shape[1] for f in fs]
    parts = V.split(sizes)
    return tuple(part.reshape(*f.shape[:2], -1) for part, f in zip(parts, fs, strict=True)), mu


def _extended(X: Tensor, unit: Tensor, V: Tensor, mu: Tensor) -> Tensor:
    """(n, m): the values of all patches, by those (k, m) of the patches `unit` of the graph."""
    right = V / (1 - mu).clamp_min(1e-3).float()
    parts = []
    for block in row_blocks(len(X), 4 * len(unit)):
        stop_if_asked()
        weights = (normalize_rows(X[block]) @ unit.T).clamp_min_(0)
        parts.append((weights @ right) / weights.sum(1, keepdim=True).clamp_min(torch.finfo(weights.dtype).tiny))
    return torch.cat(parts)


def eigenvector_colors(vs: Sequence[Tensor], *, reduction: str = "pca", seed: int = 0) -> PatchColors:
    """Eigenvectors of a normalized cut as red, green and blue.

    Args:
        vs: (h, w, m) the first eigenvectors without the constant one for each picture, all of one graph, such as those of
            `joint_eigenvectors`.
        reduction: "pca", or "umap" where its package is installed.
        seed: of UMAP.

    Returns:
        Colors; with PCA also the shares of the variance.

    Convention:
        The rows of the m vectors are brought to length 1 first, as spectral clustering does (Ng, Jordan and Weiss 2002):
        eigenvectors have all the same variance, so a PCA of them as they are would have no first component.

    Raises:
        InputError: as `pca_colors`; UMAP is not installed, or there are fewer than 20 patches for it.

    Reference: ncut_pytorch (Yang et al. 2024) colors its pictures so, by t-SNE or UMAP of 20 to 100 vectors.
    """
    check_choice("reduction", reduction, REDUCTIONS)
    rows = [normalize_rows(v) for v in vs]
    if reduction == "pca":
        return pca_colors(rows)
    points = embed(torch.cat([r.flatten(0, 1) for r in rows]), reduction, n_dims=3, seed=seed)
    points = torch.nn.functional.pad(points, (0, 3 - points.shape[1]))
    parts = points.split([r.shape[0] * r.shape[1] for r in rows])
    grids = [part.reshape(*r.shape[:2], 3) for part, r in zip(parts, rows, strict=True)]
    return PatchColors(_scaled(grids, None, CLIP), ())


def _rows(f: Tensor, mask: Tensor | None) -> Tensor:
    return f.flatten(0, 1) if mask is None else f[mask.to(f.device)]


def _scaled(scores: Sequence[Tensor], masks: Sequence[Tensor] | None, clip: float) -> tuple[Tensor, ...]:
    """Scores (h, w, k) of all pictures from a low to a high quantile of each column to [0, 1]; 0.5 where nothing differs."""
    check_range("clip", clip, lo=0, hi=0.49)
    Z = torch.cat([_rows(s, masks[i] if masks else None) for i, s in enumerate(scores)]).sort(0).values
    ends = (round(clip * (len(Z) - 1)), round((1 - clip) * (len(Z) - 1)))
    low, high = Z[ends[0]], Z[ends[1]]
    width = high - low
    flat = width <= NOISE * Z.abs().amax(0)
    shown = [torch.where(flat, 0.5, ((s - low) / width.where(~flat, torch.ones(()))).clamp(0, 1)) for s in scores]
    if masks:
        shown = [torch.where(m.cpu()[..., None], s, _OUTSIDE) for m, s in zip(masks, shown, strict=True)]
    return tuple(shown)


def _otsu(scores: Sequence[Tensor]) -> float:
    values = torch.cat([s.flatten() for s in scores]).double()
    return otsu(values.numpy(), torch.ones_like(values).numpy())[0]
