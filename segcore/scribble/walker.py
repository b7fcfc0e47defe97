"""Random walker: the label whose strokes a walk from a pixel reaches first, with its probability.

With L = D − W the Laplacian of the links, split into marked (m) and unmarked (u) pixels, the probabilities of the unmarked
ones solve L_u X = B M, where B holds the links from unmarked to marked pixels and M is one-hot. X is harmonic: every value
is the mean of its neighbors' by their links.

Reference: Grady 2006.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.linalg import splu
from torch import Tensor

from segcore.checks import check_tensor
from segcore.errors import InputError, NumericalError
from segcore.scribble.grid import OFFSETS, ends

_BLOCK = 4  # side of the blocks of the coarse problem, in pixels
_LEAST = 1e-6  # share of the heaviest link: the least one, so that every pixel can be left
_MOST_STEPS = 500


def random_walker(seeds: Tensor, pairwise: Tensor, *, tol: float = 1e-4) -> tuple[tuple[int, ...], Tensor]:
    """Solve for the probabilities of all labels.

    Args:
        seeds: (h, w) label of each marked pixel, from 1; 0 elsewhere.
        pairwise: (4, h, w) links ≥ 0, as of `contrast_links`.
        tol: largest residual of the linear system, as a share of its right side.

    Returns:
        The labels (k), ascending, and (k, h, w) float32 probabilities that sum to 1; marked pixels have theirs for certain.

    Raises:
        InputError: a shape is wrong, a link is negative, or nothing is marked.
        NumericalError: the iteration did not get there.

    Cost: conjugate gradients, preconditioned by the diagonal and by the same problem on blocks of 4 × 4 pixels, which is
        factorized: some tens of passes over the picture for each label but one.
    """
    check_tensor("seeds", seeds, ("h", "w"))
    check_tensor("pairwise", pairwise, (4, *seeds.shape))
    if bool((pairwise < 0).any()):
        raise InputError("pairwise must be ≥ 0; got a negative link.", field="pairwise")
    marks = seeds.cpu().numpy()
    labels = tuple(int(label) for label in np.unique(marks) if label)
    if not labels:
        raise InputError("Nothing is marked; draw a stroke.", field="seeds")
    P = np.stack([marks == label for label in labels]).astype(np.float64)
    open_at = (marks == 0).ravel()
    if open_at.any() and len(labels) > 1:
        L = _laplacian(pairwise.cpu().double().numpy())
        B = -L[open_at][:, ~open_at]
        right = B @ P[1:].reshape(len(labels) - 1, -1).T[~open_at]
        P[1:].reshape(len(labels) - 1, -1).T[open_at] = 0  # a view: filled below
        rest = P.reshape(len(labels), -1)
        rest[1:, open_at] = _solve(L[open_at][:, open_at], right, _blocks(marks.shape)[open_at], tol).T
        rest[0, open_at] = 1 - rest[1:, open_at].sum(0)
    elif open_at.any():
        P[:] = 1
    P = np.clip(P, 0, 1)
    return labels, torch.from_numpy((P / P.sum(0)).astype(np.float32))


def _laplacian(w: NDArray[np.float64]) -> csr_array:
    """(n, n): D − W of the grid."""
    h, width = w.shape[1:]
    number = np.arange(h * width).reshape(h, width)
    least = _LEAST * float(w.max(initial=0.0)) or 1.0
    tails, heads, values = [], [], []
    for direction, offset in enumerate(OFFSETS):
        a, b = ends(offset)
        tails.append(number[a].ravel())
        heads.append(number[b].ravel())
        values.append(np.maximum(w[direction][a], least).ravel())
    i, j, v = map(np.concatenate, (tails, heads, values))
    W = coo_array((np.concatenate([v, v]), (np.concatenate([i, j]), np.concatenate([j, i]))), shape=(h * width,) * 2).tocsr()
    laplacian: csr_array = (diags_array(W.sum(1)) - W).tocsr()
    return laplacian


def _blocks(shape: tuple[int, int]) -> NDArray[np.intp]:
    """(h·w,): the block of each pixel."""
    h, w = shape
    across = -(-w // _BLOCK)
    return (np.arange(h)[:, None] // _BLOCK * across + np.arange(w)[None, :] // _BLOCK).ravel()


def _solve(A: csr_array, right: NDArray[np.float64], block: NDArray[np.intp], tol: float) -> NDArray[np.float64]:
    """X with A X = right, columns together, by preconditioned conjugate gradients."""
    _, block = np.unique(block, return_inverse=True)
    n = A.shape[0]
    R: Any = coo_array((np.ones(n), (block, np.arange(n))), shape=(int(block.max()) + 1, n)).tocsr()
    coarse: Any = splu((R @ A @ R.T).tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    inverse = 1 / A.diagonal()[:, None]

    def precondition(r: NDArray[np.float64]) -> NDArray[np.float64]:
        z: NDArray[np.float64] = inverse * r + R.T @ coarse.solve(R @ r)
        return z

    X: NDArray[np.float64] = R.T @ coarse.solve(R @ right)
    r = right - A @ X
    z = precondition(r)
    p, rz = z, (r * z).sum(0)
    goal = tol * np.maximum(np.linalg.norm(right, axis=0), 1e-300)
    for _ in range(_MOST_STEPS):
        if (np.linalg.norm(r, axis=0) <= goal).all():
            return X
        q = A @ p
        step = rz / np.maximum((p * q).sum(0), 1e-300)
        X += step * p
        r = r - step * q
        z = precondition(r)
        new = (r * z).sum(0)
        p = z + new / np.maximum(rz, 1e-300) * p
        rz = new
    raise NumericalError(
        "The random walker did not settle; raise the weight λ of the links, or take another method.", stage="random_walker"
    )
