"""k-means: choose centers c_1 … c_K that minimize J = Σ_i min_k ‖x_i − c_k‖².

Starts by k-means++ (each next center is drawn with probability proportional to D_i², the squared distance to the nearest
center so far), then alternates the two steps of Lloyd: assign each row to its nearest center, move each center to the mean
of its rows. J never rises. All restarts run side by side in one matrix product.

The loops are generators: `kmeans` drains them, `plus_plus_steps` and `kmeans_steps` keep what they pass through.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError
from segcore.numerics import squared_distances
from segcore.runtime.stopping import stop_if_asked
from segcore.types import NOT_YET, Clustering


@dataclass(frozen=True, eq=False, slots=True)
class PlusPlusState:
    """One more center of a k-means++ start."""

    name: str  # "center-1", "center-2", …
    chosen: tuple[int, ...]  # rows drawn so far, the new one last
    before: Tensor  # (n,) D²: squared distance to the nearest center before this draw; None for the first center
    after: Tensor  # (n,) the same after it
    draw: float  # u in [0, 1), uniform; None for the first center, which is any row with equal chance

    @property
    def chance(self) -> Tensor:
        """(n,) float64: with which probability each row was to be drawn."""
        weights = torch.ones_like(self.after) if self.before is None else self.before
        return weights.double() / weights.double().sum().clamp_min(torch.finfo(torch.float64).tiny)


@dataclass(frozen=True, eq=False, slots=True)
class KMeansState:
    """What one half of a round of Lloyd has made of the restart that wins in the end."""

    name: str  # "start", "assign-1", "update-1", "assign-2", …
    phase: str  # "start", "assign" or "update"
    round: int
    centers: Tensor  # (k, d), in the coordinates of X
    distances: Tensor  # (n, k) squared, from each row to these centers
    labels: Tensor  # (n,) int64; None before the first assignment
    changed: Tensor  # (n,) bool: rows that this assignment gave another label; None elsewhere
    filled: tuple[int, ...]  # clusters that were empty and took the farthest row
    inertia: float  # J of these labels and these centers; None at the start
    moves: Tensor  # (k,) |c_k − old c_k| of an update; None elsewhere
    courses: tuple[tuple[float, ...], ...]  # J after each assignment so far, of every restart; the winner's is `winner`
    winner: int

    @property
    def counts(self) -> Tensor:
        """(k,) N_k: rows per cluster, from the first assignment on."""
        return torch.bincount(self.labels, minlength=len(self.centers))


def kmeans(
    X: Tensor,
    *,
    n_clusters: int,
    n_init: int,
    generator: torch.Generator,
    tol: float = 1e-4,
    max_iter: int = 300,
    start: Tensor | None = None,
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
        start: (K, d) centers to begin with, in the place of all restarts; label k then goes on from center k.

    Returns:
        Clustering with labels 0 … K − 1, none empty where X has K different rows, the labels being those of the returned
        centers' last assignment; `objective` is the inertia J, in the squared units of X.

    Raises:
        InputError: X is not (n, d), holds NaN, K > n, or `start` is not (K, d).

    Cost: O(n_init · n · K · d) per step.

    Reference: Lloyd 1982; Arthur and Vassilvitskii, k-means++, 2007.
    """
    centered, centers = _start(X, n_clusters, n_init, generator) if start is None else _from(X, n_clusters, start)
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


def plus_plus_steps(X: Tensor, *, n_clusters: int, generator: torch.Generator) -> Iterator[PlusPlusState]:
    """The start of `kmeans` one center at a time: with the same generator, that of its first restart.

    Args:
        X: (n, d).
        n_clusters: K, 1 … n.
        generator: CPU generator.

    Yields:
        K states.

    Raises:
        InputError: as `kmeans`.
    """
    check_tensor("X", X, ("n", "d"))
    check_n_clusters(n_clusters, X.shape[0])
    before = NOT_YET
    for chosen, nearest, draws in _draws(X - X.mean(0), n_clusters, 1, generator):
        draw = NOT_YET if draws is None else float(draws)
        yield PlusPlusState(f"center-{chosen.shape[1]}", tuple(chosen[0].tolist()), before, nearest[0], draw)
        before = nearest[0]


