"""W = W_feat + λ W_knn that is never stored.

Past the size where n × n numbers fit, blocks of rows of max(0, f fᵀ) are computed anew in every product: O(n² d) time and
O(n d) memory instead of O(n²) and O(n²).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.numerics import normalize_rows, row_blocks


@dataclass(frozen=True, eq=False, slots=True)
class ImplicitAffinity:
    """Stands for the (n, n) tensor that `combine_affinities` makes, wherever only its rows and products are needed."""

    F: Tensor  # (n, d) features of length 1
    W_knn: Tensor  # (n, n) sparse COO, coalesced, already times λ
    starts: Tensor  # (n + 1,) where the entries of each row of W_knn begin

    ndim = 2

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""
        return len(self.F), len(self.F)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the entries."""
        return self.F.dtype

    @property
    def device(self) -> torch.device:
        """Where the products are computed."""
        return self.F.device

    @property
    def nbytes(self) -> int:
        """Bytes that are stored instead of n²."""
        return self.F.nbytes + self.W_knn.values().nbytes + self.W_knn.indices().nbytes

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        """(b, n) dense: these rows of W."""
        index = torch.arange(len(self.F), device=self.device)[rows]
        dense = self._cosines(index)
        counts = self.starts[index + 1] - self.starts[index]
        # The entries of the chosen rows, as ranges of the coalesced list laid end to end.
        ends = counts.cumsum(0)
        entry = torch.arange(int(counts.sum()), device=self.device) + (self.starts[index] - ends + counts).repeat_interleave(
            counts
        )
        row = torch.arange(len(index), device=self.device).repeat_interleave(counts)
        dense[row, self.W_knn.indices()[1, entry]] += self.W_knn.values()[entry]
        return dense

    def __matmul__(self, U: Tensor) -> Tensor:
        """W U for U (n, k)."""
        blocks = row_blocks(len(self.F), self.F.element_size() * len(self.F))
        product = torch.cat([self._cosines(block) @ U for block in blocks])
        return product + self.W_knn @ U

    def sum(self, dim: int | None = None) -> Tensor:
        """Sums of the rows (dim=1), of the columns (dim=0, the same by symmetry), or of all entries."""
        sums = (self @ torch.ones(len(self.F), 1, dtype=self.dtype, device=self.device))[:, 0]
        return sums if dim is not None else sums.sum()

    def diagonal(self) -> Tensor:
        """(n,)."""
        row, column = self.W_knn.indices()
        own = row == column
        return self.F.square().sum(1).index_add(0, row[own], self.W_knn.values()[own])

    def double(self) -> Tensor:
        """All of it, dense and in float64; for small n."""
        return self[:].double()

    def _cosines(self, rows: Tensor | slice) -> Tensor:
        return (self.F[rows] @ self.F.T).clamp_(0, 1)


def implicit_affinity(X: Tensor, W_knn: Tensor, *, knn_weight: float) -> ImplicitAffinity:
    """Describe W = W_feat + λ W_knn by its parts.

    Args:
        X: (n, d) features, of any length.
        W_knn: (n, n) sparse COO, coalesced.
        knn_weight: λ ≥ 0.

    Returns:
        What `smallest_eigenpairs` and `ncut_value` take in the place of W.

    Raises:
        InputError: X is not (n, d) or holds NaN, or λ is negative.
    """
    check_tensor("X", X, ("n", "d"))
    check_range("knn_weight", knn_weight, lo=0)
    rows, values = W_knn.indices()[0], W_knn.values().to(X.dtype) * knn_weight
    counts = torch.bincount(rows, minlength=len(X))
    starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    weighted = torch.sparse_coo_tensor(W_knn.indices(), values, W_knn.shape, is_coalesced=True, check_invariants=False)
    return ImplicitAffinity(normalize_rows(X), weighted, starts)
