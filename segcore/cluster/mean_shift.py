"""Mean shift: every row climbs to the mode of the density around it; rows that meet are one cluster.

y ← mean of { x_i : ‖x_i − y‖ ≤ h }, from y = x_j for every j, until no y moves. This is the mean shift of the Epanechnikov
kernel, whose shadow is the flat one; it stops after finitely many steps.

(Comaniciu and Meer, Mean shift: a robust approach toward feature space analysis, 2002.)
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_tensor
from segcore.errors import InputError
from segcore.numerics import row_blocks, squared_distances
from segcore.runtime.stopping import stop_if_asked
from segcore.types import Clustering

_STILL = 1e-3  # share of the bandwidth below which a step counts as none


@dataclass(frozen=True, eq=False, slots=True)
class MeanShiftState:
    """Where all rows have climbed to."""

    name: str  # "start", "move-1", "move-2", …, "merge-1", "merge-2", …
    phase: str  # "start", "move" or "merge"
    round: int
    modes: Tensor  # (n, d), in the coordinates of X
    crowd: Tensor  # (n,) rows of X within h of where each one stood before this move
    moving: Tensor  # (n,) bool: rows that this move took farther than what counts as standing still
    longest: float  # length of the longest move
    labels: Tensor  # (n,) int64: −1 until a merge has taken the row
    merged_into: int | None = None  # row whose mode took others in this merge


def mean_shift(X: Tensor, *, bandwidth: float, max_iter: int = 300) -> Clustering:
    """Cluster rows by the modes of their density; the number of clusters follows from the bandwidth.

    Args:
        X: (n, d); few dimensions, since in many all rows lie about equally far apart.
        bandwidth: h > 0, in the units of X.
        max_iter: most steps.

    Returns:
        Clustering; `objective` is the number of modes.

    Convention:
        Modes closer than h are merged into the one with more rows within h; a row belongs to the mode that it climbed to.

    Raises:
        InputError: X is not (n, d), holds NaN, or the bandwidth is not positive.

    Cost: O(n² d) per step, for the rows that still move; 10 to 50 steps are usual. Deterministic.

    Reference: Comaniciu and Meer 2002, sections 2 and 3.
    """
    centered = _start(X, bandwidth)
    last = deque(_climb(centered, bandwidth, max_iter), maxlen=1).pop()
    settled, steps = len(last.moving) == 0, last.steps
    labels, _ = deque(_merges(last.modes, last.crowd, bandwidth), maxlen=1).pop()
    found = int(labels.max()) + 1
    notes = _notes(found, len(X))
    if not settled:
        notes = (*notes, f"Mean shift stopped at {max_iter} steps before all rows had settled.")
    return Clustering(
        labels=labels,
        objective=float(found),
        n_iter=steps,
        converged=settled,
        facts={"modes": found, "iterations": steps},
        notes=notes,
    )


def mean_shift_steps(X: Tensor, *, bandwidth: float, max_iter: int = 300) -> Iterator[MeanShiftState]:
    """The run of `mean_shift` with the same arguments: one move of all rows at a time, then one merge at a time.

    Yields:
        "start", "move-1", …, "merge-1", …; the labels of the last one are those of `mean_shift`.

    Raises:
        InputError: as `mean_shift`.
    """
    centered, mean = _start(X, bandwidth), X.mean(0)
    unlabeled = torch.full((len(X),), -1, dtype=torch.int64, device=X.device)
    still = torch.zeros(len(X), dtype=torch.bool, device=X.device)
    before = centered
    yield MeanShiftState("start", "start", 0, X, torch.ones_like(X[:, 0]), ~still, 0.0, unlabeled)
    for c in _climb(centered, bandwidth, max_iter):
        longest, moving = float((c.modes - before).norm(dim=1).max()), still.clone()
        moving[c.moving] = True
        before = modes = c.modes.clone()
        crowd = c.crowd.clone()
        yield MeanShiftState(f"move-{c.steps}", "move", c.steps, modes + mean, crowd, moving, longest, unlabeled)
    for number, (labels, into) in enumerate(_merges(modes, crowd, bandwidth), 1):
        yield MeanShiftState(f"merge-{number}", "merge", number, modes + mean, crowd, still, 0.0, labels.clone(), into)


def _start(X: Tensor, h: float) -> Tensor:
    """The rows around the origin."""
    check_tensor("X", X, ("n", "d"))
    if not 0 < h < float("inf"):
        raise InputError(f"bandwidth must be a finite number greater than 0; got {h}.", field="bandwidth")
    return X - X.mean(0)


def spread(X: Tensor) -> float:
    """Root mean square distance of the rows (n, d) from their mean; 1 where they are all equal."""
    distance = float((X - X.mean(0)).double().square().sum(1).mean().sqrt())
    return distance if distance > 0 else 1.0


@dataclass(frozen=True, eq=False, slots=True)
class _Climb:
    """Where all rows stand after a move. What the loop goes on to overwrite is held by reference."""

    steps: int
    modes: Tensor  # (n, d)
    crowd: Tensor  # (n,)
    moving: Tensor  # numbers of the rows that still move


def _climb(X: Tensor, h: float, max_iter: int) -> Iterator[_Climb]:
    """Move all rows to the means around them until none moves; at least one move is made."""
    modes, crowd = X.clone(), torch.ones(len(X), dtype=X.dtype, device=X.device)
    moving, steps = torch.arange(len(X), device=X.device), 0
    while len(moving) and steps < max_iter:
        parts = [_means(modes[moving[block]], X, h) for block in row_blocks(len(moving), 8 * len(X))]
        means, crowd[moving] = torch.cat([m for m, _ in parts]), torch.cat([c for _, c in parts])
        moved = (means - modes[moving]).norm(dim=1) > _STILL * h
        modes[moving] = means
        moving, steps = moving[moved], steps + 1
        yield _Climb(steps, modes, crowd, moving)


def _means(Y: Tensor, X: Tensor, h: float) -> tuple[Tensor, Tensor]:
    """Means (m, d) and numbers (m,) of the rows of X within h of each row of Y."""
    stop_if_asked()
    near = (squared_distances(Y, X) <= h * h * (1 + 1e-6)).to(X.dtype)
    count = near.sum(1)
    # Rounding may lose the one row that a lonely mode stands on.
    return torch.where(count[:, None] > 0, near @ X / count[:, None].clamp_min(1), Y), count


def _merges(modes: Tensor, crowd: Tensor, h: float) -> Iterator[tuple[Tensor, int]]:
    """Labels (n,) so far, −1 for rows not yet taken, and the row whose mode took others last.

    The most crowded mode takes all others within h, then the most crowded of those left, and so on.
    """
    # Rows that came to rest on one peak differ by less than a step, so one of them speaks for all of them.
    d2 = squared_distances(modes, modes)
    labels = torch.full((len(modes),), -1, dtype=torch.int64, device=modes.device)
    number = 0
    for i in crowd.argsort(descending=True, stable=True).tolist():
        if labels[i] < 0:
            labels[(d2[i] <= h * h) & (labels < 0)] = number
            labels[i] = number
            number += 1
            yield labels, i


def _notes(found: int, n: int) -> tuple[str, ...]:
    if n > 1 and found == 1:
        return ("Mean shift found a single mode: within this bandwidth all patches are one crowd. Lower the bandwidth.",)
    if n > 2 and 2 * found > n:
        return (f"Mean shift found {found} modes among {n} patches: most of them have no neighbors. Raise the bandwidth.",)
    return ()