def kmeans_steps(
    X: Tensor, *, n_clusters: int, n_init: int, generator: torch.Generator, tol: float = 1e-4, max_iter: int = 300
) -> Iterator[KMeansState]:
    """The run of `kmeans` with the same arguments, phase by phase, of the restart that it returns.

    Yields:
        "start", then "assign-1", "update-1", "assign-2", …; the last one is an assignment, and its labels and inertia are
        those of `kmeans`.

    Raises:
        InputError: as `kmeans`.

    Cost: that of `kmeans`, and a copy of the centers and labels of all restarts per round.
    """
    centered, centers = _start(X, n_clusters, n_init, generator)
    first = centers.clone()
    passed = [_copied(p) for p in _phases(centered, centers, tol * float(centered.square().mean()), max_iter)]
    winner = int(passed[-1].inertia.argmin())
    courses: list[list[float]] = [[] for _ in range(n_init)]
    mean, before = X.mean(0), first[winner]
    distances = squared_distances(centered, before)
    yield KMeansState(
        "start", "start", 0, before + mean, distances, NOT_YET, NOT_YET, (), NOT_YET, NOT_YET, ((),) * n_init, winner
    )
    labels = NOT_YET
    for p in passed:
        if p.is_assignment:
            for run in p.active:
                courses[run].append(float(p.inertia[run]))
        if winner not in p.active:
            continue
        centers_now = p.centers[winner]
        moves = NOT_YET if p.is_assignment else (centers_now - before).norm(dim=1)
        distances = squared_distances(centered, centers_now)
        changed = NOT_YET
        if p.is_assignment:
            changed = torch.ones_like(p.labels[winner], dtype=torch.bool) if labels is None else p.labels[winner] != labels
            labels = p.labels[winner]
            inertia, filled = float(p.inertia[winner]), p.filled.get(winner, ())
        else:
            inertia, filled = float(distances.double().gather(1, labels[:, None]).sum()), ()
        phase = "assign" if p.is_assignment else "update"
        yield KMeansState(
            f"{phase}-{p.round}", phase, p.round, centers_now + mean, distances, labels, changed, filled, inertia, moves,
            tuple(map(tuple, courses)), winner,
        )  # fmt: skip
        before = centers_now


