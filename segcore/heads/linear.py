"""A linear head: multinomial logistic regression on patch features that stay as they are.

J(W, b) = Σ_i s_i Σ_l −t_il ln p_il + ‖W‖² / (2 C),   p_i = softmax(W x̂_i + b),   x̂ = (x − mean) / std of the training rows,

with s_i such that every label has the same mass and Σ s_i is the number of rows. t_i may be soft: the shares of the labels
in the patch. J is convex. Newton's method in a trust region minimizes it, each step by conjugate gradients (Steihaug 1983),
in coordinates in which Böhning's bound on the curvature (1992) is near the identity. The curvature is taken over the rows
that are still undecided: the others add next to nothing to it, and it only steers the steps, not where they end.
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
_TOL = 2e-5  # norm of the gradient, per row and in the scaled coordinates
_MOST_STEPS = 100
_UNDECIDED = 0.01  # share of the largest curvature of a row from which a row counts
_RIDGE = 1e-3  # keeps directions with little spread from being stretched


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
        The head at the minimum of J, with probabilities within about 0.0005 of it. For k = 2 scikit-learn's parametrization
        has one weight vector; its C is twice ours.

    Raises:
        InputError: a shape is wrong, fewer than two labels have rows, or C ≤ 0.

    Cost: O(n d²) once, and O(n d k) for each of about ten steps; O(m d k) for each of one or two hundred products with the
        curvature of the m undecided rows. Products in float32, sums in float64.
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
    exact = X.cpu().double()
    spread, center = (part.numpy() for part in torch.std_mean(exact, 0, correction=0))
    std, mean = np.where(spread < 1e-8 * max(spread.max(initial=0.0), 1e-300), 1.0, spread), center
    rows = ((exact - torch.from_numpy(mean)) / torch.from_numpy(std)).float().numpy()
    share = np.where(mass > 0, mass.sum() / ((mass > 0).sum() * np.maximum(mass, 1e-300)), 0.0) if balanced else None
    s = np.ones(len(rows)) if share is None else T @ share
    W, b, losses, converged = _minimized(_Fit(rows, T, s, C))
    weight = W / std[:, None]
    bias = b - mean @ weight
    return LinearHead(
        torch.from_numpy(weight.astype(np.float32)),
        torch.from_numpy(bias.astype(np.float32)),
        losses[-1],
        losses,
        converged,
    )


class _Fit:
    """J per row, its gradient and its curvature, at V with W = V P: (k, d + 1) numbers, the last of each row its bias."""

    def __init__(self, X: NDArray[np.float32], T: NDArray[np.float64], s: NDArray[np.float64], C: float):
        n, (d, self.k) = len(X), (X.shape[1], T.shape[1])
        self._X, self._T, self._s = X, T.T.copy(), s / n
        self._decay = np.float32(1 / (C * n))
        # Böhning bounds the Hessian by ½ XᵀSX + I/C, up to a factor that all labels share.
        scaled = X * np.sqrt(self._s).astype(np.float32)[:, None]
        bound = (scaled.T @ scaled).astype(np.float64) / 2 + np.eye(d) * (1 / (C * n) + _RIDGE * d)
        self._P = solve_triangular(np.linalg.cholesky(bound), np.eye(d), lower=True).astype(np.float32)
        self.size = self.k * (d + 1)
        self._at: NDArray[np.float64] | None = None  # where the curvature is taken
        self._open: tuple[NDArray[np.float32], ...] = ()

    def cost(self, v: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """J and its gradient."""
        W, b = self.weights(v)
        p = self._probabilities(W, b)
        fit = -float(self._s @ (self._T * np.log(np.maximum(p, 1e-300))).sum(0))
        error = ((p - self._T) * self._s).astype(np.float32)
        return fit + 0.5 * float(self._decay * (W * W).sum()), self._pulled(error, self._X, W)

    def curved(self, v: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
        """The product of the Hessian at v with a direction."""
        if self._at is None or not np.array_equal(self._at, v):
            p = self._probabilities(*self.weights(v))
            curvature = self._s * (p * (1 - p)).max(0)
            undecided = curvature > _UNDECIDED * curvature.max()
            self._open = self._X[undecided], p[:, undecided].astype(np.float32), self._s[undecided].astype(np.float32)
            self._at = v.copy()
        X, q, s = self._open
        V, b = self.weights(direction)
        z = q * (V @ X.T + b[:, None])
        return self._pulled((z - q * z.sum(0)) * s, X, V)

    def weights(self, v: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """W (k, d) and b (k)."""
        rows = v.reshape(self.k, -1).astype(np.float32)
        return rows[:, :-1] @ self._P, rows[:, -1]

    def _probabilities(self, W: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
        """(k, n)."""
        logits = (W @ self._X.T + b[:, None]).astype(np.float64)
        p: NDArray[np.float64] = np.exp(logits - logits.max(0))
        p /= p.sum(0)
        return p

    def _pulled(self, error: NDArray[np.float32], X: NDArray[np.float32], W: NDArray[np.float32]) -> NDArray[np.float64]:
        """What a change of the logits (k, m), and the decay of W, are as a change of V."""
        change = (error @ X + self._decay * W) @ self._P.T
        return np.concatenate([change, error.sum(1)[:, None]], 1).astype(np.float64).ravel()


def _minimized(fit: _Fit) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[float, ...], bool]:
    """W (d, k) and b (k) at the minimum of J, J per row after each step, and whether the gradient vanished."""
    losses: list[float] = []
    found = minimize(
        fit.cost, np.zeros(fit.size), jac=True, hessp=fit.curved, method="trust-ncg",
        callback=lambda intermediate_result: losses.append(float(intermediate_result.fun)),
        options={"maxiter": _MOST_STEPS, "gtol": _TOL},
    )  # fmt: skip
    W, b = fit.weights(found.x)
    gradient = float(np.linalg.norm(found.jac))
    return (
        W.T.astype(np.float64),
        (b - b.mean()).astype(np.float64),
        tuple(losses) or (float(found.fun),),
        gradient < 10 * _TOL,
    )
