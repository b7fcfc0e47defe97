"""One patch against the whole graph: rows, cosines and neighbors are those of the full matrices."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from segcore.errors import InputError
from segcore.graph.affinity import color_knn_affinity, combine_affinities, cosine_affinity
from segcore.graph.implicit import implicit_affinity
from segcore.graph.neighbors import cell_index, cosines, nearest, row_of
from segcore.graph.pixels import pixel_affinity
from tests.asserts import assert_close

H, W_CELLS = 7, 9
LAMBDA = 2.5


@pytest.fixture
def graph(generator):
    """Features and the two parts of W for a random picture."""
    image = torch.randint(0, 256, (4 * H, 4 * W_CELLS, 3), generator=generator, dtype=torch.uint8)
    X = torch.randn(H * W_CELLS, 5, generator=generator, dtype=torch.float64)
    return X, color_knn_affinity(image, h=H, w=W_CELLS, n_neighbors=4), image


@pytest.mark.parametrize("i", [0, 31, H * W_CELLS - 1])
def test_the_row_is_that_of_the_dense_matrix(graph, i):
    X, W_knn, _ = graph
    W_feat = cosine_affinity(X)
    dense, _ = combine_affinities(W_feat, W_knn, knn_weight=LAMBDA)
    assert torch.equal(row_of(dense, i), dense[i])
    assert torch.equal(row_of(W_knn, i), W_knn.to_dense()[i])
    assert_close(row_of(implicit_affinity(X, W_knn, knn_weight=LAMBDA), i), dense[i], atol=1e-12)
    assert_close(row_of(csr_array(dense.numpy()), i), dense[i])


@pytest.mark.parametrize("i", [0, 31])
def test_the_parts_of_the_row_add_up(graph, i):
    """W_i = max(0, cos) + λ (W_knn)_i, which is what the page shows side by side."""
    X, W_knn, _ = graph
    dense, _ = combine_affinities(cosine_affinity(X), W_knn, knn_weight=LAMBDA)
    assert_close(cosines(X, X[i]).clamp(min=0) + LAMBDA * row_of(W_knn, i), dense[i], atol=1e-6)


def test_the_row_of_a_pixel_graph(graph):
    W = pixel_affinity(graph[2][:6, :8], sigma_features=0.01, sigma_space=4.0, radius=3.0)
    assert_close(row_of(W, 20), torch.from_numpy(W.toarray()[20]))


def test_cosines_are_their_formula(graph):
    X = graph[0].numpy()
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    ours = cosines(graph[0], graph[0][12])
    assert_close(ours, torch.from_numpy(unit @ unit[12]), atol=1e-12)
    assert ours.min() < 0  # signed: clipping comes later


def test_cosines_ignore_length_and_zero_is_like_nothing(generator):
    X = torch.randn(20, 6, generator=generator)
    assert_close(cosines(7 * X, 0.3 * X[4]), cosines(X, X[4]), atol=1e-6)
    assert cosines(X, torch.zeros(6)).abs().max() == 0
    X[3] = 0
    assert cosines(X, X[5])[3] == 0


def test_cosines_with_another_picture(generator):
    """A feature of one picture finds its own copy among those of another."""
    here, there = torch.randn(12, 6, generator=generator), torch.randn(30, 6, generator=generator)
    there[17] = 3 * here[5]
    assert int(nearest(cosines(there, here[5]), 1)) == 17


@pytest.mark.parametrize("k", [1, 6, 500])
def test_neighbors_are_those_of_argsort(graph, k):
    X, i = graph[0], 30
    S = cosines(X, X[i])
    order = [j for j in np.argsort(-S.numpy(), kind="stable") if j != i]
    assert nearest(S, k, without=[i]).tolist() == order[:k]


def test_equal_similarities_keep_the_order_of_the_nodes():
    assert nearest(torch.tensor([1.0, 2.0, 1.0, 2.0, 1.0]), 5).tolist() == [1, 3, 0, 2, 4]
    assert nearest(torch.ones(1), 3, without=[0]).tolist() == []


def test_cells_are_numbered_row_by_row():
    assert [cell_index(y, x, h=3, w=4) for y in range(3) for x in range(4)] == list(range(12))


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        (3, 0, "got row 4, column 1"),
        (-1, 2, "got row 0, column 3"),
        (0, 4, "columns 1 to 4"),
        (1.5, 0, "whole numbers"),
        ("1", 0, "whole numbers"),
        (None, None, "whole numbers"),
        (True, 0, "whole numbers"),
    ],
)
def test_cells_outside_are_one_sentence(row, column, words):
    with pytest.raises(InputError, match=words):
        cell_index(row, column, h=3, w=4)


def test_doors(graph):
    X, W_knn, _ = graph
    with pytest.raises(InputError, match="i must be between 0 and 62"):
        row_of(W_knn, 63)
    with pytest.raises(InputError, match="x must have shape"):
        cosines(X, torch.ones(4))
    with pytest.raises(InputError, match="X must have shape"):
        cosines(X[0], X[0])
    with pytest.raises(InputError, match="NaN"):
        cosines(torch.tensor([[1.0, float("nan")]]), torch.ones(2))
    with pytest.raises(InputError, match="n_neighbors must be at least 1"):
        nearest(torch.ones(3), 0)
