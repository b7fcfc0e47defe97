"""Degrees and Laplacians of a graph with weights W.

L = D − W, with D = diag(d) and d_i = Σ_j W_ij. A node without edges has degree 0; where a formula divides by the degree it
counts as 1, so that such a node is a connected component of its own with eigenvalue 0.
"""

import torch
from torch import Tensor

from segcore.checks import check_choice
from segcore.errors import InputError
from segcore.graph.implicit import ImplicitAffinity
from segcore.numerics import row_blocks

LAPLACIANS = ("random_walk", "symmetric", "plain")


def degrees(W: Tensor | ImplicitAffinity) -> Tensor:
    """Sum the rows of W (n, n); returns (n,) ≥ 0."""
    return W.sum(1)


def safe_degrees(deg: Tensor) -> Tensor:
    """Degrees to divide by: 1 where a node has no edges."""
    return torch.where(deg > 0, deg, 1.0)


def laplacian(W: Tensor, *, kind: str) -> Tensor:
    """Build a graph Laplacian.

    Args:
        W: (n, n) symmetric, nonnegative.
        kind: "plain" D − W; "symmetric" D^-½ (D − W) D^-½; "random_walk" I − D⁻¹ W, which is not symmetric: its
            eigenvectors solve L v = μ D v.

    Returns:
        (n, n), positive semidefinite where symmetric.

    Raises:
        InputError: the kind is unknown.

    Reference: von Luxburg, A tutorial on spectral clustering, 2007, section 3.
    """
    check_choice("laplacian", kind, LAPLACIANS)
    deg = degrees(W)
    L = torch.diag(deg) - W
    if kind == "plain":
        return L
    safe = safe_degrees(deg)
    if kind == "random_walk":
        return L / safe[:, None]
    return L * safe.rsqrt()[:, None] * safe.rsqrt()


def quadratic_form(W: Tensor, x: Tensor) -> float:
    """xᵀLx = ½ Σ_ij W_ij (x_i − x_j)² of L = D − W, summed in float64.

    Args:
        W: (n, n) symmetric, nonnegative.
        x: (n,).

    Returns:
        A number ≥ 0: 0 where x is constant on the connected components, the cut where x is the indicator of a side.
    """
    return float(form_terms(W, x).sum() / 2)


def form_terms(W: Tensor, x: Tensor) -> Tensor:
    """(n,) float64: Σ_j W_ij (x_i − x_j)² of each node; half their sum is xᵀLx."""
    x = x.double()
    sums = x.new_empty(len(x))
    for rows in row_blocks(len(x), 16 * len(x)):
        sums[rows] = (W[rows].double() * (x[rows, None] - x).square()).sum(1)
    return sums


def check_affinity(W: Tensor | ImplicitAffinity) -> None:
    """Check that W can be the weights of an undirected graph.

    Raises:
        InputError: not square, NaN, negative, or not symmetric.
    """
    if isinstance(W, ImplicitAffinity):
        return  # nonnegative and symmetric as it is made
    if not isinstance(W, Tensor) or W.ndim != 2 or W.shape[0] != W.shape[1] or W.shape[0] == 0:
        got = tuple(W.shape) if isinstance(W, Tensor) else type(W).__name__
        raise InputError(f"W must be a square matrix (n, n) with n ≥ 1; got {got}.", field="W")
    deg = W.sum(1)
    if not bool(deg.isfinite().all()):
        raise InputError("W holds NaN or infinite values; replace them before calling.", field="W")
    if float(W.min()) < 0:
        raise InputError("W has negative weights; clip them at 0, as a graph of similarities needs.", field="W")
    # Row sums against column sums: one cheap pass that a matrix which is not symmetric does not survive in practice.
    if float((deg - W.sum(0)).abs().max()) > 1e-3 * float(deg.max()):
        raise InputError("W is not symmetric; use (W + Wᵀ) / 2.", field="W")
