"""Mutual information between the soft labels of two views at shifts t, |t|∞ ≤ T: the loss of IIC and AC.

    P_t = mean over pictures and pixels u of z_u z'_{u+t}ᵀ, made symmetric

    loss(P) = −Σ P_ij (ln P_ij − λ ln P_i − λ ln P_j)  =  −I(z, z') − (λ − 1) (H(z) + H(z'))

IIC's published commands make the mean over t of loss(P_t) small ("uncollapsed" there; equation 5). The default of its code,
and AC, take the loss of one table, of all pairs of all shifts: that is cheaper, and where all P_t have the same marginals
its I is never larger, as I is convex there.

Reference: Ji, Henriques and Vedaldi 2019, equations 3 to 5, and IID_losses.py of their code.
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

TINY = 1e-12


def joint_of_shifts(z: Tensor, z_other: Tensor, *, reach: int, weight: Tensor | None = None) -> Tensor:
    """The joint tables of all shifts.

    Args:
        z: (b, k, h, w) probabilities.
        z_other: (b, k, h, w) of the other view, on the same pixels.
        reach: T ≥ 0, largest shift along each axis, in cells.
        weight: (b, 1, h, w) in [0, 1]; pixels of `z` and of the other view that do not count have 0. None counts all.

    Returns:
        (2T + 1, 2T + 1, k, k): each sums to the number of pairs of pixels at that shift, t from −T to T. Differentiable.

    Cost: one convolution of the two maps with each other, (2T + 1)² b k² h w.
    """
    if weight is not None:
        z, z_other = z * weight, z_other * weight
    with torch.autocast(z.device.type, enabled=False):
        # Pictures become channels: out[j, i, t] = Σ_b,u z'[b, j, u + t] z[b, i, u].
        table = F.conv2d(z_other.transpose(0, 1).to(z.dtype), z.transpose(0, 1), padding=reach)
    return table.permute(2, 3, 1, 0)


def joint_tables(z: Tensor, z_other: Tensor, *, reach: int, weight: Tensor | None = None) -> Tensor:
    """P_t ((2T + 1)², k, k) of all shifts, each symmetric and of sum 1; arguments and cost as of `joint_of_shifts`."""
    tables = joint_of_shifts(z, z_other, reach=reach, weight=weight).flatten(0, 1)
    tables = (tables + tables.mT) / 2
    return tables / tables.sum((1, 2), keepdim=True).clamp_min(TINY)


def joint_table(z: Tensor, z_other: Tensor, *, reach: int, weight: Tensor | None = None) -> Tensor:
    """P (k, k): the mean over all pairs of all shifts, symmetric, sums to 1; arguments as of `joint_of_shifts`.

    Cost: b k² h w, as the sum over the shifts is a box filter.
    """
    if weight is not None:
        z, z_other = z * weight, z_other * weight
    near = F.avg_pool2d(z_other, 2 * reach + 1, stride=1, padding=reach)  # a mean; the factor falls out below
    with torch.autocast(z.device.type, enabled=False):
        table = torch.einsum("bihw,bjhw->ij", z.float() if z.dtype == torch.bfloat16 else z, near.to(z.dtype))
    table = (table + table.T) / 2
    return table / table.sum()


def information_loss(P: Tensor, *, marginal_weight: float = 1.0) -> Tensor:
    """−Σ P_ij (ln P_ij − λ ln P_i − λ ln P_j), in nats.

    Args:
        P: (…, k, k) joint tables that sum to 1.
        marginal_weight: λ; at 1 it is −I(z, z'), at 0 the joint entropy alone, which one cluster for all minimizes.

    Returns:
        (…). Differentiable; 0 log 0 = 0.
    """
    safe = P.clamp_min(TINY)
    rows, columns = safe.sum(-1, keepdim=True), safe.sum(-2, keepdim=True)
    return -(P * (safe.log() - marginal_weight * (rows.log() + columns.log()))).sum((-2, -1))


def parts_of(P: Tensor) -> Mapping[str, float]:
    """What symmetric tables (…, k, k) say, in bits and in the mean over them, by the names that are shown."""
    P = P.detach().double()
    rows = P.sum(-1)
    entropy = -float(torch.xlogy(rows, rows).sum(-1).mean()) / math.log(2)
    information = max(0.0, -float(information_loss(P).mean()) / math.log(2))
    return {"I(z, z')": information, "H(z)": entropy, "H(z | z')": entropy - information}


def use_of(z: Tensor) -> Tensor:
    """(k,) share of the pixels whose largest probability (b, k, h, w) is that of each cluster."""
    k = z.shape[1]
    return torch.bincount(z.detach().argmax(1).flatten(), minlength=k).float() / (z.numel() / k)
