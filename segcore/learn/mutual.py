"""Mutual information between the soft labels of two views, summed over shifts: the loss of IIC and AC.

    P = mean over pictures, pixels u and shifts |t|∞ ≤ T of z_u z'_{u+t}ᵀ, made symmetric

    loss = −Σ P_ij (ln P_ij − λ ln P_i − λ ln P_j)  =  −I(z, z') − (λ − 1) (H(z) + H(z'))

Reference: Ji, Henriques and Vedaldi 2019, equations 3 to 5.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.metrics.information import mutual_information

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
    # Pictures become channels: out[j, i, t] = Σ_b,u z'[b, j, u + t] z[b, i, u].
    table = F.conv2d(z_other.transpose(0, 1), z.transpose(0, 1), padding=reach)
    return table.permute(2, 3, 1, 0)


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
    """What a table says, in bits, by the names that are shown."""
    facts = mutual_information(P.detach().double().cpu().numpy())
    return {"I(z, z')": facts.I, "H(z)": facts.H_x, "H(z | z')": facts.H_x_given_y}


def use_of(z: Tensor) -> Tensor:
    """(k,) share of the pixels whose largest probability (b, k, h, w) is that of each cluster."""
    k = z.shape[1]
    return torch.bincount(z.detach().argmax(1).flatten(), minlength=k).float() / (z.numel() / k)
