"""Comparisons of meanings: partitions up to relabelling, vectors up to sign and rotation.

tests/test_asserts.py feeds each of them a wrong answer, so that none of them can pass for any value.
"""

import torch
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

# Relative tolerance by dtype; a test that needs another one says why.
RTOL = {torch.float32: 1e-4, torch.float64: 1e-9}


def assert_close(actual: Tensor, expected: Tensor, *, atol: float = 0.0, rtol: float | None = None) -> None:
    """Entries agree to the tolerance of the actual dtype."""
    expected = torch.as_tensor(expected)
    torch.testing.assert_close(
        actual.double().cpu(), expected.double().cpu(), rtol=RTOL[actual.dtype] if rtol is None else rtol, atol=atol
    )


def assert_same_partition(actual: Tensor, expected: Tensor) -> None:
    """The same rows belong together, whatever the labels."""
    score = adjusted_rand_score(actual.cpu().numpy(), expected.cpu().numpy())
    assert score == 1, f"the partitions differ: adjusted Rand index {score:.4f}"


def assert_same_subspace(actual: Tensor, expected: Tensor, *, angle: float) -> None:
    """The columns span the same space up to this angle in radians."""
    A, B = (torch.linalg.qr(x.double().cpu())[0] for x in (actual, torch.as_tensor(expected)))
    assert A.shape == B.shape, f"{A.shape} against {B.shape}"
    worst = (A - B @ (B.T @ A)).norm(2)  # sine of the largest principal angle
    assert worst <= angle, f"the subspaces differ by an angle of {worst:.2e}"


def assert_simplex(P: Tensor, *, dim: int, atol: float = 1e-5) -> None:
    """Entries are probabilities that sum to 1 along `dim`."""
    assert bool((P >= 0).all()), "a probability is negative"
    assert_close(P.sum(dim).float(), torch.ones_like(P.sum(dim)), atol=atol)
