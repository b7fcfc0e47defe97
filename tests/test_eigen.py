"""Eigenpairs against LAPACK, against the theory of Laplacians, and where graphs are awkward."""

import pytest
import scipy.linalg
import torch

from segcore.errors import InputError
from segcore.graph import eigen
from segcore.graph.eigen import fix_signs, smallest_eigenpairs
from segcore.graph.laplacian import LAPLACIANS, degrees, laplacian
from segcore.numerics import connected_components
from tests.asserts import assert_close, assert_same_subspace
from tests.oracles import random_affinity


def lapack(W, kind, m):
    L, D = laplacian(W, kind="plain").numpy(), torch.diag(degrees(W)).numpy()
    if kind == "random_walk":
        return scipy.linalg.eigh(L, D, subset_by_index=[0, m - 1])
    return scipy.linalg.eigh(laplacian(W, kind=kind).numpy(), subset_by_index=[0, m - 1])


def blocks(*sizes, dtype=torch.float64):
    return torch.block_diag(*(torch.ones(s, s, dtype=dtype) for s in sizes))


@pytest.mark.parametrize("kind", LAPLACIANS)
@pytest.mark.parametrize("iterate", [False, True], ids=["dense", "iterative"])
def test_agrees_with_lapack(kind, iterate, generator, monkeypatch):
    if iterate:
        monkeypatch.setattr(eigen, "_DENSE_UP_TO", 0)
    W = random_affinity(150, generator=generator)
    found = smallest_eigenpairs(W, n_vectors=6, laplacian=kind)
    values, vectors = lapack(W, kind, 6)
    assert (found.n_passes > 0) == iterate
    assert_close(found.eigenvalues, torch.from_numpy(values), atol=1e-8 * values.max())
    assert_same_subspace(found.V[:, :3], vectors[:, :3], angle=1e-6)


@pytest.mark.parametrize("kind", LAPLACIANS)
def test_float32_reaches_its_promised_residual(kind, generator):
    W = random_affinity(500, generator=generator, dtype=torch.float32)
    found = smallest_eigenpairs(W, n_vectors=8, laplacian=kind)
    assert found.n_passes > 0
    assert float(found.residuals.max()) <= 4e-5  # 3e-5, and rounding
    assert_close(found.eigenvalues, torch.from_numpy(lapack(W.double(), kind, 8)[0]), atol=4e-5, rtol=2e-5)


@pytest.mark.parametrize("spread", [0.0, 8.0], ids=["even", "weights over many magnitudes"])
@pytest.mark.parametrize("kind", LAPLACIANS)
def test_rounded_products_at_first_leave_the_result_as_exact(kind, spread, generator, monkeypatch):
    """In bfloat16 a weight is off by up to 0.4 %; exact products at the end must take that back."""
    W = random_affinity(500, generator=generator, dtype=torch.float32)
    scale = (spread * (torch.rand(500, generator=generator, dtype=torch.float32) - 0.5)).exp()
    W = W * scale[:, None] * scale
    monkeypatch.setattr(eigen, "computes_bfloat16", lambda _: False)
    exact = smallest_eigenpairs(W, n_vectors=8, laplacian=kind)
    monkeypatch.setattr(eigen, "_COARSE_FROM", 0)
    monkeypatch.setattr(eigen, "computes_bfloat16", lambda _: True)
    rounded = smallest_eigenpairs(W, n_vectors=8, laplacian=kind)
    assert rounded.n_passes > exact.n_passes  # the road is another one
    assert float(rounded.residuals.max()) <= 4e-5
    assert_close(rounded.eigenvalues, exact.eigenvalues, atol=1e-4 * float(exact.eigenvalues.max()))


def test_random_walk_vectors_solve_the_generalized_problem(generator):
    W = random_affinity(80, generator=generator)
    found = smallest_eigenpairs(W, n_vectors=5)
    D = torch.diag(degrees(W))
    assert_close(found.V.T @ D @ found.V, torch.eye(5), atol=1e-9)
    assert_close((D - W) @ found.V, D @ found.V * found.eigenvalues, atol=1e-8)


