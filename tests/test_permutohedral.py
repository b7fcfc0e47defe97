"""The lattice against the paper's own construction, against exact sums, and where points are few or odd."""

import dataclasses
import itertools
import math

import pytest
import torch

from segcore.errors import InputError
from segcore.refine.permutohedral import build_lattice
from tests.asserts import assert_close


def matrix(lattice):
    return lattice.filter(torch.eye(lattice.n_points))


def pixels(height, width, *, sigma=1.0):
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1) / sigma


def gaussian(X):
    return torch.exp(-0.5 * torch.cdist(X.double(), X.double(), compute_mode="donot_use_mm_for_euclid_dist").square())


def simplex_of(x):
    """Corners and barycentric weights of one point, as Adams et al. find them: embed, round, rank, put right."""
    d = len(x)
    scaled = [v * math.sqrt(2 / 3) * (d + 1) / math.sqrt((i + 1) * (i + 2)) for i, v in enumerate(x)]
    y = [sum(scaled[i:]) - (i * scaled[i - 1] if i else 0) for i in range(d + 1)]
    nearest = [(d + 1) * round(v / (d + 1)) for v in y]
    excess = sum(nearest) // (d + 1)
    offset = [v - r for v, r in zip(y, nearest, strict=True)]
    by_offset = sorted(range(d + 1), key=lambda i: -offset[i])
    rank = [by_offset.index(i) + excess for i in range(d + 1)]
    for i in range(d + 1):
        turn = (rank[i] < 0) - (rank[i] > d)
        rank[i] += turn * (d + 1)
        nearest[i] += turn * (d + 1)
    weights = [0.0] * (d + 2)
    for i in range(d + 1):
        weights[d - rank[i]] += (y[i] - nearest[i]) / (d + 1)
        weights[d - rank[i] + 1] -= (y[i] - nearest[i]) / (d + 1)
    weights[0] += 1 + weights[d + 1]
    corners = [tuple(nearest[i] + r - (d + 1) * (rank[i] > d - r) for i in range(d + 1)) for r in range(d + 1)]
    return list(zip(corners, weights, strict=False))


def slow_matrix(X):
    """F = C B_d … B_0 Cᵀ with corners in a dictionary."""
    d = X.shape[1]
    simplices = [simplex_of(x) for x in X.double().tolist()]
    corners = {corner: None for simplex in simplices for corner, _ in simplex}
    index = {corner: i for i, corner in enumerate(corners)}
    C = torch.zeros(len(X), len(index), dtype=torch.float64)
    for i, simplex in enumerate(simplices):
        for corner, weight in simplex:
            C[i, index[corner]] += weight
    values = C.T
    for axis in range(d + 1):
        B = torch.eye(len(index), dtype=torch.float64)
        for corner, sign in itertools.product(corners, (1, -1)):
            neighbor = tuple(c + sign * ((d + 1) * (i == axis) - 1) for i, c in enumerate(corner))
            if neighbor in index:
                B[index[corner], index[neighbor]] = 0.5
        values = B @ values
    return C @ values / (1 + 2**-d)


def off_borders(X):
    """The points that do not lie on the border of a simplex, where rounding decides which corners exist."""
    return X[[min(weight for _, weight in simplex_of(x)) > 1e-3 for x in X.double().tolist()]]


@pytest.mark.parametrize("d", [1, 2, 3, 5])
@pytest.mark.parametrize("spread", [0.5, 3.0, 100.0])
def test_agrees_with_the_paper(d, spread, generator):
    X = off_borders(torch.randn(60, d, generator=generator) * spread)
    assert len(X) > 40
    # The weights of a point at distance r from the origin carry the rounding of r, about 1e-7 r.
    assert_close(matrix(build_lattice(X)), slow_matrix(X), atol=1e-5 * max(1.0, spread))


def test_opposite_borders_of_the_box_do_not_meet(generator):
    # Numbers of places wrap at the borders of the box around the corners; among few points many corners are at a border.
    for _ in range(100):
        X = off_borders(torch.randn(4, 2, generator=generator))
        if len(X):
            assert_close(matrix(build_lattice(X)), slow_matrix(X), atol=1e-5)


def test_long_numbers_of_places_agree_with_the_paper(generator):
    X = torch.randn(40, 5, generator=generator)
    X[:2] += torch.tensor([[400.0], [-400.0]])  # more places than an int32 can number
    X = off_borders(X)
    assert_close(matrix(build_lattice(X)), slow_matrix(X), atol=1e-3)


# Twice the largest error of ten draws of the values. It is largest where the lattice is as coarse as the pixels.
@pytest.mark.parametrize(("sigma", "error"), [(1.0, 0.12), (3.0, 0.04), (8.0, 0.014)])
def test_averages_are_near_the_exact_ones(sigma, error, generator):
    X = pixels(20, 26, sigma=sigma)
    values = torch.rand(len(X), 3, generator=generator)
    G, F = gaussian(X), matrix(build_lattice(X)).double()
    exact, found = (A @ values.double() / A.sum(1, keepdim=True) for A in (G, F))
    assert float((found - exact).abs().max()) <= error
    assert float((exact - values).abs().max()) >= 0.4  # so that returning the values would fail


