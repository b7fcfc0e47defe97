"""k-means: choose centers c_1 … c_K that minimize J = Σ_i min_k ‖x_i − c_k‖².

Starts by k-means++ (each next center is drawn with probability proportional to D_i², the squared distance to the nearest
center so far), then alternates the two steps of Lloyd: assign each row to its nearest center, move each center to the mean
of its rows. J never rises. All restarts run side by side in one matrix product.
"""

import torch
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError
from segcore.numerics import squared_distances
from segcore.stopping import stop_if_asked
from segcore.types import Clustering


def kmeans(
    X: Tensor, *, n_clusters: int, n_init: int, generator: torch.Generator, tol: float = 1e-4, max_iter: int = 300
) -> Clustering:
    """Partition the rows of X into K clusters of small squared distance to their means.

    Args:
        X: (n, d).
        n_clusters: K, 1 … n.
        n_init: restarts; the one of lowest inertia is returned.
        generator: CPU generator, source of all randomness.
        tol: a restart has settled when no label changes, or when the squared move of all its centers together is less than
            this share of the mean variance of X per dimension.
        max_iter: most Lloyd steps per restart.

    Returns:
        Clustering with labels 0 … K − 1, none empty where X has K different rows, the labels being those of the returned
        centers' last assignment; `objective` is the inertia J, in the squared units of X.

    Raises:
        InputError: X is not (n, d), holds NaN, or K > n.

    Cost: O(n_init · n · K · d) per step.

    Reference: Lloyd 1982; Arthur and Vassilvitskii, k-means++, 2007.
    """
    check_tensor("X", X, ("n", "d"))
    check_range("n_init", n_init, lo=1)
    check_n_clusters(n_clusters, X.shape[0])
    centered = X - X.mean(0)  # distances by the binomial formula keep their digits near the origin
    centers = torch.stack([_plus_plus(centered, n_clusters, generator) for _ in range(n_init)])
    labels, inertia, steps = _lloyd(centered, centers, tol * float(centered.square().mean()), max_iter)
    best = int(inertia.argmin())
    return Clustering(
        labels=labels[best],
        objective=float(inertia[best]),
        n_iter=steps,
        converged=steps < max_iter,
        facts={"inertia": float(inertia[best]), "iterations": steps},
        notes=(f"k-means stopped at {max_iter} steps before it settled.",) if steps >= max_iter else (),
    )


def check_n_clusters(n_clusters: int, n: int) -> None:
    """Check that n rows can make so many clusters.

    Raises:
        InputError: they cannot.
    """
    check_range("n_segments", n_clusters, lo=1)
    if n_clusters > n:
        raise InputError(
            f"{n_clusters} segments need at least {n_clusters} patches, but this picture has {n}. "
            "Lower n_segments, or raise max_side to get more patches.",
            field="n_segments",
        )


def _plus_plus(X: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """(k, d) rows of X drawn by D² sampling."""
    n = X.shape[0]
    chosen = [int(torch.randint(n, (1,), generator=generator))]
    nearest = squared_distances(X, X[chosen[-1:]])[:, 0]
    for draw in torch.rand(k - 1, generator=generator, dtype=torch.float64).tolist():
        stop_if_asked()
        # Inverse transform sampling: the first index whose cumulated D² passes the draw.
        cumulated = nearest.double().cumsum(0)
        target = torch.tensor([draw], dtype=torch.float64, device=X.device) * cumulated[-1]
        chosen.append(min(int(torch.searchsorted(cumulated, target, right=True)), n - 1))
        nearest = torch.minimum(nearest, squared_distances(X, X[chosen[-1:]])[:, 0])
    return X[chosen]


def _lloyd(X: Tensor, centers: Tensor, least_move: float, max_iter: int) -> tuple[Tensor, Tensor, int]:
    """Run all restarts (r, k, d) together; returns labels (r, n), inertia (r,) and the steps taken."""
    n, d = X.shape
    r, k = centers.shape[:2]
    labels = torch.full((r, n), -1, dtype=torch.int64, device=X.device)
    inertia = torch.zeros(r, dtype=torch.float64, device=X.device)
    active = torch.arange(r, device=X.device)
    settled = torch.zeros(r, dtype=torch.bool, device=X.device)
    for step in range(max_iter + 1):
        stop_if_asked()
        d2 = squared_distances(X, centers[active].reshape(-1, d)).reshape(n, len(active), k)
        nearest, assigned = d2.min(2)
        assigned, nearest = _fill_empty(assigned.T, nearest.T, k)
        moved = (assigned != labels[active]).any(1) & ~settled[active]
        labels[active], inertia[active] = assigned, nearest.double().sum(1)
        active, assigned = active[moved], assigned[moved]
        if len(active) == 0 or step == max_iter:
            break
        members = (assigned[:, None] == torch.arange(k, device=X.device)[:, None]).to(X.dtype)  # (r, k, n)
        means = (members.reshape(-1, n) @ X).reshape(-1, k, d) / members.sum(2, keepdim=True).clamp_min_(1)
        # A settled restart is still assigned once more, so that its labels are those of its centers.
        settled[active] = (means - centers[active]).square().sum((1, 2)) <= least_move
        centers[active] = means
    return labels, inertia, step


def _fill_empty(labels: Tensor, nearest: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Give each empty cluster the row that lies farthest from its center, so that K clusters stay K."""
    counts = torch.nn.functional.one_hot(labels, k).sum(1)  # (r, k)
    if bool((counts > 0).all()):
        return labels, nearest
    labels, nearest = labels.clone(), nearest.clone()
    for run, cluster in (counts == 0).nonzero().tolist():
        # A row that is alone in its cluster must stay, or the hole would only move.
        alone = torch.bincount(labels[run], minlength=k)[labels[run]] == 1
        farthest = int(nearest[run].masked_fill(alone, -1).argmax())
        labels[run, farthest], nearest[run, farthest] = cluster, 0
    return labels, nearest
