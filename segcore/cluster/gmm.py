"""Gaussian mixture by expectation-maximization.

E-step:  γ_ik = π_k N(x_i | μ_k, Σ_k) / Σ_j π_j N(x_i | μ_j, Σ_j)
M-step:  N_k = Σ_i γ_ik,  μ_k = Σ_i γ_ik x_i / N_k,  Σ_k = Σ_i γ_ik (x_i − μ_k)(x_i − μ_k)ᵀ / N_k,  π_k = N_k / n

Regularization: no variance may fall below a floor. Lifting the eigenvalues of the M-step's Σ_k to the floor is the exact
maximum under that rule, so the log-likelihood never falls, which adding a constant to the diagonal would not guarantee.

The loop is a generator: `gaussian_mixture` drains it, `gaussian_mixture_steps` shows what passes through.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_choice, check_range, check_tensor
from segcore.cluster.kmeans import check_n_clusters, kmeans
from segcore.runtime.stopping import stop_if_asked
from segcore.types import NOT_YET, Clustering

COVARIANCES = ("full", "diag", "spherical")

_STARTS = 2  # restarts of the k-means that the mixture starts from


@dataclass(frozen=True, eq=False, slots=True)
class _Mixture:
    """Parameters, with each Σ_k as what the density needs: ‖(x − μ) T_k‖² = (x − μ)ᵀ Σ_k⁻¹ (x − μ)."""

    mixing: Tensor  # (k,)
    means: Tensor  # (k, d)
    whiten: Tensor  # T: (k, d, d), or its diagonal (k, d)
    log_det: Tensor  # (k,) of Σ_k

    @property
    def covariances(self) -> Tensor:
        """(k, d, d): Σ_k = (T_k T_kᵀ)⁻¹."""
        if self.whiten.ndim == 2:
            return torch.diag_embed(self.whiten.square().reciprocal())
        covariances: Tensor = torch.linalg.inv(self.whiten @ self.whiten.mT)
        return covariances


@dataclass(frozen=True, eq=False, slots=True)
class MixtureState:
    """What one half of a step of EM has made of the mixture."""

    name: str  # "start", "m-1", "e-1", "m-2", …
    phase: str  # "start", "m" or "e"
    round: int
    resp: Tensor  # (n, k) γ_ik; at the start the labels of k-means as zeros and ones
    mixing: Tensor  # (k,) π_k; None before the first M-step
    means: Tensor  # (k, d) μ_k, in the coordinates of X
    covariances: Tensor  # (k, d, d) Σ_k
    log_density: Tensor  # (n, k) log N(x_i | μ_k, Σ_k)
    log_likelihood: float  # of all rows under these parameters

    @property
    def mass(self) -> Tensor:
        """(k,) N_k = Σ_i γ_ik."""
        return self.resp.sum(0)

    @property
    def entropy(self) -> Tensor:
        """(n,) −Σ_k γ_ik log₂ γ_ik, in bits: how undecided each row is."""
        nats: Tensor = -torch.special.xlogy(self.resp, self.resp).sum(1)
        return nats / math.log(2)


def gaussian_mixture(
    X: Tensor,
    *,
    n_clusters: int,
    covariance: str,
    generator: torch.Generator,
    floor: float = 1e-3,
    tol: float = 1e-3,
    max_iter: int = 200,
) -> Clustering:
    """Fit a mixture of K Gaussians and assign each row to the likeliest.

    Args:
        X: (n, d). For many dimensions project first (`principal_components`): a full covariance has d² numbers.
        n_clusters: K, 1 … n.
        covariance: "full", "diag" or "spherical".
        generator: CPU generator; k-means starts the mixture.
        floor: least variance, as a share of the mean variance of X per dimension.
        tol: stop when the mean log-likelihood per row gains less.
        max_iter: most EM steps.

    Returns:
        Clustering with labels 0 … K − 1 (gaps closed where a component wins no row), `resp` (n, K) float32, `objective` the
        log-likelihood, and the facts log_likelihood, bic (smaller is better), n_parameters.

    Raises:
        InputError: X is not (n, d), holds NaN, K > n, or the covariance is unknown.

    Cost: O(n K d²) per step for full covariance, in float64.

    Reference: Dempster, Laird and Rubin 1977; Bishop 2006, section 9.2.
    """
    start, centered, least = _start(X, n_clusters, covariance, floor, generator)
    last = deque(_phases(centered, start, covariance, least, tol * len(X), max_iter), maxlen=1).pop()
    n_parameters = _n_parameters(n_clusters, X.shape[1], covariance)
    return _clustering(last.resp, last.log_likelihood, last.round, last.converged, n_parameters)


def gaussian_mixture_steps(
    X: Tensor,
    *,
    n_clusters: int,
    covariance: str,
    generator: torch.Generator,
    floor: float = 1e-3,
    tol: float = 1e-3,
    max_iter: int = 200,
) -> Iterator[MixtureState]:
    """The run of `gaussian_mixture` with the same arguments, half a step at a time.

    Yields:
        "start", then "m-1", "e-1", "m-2", …; the last one is an E-step, and its responsibilities and log-likelihood are
        those of `gaussian_mixture`. An M-step carries the log-likelihood that its parameters give, so each half can be
        judged.

    Raises:
        InputError: as `gaussian_mixture`.

    Cost: that of `gaussian_mixture`, and the densities once more per M-step.
    """
    resp, centered, least = _start(X, n_clusters, covariance, floor, generator)
    mean = X.mean(0).double()
    yield MixtureState("start", "start", 0, resp, NOT_YET, NOT_YET, NOT_YET, NOT_YET, NOT_YET)
    for p in _phases(centered, resp, covariance, least, tol * len(X), max_iter):
        phase, m = "m" if p.log_likelihood is None else "e", p.mixture
        if phase == "m":  # the E-step that follows has the same parameters
            log_density = _log_density(centered, m)
        log_likelihood = float((m.mixing.log() + log_density).logsumexp(1).sum())
        name = f"{phase}-{p.round}"
        yield MixtureState(
            name, phase, p.round, p.resp, m.mixing, m.means + mean, m.covariances, log_density, log_likelihood
        )


@dataclass(frozen=True, eq=False, slots=True)
class _Phase:
    """The mixture after an M-step, and after the E-step that follows."""

    round: int  # from 1
    mixture: _Mixture
    resp: Tensor
    log_likelihood: float = NOT_YET  # None after an M-step
    converged: bool = False


def _start(X: Tensor, k: int, covariance: str, floor: float, generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """The first responsibilities, the rows around the origin in float64, and the least variance."""
    check_tensor("X", X, ("n", "d"))
    check_choice("covariance", covariance, COVARIANCES)
    check_range("floor", floor, lo=0)
    check_n_clusters(k, X.shape[0])
    start = kmeans(X, n_clusters=k, n_init=_STARTS, generator=generator).labels
    centered = (X - X.mean(0)).double()
    least = max(floor * float(centered.square().mean()), torch.finfo(torch.float64).tiny ** 0.5)
    return torch.nn.functional.one_hot(start, k).double(), centered, least


def _phases(X: Tensor, resp: Tensor, covariance: str, least: float, least_gain: float, max_iter: int) -> Iterator[_Phase]:
    """EM from these responsibilities, an M-step and an E-step in turn, until a round gains less than asked for."""
    log_likelihood = -math.inf
    for step in range(1, max_iter + 1):
        stop_if_asked()
        before = log_likelihood
        mixture = _m_step(X, resp, covariance, least)
        yield _Phase(step, mixture, resp)
        resp, log_likelihood = _e_step(X, mixture)
        converged = log_likelihood - before < least_gain
        yield _Phase(step, mixture, resp, log_likelihood, converged)
        if converged:
            return


def principal_components(X: Tensor, *, n_dims: int) -> tuple[Tensor, float]:
    """Project the rows of X on their leading principal components.

    Args:
        X: (n, d).
        n_dims: dimensions to keep; at most min(n, d) are.

    Returns:
        (n, min(n_dims, n, d)) coordinates with mean 0, and the share of the variance they hold, in [0, 1].
    """
    axes, share = principal_axes(X, n_dims=n_dims)
    return ((X - X.mean(0)).double() @ axes).to(X.dtype), share


def principal_axes(X: Tensor, *, n_dims: int) -> tuple[Tensor, float]:
    """The axes (d, min(n_dims, n, d)) float64 of `principal_components`, of length 1, and the share of the variance."""
    centered = (X - X.mean(0)).double()
    variances, axes = torch.linalg.eigh(centered.T @ centered)
    keep = min(n_dims, *X.shape)
    total = float(variances.sum())
    share = float(variances[-keep:].sum()) / total if total > 0 else 1.0
    return axes[:, -keep:].flip(1), share


def _e_step(X: Tensor, mixture: _Mixture) -> tuple[Tensor, float]:
    """Responsibilities (n, k) and the log-likelihood of all rows."""
    log_joint = mixture.mixing.log() + _log_density(X, mixture)
    log_evidence = log_joint.logsumexp(1, keepdim=True)
    return (log_joint - log_evidence).exp(), float(log_evidence.sum())


def _log_density(X: Tensor, mixture: _Mixture) -> Tensor:
    """(n, k): log N(x_i | μ_k, Σ_k)."""
    means, T = mixture.means, mixture.whiten
    if T.ndim == 2:
        # Multiplied out, all components are two matrix products; in float64 on centered rows no digits that count are lost.
        precision = T.square()
        distance = X.square() @ precision.T - 2 * X @ (means * precision).T + (means.square() * precision).sum(1)
    else:
        distance = torch.stack([((X - mean) @ t).square().sum(1) for mean, t in zip(means, T, strict=True)], 1)
    return -0.5 * (distance + mixture.log_det + X.shape[1] * math.log(2 * math.pi))


def _m_step(X: Tensor, resp: Tensor, covariance: str, least: float) -> _Mixture:
    """The parameters that maximize the expected log-likelihood with no variance below `least`."""
    mass = resp.sum(0).clamp_min(torch.finfo(X.dtype).tiny)
    means = (resp.T @ X) / mass[:, None]
    mixing = mass / mass.sum()
    if covariance == "full":
        factors = [_whitened(X - mean, r / m, least) for mean, r, m in zip(means, resp.T, mass, strict=True)]
        return _Mixture(
            mixing, means, torch.stack([T for T, _ in factors]), torch.stack([log_det for _, log_det in factors])
        )
    variances = (resp.T @ X.square()) / mass[:, None] - means.square()
    if covariance == "spherical":
        variances = variances.mean(1, keepdim=True).expand_as(variances)
    variances = variances.clamp_min(least)
    return _Mixture(mixing, means, variances.rsqrt(), variances.log().sum(1))


def _whitened(offsets: Tensor, weights: Tensor, least: float) -> tuple[Tensor, Tensor]:
    """T and log det of Σ = Σ_i w_i o_i o_iᵀ with its eigenvalues lifted to `least`."""
    scatter = offsets.T @ (offsets * weights[:, None])
    # Σ − least·I has a Cholesky factor just where nothing needs lifting, and that test costs far less than eigenvalues.
    if int(torch.linalg.cholesky_ex(scatter - least * torch.eye(len(scatter)).to(scatter)).info) == 0:
        L = torch.linalg.cholesky(scatter)
        T = torch.linalg.solve_triangular(L, torch.eye(len(L)).to(L), upper=False).T
        return T, 2 * L.diagonal().log().sum()
    variances, axes = torch.linalg.eigh(scatter)
    variances = variances.clamp_min(least)
    return axes * variances.rsqrt(), variances.log().sum()


def _n_parameters(k: int, d: int, covariance: str) -> int:
    """Free numbers of the mixture, as BIC counts them."""
    per_component = {"full": d * (d + 1) // 2, "diag": d, "spherical": 1}[covariance]
    return k * (per_component + d) + k - 1


def _clustering(resp: Tensor, log_likelihood: float, n_iter: int, converged: bool, n_parameters: int) -> Clustering:
    winners, labels = resp.argmax(1).unique(return_inverse=True)
    notes = []
    if len(winners) < resp.shape[1]:
        notes.append(f"{resp.shape[1] - len(winners)} of the {resp.shape[1]} components are nowhere the likeliest.")
    if not converged:
        notes.append(f"EM stopped at {n_iter} steps before it settled.")
    won = resp[:, winners]
    return Clustering(
        labels=labels,
        objective=log_likelihood,
        n_iter=n_iter,
        converged=converged,
        resp=(won / won.sum(1, keepdim=True)).float(),
        facts={
            "log_likelihood": log_likelihood,
            "bic": n_parameters * math.log(len(resp)) - 2 * log_likelihood,
            "n_parameters": n_parameters,
            "iterations": n_iter,
        },
        notes=tuple(notes),
    )
