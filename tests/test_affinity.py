"""W_feat and W_knn against their formulas, sum by sum."""

import numpy as np
import pytest
import torch

from segcore.errors import InputError
from segcore.graph import affinity
from segcore.graph.affinity import color_knn_affinity, combine_affinities, cosine_affinity
from tests import oracles
from tests.asserts import assert_close

SPACES = ["hsv_xy", "rgb_xy"]


def picture(h, w, generator, cell=4):
    return torch.randint(0, 256, (h * cell, w * cell, 3), generator=generator, dtype=torch.uint8)


def cell_colors(image, h, w):
    return image.numpy().reshape(h, -1, w, image.shape[1] // w, 3).mean((1, 3)).reshape(-1, 3) / 255


def test_cosine_affinity_is_its_formula(generator):
    X = torch.randn(12, 5, generator=generator, dtype=torch.float64)
    assert_close(cosine_affinity(X), oracles.w_feat(X))


def test_cosine_affinity_ignores_length_and_keeps_self_loops(generator):
    X = torch.randn(20, 6, generator=generator)
    scaled = X * torch.rand(20, 1, generator=generator).add(0.1)
    W = cosine_affinity(X)
    assert_close(cosine_affinity(scaled), W, atol=1e-6)
    assert_close(W.diagonal(), torch.ones(20))
    assert torch.equal(W, W.T)


def test_a_row_of_zeros_is_isolated(generator):
    X = torch.randn(5, 3, generator=generator)
    X[2] = 0
    assert cosine_affinity(X)[2].sum() == 0


def test_hsv_graph_is_the_formula_of_the_lectures(generator):
    image = picture(4, 5, generator)
    W = color_knn_affinity(image, h=4, w=5, n_neighbors=3, space="hsv_xy").to_dense()
    psi = oracles.psi_hsv(cell_colors(image, 4, 5), 4, 5)
    assert_close(W, torch.from_numpy(oracles.w_knn(psi, 3)), atol=2e-5)  # float32 distances from squared sums


def test_rgb_graph_counts_like_the_published_code(generator):
    """Two graphs of 0/1 edges, each cell its own neighbor, each direction adding one."""
    h, w, k = 4, 5, 6
    image = picture(h, w, generator)
    y, x = np.divmod(np.arange(h * w), w)
    place = np.stack([x / (w - 1), y / (h - 1)], 1)
    expected = np.zeros((h * w, h * w))
    for neighbors, weight in ((k, 2.0), (k // 2, 0.1)):
        psi = np.concatenate([cell_colors(image, h, w), weight * place], 1)
        distance = np.linalg.norm(psi[:, None] - psi[None], axis=2)
        for i in range(h * w):
            for j in np.argsort(distance[i], kind="stable")[:neighbors]:
                expected[i, j] += 1
                expected[j, i] += 1
    W = color_knn_affinity(image, h=h, w=w, n_neighbors=k, space="rgb_xy").to_dense()
    assert np.array_equal(W.numpy(), expected)
    assert W.max() == 4


@pytest.mark.parametrize("space", SPACES)
def test_knn_graph_is_symmetric_and_nonnegative(space, generator):
    W = color_knn_affinity(picture(7, 9, generator), h=7, w=9, n_neighbors=5, space=space)
    dense = W.to_dense()
    assert torch.equal(dense, dense.T)
    assert bool((W.values() >= 0).all())


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(("h", "w"), [(1, 1), (1, 6), (6, 1), (2, 2)])
def test_tiny_grids_and_more_neighbors_than_cells(space, h, w, generator):
    W = color_knn_affinity(picture(h, w, generator), h=h, w=w, n_neighbors=20, space=space).to_dense()
    assert W.shape == (h * w, h * w)
    assert bool(W.isfinite().all())


def test_gray_pixels_have_no_hue_trouble():
    image = torch.full((8, 8, 3), 128, dtype=torch.uint8)
    W = color_knn_affinity(image, h=4, w=4, n_neighbors=3).to_dense()
    assert bool(W.isfinite().all())
    assert W.max() <= 1


def test_float_and_byte_pictures_agree(generator):
    image = picture(5, 6, generator)
    W = color_knn_affinity(image, h=5, w=6, n_neighbors=4).to_dense()
    assert_close(color_knn_affinity(image.float() / 255, h=5, w=6, n_neighbors=4).to_dense(), W, atol=1e-5)


def test_combination_and_its_share(generator):
    W_feat = cosine_affinity(torch.randn(12, 3, generator=generator))
    W_knn = color_knn_affinity(picture(3, 4, generator), h=3, w=4, n_neighbors=3)
    before = W_feat.clone()
    W, share = combine_affinities(W_feat, W_knn, knn_weight=2.5)
    assert_close(W, W_feat + 2.5 * W_knn.to_dense(), atol=1e-6)
    assert share == pytest.approx(float(2.5 * W_knn.to_dense().sum() / W.sum()), rel=1e-5)
    assert torch.equal(W_feat, before)
    assert combine_affinities(W_feat, W_knn, knn_weight=0.0)[1] == 0


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"image": torch.zeros(8, 8)}, "image", "must have shape"),
        ({"n_neighbors": 0}, "n_neighbors", "at least 1"),
        ({"space": "cmyk"}, "space", "one of"),
        ({"h": 0}, "h", "rows"),
        ({"w": 9}, "h", "columns"),
    ],
)
def test_doors(change, field, words):
    arguments = {"image": torch.zeros(8, 8, 3, dtype=torch.uint8), "h": 4, "w": 4, "n_neighbors": 3, "space": "hsv_xy"}
    with pytest.raises(InputError, match=words) as error:
        color_knn_affinity(**{**arguments, **change})
    assert error.value.field == field


def test_features_with_nan_are_refused():
    with pytest.raises(InputError, match="NaN"):
        cosine_affinity(torch.tensor([[1.0, float("nan")]]))


@pytest.mark.parametrize("with_self", [False, True])
def test_tree_and_blocks_find_the_same_neighbors(with_self, generator):
    psi = torch.rand(300, 6, generator=generator)
    by_tree = affinity._nearest(psi, 9, with_self=with_self)
    by_blocks = affinity._nearest_by_blocks(psi - psi.mean(0), 9, with_self=with_self)
    assert torch.equal(by_tree[0], by_blocks[0])
    assert_close(by_tree[1], by_blocks[1], atol=1e-3)


@pytest.mark.parametrize("n", [1, 3, 5, 64])
def test_strips_of_the_affinity_fit_together(n, generator):
    X = torch.randn(n, 4, generator=generator)
    F = torch.nn.functional.normalize(X, dim=1)
    W = cosine_affinity(X)
    assert torch.equal(W, W.T)
    assert_close(W, (F @ F.T).clamp(0, 1), atol=1e-6)
