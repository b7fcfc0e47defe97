"""EM against scikit-learn and against the density written out; the likelihood never falls."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from segcore.cluster import gmm as module
from segcore.cluster.gmm import COVARIANCES, gaussian_mixture, principal_components
from segcore.errors import InputError
from tests import oracles
from tests.asserts import assert_close, assert_same_partition, assert_same_subspace, assert_simplex


def cigars(generator, n=150):
    """Two long parallel clouds."""
    along, across = 1.2 * torch.randn(2 * n, 1, generator=generator), 0.3 * torch.randn(2 * n, 1, generator=generator)
    truth = torch.arange(2).repeat_interleave(n)
    return torch.cat([along, across + 3 * truth[:, None]], 1).double(), truth


def run(X, covariance, resp, steps, least=1e-6):
    """Parameters and log-likelihoods of the first EM steps."""
    course = []
    for _ in range(steps):
        mixture = module._m_step(X, resp, covariance, least)
        resp, log_likelihood = module._e_step(X, mixture)
        course.append(log_likelihood)
    return mixture, course


def covariances(mixture):
    """Σ = T⁻ᵀ T⁻¹."""
    T = torch.diag_embed(mixture.whiten) if mixture.whiten.ndim == 2 else mixture.whiten
    return torch.linalg.inv(T @ T.mT)


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("least", [1e-9, 0.5])
def test_log_likelihood_never_falls(covariance, least, generator):
    X = torch.randn(120, 4, generator=generator, dtype=torch.float64) * torch.tensor([3.0, 1.0, 0.5, 0.1])
    resp = torch.rand(120, 5, generator=generator, dtype=torch.float64)
    _, course = run(X, covariance, resp / resp.sum(1, keepdim=True), 40, least)
    assert all(after >= before - 1e-9 * abs(before) for before, after in itertools.pairwise(course))
    assert course[-1] > course[0] + 1


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_density_is_its_formula(covariance, generator):
    X = torch.randn(40, 3, generator=generator, dtype=torch.float64)
    resp = torch.nn.functional.one_hot(torch.arange(40) % 3).double()
    mixture = module._m_step(X, resp, covariance, 1e-9)
    _, log_likelihood = module._e_step(X, mixture)
    expected = oracles.gaussian_log_likelihood(X, mixture.mixing, mixture.means, covariances(mixture))
    assert log_likelihood == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_m_step_is_the_moments_of_the_groups(covariance, generator):
    X = torch.randn(60, 3, generator=generator, dtype=torch.float64)
    groups = torch.arange(60) % 2
    mixture = module._m_step(X, torch.nn.functional.one_hot(groups).double(), covariance, 1e-9)
    for k in range(2):
        S = torch.from_numpy(np.cov(X[groups == k].numpy(), rowvar=False, bias=True))
        if covariance != "full":
            S = torch.diag(S.diagonal() if covariance == "diag" else S.diagonal().mean().expand(3))
        assert_close(covariances(mixture)[k], S, atol=1e-10)
        assert float(mixture.log_det[k]) == pytest.approx(float(torch.linalg.slogdet(S)[1]))
        assert_close(mixture.means[k], X[groups == k].mean(0))


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_is_as_good_as_scikit_learn(covariance, generator):
    X, _ = cigars(generator)
    found = gaussian_mixture(X, n_clusters=3, covariance=covariance, generator=generator)
    theirs = GaussianMixture(3, covariance_type=covariance, random_state=0, n_init=3).fit(X.numpy())
    assert found.objective / len(X) >= theirs.score(X.numpy()) - 0.1
    assert module._n_parameters(3, 2, covariance) == theirs._n_parameters()


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_ends_where_scikit_learn_ends_from_the_same_start(covariance, generator):
    X, truth = cigars(generator)
    one_hot = torch.nn.functional.one_hot(truth).double()
    mixture, course = run(X, covariance, one_hot, 60)
    theirs = GaussianMixture(2, covariance_type=covariance, means_init=mixture.means.numpy(), tol=1e-10, max_iter=500)
    assert course[-1] / len(X) == pytest.approx(theirs.fit(X.numpy()).score(X.numpy()), abs=1e-3)


def test_variances_below_the_floor_are_lifted_to_it(generator):
    X = torch.randn(50, 3, generator=generator, dtype=torch.float64) * torch.tensor([3.0, 1.0, 0.01])
    mixture = module._m_step(X, torch.ones(50, 1, dtype=torch.float64), "full", 0.5)
    values, axes = torch.linalg.eigh(torch.from_numpy(np.cov(X.numpy(), rowvar=False, bias=True)))
    assert_close(covariances(mixture)[0], axes @ torch.diag(values.clamp_min(0.5)) @ axes.T, atol=1e-9)


def test_full_covariance_describes_tilted_clouds_best(generator):
    X, truth = cigars(generator)
    tilted = X @ torch.tensor([[0.8, 0.6], [-0.6, 0.8]], dtype=torch.float64)
    found = {c: gaussian_mixture(tilted, n_clusters=2, covariance=c, generator=generator) for c in COVARIANCES}
    assert_same_partition(found["full"].labels, truth)
    assert found["full"].objective > found["diag"].objective + 50 > found["spherical"].objective


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_responsibilities_are_probabilities_and_their_winner_is_the_label(covariance, generator):
    X, _ = cigars(generator)
    found = gaussian_mixture(X, n_clusters=4, covariance=covariance, generator=generator)
    assert_simplex(found.resp, dim=1)
    assert torch.equal(found.resp.argmax(1), found.labels)
    assert sorted(found.labels.unique().tolist()) == list(range(found.resp.shape[1]))


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_equal_rows_and_more_dimensions_than_rows_stay_finite(covariance, generator):
    same = gaussian_mixture(torch.ones(10, 3), n_clusters=2, covariance=covariance, generator=generator)
    wide = gaussian_mixture(
        torch.randn(6, 20, generator=generator), n_clusters=3, covariance=covariance, generator=generator
    )
    for found in (same, wide):
        assert np.isfinite(found.objective)
        assert bool(found.resp.isfinite().all())


def test_floor_holds_up_a_collapsing_component(generator):
    X = torch.cat([torch.randn(50, 2, generator=generator), torch.full((20, 2), 7.0)]).double()
    found = gaussian_mixture(X, n_clusters=2, covariance="full", generator=generator)
    assert_same_partition(found.labels, torch.arange(70) >= 50)


def test_bic_punishes_parameters(generator):
    X, _ = cigars(generator)
    few, many = (gaussian_mixture(X, n_clusters=k, covariance="full", generator=generator) for k in (2, 8))
    assert few.facts["bic"] < many.facts["bic"]
    expected = few.facts["n_parameters"] * np.log(len(X)) - 2 * few.objective
    assert few.facts["bic"] == pytest.approx(expected)


def test_principal_components_are_those_of_the_svd(generator):
    X = torch.randn(40, 6, generator=generator, dtype=torch.float64) * torch.tensor([5.0, 4, 3, 2, 1, 0.5]) + 10
    Y, share = principal_components(X, n_dims=3)
    U, s, _ = torch.linalg.svd(X - X.mean(0), full_matrices=False)
    assert_same_subspace(Y, U[:, :3], angle=1e-8)
    assert share == pytest.approx(float(s[:3].square().sum() / s.square().sum()))
    assert principal_components(X[:2], n_dims=9)[0].shape == (2, 2)


def test_doors(generator):
    with pytest.raises(InputError, match="one of full, diag, spherical"):
        gaussian_mixture(torch.ones(4, 2), n_clusters=2, covariance="tied", generator=generator)
    with pytest.raises(InputError, match="Lower n_segments"):
        gaussian_mixture(torch.ones(4, 2), n_clusters=5, covariance="full", generator=generator)
