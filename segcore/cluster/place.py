"""What of the features is place alone, taken out of them.

    f_i ← f_i − B b(x_i, y_i),   B = argmin Σ_i ‖f_i − B b(x_i, y_i)‖²

with b all products T_a(x) T_b(y), a + b ≤ degree, of Chebyshev polynomials of the place of a patch, from −1 to 1 in each
picture. A transformer is told where its patches lie, and tells it on: patches at the same place of two pictures are alike
whatever they show.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from segcore.checks import check_range
from segcore.errors import InputError

DEGREE = 6  # see docs/colors.md
_LEAST_ROWS = 4  # patches for each function, so that there is something left


def without_place(fs: Sequence[Tensor], *, degree: int = DEGREE) -> tuple[Tensor, ...]:
    """Take out of the features of some pictures what a smooth function of the place explains, the same for all of them.

    Args:
        fs: (h, w, d) features for each picture.
        degree: of the polynomial, from 0, which takes out the mean; lower where there are few patches.

    Returns:
        (h, w, d) float32 for each: what is left. Its mean over all patches is 0, and so is its product with each function.

    Raises:
        InputError: there is no picture, or the degree is below 0.

    Cost: O(n (degree⁴ + degree² d)).
    """
    check_range("degree", degree, lo=0)
    if not fs:
        raise InputError("There is no picture to take the place out of.", field="pictures")
    X = torch.cat([f.flatten(0, 1) for f in fs])
    while degree and _LEAST_ROWS * (degree + 1) * (degree + 2) // 2 > len(X):
        degree -= 1
    basis = torch.cat([_functions(f.shape[0], f.shape[1], degree) for f in fs]).to(X)
    orthonormal, _ = torch.linalg.qr(basis.double())
    left = (X.double() - orthonormal @ (orthonormal.T @ X.double())).float()
    parts = left.split([f.shape[0] * f.shape[1] for f in fs])
    return tuple(part.reshape(f.shape) for part, f in zip(parts, fs, strict=True))


def _functions(h: int, w: int, degree: int) -> Tensor:
    """(h·w, k): the functions at the middles of the patches."""
    y, x = ((2 * torch.arange(n) + 1 - n) / n for n in (h, w))
    down, along = (torch.stack([torch.cos(k * torch.acos(t)) for k in range(degree + 1)]) for t in (y, x))
    products = [down[a][:, None] * along[b] for a in range(degree + 1) for b in range(degree + 1 - a)]
    return torch.stack(products, -1).flatten(0, 1)