def test_random_walk_maps_back_from_symmetric(generator):
    W = random_affinity(60, generator=generator)
    walk, symmetric = (smallest_eigenpairs(W, n_vectors=4, laplacian=k) for k in ("random_walk", "symmetric"))
    assert_close(walk.eigenvalues, symmetric.eigenvalues, atol=1e-12)
    assert_same_subspace(walk.V * degrees(W).sqrt()[:, None], symmetric.V, angle=1e-8)


def test_scaling_the_graph_leaves_the_normalized_spectrum(generator):
    W = random_affinity(50, generator=generator)
    one, many = smallest_eigenpairs(W, n_vectors=4), smallest_eigenpairs(1000 * W, n_vectors=4)
    assert_close(one.eigenvalues, many.eigenvalues, atol=1e-12)
    plain = [smallest_eigenpairs(s * W, n_vectors=4, laplacian="plain").eigenvalues for s in (1, 1000)]
    assert_close(1000 * plain[0], plain[1], atol=1e-8)


def test_renumbering_the_nodes_permutes_the_vectors(generator):
    W = random_affinity(60, generator=generator)
    order = torch.randperm(60, generator=generator)
    one, other = smallest_eigenpairs(W, n_vectors=3), smallest_eigenpairs(W[order][:, order], n_vectors=3)
    assert_same_subspace(one.V[order], other.V, angle=1e-8)


@pytest.mark.parametrize("kind", LAPLACIANS)
@pytest.mark.parametrize("sizes", [(7, 5), (3, 9, 4)])
def test_components_span_the_vectors_of_eigenvalue_zero(kind, sizes):
    W = blocks(*sizes)
    found = smallest_eigenpairs(W, n_vectors=len(sizes) + 1, laplacian=kind)
    assert found.n_components == len(sizes)
    assert_close(found.eigenvalues[: len(sizes)], torch.zeros(len(sizes)))
    assert found.eigenvalues[len(sizes)] > 0.1
    indicators = torch.block_diag(*(torch.ones(s, 1, dtype=torch.float64) for s in sizes))
    V = found.V[:, : len(sizes)] / (degrees(W).sqrt()[:, None] if kind == "symmetric" else 1)
    assert_same_subspace(V, indicators, angle=1e-9)
    assert any("connected components" in note for note in found.notes)


def test_first_vector_is_constant_and_fiedler_parts_the_largest_component():
    found = smallest_eigenpairs(blocks(4, 9, 3), n_vectors=3)
    assert_close(found.V[:, 0], found.V[0, 0].expand(16))
    largest = torch.arange(16).ge(4) & torch.arange(16).lt(13)
    assert len(found.fiedler[largest].round(decimals=12).unique()) == 1
    assert bool((found.fiedler[largest].sign() != found.fiedler[~largest][0].sign()).all())


@pytest.mark.parametrize("kind", LAPLACIANS)
def test_isolated_nodes_are_components_and_nothing_is_nan(kind):
    W = torch.zeros(6, 6)
    W[:4, :4] = 1
    found = smallest_eigenpairs(W, n_vectors=4, laplacian=kind)
    assert found.n_components == 3
    assert bool(found.V.isfinite().all())
    assert_close(found.eigenvalues[:3], torch.zeros(3))
    empty = smallest_eigenpairs(torch.zeros(5, 5), n_vectors=5, laplacian=kind)
    assert empty.n_components == 5
    assert_close(empty.eigenvalues, torch.zeros(5))


def test_every_number_of_vectors_works_down_to_one_node(generator):
    W = random_affinity(9, generator=generator)
    for m in range(1, 10):
        assert_close(
            smallest_eigenpairs(W, n_vectors=m).eigenvalues, torch.from_numpy(lapack(W, "random_walk", m)[0]), atol=1e-9
        )
    assert smallest_eigenpairs(torch.ones(1, 1), n_vectors=1).eigenvalues.tolist() == [0]


def test_constant_picture_has_a_flat_spectrum():
    found = smallest_eigenpairs(torch.ones(30, 30), n_vectors=4)
    assert_close(found.eigenvalues, torch.tensor([0.0, 1, 1, 1]), atol=1e-6)
    assert any("nearly equal" in note for note in found.notes)


def test_signs_survive_rounding(generator):
    """A symmetric path: its vectors have pairs of equal largest entries, which rounding reorders at will."""
    path = torch.diag(torch.ones(29), 1).double()
    W = path + path.T
    reference = smallest_eigenpairs(W, n_vectors=5).V
    for _ in range(10):
        noise = torch.rand(30, 30, generator=generator, dtype=torch.float64) * 1e-13
        V = smallest_eigenpairs(W + (noise + noise.T) * (W > 0), n_vectors=5).V
        assert_close(V, reference, atol=1e-6)


