"""What one node of the graph sees: its cosines to all others, its row of W, its nearest neighbors.

Everything here costs one pass over the features or one row of a matrix, so that it can follow a pointer.
"""

from collections.abc import Sequence
from numbers import Integral

import torch
from scipy.sparse import csr_array
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError
from segcore.graph.implicit import ImplicitAffinity
from segcore.numerics import normalize_rows, row_blocks

_LEAST_LENGTH = 1e-12  # as in `normalize_rows`


def cell_index(row: object, column: object, *, h: int, w: int) -> int:
    """Number i = row · w + column of a cell of an h × w grid, both counted from 0.

    Raises:
        InputError: row or column is no whole number, or lies outside; the sentence counts from 1, as people do.
    """
    got = "something that is no pair of whole numbers"
    if isinstance(row, Integral) and isinstance(column, Integral) and not isinstance(row, bool) | isinstance(column, bool):
        i, j = int(row), int(column)
        if 0 <= i < h and 0 <= j < w:
            return i * w + j
        got = f"row {i + 1}, column {j + 1}"
    raise InputError(f"The grid has rows 1 to {h} and columns 1 to {w}; got {got}. Choose a patch inside.", field="row")


def cosines(X: Tensor, x: Tensor) -> Tensor:
    """Compute the cosine of each row of X with a vector, signed: W_feat before negative values are cut.

    Args:
        X: (n, d) features, of any length.
        x: (d,) a feature, of the same picture or of another one.

    Returns:
        (n,) in [−1, 1]; 0 where a row or x itself is zero.

    Raises:
        InputError: the shapes do not fit, or a value is NaN.

    Cost: O(n d).
    """
    if X.ndim != 2:
        raise InputError(f"X must have shape (n, d); got {tuple(X.shape)}.", field="X")
    check_tensor("x", x, (X.shape[1],))
    lengths = torch.linalg.vector_norm(X, dim=1).clamp_min(_LEAST_LENGTH)
    S: Tensor = (X @ normalize_rows(x[None])[0]) / lengths
    check_tensor("the cosines with X", S, ("n",))  # finite where X is; one look at n numbers instead of n · d
    return S.clamp_(-1, 1)


def row_of(W: Tensor | ImplicitAffinity | csr_array, i: int) -> Tensor:
    """Row i of a graph's weights, dense, however the graph is kept.

    Args:
        W: (n, n): a dense tensor, a coalesced sparse COO tensor, an `ImplicitAffinity`, or a SciPy CSR array.
        i: 0 … n − 1.

    Returns:
        (n,) on the device of W.

    Raises:
        InputError: there is no such row.

    Cost: O(n), for an `ImplicitAffinity` O(n d).
    """
    check_range("i", i, lo=0, hi=W.shape[0] - 1)
    if isinstance(W, csr_array):
        return torch.from_numpy(W[[i]].toarray()[0])
    if isinstance(W, ImplicitAffinity):
        return W[i : i + 1][0]
    return _sparse_row(W, i) if W.is_sparse else W[i]


def _sparse_row(W: Tensor, i: int) -> Tensor:
    """W[i].to_dense(), which torch finds by a pass over all entries; here they are sorted by row."""
    rows, columns = W.indices()
    begin, end = torch.searchsorted(rows, torch.tensor([i, i + 1], device=rows.device)).tolist()
    row = torch.zeros(W.shape[1], dtype=W.dtype, device=W.device)
    row[columns[begin:end]] = W.values()[begin:end]
    return row


def nearest(similarity: Tensor, n_neighbors: int, *, without: Sequence[int] = ()) -> Tensor:
    """Order nodes by similarity, most similar first.

    Args:
        similarity: (n,) of each node to the one that is asked about; larger is nearer.
        n_neighbors: how many, at least 1; fewer come where there are fewer.
        without: nodes to leave out, such as the one that is asked about.

    Returns:
        (k,) int64; among equals the lower number comes first.

    Raises:
        InputError: `similarity` is no vector or holds NaN, or n_neighbors is below 1.

    Cost: one stable sort.
    """
    check_tensor("similarity", similarity, ("n",))
    check_range("n_neighbors", n_neighbors, lo=1)
    order = similarity.sort(descending=True, stable=True).indices
    keep = torch.ones(len(order), dtype=torch.bool, device=order.device)
    for node in without:
        keep &= order != node
    return order[keep][:n_neighbors]


def nearest_rows(Q: Tensor, X: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k rows of X with the largest inner product with each row of Q, exactly.

    Args:
        Q: (q, d).
        X: (n, d), k ≤ n.
        k: at least 1.

    Returns:
        (q, k) products, falling, and (q, k) int64 numbers of rows of X.

    Cost: O(q n d); about 64 MB of working memory.
    """
    found = [(Q[block] @ X.T).topk(k, 1) for block in row_blocks(len(Q), 4 * len(X))]
    return torch.cat([part.values for part in found]), torch.cat([part.indices for part in found])
