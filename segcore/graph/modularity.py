"""Modularity: how much more weight lies inside the groups of a graph than their degrees alone would give.

    Q = 1/2m Σ_ij (A_ij − γ k_i k_j / 2m) [c_i = c_j],   k_i = Σ_j A_ij,   2m = Σ_ij A_ij

No number of groups stands in it: one group of all has Q = 0, and so has, on average, every division that does not look at
the edges. Without the second term every edge inside a group is a gain and nothing is a loss, so one group of all is best,
with Q = 1.

Reference: Newman and Girvan 2004; γ: Reichardt and Bornholdt 2006.
"""

import torch
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError
from segcore.graph.laplacian import degrees
from segcore.numerics import normalize_rows

_GAIN = 1e-12  # less is rounding


def positive_cosines(X: Tensor) -> Tensor:
    """A_ij = max(0, cos(x_i, x_j)), and 0 for i = j, of rows X (…, n, d): (…, n, n)."""
    unit = normalize_rows(X)
    A = (unit @ unit.mT).clamp_min(0)
    return A * (1 - torch.eye(A.shape[-1]).to(A))


def excess(A: Tensor, *, resolution: float = 1.0) -> Tensor:
    """w_ij = (A_ij − γ k_i k_j / 2m) / 2m of graphs (…, n, n): what a pair adds to Q where one group holds it.

    Args:
        A: weights ≥ 0, symmetric; Q is 0 for a graph without edges.
        resolution: γ ≥ 0; 0 leaves the second term out.
    """
    k = A.sum(-1)
    total = k.sum(-1)[..., None, None].clamp_min(torch.finfo(A.dtype).tiny)
    return (A - resolution * k[..., :, None] * k[..., None, :] / total) / total


def modularity(A: Tensor, labels: Tensor, *, resolution: float = 1.0) -> float:
    """Q of a division.

    Args:
        A: (n, n) weights ≥ 0, symmetric.
        labels: (n,) integers.
        resolution: γ ≥ 0.

    Returns:
        At most 1; for γ = 1 at least −½, and 0 for one group of all.

    Raises:
        InputError: a shape is wrong, or a weight is negative.
    """
    _check(A, resolution)
    check_tensor("labels", labels, (len(A),))
    return float((excess(A.double(), resolution=resolution) * (labels[:, None] == labels)).sum())


def soft_modularity(W: Tensor, S: Tensor) -> Tensor:
    """Σ_ij w_ij max_c s_ic s_jc of soft memberships; Q itself where each row of S is 1 once and 0 elsewhere.

    Args:
        W: (…, n, n), of `excess`.
        S: (…, n, K) ≥ 0.

    Returns:
        (…,): differentiable in S. Costs O(n² K) in time and, one group at a time, O(n²) in memory, each of which is kept for
        the gradient.
    """
    together = S[..., :, None, 0] * S[..., None, :, 0]
    for c in range(1, S.shape[-1]):
        together = torch.maximum(together, S[..., :, None, c] * S[..., None, :, c])
    return (W * together).sum((-2, -1))


def joined_by_modularity(A: Tensor, *, n_groups: int | None = None, resolution: float = 1.0) -> Tensor:
    """Join nodes to groups, always the two whose union raises Q most.

    Args:
        A: (n, n) weights ≥ 0, symmetric.
        n_groups: 1 … n: go on, or stop early, until there are so many; None stops where no union raises Q.
        resolution: γ ≥ 0; large values leave more groups.

    Returns:
        (n,) int64: 0, 1, …, in order of the first node of each group.

    Raises:
        InputError: a shape is wrong, a weight is negative, or there cannot be so many groups.

    Cost: O(n³) for n nodes; made for some hundreds.

    Reference: Clauset, Newman and Moore 2004, without their heaps.
    """
    _check(A, resolution)
    n = len(A)
    if n_groups is not None:
        check_range("n_groups", n_groups, lo=1, hi=n)
    gain = 2 * excess(A.double().cpu(), resolution=resolution)  # of the union of two groups
    gain.fill_diagonal_(-torch.inf)
    labels = torch.arange(n)
    for left in range(n, n_groups or 1, -1):
        best = int(gain.argmax())
        a, b = divmod(best, n)
        if n_groups is None and (left == 1 or float(gain[a, b]) <= _GAIN):
            break
        labels[labels == max(a, b)] = min(a, b)
        a, b = min(a, b), max(a, b)
        gain[a] += gain[b]
        gain[:, a] = gain[a]
        gain[b] = gain[:, b] = gain[a, a] = -torch.inf
    numbers: Tensor = labels.unique(return_inverse=True)[1]
    return numbers


def louvain(A: Tensor, *, seed: int, resolution: float = 1.0) -> Tensor:
    """(n,) int64 groups of large Q by Louvain's method, with the library networkx; as `joined_by_modularity` otherwise.

    Cost: some passes over all edges, in Python: about a second for 100,000 of them.

    Reference: Blondel and others 2008.
    """
    import networkx

    _check(A, resolution)
    graph = networkx.from_numpy_array(A.double().cpu().numpy())
    found = networkx.community.louvain_communities(graph, resolution=resolution, seed=seed)
    labels = torch.empty(len(A), dtype=torch.int64)
    for number, nodes in enumerate(sorted(found, key=min)):
        labels[sorted(nodes)] = number
    return labels


def _check(A: Tensor, resolution: float) -> None:
    check_tensor("A", A, ("n", "n"))
    check_range("resolution", resolution, lo=0)
    if bool((degrees(A) < 0).any()) or bool((A < 0).any()):
        raise InputError("A must be ≥ 0 everywhere.", field="A")