def test_fix_signs_makes_the_first_of_the_largest_entries_positive():
    V = torch.tensor([[-2.0, 1.0, 0.0], [2.0, -3.0, 0.0], [1.0, 2.0, 0.0]])
    assert torch.equal(fix_signs(V), torch.tensor([[2.0, -1.0, 0.0], [-2.0, 3.0, 0.0], [-1.0, -2.0, 0.0]]))


def test_runs_are_reproducible(generator):
    W = random_affinity(600, generator=generator, dtype=torch.float32)
    assert torch.equal(smallest_eigenpairs(W, n_vectors=6).V, smallest_eigenpairs(W, n_vectors=6).V)


def test_a_start_from_a_similar_graph_saves_passes_and_changes_nothing(generator):
    X = torch.rand(600, 2, generator=generator)
    W = torch.exp(-torch.cdist(X, X).square() / 0.01)
    similar = W + 0.05 * torch.exp(-torch.cdist(X, X).square() / 0.02)
    cold = smallest_eigenpairs(W, n_vectors=8)
    warm = smallest_eigenpairs(W, n_vectors=8, start=smallest_eigenpairs(similar, n_vectors=8).block)
    assert warm.n_passes <= 0.75 * cold.n_passes
    assert_close(warm.eigenvalues, cold.eigenvalues, atol=1e-6)
    assert_close(warm.V, cold.V, atol=1e-3 * float(cold.V.abs().max()))
    assert smallest_eigenpairs(W, n_vectors=8, start=torch.ones(3, 2)).n_passes == cold.n_passes


def test_too_few_passes_are_said(generator):
    W = random_affinity(600, generator=generator, dtype=torch.float32)
    found = smallest_eigenpairs(W, n_vectors=6, max_passes=1)
    assert any("residual" in note for note in found.notes)


def test_laplacians_have_their_defining_properties(generator):
    W = random_affinity(20, generator=generator)
    L, x = laplacian(W, kind="plain"), torch.randn(20, generator=generator, dtype=torch.float64)
    assert_close(L.sum(1), torch.zeros(20), atol=1e-12)
    assert_close(x @ L @ x, 0.5 * (W * (x[:, None] - x).square()).sum())
    walk = laplacian(W, kind="random_walk")
    assert_close(torch.eye(20).double() - walk, W / degrees(W)[:, None], atol=1e-12)
    S = degrees(W).sqrt()
    assert_close(laplacian(W, kind="symmetric"), S[:, None] * walk / S, atol=1e-12)


def test_connected_components_number_in_order():
    W = blocks(2, 1, 3)
    order = torch.tensor([3, 0, 2, 1, 4, 5])
    assert connected_components(W).tolist() == [0, 0, 1, 2, 2, 2]
    assert connected_components(W[order][:, order]).tolist() == [0, 1, 2, 1, 0, 0]


@pytest.mark.parametrize(
    ("W", "words"),
    [
        (torch.ones(3, 4), "square"),
        (torch.tensor([[0.0, float("nan")], [0.0, 0.0]]), "NaN"),
        (torch.tensor([[0.0, -1.0], [-1.0, 5.0]]), "negative"),
        (torch.tensor([[0.0, 1.0], [0.0, 1.0]]), "not symmetric"),
        ([[1.0]], "square"),
    ],
)
def test_what_is_no_graph_is_refused(W, words):
    with pytest.raises(InputError, match=words):
        smallest_eigenpairs(W, n_vectors=1)


def test_more_vectors_than_nodes_are_refused():
    with pytest.raises(InputError, match="Lower n_vectors") as error:
        smallest_eigenpairs(torch.ones(3, 3), n_vectors=4)
    assert error.value.field == "n_vectors"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_cuda_agrees_with_the_cpu(generator):
    W = random_affinity(900, generator=generator, dtype=torch.float32)
    cpu, gpu = smallest_eigenpairs(W, n_vectors=4), smallest_eigenpairs(W.cuda(), n_vectors=4)
    assert_same_subspace(gpu.V, cpu.V, angle=1e-3)
