"""The graph that is never stored is the graph that is."""

import pytest
import torch

from segcore.cut.ncut import ncut_sweep, ncut_value
from segcore.errors import InputError
from segcore.graph import eigen
from segcore.graph.affinity import color_knn_affinity, combine_affinities, cosine_affinity
from segcore.graph.eigen import smallest_eigenpairs
from segcore.graph.implicit import implicit_affinity
from segcore.graph.laplacian import LAPLACIANS
from segcore.numerics import connected_components
from tests.asserts import assert_close, assert_same_subspace


@pytest.fixture
def both(generator, monkeypatch):
    """The same graph, stored and not, with blocks of a few rows."""
    monkeypatch.setattr("segcore.numerics.ROW_BLOCK_BYTES", 4000)
    image = torch.randint(0, 256, (48, 56, 3), generator=generator, dtype=torch.uint8)
    X = torch.randn(12 * 14, 5, generator=generator, dtype=torch.float64)
    W_knn = color_knn_affinity(image, h=12, w=14, n_neighbors=6)
    dense, _ = combine_affinities(cosine_affinity(X), W_knn, knn_weight=3.0)
    return dense, implicit_affinity(X, W_knn, knn_weight=3.0)


def test_rows_products_sums_and_diagonal(both, generator):
    dense, implicit = both
    some = torch.randint(0, len(dense), (20,), generator=generator)
    U = torch.randn(len(dense), 4, generator=generator, dtype=torch.float64)
    assert_close(implicit[some], dense[some], atol=1e-12)
    assert_close(implicit[:], dense, atol=1e-12)
    assert_close(implicit @ U, dense @ U, atol=1e-9)
    assert_close(implicit.sum(1), dense.sum(1), atol=1e-9)
    assert_close(implicit.sum(), dense.sum())
    assert_close(implicit.diagonal(), dense.diagonal(), atol=1e-12)
    assert implicit.shape == dense.shape
    assert torch.equal(connected_components(implicit), connected_components(dense))


@pytest.mark.parametrize("kind", LAPLACIANS)
@pytest.mark.parametrize("iterate", [False, True], ids=["dense", "iterative"])
def test_eigenvectors_agree(both, kind, iterate, monkeypatch):
    if iterate:
        monkeypatch.setattr(eigen, "_DENSE_UP_TO", 0)
    stored, never = (smallest_eigenpairs(W, n_vectors=5, laplacian=kind) for W in both)
    assert_close(never.eigenvalues, stored.eigenvalues, atol=1e-9)
    assert_same_subspace(never.V, stored.V, angle=1e-6)


def test_cuts_agree(both, generator):
    dense, implicit = both
    v = torch.randn(len(dense), generator=generator, dtype=torch.float64)
    assert ncut_value(implicit, v > 0.3) == pytest.approx(ncut_value(dense, v > 0.3))
    for ours, theirs in zip(ncut_sweep(implicit, v), ncut_sweep(dense, v), strict=True):
        assert_close(ours, theirs, atol=1e-9)


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="knn_weight must be at least 0"):
        implicit_affinity(torch.ones(2, 2), torch.eye(2).to_sparse().coalesce(), knn_weight=-1.0)
