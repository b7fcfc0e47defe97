"""Entropy and mutual information of a joint table, and of soft clusterings of pairs.

With P(x, y) a table that sums to 1, P(x) and P(y) its sums over rows and columns, logarithms to the base 2 and 0 log 0 = 0:

    H(X) = −Σ P(x) log P(x)          H(X, Y) = −Σ P(x, y) log P(x, y)          H(X | Y) = H(X, Y) − H(Y)

    I(X; Y) = Σ P(x, y) log (P(x, y) / (P(x) P(y))) = H(X) − H(X | Y) = H(X) + H(Y) − H(X, Y)

Reference: Cover and Thomas 2006, chapter 2; Ji, Henriques and Vedaldi 2019 (IIC) for pairs of soft assignments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError


@dataclass(frozen=True, eq=False, slots=True)
class Information:
    """What a joint table says, in bits; all numbers are ≥ 0."""

    P: NDArray[np.float64]  # (a, b) the table, divided by its sum
    terms: NDArray[np.float64]  # (a, b) P log (P / (P(x) P(y))), whose sum is I; single ones may be negative
    I: float  # noqa: E741 - the field's own symbol
    H_x: float  # of the rows
    H_y: float  # of the columns
    H_xy: float
    H_x_given_y: float
    H_y_given_x: float


def mutual_information(P: ArrayLike) -> Information:
    """Entropies and mutual information of a joint table.

    Args:
        P: (a, b) numbers ≥ 0 of any positive sum: probabilities, or counts.

    Returns:
        All in bits. I is 0 exactly where the table is the outer product of its sums, and at most min(H_x, H_y).

    Raises:
        InputError: with `field` "P"; it is no table, holds negative, NaN or infinite numbers, or sums to 0.
    """
    table = _checked(P)
    x, y = table.sum(1), table.sum(0)
    product = np.outer(x, y)
    occurs = (table > 0) & (product > 0)  # the product of two tiny sums may be 0
    ratio = np.divide(table, product, where=occurs, out=np.ones_like(table))
    terms = table * np.log2(ratio)
    H_x, H_y, H_xy = entropy(x), entropy(y), entropy(table)
    shared = float(min(max(terms.sum(), 0.0), H_x, H_y))  # rounding may leave −1e-17
    return Information(table, terms, shared, H_x, H_y, H_xy, max(H_xy - H_y, 0.0), max(H_xy - H_x, 0.0))


def entropy(p: ArrayLike) -> float:
    """−Σ p log₂ p in bits, of numbers ≥ 0 that sum to 1."""
    positive = np.asarray(p, np.float64)
    positive = positive[positive > 0]
    return float(max(-(positive * np.log2(positive)).sum(), 0.0))


def joint_of_pairs(z: Tensor, z_partner: Tensor) -> Tensor:
    """The joint table of the soft labels of pairs, P = (1 / n) Σ z zᵀ', symmetrized.

    Args:
        z: (n, k) probabilities of the labels of one of each pair; rows sum to 1.
        z_partner: (n, k) those of the other one.

    Returns:
        (k, k), sums to 1, equal to its transpose. Differentiable.

    Raises:
        InputError: shapes do not fit.

    Reference: Ji, Henriques and Vedaldi 2019, equations 2 and 3.
    """
    check_tensor("z", z, ("n", "k"))
    check_tensor("z_partner", z_partner, tuple(z.shape))
    P = z.T @ z_partner / len(z)
    return (P + P.T) / 2


@dataclass(frozen=True, eq=False, slots=True)
class Ascent:
    """A clustering while it learns to maximize I(z, z')."""

    information: tuple[Information, ...]  # at the start and after each step
    z: Tensor  # (n, k) in the end


def ascend(z: Tensor, partner: Sequence[int], *, n_steps: int, rate: float = 1.0) -> Ascent:
    """Climb on I(z, z') by gradient steps on free logits of z; what IIC does, with a network so large that it is a table.

    A clustering whose table is a product P(z) P(z') has a gradient of 0 and stays: both degenerate ones, exactly met, are
    saddles. Next to them the gradient leads away.

    Args:
        z: (n, k) probabilities at the start.
        partner: (n,) number of the point that each one is paired with.
        n_steps: how many.
        rate: length of a step on the logits, in units of the gradient times n.

    Raises:
        InputError: shapes do not fit, or the rate is not positive.

    Cost: n_steps products of (k, n) with (n, k).
    """
    check_tensor("z", z, ("n", "k"))
    check_range("n_steps", n_steps, lo=0)
    check_range("rate", rate, lo=0)
    pairs = torch.as_tensor(partner)
    check_tensor("partner", pairs, (len(z),))
    logits = z.double().clamp(min=1e-12).log()
    seen = []
    for step in range(n_steps + 1):
        soft = logits.softmax(1)
        seen.append(mutual_information(joint_of_pairs(soft, soft[pairs]).numpy()))
        if step < n_steps:
            logits = logits + rate * len(z) * logit_gradient(soft, pairs)
    return Ascent(tuple(seen), soft)


def logit_gradient(z: Tensor, partner: Tensor) -> Tensor:
    """The gradient of I(z, z') in bits by the logits whose softmax z is.

    With G = log₂ (P / (P(z) P(z'))), which is ∂I/∂P up to a constant that the softmax does not see: point i gets G z_j from
    its partner j, and G z_m from each m whose partner it is.

    Args:
        z: (n, k) probabilities.
        partner: (n,) int64.

    Returns:
        (n, k); each row sums to 0.
    """
    P = joint_of_pairs(z, z[partner])
    ratio = P / torch.outer(P.sum(1), P.sum(0)).clamp(min=1e-300)
    G = torch.where(P > 0, ratio.clamp(min=1e-300).log2(), torch.zeros_like(P))
    by_z = (z[partner] @ G).index_add(0, partner, z @ G) / len(z)
    return z * (by_z - (z * by_z).sum(1, keepdim=True))


def _checked(P: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(P, np.float64)
    if table.ndim != 2 or table.size == 0:
        raise InputError(f"A joint table must have rows and columns; got shape {table.shape}.", field="P")
    if not np.isfinite(table).all() or (table < 0).any():
        raise InputError("A joint table must hold finite numbers ≥ 0; mend the entries that are not.", field="P")
    largest = table.max()
    if largest == 0:
        raise InputError("A joint table must have a positive sum; every entry is 0. Make at least one positive.", field="P")
    table = table / largest  # so that no sum overflows
    shares: NDArray[np.float64] = table / table.sum()
    return shares
