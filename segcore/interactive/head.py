"""A linear head: multinomial logistic regression on patch features that stay as they are.

J(W, b) = Σ_i s_i Σ_l −t_il ln p_il + ‖W‖² / (2 C),   p_i = softmax(W x̂_i + b),   x̂ = (x − mean) / std of the training rows,

with s_i such that every label has the same mass and Σ s_i is the number of rows. t_i may be soft: the shares of the labels
in the patch. J is convex; L-BFGS minimizes it in coordinates in which Böhning's bound on its curvature (1992) is the
identity, which takes a third of the steps.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError

DEFAULT_C = 0.1
_TOL = 3e-6  # largest entry of the gradient, per row
_MOST_STEPS = 500


@dataclass(frozen=True, eq=False, slots=True)
class LinearHead:
    """What was learned: logits = x @ weight + bias."""

    weight: Tensor  # (d, k) float32
    bias: Tensor  # (k,) float32
    loss: float  # J per training row
    losses: tuple[float, ...]  # after each step
    converged: bool

    def probabilities(self, X: Tensor) -> Tensor:
        """(n, k): softmax of the logits of features (n, d).

        Raises:
            InputError: d is another one.
        """
        d = self.weight.shape[0]
        if X.ndim != 2 or X.shape[1] != d:
            raise InputError(
                f"This head reads {d} numbers per patch; these features have {X.shape[-1]}. Use its own backbone, facet and "
                "blocks.",
                field="head",
            )
        return torch.softmax(X.float() @ self.weight.to(X.device) + self.bias.to(X.device), 1)


def train_head(X: Tensor, targets: Tensor, *, C: float = DEFAULT_C, balanced: bool = True) -> LinearHead:
    """Fit a head.

    Args:
        X: (n, d) features of the rows that have targets.
        targets: (n, k) ≥ 0: for each row its labels' shares, or their pixels, as they are scaled to sum 1.
        C: inverse strength of the penalty, as scikit-learn counts it, on standardized features.
        balanced: give all labels the same mass.

    Returns:
        The head at the minimum of J. For k = 2 scikit-learn's parametrization has one weight vector; its C is twice ours.

    Raises:
        InputError: a shape is wrong, fewer than two labels have rows, or C ≤ 0.

    Cost: O(n d²) once and O(n d k) per step, some tens of steps, in float64.
    """
    check_tensor("X", X, ("n", "d"))
    check_tensor("targets", targets, (X.shape[0], "k"))
    if not C > 0:
        check_range("C", C, lo=1e-12)
    T = targets.cpu().double().numpy()
    if bool((T < 0).any()) or not (T.sum(1) > 0).all():
        raise InputError("targets must be ≥ 0, and every row must have a label.", field="targets")
    T = T / T.sum(1, keepdims=True)
    mass = T.sum(0)
    if (mass > 0).sum() < 2:
        raise InputError("A head needs patches of at least two labels. Mark a second one.", field="targets")
    rows = X.cpu().double().numpy()
    mean, std = rows.mean(0), rows.std(0)
    std[std < 1e-8 * max(std.max(initial=0.0), 1e-300)] = 1.0
    rows = (rows - mean) / std
    share = np.where(mass > 0, mass.sum() / ((mass > 0).sum() * np.maximum(mass, 1e-300)), 0.0) if balanced else None
    s = np.ones(len(rows)) if share is None else T @ share
    W, b, losses, converged = _minimized(rows, T, s, C)
    weight = W / std[:, None]
    bias = b - mean @ weight
    return LinearHead(
        torch.from_numpy(weight.astype(np.float32)),
        torch.from_numpy(bias.astype(np.float32)),
        losses[-1],
        losses,
        converged,
    )


def _minimized(
    X: NDArray[np.float64], T: NDArray[np.float64], s: NDArray[np.float64], C: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[float, ...], bool]:
    """W (d, k) and b (k) at the minimum of J, J per row after each step, and whether the gradient vanished."""
    n, (d, k) = len(X), (X.shape[1], T.shape[1])
    # Böhning bounds the Hessian by ½ XᵀSX + I/C, up to a factor that all labels share; in W = P V that is the identity. What
    # only steers may be rounded.
    scaled = X.astype(np.float32) * np.sqrt(s / n).astype(np.float32)[:, None]
    bound = (scaled.T @ scaled).astype(np.float64) / 2 + np.eye(d) * (1 / (C * n) + 1e-6 * d)
    P = solve_triangular(np.linalg.cholesky(bound), np.eye(d), lower=True).T
    losses: list[float] = []

    def cost(v: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        W, b = P @ v[: d * k].reshape(d, k), v[d * k :]
        logits = X @ W + b
        logits -= logits.max(1, keepdims=True)
        p = np.exp(logits)
        total = p.sum(1, keepdims=True)
        fit = float(s @ (np.log(total[:, 0]) - (T * logits).sum(1))) / n
        p /= total
        error = (p - T) * (s / n)[:, None]
        value = fit + 0.5 / (C * n) * float((W * W).sum())
        return value, np.concatenate([(P.T @ (X.T @ error + W / (C * n))).ravel(), error.sum(0)])

    found = minimize(
        cost, np.zeros(d * k + k), jac=True, method="L-BFGS-B",
        callback=lambda intermediate_result: losses.append(float(intermediate_result.fun)),
        options={"maxiter": _MOST_STEPS, "gtol": _TOL, "ftol": 1e-14, "maxcor": 20},
    )  # fmt: skip
    W, b = P @ found.x[: d * k].reshape(d, k), found.x[d * k :]
    largest = float(np.abs(found.jac).max())
    return W, b - b.mean(), tuple(losses) or (float(found.fun),), largest < 100 * _TOL
