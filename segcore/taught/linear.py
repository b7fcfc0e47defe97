"""The matrix of a linear map that is known only as a function."""

from collections.abc import Callable

import torch
from torch import Tensor

from segcore.errors import InputError


def matrix_of(op: Callable[[Tensor], Tensor], size: tuple[int, int]) -> Tensor:
    """The matrix M with vec(op(x)) = M vec(x): column j is what `op` makes of the picture that is 1 in pixel j, else 0.

    Args:
        op: takes a batch (b, 1, h, w) and returns (b, 1, h', w'), linear in each picture of the batch.
        size: h and w.

    Returns:
        (h'·w', h·w) float64: row i tells what output i takes from where.

    Raises:
        InputError: `op` is not linear: op(0) is not 0, or a sum is not mapped to the sum.

    Cost: one call on a batch of h·w pictures.
    """
    n = size[0] * size[1]
    basis = torch.eye(n, dtype=torch.float64).reshape(n, 1, *size)
    # The last picture is one on which a map that is not linear would show it.
    probe = torch.linspace(-1, 2, n, dtype=torch.float64).reshape(1, 1, *size)
    images = op(torch.cat([basis, torch.zeros_like(probe), probe])).to(torch.float64).flatten(1)
    M, zero, probed = images[:n].T.contiguous(), images[n], images[n + 1]
    if not torch.allclose(M @ probe.flatten(), probed, atol=1e-6) or float(zero.abs().max()) > 1e-9:
        raise InputError("This map has no matrix: it is not linear. Give a map with op(a x + b y) = a op(x) + b op(y).")
    return M