@pytest.mark.parametrize(("d", "side", "sigma"), [(1, 2000, 20.0), (2, 120, 8.0), (3, 36, 3.2)])
def test_covariance_of_the_kernel_is_the_unit_matrix(d, side, sigma):
    X = torch.cartesian_prod(*[torch.arange(side) / sigma] * d).reshape(-1, d)
    X = X - X.mean(0)
    products = (X[:, :, None] * X[:, None]).flatten(1)
    filtered = build_lattice(X).filter(torch.cat([torch.ones(len(X), 1), X, products], 1))
    averages = filtered[(X.abs() < X.max() - 4.5).all(1)]  # the kernel's own reach from the border on
    averages = averages[:, 1:] / averages[:, :1]
    mean, second = averages[:, :d], averages[:, d:].unflatten(1, (d, d))
    covariance = (second - mean[:, :, None] * mean[:, None]).mean(0)
    assert_close(covariance, torch.eye(d), atol=0.01)  # the pixels sample the cells of the lattice unevenly by 0.006


def test_no_weight_is_lost_in_splatting(generator):
    X = torch.randn(200, 5, generator=generator)
    lattice = build_lattice(X)
    values = torch.rand(200, 2, generator=generator)
    on_corners = lattice.splat(values)
    gain = (1 + 2**-5) ** -0.5
    assert_close(on_corners.sum(0), values.sum(0) * gain)
    assert_close(lattice.slice(torch.ones_like(on_corners)), torch.full((200, 2), gain))
    assert bool((on_corners[-1] == 0).all())
    assert bool((lattice.blur(on_corners)[-1] == 0).all())


def test_inner_products_are_symmetric_where_the_lattice_is_full(generator):
    # The lattice of a grid of pixels has no holes, and blurs reach three cells, so both sides live far from the border.
    height, width, border = 40, 44, 12
    lattice = build_lattice(pixels(height, width, sigma=2.0))
    inside = torch.zeros(height, width)
    inside[border:-border, border:-border] = 1
    a, b = (torch.randn(height * width, 1, generator=generator) * inside.reshape(-1, 1) for _ in range(2))
    assert_close((a * lattice.filter(b)).sum(), (lattice.filter(a) * b).sum(), atol=1e-3)


def test_reversed_axes_transpose(generator):
    X = torch.randn(150, 5, generator=generator) * 2
    lattice = build_lattice(X)
    backward = dataclasses.replace(lattice, adjacency=lattice.adjacency[::-1])
    assert_close(matrix(backward), matrix(lattice).T, atol=1e-6)


def test_wart_holes_make_the_filter_asymmetric(generator):
    """Axes are blurred in one order, as in the authors' code; where corners are missing, blurs do not commute."""
    F = matrix(build_lattice(torch.randn(150, 5, generator=generator) * 2))
    assert 0.01 < float((F - F.T).norm() / F.norm()) < 0.5


def test_scaled_is_a_product_with_diagonals(generator):
    X = torch.randn(80, 3, generator=generator)
    s = torch.rand(80, generator=generator)
    lattice = build_lattice(X)
    assert_close(matrix(lattice.scaled(s)), s[:, None] * matrix(lattice) * s, atol=1e-6)


def test_order_of_points_is_immaterial(generator):
    X = torch.randn(120, 5, generator=generator)
    order = torch.randperm(120, generator=generator)
    assert_close(matrix(build_lattice(X[order])), matrix(build_lattice(X))[order][:, order], atol=1e-6)


def test_far_points_do_not_meet():
    X = torch.tensor([[0.0, 0.0], [1000.0, 0.0], [0.0, -1000.0]])
    F = matrix(build_lattice(X))
    assert bool((F.diagonal() > 0.5).all())
    assert_close(F, torch.diag(F.diagonal()), atol=0.0)


@pytest.mark.parametrize("n", [1, 5])
def test_equal_points_share_everything(n):
    F = matrix(build_lattice(torch.zeros(n, 5)))
    assert_close(F, F[0, 0].expand(n, n))
    # All lies on one corner. A half step along each of the six axes leads back to it; a full lattice has two such tours.
    assert float(F[0, 0]) == pytest.approx((1 + 2**-6) / (1 + 2**-5))


def test_repeats_exactly(generator):
    X = torch.randn(3000, 5, generator=generator)
    values = torch.rand(3000, 3, generator=generator)
    assert torch.equal(build_lattice(X).filter(values), build_lattice(X).filter(values))


@pytest.mark.parametrize(
    ("X", "sentence"),
    [
        (torch.zeros(3), r"X must have shape \(n, d\); got \(3,\)"),
        (torch.zeros(0, 2), "at least one point and one feature"),
        (torch.zeros(2, 0), "at least one point and one feature"),
        (torch.tensor([[float("nan")]]), "X holds NaN or infinite values"),
        (torch.tensor([[0.0] * 5, [1e6] * 5]), "span too many kernel widths.*larger sigmas"),
        (torch.tensor([[-3e38, 3e38], [3e38, 3e38]]), "span too many kernel widths.*larger sigmas"),
    ],
)
def test_refuses(X, sentence):
    with pytest.raises(InputError, match=sentence):
        build_lattice(X)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_cpu(generator):
    X = torch.randn(500, 5, generator=generator)
    values = torch.rand(500, 4, generator=generator)
    assert_close(build_lattice(X.cuda()).filter(values.cuda()), build_lattice(X).filter(values), atol=1e-5)
