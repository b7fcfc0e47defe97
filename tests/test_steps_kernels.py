"""The steps of the kernels: the same run as the fast path, and at each step what theory says of it."""

import itertools

import numpy as np
import pytest
import torch
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import KMeans

from segcore.cluster.gmm import gaussian_mixture, gaussian_mixture_steps
from segcore.cluster.kmeans import kmeans, kmeans_steps, plus_plus_steps
from segcore.cluster.mean_shift import mean_shift, mean_shift_steps
from segcore.cluster.slic import slic, slic_steps
from segcore.cluster.spectral import spectral_clustering, spectral_steps
from segcore.cut.lost import lost, lost_steps
from segcore.cut.maskcut import maskcut_objects, maskcut_steps
from segcore.cut.min_cut import lightest_cut, min_cut_steps
from segcore.cut.ncut import cut_and_volumes, cut_sweep, ncut_value
from segcore.cut.recursive import recursive_ncut, recursive_ncut_steps
from segcore.cut.tokencut import tokencut, tokencut_steps
from segcore.drawn.points import TOYS, gaussian_affinity, toy_points
from segcore.graph.blocks import block_means, block_of_cells
from segcore.graph.eigen import smallest_eigenpairs
from segcore.graph.laplacian import degrees, form_terms, laplacian, quadratic_form
from segcore.refine.crf import crf_kernels, mean_field_of, mean_field_steps
from tests.scenes import planted_features, two_discs

SEEDS = range(12)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def points(name="blobs", n=90, seed=0):
    return toy_points(name, n=n, generator=seeded(seed))[0]


def features(seed=0):
    return planted_features([(2, 2, 7, 8), (9, 3, 13, 7)], h=10, w=15, generator=seeded(seed))[0]


# ---- k-means ----