def _start(X: Tensor, k: int, n_init: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The rows around the origin, and the first centers (n_init, k, d) of all restarts."""
    check_tensor("X", X, ("n", "d"))
    check_range("n_init", n_init, lo=1)
    check_n_clusters(k, X.shape[0])
    centered = X - X.mean(0)  # distances by the binomial formula keep their digits near the origin
    return centered, _plus_plus(centered, k, n_init, generator)


def _from(X: Tensor, k: int, start: Tensor) -> tuple[Tensor, Tensor]:
    """The rows around the origin, and these centers (1, k, d)."""
    check_tensor("X", X, ("n", "d"))
    check_n_clusters(k, X.shape[0])
    check_tensor("start", start, (k, X.shape[1]))
    mean = X.mean(0)
    return X - mean, (start - mean)[None]


def _plus_plus(X: Tensor, k: int, r: int, generator: torch.Generator) -> Tensor:
    """(r, k, d) rows of X drawn by D² sampling."""
    chosen, _, _ = deque(_draws(X, k, r, generator), maxlen=1).pop()
    return X[chosen]


def _draws(X: Tensor, k: int, r: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
    """Draw rows by D² sampling, for r starts together; a start has the same numbers whatever the number of starts after it.

    Yields the rows (r, j) drawn so far, the squared distances (r, n) to the nearest of them, and the draws (r,) behind the
    last ones.
    """
    n = X.shape[0]
    lots = [
        (torch.randint(n, (1,), generator=generator), torch.rand(k - 1, generator=generator, dtype=torch.float64))
        for _ in range(r)
    ]
    chosen = torch.stack([first for first, _ in lots]).to(X.device)  # (r, 1)
    nearest = squared_distances(X[chosen[:, 0]], X)
    yield chosen, nearest, None
    for draws in torch.stack([rest for _, rest in lots], 1):
        stop_if_asked()
        # Inverse transform sampling: the first index whose cumulated D² passes the draw.
        cumulated = nearest.double().cumsum(1)
        targets = draws.to(X.device)[:, None] * cumulated[:, -1:]
        new = torch.searchsorted(cumulated, targets, right=True).clamp_max_(n - 1)
        chosen = torch.cat([chosen, new], 1)
        nearest = torch.minimum(nearest, squared_distances(X[new[:, 0]], X))
        yield chosen, nearest, draws


@dataclass(frozen=True, eq=False, slots=True)
class _Phase:
    """Where all restarts stand. What the loop goes on to overwrite is held by reference."""

    is_assignment: bool
    round: int  # from 1
    active: list[int]  # restarts that this phase worked on
    labels: Tensor  # (r, n)
    centers: Tensor  # (r, k, d)
    inertia: Tensor  # (r,)
    filled: dict[int, tuple[int, ...]]  # clusters of a restart that were empty and took the farthest row


def _copied(p: _Phase) -> _Phase:
    return _Phase(p.is_assignment, p.round, p.active, p.labels.clone(), p.centers.clone(), p.inertia.clone(), p.filled)


def _lloyd(X: Tensor, centers: Tensor, least_move: float, max_iter: int) -> tuple[Tensor, Tensor, int]:
    """Run all restarts (r, k, d) together; returns labels (r, n), inertia (r,) and the steps taken."""
    last = deque(_phases(X, centers, least_move, max_iter), maxlen=1).pop()
    return last.labels, last.inertia, last.round - 1


def _phases(X: Tensor, centers: Tensor, least_move: float, max_iter: int) -> Iterator[_Phase]:
    """The rounds of Lloyd of all restarts together, an assignment and an update each; the last phase is an assignment."""
    n, d = X.shape
    r, k = centers.shape[:2]
    squares = X.square().sum(1)
    rows = torch.cat([X, X.new_ones(n, 1)], 1).T.contiguous()  # ‖c‖² − 2 c·x is one product of these with (−2 c, ‖c‖²)
    labels = torch.full((r, n), -1, dtype=torch.int64, device=X.device)
    inertia = torch.zeros(r, dtype=torch.float64, device=X.device)
    active = torch.arange(r, device=X.device)
    settled = torch.zeros(r, dtype=torch.bool, device=X.device)
    for step in range(max_iter + 1):
        stop_if_asked()
        now = centers[active]
        scores = torch.cat([-2 * now, now.square().sum(2, keepdim=True)], 2).reshape(-1, d + 1) @ rows
        nearest, assigned = scores.reshape(-1, k, n).min(1)
        assigned, nearest, filled = _fill_empty(assigned, nearest.add_(squares).clamp_min_(0), k)
        moved = (assigned != labels[active]).any(1) & ~settled[active]
        labels[active], inertia[active] = assigned, nearest.sum(1, dtype=torch.float64)
        runs = active.tolist()
        yield _Phase(True, step + 1, runs, labels, centers, inertia, {runs[i]: holes for i, holes in filled.items()})
        active, assigned, now = active[moved], assigned[moved], now[moved]
        if len(active) == 0 or step == max_iter:
            return
        members = (assigned[:, None] == torch.arange(k, device=X.device)[:, None]).to(X.dtype)  # (r, k, n)
        means = (members.reshape(-1, n) @ X).reshape(-1, k, d) / members.sum(2, keepdim=True).clamp_min_(1)
        # A settled restart is still assigned once more, so that its labels are those of its centers.
        settled[active] = (means - now).square().sum((1, 2)) <= least_move
        centers[active] = means
        yield _Phase(False, step + 1, active.tolist(), labels, centers, inertia, {})


def _fill_empty(labels: Tensor, nearest: Tensor, k: int) -> tuple[Tensor, Tensor, dict[int, tuple[int, ...]]]:
    """Give each empty cluster the row that lies farthest from its center, so that K clusters stay K; says which were."""
    r = len(labels)
    offsets = k * torch.arange(r, device=labels.device)[:, None]
    counts = torch.bincount((labels + offsets).flatten(), minlength=r * k).view(r, k)
    if bool((counts > 0).all()):
        return labels, nearest, {}
    labels, nearest = labels.clone(), nearest.clone()
    filled: dict[int, tuple[int, ...]] = {}
    for run, cluster in (counts == 0).nonzero().tolist():
        # A row that is alone in its cluster must stay, or the hole would only move.
        alone = torch.bincount(labels[run], minlength=k)[labels[run]] == 1
        farthest = int(nearest[run].masked_fill(alone, -1).argmax())
        labels[run, farthest], nearest[run, farthest] = cluster, 0
        filled[run] = (*filled.get(run, ()), cluster)
    return labels, nearest, filled
