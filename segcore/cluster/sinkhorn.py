"""Sinkhorn's balance: soft assignments of points to clusters that use all clusters alike.

Of all Q ≥ 0 (n, K) whose rows sum to 1 and whose columns sum to n / K, the one with the largest

    Σ_ik q_ik s_ik − ε Σ_ik q_ik ln q_ik

is diag(u) exp(S / ε) diag(v); scaling columns and rows in turn finds it. With ε → 0 it becomes the best assignment of n / K
points to each cluster.

Reference: Sinkhorn 1964; Cuturi 2013; for clusters of features: Asano and others 2020, Caron and others (SwAV) 2020.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_range, check_tensor


@dataclass(frozen=True, eq=False, slots=True)
class SinkhornState:
    """What is known after the start, and after each round."""

    name: str  # "softmax", "round-1", …
    Q: Tensor  # (n, K), rows sum to 1

    @property
    def use(self) -> Tensor:
        """(K,) shares of the clusters; 1 / K each in the end."""
        return self.Q.mean(0)


def sinkhorn(S: Tensor, *, temperature: float = 0.05, rounds: int = 3) -> Tensor:
    """Assign points to clusters, all of which are used alike.

    Args:
        S: (n, K) scores, such as cosines.
        temperature: ε > 0.
        rounds: how often columns and rows are scaled, ≥ 0; with 0 it is the softmax of S / ε.

    Returns:
        (n, K) ≥ 0. Rows sum to 1; columns to n / K, as exactly as the rounds allow.

    Raises:
        InputError: a shape or a number breaks its rule.

    Cost: O(rounds · n K).
    """
    Q = S
    for state in sinkhorn_steps(S, temperature=temperature, rounds=rounds):
        Q = state.Q
    return Q


def sinkhorn_steps(S: Tensor, *, temperature: float = 0.05, rounds: int = 3) -> Iterator[SinkhornState]:
    """The assignments of `sinkhorn` before the first round and after each."""
    check_tensor("S", S, ("n", "K"))
    check_range("temperature", temperature, lo=1e-6)
    check_range("rounds", rounds, lo=0)
    logs = torch.log_softmax(S / temperature, 1)
    yield SinkhornState("softmax", logs.exp())
    for number in range(1, rounds + 1):
        logs = torch.log_softmax(logs - logs.logsumexp(0), 1)
        yield SinkhornState(f"round-{number}", logs.exp())
