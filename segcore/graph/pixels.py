"""The graph of the pixels of a small picture, and the smallest eigenpairs of its Laplacian; both sparse.

w_ij = exp(−‖F_i − F_j‖² / σ_I) · exp(−‖X_i − X_j‖² / σ_X)  where ‖X_i − X_j‖ < r, else 0

X is the place of a pixel, F = (V, V S sin H, V S cos H) its color in the cone of hue, saturation and value, in [0, 1].

(Shi and Malik, Normalized cuts and image segmentation, 2000, section 4.)
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, eigsh, splu
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError, NumericalError
from segcore.graph.eigen import fix_signs
from segcore.runtime.stopping import stop_if_asked
from segcore.types import Spectrum

LEAST_WEIGHT = 1e-6  # of an edge; keeps the graph connected where colors are far apart, so that its vectors are determined
_SHIFT = 1e-9  # below the eigenvalue 0, where L − σ I can still be factorized
_DENSE_UP_TO = 300  # nodes


@dataclass(frozen=True, eq=False, slots=True)
class PixelGraph:
    """A sparse graph of pixels and its smallest eigenpairs."""

    W: csr_array  # (n, n)
    spectrum: Spectrum

    @property
    def facts(self) -> Mapping[str, float | int | str]:
        """Its size in numbers."""
        return {"edges": (self.W.nnz - self.W.shape[0]) // 2, "worst_residual": float(self.spectrum.residuals.max())}


def pixel_affinity(pixels: Tensor, *, sigma_features: float, sigma_space: float, radius: float) -> csr_array:
    """Compute W for all pixels of a picture.

    Args:
        pixels: (height, width, 3) uint8 RGB.
        sigma_features: σ_I > 0, in squared units of F: differences of F well below its root count as equal.
        sigma_space: σ_X > 0, in squared pixels.
        radius: r > 0 in pixels; farther pixels are not joined.

    Returns:
        (n, n) symmetric float64, 1 on the diagonal, no edge below LEAST_WEIGHT.

    Raises:
        InputError: pixels are no picture, or a number is not positive.

    Cost: about 3 r² numbers per pixel.
    """
    check_tensor("pixels", pixels, ("height", "width", 3))
    if pixels.dtype != torch.uint8 or pixels.numel() == 0:
        raise InputError(f"pixels must be uint8, 0 to 255; got {pixels.dtype} {tuple(pixels.shape)}.", field="pixels")
    for name, value in (("sigma_features", sigma_features), ("sigma_space", sigma_space), ("radius", radius)):
        check_range(name, value, lo=1e-6)
    F = _color_cone(pixels.cpu().numpy())
    h, w = F.shape[:2]
    number = np.arange(h * w).reshape(h, w)
    rows, columns, weights = [], [], []
    for dy, dx in _half_disc(h, w, radius):
        stop_if_asked()
        here = np.s_[: h - dy, max(0, -dx) : w - max(0, dx)]
        there = np.s_[dy:, max(0, dx) : w - max(0, -dx)]
        far = np.square(F[here] - F[there]).sum(-1) / sigma_features + (dy * dy + dx * dx) / sigma_space
        rows.append(number[here].ravel())
        columns.append(number[there].ravel())
        weights.append(np.maximum(np.exp(-far), LEAST_WEIGHT).ravel())
    if not rows:
        return csr_array(scipy.sparse.eye_array(h * w))
    ends = np.concatenate(rows), np.concatenate(columns)
    half = csr_array((np.concatenate(weights), ends), shape=(h * w, h * w))
    return csr_array(half + half.T + scipy.sparse.eye_array(h * w))


def sparse_eigenpairs(W: csr_array, *, n_vectors: int, tol: float = 1e-6) -> Spectrum:
    """Compute the smallest eigenpairs of (D − W) v = μ D v for a sparse, connected graph.

    By shift and invert: I − D^-½ W D^-½ + σ I is factorized once, and Lanczos finds the largest eigenvalues of its inverse.
    Lanczos on the matrix itself is as fast on some pictures and several times slower on others, as the eigenvalues wanted
    lie within 0.1 % of the spectrum, and at a loose tolerance it misses some.

    Args:
        W: (n, n) symmetric, nonnegative, every row with a positive sum.
        n_vectors: how many, 1 … n.
        tol: relative accuracy of the eigenvalues.

    Returns:
        Spectrum as `smallest_eigenpairs` returns it for random_walk, on the CPU.

    Raises:
        NumericalError: the factorization or the iteration failed.

    Cost: about 1 s for 20 000 pixels with a radius of 5.
    """
    n = W.shape[0]
    scale = 1 / np.sqrt(W.sum(1))
    root = scipy.sparse.diags_array(scale)
    A = scipy.sparse.eye_array(n) - root @ W @ root
    try:
        mu, U = _dense_pairs(A, n_vectors) if n <= max(_DENSE_UP_TO, 3 * n_vectors) else _inverse_pairs(A, n_vectors, tol)
    except (RuntimeError, np.linalg.LinAlgError) as error:  # of SuperLU and ARPACK
        raise NumericalError(f"The eigenvectors of the pixel graph were not found: {error}.", stage="pixel_graph") from error
    residuals = np.linalg.norm(A @ U - U * mu, axis=0) / 2
    return Spectrum(
        eigenvalues=torch.from_numpy(mu).clamp_min(0),
        V=fix_signs(torch.from_numpy(U * scale[:, None])),
        residuals=torch.from_numpy(residuals),
        n_components=1,
        laplacian="random_walk",
        n_passes=0,
    )


def _color_cone(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(height, width, 3): V, V S sin H, V S cos H."""
    hue, saturation, value = np.moveaxis(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2HSV), 2, 0)
    angle, chroma = np.deg2rad(hue.astype(np.float64)), value * saturation
    return np.stack([value, chroma * np.sin(angle), chroma * np.cos(angle)], -1)


def _half_disc(h: int, w: int, radius: float) -> list[tuple[int, int]]:
    """The offsets (dy, dx) shorter than the radius, one of each pair of opposite ones, that fit on the grid."""
    reach = int(np.ceil(radius))
    return [
        (dy, dx)
        for dy in range(min(reach, h - 1) + 1)
        for dx in range(-min(reach, w - 1), min(reach, w - 1) + 1)
        if (dy, dx) > (0, 0) and dy * dy + dx * dx < radius * radius
    ]


def _dense_pairs(A: csr_array, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mu, U = np.linalg.eigh(A.toarray())
    return mu[:k], U[:, :k]


def _inverse_pairs(A: csr_array, k: int, tol: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n = A.shape[0]
    shifted = (A + _SHIFT * scipy.sparse.eye_array(n)).tocsc()
    # A symmetric positive definite matrix needs no pivoting, and an ordering of A + Aᵀ fills in least.
    factors = splu(shifted, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})

    def solve(b: NDArray[np.float64]) -> NDArray[np.float64]:
        stop_if_asked()
        return factors.solve(b)

    inverse = LinearOperator((n, n), matvec=solve, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(n)  # so that every run begins alike
    basis = min(n - 1, 2 * k + 4)
    mu, U = eigsh(A, k=k, sigma=-_SHIFT, which="LM", OPinv=inverse, tol=tol, v0=start, ncv=basis)
    order = mu.argsort()
    return mu[order], U[:, order]