@pytest.mark.parametrize("seed", SEEDS)
def test_kmeans_steps_end_as_kmeans(seed):
    X = points("unequal", seed=seed)
    call = {"n_clusters": 2 + seed % 4, "n_init": 1 + seed % 5}
    *_, last = states = list(kmeans_steps(X, **call, generator=seeded(seed)))
    fast = kmeans(X, **call, generator=seeded(seed))
    assert torch.equal(last.labels, fast.labels)
    assert last.inertia == fast.objective
    assert last.phase == "assign"
    assert states[0].name == "start"
    phases = [state.phase for state in states[1:]]
    assert phases == ["assign", "update"] * (len(phases) // 2) + ["assign"]


@pytest.mark.parametrize("seed", SEEDS)
def test_each_half_round_of_kmeans_is_what_lloyd_says(seed):
    X = points("moons", seed=seed)
    states = list(kmeans_steps(X, n_clusters=4, n_init=3, generator=seeded(seed)))
    inertias = [state.inertia for state in states[1:]]
    assert all(after <= before * (1 + 1e-9) for before, after in itertools.pairwise(inertias))
    for before, state in itertools.pairwise(states):
        assert torch.allclose(state.distances, torch.cdist(X, state.centers).square(), atol=1e-9)
        if state.phase == "assign" and not state.filled:
            assert torch.equal(state.labels, state.distances.argmin(1))
            assert torch.equal(state.centers, before.centers)
        if state.phase == "update":
            for k in range(4):
                assert torch.allclose(state.centers[k], X[state.labels == k].mean(0))
            assert torch.allclose(state.moves, (state.centers - before.centers).norm(dim=1), atol=1e-9)
    assert len(states[-1].courses) == 3
    assert states[-1].courses[states[-1].winner][-1] == states[-1].inertia
    assert min(course[-1] for course in states[-1].courses) == states[-1].inertia


def test_a_round_of_lloyd_is_that_of_scikit_learn():
    X = points("blobs", seed=3)
    states = list(kmeans_steps(X, n_clusters=3, n_init=1, generator=seeded(5)))
    theirs = KMeans(3, init=states[0].centers.numpy(), n_init=1, max_iter=1, tol=0).fit(X.numpy())
    assert np.allclose(states[2].centers.numpy(), theirs.cluster_centers_)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_start_is_that_of_the_first_restart(seed):
    X = points(seed=seed)
    *_, last = states = list(plus_plus_steps(X, n_clusters=4, generator=seeded(seed)))
    start = next(kmeans_steps(X, n_clusters=4, n_init=1, generator=seeded(seed)))
    assert torch.allclose(X[list(last.chosen)], start.centers)
    for before, state in itertools.pairwise(states):
        assert torch.equal(state.before, before.after)
        assert float(state.chance.sum()) == pytest.approx(1)
        assert not state.chance[list(before.chosen)].any()  # a center is never drawn again
        cumulated = state.chance.cumsum(0)
        new = state.chosen[-1]
        assert cumulated[new] >= state.draw - 1e-12  # inverse transform sampling
        assert new == 0 or cumulated[new - 1] <= state.draw + 1e-12
        assert torch.allclose(state.after, torch.cdist(X, X[list(state.chosen)]).square().min(1).values, atol=1e-9)


# ---- EM ----


@pytest.mark.parametrize("covariance", ["full", "diag", "spherical"])
@pytest.mark.parametrize("seed", range(4))
def test_em_steps_end_as_the_mixture_and_never_lose_likelihood(seed, covariance):
    X = points("stretched", seed=seed)
    call = {"n_clusters": 3, "covariance": covariance}
    *_, last = states = list(gaussian_mixture_steps(X, **call, generator=seeded(seed)))
    fast = gaussian_mixture(X, **call, generator=seeded(seed))
    assert last.log_likelihood == pytest.approx(fast.objective, rel=1e-12)
    assert torch.equal(last.resp.float(), fast.resp)
    course = [state.log_likelihood for state in states[1:]]
    assert all(after >= before - 1e-9 * abs(before) for before, after in itertools.pairwise(course))
    for state in states[1:]:
        assert torch.allclose(state.resp.sum(1), torch.ones(len(X), dtype=torch.float64))
        assert float(state.mass.sum()) == pytest.approx(len(X))
        assert float(state.mixing.sum()) == pytest.approx(1)
        for k in range(3):
            normal = torch.distributions.MultivariateNormal(state.means[k], state.covariances[k])
            assert torch.allclose(normal.log_prob(X), state.log_density[:, k], atol=1e-6)
        if state.phase == "e":
            joint = state.mixing * state.log_density.exp()
            assert torch.allclose(state.resp, joint / joint.sum(1, keepdim=True), atol=1e-9)


# ---- Mean shift ----


@pytest.mark.parametrize("seed", SEEDS)
def test_mean_shift_steps_end_as_mean_shift(seed):
    X = points("blobs", seed=seed)
    h = 0.25 + 0.05 * (seed % 5)
    *_, last = states = list(mean_shift_steps(X, bandwidth=h))
    assert torch.equal(last.labels, mean_shift(X, bandwidth=h).labels)
    moves = [state for state in states if state.phase == "move"]
    density = [_epanechnikov(state.modes, X, h) for state in (states[0], *moves)]
    for before, after in itertools.pairwise(density):  # no row ever walks downhill
        assert bool((after >= before - 1e-9).all())
    taken = [int((state.labels >= 0).sum()) for state in states if state.phase == "merge"]
    assert taken == sorted(taken)
    assert taken[-1] == len(X)
    assert not moves[-1].moving.any()


def _epanechnikov(Y, X, h):
    return (1 - torch.cdist(Y, X).square() / h**2).clamp_min(0).sum(1)


# ---- Spectral ----


@pytest.mark.parametrize("kind", ["random_walk", "symmetric", "plain"])
@pytest.mark.parametrize("seed", range(4))
def test_spectral_steps_end_as_spectral_clustering(seed, kind):
    W = gaussian_affinity(points("moons", seed=seed), gamma=20)
    call = {"n_clusters": 2, "n_init": 3}
    *_, last = list(spectral_steps(W, **call, n_vectors=5, laplacian=kind, generator=seeded(seed)))
    spectrum = smallest_eigenpairs(W, n_vectors=5, laplacian=kind)
    assert torch.equal(last.labels, spectral_clustering(spectrum, **call, generator=seeded(seed)).labels)


def test_the_quadratic_form_both_ways_and_as_a_cut():
    X = points("bridge", seed=1)
    W = gaussian_affinity(X, gamma=10)
    L = laplacian(W, kind="plain")
    for seed in SEEDS:
        x = torch.randn(len(W), generator=seeded(seed), dtype=torch.float64)
        assert quadratic_form(W, x) == pytest.approx(float(x @ L @ x), rel=1e-10)
        assert float(form_terms(W, x).sum()) == pytest.approx(2 * quadratic_form(W, x))
        side = x > 0
        cut, inside, outside = cut_and_volumes(W, side)
        assert quadratic_form(W, side.double()) == pytest.approx(cut)
        assert inside + outside == pytest.approx(float(W.sum()))
    assert quadratic_form(W, torch.ones(len(W))) == 0


@pytest.mark.parametrize("gamma", [5.0, 60.0, 400.0])
def test_zero_eigenvalues_are_components_and_their_vectors_span_the_indicators(gamma):
    W = gaussian_affinity(points("blobs", n=60, seed=2), gamma=gamma)
    state = next(
        s
        for s in spectral_steps(W, n_clusters=2, n_vectors=60, laplacian="plain", n_init=1, generator=seeded(0))
        if s.phase == "eigenvalues"
    )
    n, component = connected_components(W.numpy() > 0, directed=False)
    assert int((state.spectrum.eigenvalues < 1e-9).sum()) == n == state.spectrum.n_components
    null = state.spectrum.V[:, :n]
    for c in range(n):
        indicator = torch.from_numpy((component == c).astype(float))
        assert torch.allclose(null @ (null.T @ indicator), indicator, atol=1e-8)


# ---- Cuts ----


@pytest.mark.parametrize("seed", SEEDS)
def test_recursive_steps_end_as_recursive_ncut_and_parts_partition_their_parents(seed):
    W = gaussian_affinity(points("blobs", n=60, seed=seed), gamma=10)
    *_, last = states = list(recursive_ncut_steps(W, n_segments=4))
    assert last.name == "end"
    assert torch.equal(last.labels, recursive_ncut(W, n_segments=4).labels)
    for state in states:
        for parent in set(state.parents) - {-1}:
            children = [state.tree[i] for i, p in enumerate(state.parents) if p == parent]
            assert torch.equal(torch.cat(children).sort().values, state.tree[parent])
        assert sorted(torch.cat(state.segments).tolist()) == list(range(60))
    cut = states[1]
    part = cut.best[cut.chosen]
    assert part.ncut == pytest.approx(float(part.values.min()))
    assert part.ncut == pytest.approx(ncut_value(W, part.side))


def test_a_recursive_cut_that_stays_whole_says_why():
    W = gaussian_affinity(points("blobs", n=60), gamma=2)
    *_, last = list(recursive_ncut_steps(W, n_segments=8, max_ncut=0.05))
    assert len(last.segments) < 8
    assert "Raise max_ncut" in last.why


@pytest.mark.parametrize("seed", SEEDS)
def test_contraction_never_joins_what_a_lighter_cut_parts(seed):
    W = torch.rand(9, 9, generator=seeded(seed), dtype=torch.float64)
    W = ((W + W.T) / 2).fill_diagonal_(0)
    *_, last = states = list(min_cut_steps(W))
    members, weight = lightest_cut(W.numpy())
    assert last.best == weight
    assert (last.members == members).all()
    cuts = {}
    for number in range(1, 2**8):
        side = torch.tensor([bool(number >> i & 1) for i in range(9)])
        cuts[number] = (side.numpy(), cut_and_volumes(W, side)[0])
    assert last.best == pytest.approx(min(value for _, value in cuts.values()))
    for before, after in itertools.pairwise(states):
        together = after.owner[:, None] == after.owner[None, :]
        for side, value in cuts.values():
            if value < before.best * (1 - 1e-9):
                assert not (together & (side[:, None] != side[None, :])).any()


def test_the_sweep_of_cut_and_ncut_is_that_of_each_threshold():
    W = gaussian_affinity(points("outlier", n=40), gamma=8)
    v = smallest_eigenpairs(W, n_vectors=2).fiedler
    thresholds, cuts, ncuts = cut_sweep(W, v)
    for t, cut, ncut in zip(thresholds.tolist(), cuts.tolist(), ncuts.tolist(), strict=True):
        side = v.double() > t
        exact, inside, outside = cut_and_volumes(W, side)
        assert cut == pytest.approx(exact, abs=1e-9)
        assert ncut == pytest.approx(exact / inside + exact / outside, abs=1e-9)
        # Ncut and the normalized association sum to 2.
        association = (inside - exact) / inside + (outside - exact) / outside
        assert ncut + association == pytest.approx(2)


# ---- Objects ----


@pytest.mark.parametrize("seed", range(5))
def test_object_steps_end_as_the_methods(seed):
    f = features(seed)
    *_, last = tokencut_steps(f)
    token = tokencut(f)
    assert torch.equal(last.mask, token.side)
    assert torch.equal(last.v, token.v)
    assert bool(last.mask[last.seed])
    assert float(last.v[last.seed]) > last.mean
    *_, last = states = list(maskcut_steps(f, n_objects=3))
    assert torch.equal(last.labels, maskcut_objects(f, n_objects=3).labels)
    masks = torch.stack([state.mask for state in states if state.phase == "mask"])
    assert int(masks.sum(0).max()) <= 1  # no patch is taken twice
    for state in states:
        assert not bool((state.mask & state.out).any())
    *_, last = lost_steps(f)
    assert torch.equal(last.mask, lost(f).side)
    assert int(last.degree[last.seed]) == int(last.degree.min())
    assert bool((last.M[last.mask] > 0).all())


# ---- SLIC ----


def test_slic_steps_end_as_slic_and_each_pixel_takes_a_center_that_is_near():
    pixels, _ = two_discs()
    *sweeps, last = list(slic_steps(pixels, n_superpixels=20))
    assert torch.equal(last.labels.flatten(), slic(pixels, n_superpixels=20).labels)
    again = list(slic_steps(pixels, n_superpixels=20))
    assert all(torch.equal(one.labels, other.labels) for one, other in zip(sweeps, again, strict=False))
    height, width = last.labels.shape
    y, x = (t.flatten() for t in torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"))
    for state in sweeps[1:]:
        color, space = state.distances(x, y)
        own = (color + space).gather(1, state.labels.flatten()[:, None])[:, 0]
        best = (color + space).nan_to_num(nan=torch.inf).min(1).values
        # A center only looks at its surroundings, so a few pixels may miss a nearer one that lies far away.
        assert float((own <= best * (1 + 1e-4) + 1e-3).double().mean()) > 0.95


# ---- CRF ----


@pytest.fixture(scope="module")
def crf():
    image, truth = two_discs(height=24, width=32)
    kernels = crf_kernels(image, sigma_xy=8, sigma_rgb=20, compat_bilateral=4, sigma_smooth=2, compat_smooth=2)
    noisy = torch.nn.functional.one_hot(truth, 3).permute(2, 0, 1).float()
    unary = 1.5 * (1 - noisy) + 0.8 * torch.rand(noisy.shape, generator=seeded(0))
    return kernels, unary


def test_mean_field_states_are_those_of_fewer_sweeps(crf):
    kernels, unary = crf
    states = list(mean_field_steps(kernels, unary, n_steps=4))
    assert [state.name for state in states] == ["start", "sweep-1", "sweep-2", "sweep-3", "sweep-4"]
    for t, state in enumerate(states):
        assert torch.equal(state.Q, mean_field_of(kernels, unary, n_steps=t))
        assert torch.allclose(state.Q.sum(0), torch.ones(unary.shape[1:]), atol=1e-5)
        if t:
            assert torch.allclose(state.Q, (-unary + sum(state.messages)).softmax(0), atol=1e-5)
            assert torch.equal(state.changed, state.Q.argmax(0) != states[t - 1].Q.argmax(0))


def test_a_message_and_the_free_energy_are_those_of_the_kernels(crf):
    kernels, unary = crf
    states = list(mean_field_steps(kernels, unary, n_steps=2))
    k = len(unary)
    for before, state in itertools.pairwise(states):
        Q = before.Q.reshape(k, -1).T.contiguous()
        messages = [kernel.filter(Q) for kernel in kernels]
        for found, message in zip(state.messages, messages, strict=True):
            assert torch.allclose(found.reshape(k, -1).T, message, atol=1e-6)
        pairs = sum(messages)
        energy = (Q * unary.reshape(k, -1).T - Q * pairs / 2 + torch.special.xlogy(Q, Q)).double().sum()
        assert before.free_energy == pytest.approx(float(energy), rel=1e-6)


def test_without_kernels_nothing_but_the_unary_counts(crf):
    _, unary = crf
    *_, last = mean_field_steps((), unary, n_steps=3)
    assert torch.allclose(last.Q, (-unary).softmax(0), atol=1e-6)


# ---- Toys, blocks ----


@pytest.mark.parametrize("name", TOYS)
def test_toys_repeat_fit_the_plane_and_fill_their_groups(name):
    (X, groups), (again, _) = (toy_points(name, n=100, generator=seeded(4)) for _ in range(2))
    assert torch.equal(X, again)
    assert X.shape == (100, 2)
    assert float(X.abs().quantile(0.95)) <= 1.1
    assert torch.bincount(groups).min() >= 1


def test_gaussian_affinity_is_the_formula():
    X = points("rings", n=30)
    A = gaussian_affinity(X, gamma=3, least=0.05)
    exact = (-3 * torch.cdist(X, X).square()).exp()
    exact = torch.where(exact < 0.05, 0, exact).fill_diagonal_(0)
    assert torch.allclose(A, exact, atol=1e-9)
    assert torch.equal(A, A.T)


def test_block_means_are_the_means():
    W = torch.rand(12 * 10, 12 * 10, generator=seeded(0), dtype=torch.float64)
    block, (rows, columns) = block_of_cells(12, 10, most=40)
    assert rows * columns == int(block.max()) + 1 <= 40
    means = block_means(W, block)
    for a, b in ((0, 0), (3, 7), (rows * columns - 1, 1)):
        assert float(means[a, b]) == pytest.approx(float(W[block == a][:, block == b].mean()))
    assert torch.equal(block_of_cells(4, 5, most=40)[0], torch.arange(20))
    assert torch.allclose(degrees(W), W.sum(1))
