"""Spectral clustering on graphs with a known answer, and the rules that choose K."""

import pytest
import torch
from sklearn.datasets import make_moons
from sklearn.metrics import silhouette_score

from segcore.cluster import choose
from segcore.cluster.gmm import gaussian_mixture
from segcore.cluster.kmeans import kmeans
from segcore.cluster.spectral import spectral_clustering
from segcore.errors import InputError
from segcore.graph.eigen import smallest_eigenpairs
from segcore.graph.laplacian import LAPLACIANS
from segcore.numerics import squared_distances
from tests.asserts import assert_same_partition
from tests.oracles import random_affinity


def rbf(X, sigma):
    return torch.exp(-squared_distances(X, X) / (2 * sigma**2))


@pytest.mark.parametrize("kind", LAPLACIANS)
def test_follows_moons_that_kmeans_cuts(kind, generator):
    X, truth = (torch.from_numpy(a) for a in make_moons(200, noise=0.04, random_state=0))
    spectrum = smallest_eigenpairs(rbf(X, 0.1), n_vectors=4, laplacian=kind)
    assert_same_partition(spectral_clustering(spectrum, n_clusters=2, n_init=10, generator=generator).labels, truth)
    with pytest.raises(AssertionError):
        assert_same_partition(kmeans(X, n_clusters=2, n_init=10, generator=generator).labels, truth)


@pytest.mark.parametrize("kind", LAPLACIANS)
def test_returns_the_components_of_a_disconnected_graph(kind, generator):
    W = torch.block_diag(*(torch.ones(s, s) for s in (6, 9, 4)))
    spectrum = smallest_eigenpairs(W, n_vectors=4, laplacian=kind)
    truth = torch.arange(3).repeat_interleave(torch.tensor([6, 9, 4]))
    assert_same_partition(spectral_clustering(spectrum, n_clusters=3, n_init=5, generator=generator).labels, truth)


def test_renumbering_the_nodes_renumbers_the_labels(generator):
    W = random_affinity(60, generator=generator)
    order = torch.randperm(60, generator=generator)
    labels = [
        spectral_clustering(smallest_eigenpairs(w, n_vectors=3), n_clusters=3, n_init=20, generator=generator).labels
        for w in (W, W[order][:, order])
    ]
    assert_same_partition(labels[0][order], labels[1])


def test_needs_as_many_vectors_as_segments(generator):
    spectrum = smallest_eigenpairs(torch.ones(9, 9), n_vectors=2)
    with pytest.raises(InputError, match="Raise n_vectors"):
        spectral_clustering(spectrum, n_clusters=3, n_init=1, generator=generator)


@pytest.mark.parametrize("groups", [2, 3, 5])
def test_eigengap_counts_loosely_joined_groups(groups):
    member = torch.arange(60) * groups // 60
    W = torch.where(member[:, None] == member, 1.0, 0.02)
    assert choose.eigengap(smallest_eigenpairs(W, n_vectors=10), most=9).k == groups


def blobs(generator, groups):
    """Groups at the corners of a simplex, none nearer to another than the rest."""
    truth = torch.arange(30 * groups) % groups
    return 6 * torch.eye(groups + 1)[truth] + 0.4 * torch.randn(30 * groups, groups + 1, generator=generator), truth


@pytest.mark.parametrize("groups", [2, 4])
def test_silhouette_and_bic_count_blobs(groups, generator):
    X, truth = blobs(generator, groups)

    def by_kmeans(rows, k):
        return kmeans(rows, n_clusters=k, n_init=10, generator=generator)

    def by_mixture(rows, k):
        return gaussian_mixture(rows, n_clusters=k, covariance="spherical", generator=generator)

    n = len(X)
    for choice, cluster in (
        (choose.silhouette(lambda _: X, by_kmeans, n=n), by_kmeans),
        (choose.bic(X, by_mixture, n=n), by_mixture),
    ):
        assert choice.k == groups
        assert choice.candidates == tuple(range(2, choose.MOST + 1))
        assert choice.scores[choice.k - 2] == max(choice.scores)
        assert_same_partition(cluster(X, choice.k).labels, truth)
        assert str(groups) in choice.note


def test_a_large_set_is_judged_by_a_sample_and_says_so(generator, monkeypatch):
    X, _ = blobs(generator, 3)
    assert choose.sample(X, generator) is X
    monkeypatch.setattr(choose, "MOST_ROWS", 60)
    rows = choose.sample(X, torch.Generator().manual_seed(1))
    assert rows.shape == (60, X.shape[1])
    assert len(rows.unique(dim=0)) == 60
    assert torch.equal(rows, choose.sample(X, torch.Generator().manual_seed(1)))
    choice = choose.silhouette(
        lambda _: rows, lambda Y, k: kmeans(Y, n_clusters=k, n_init=10, generator=generator), n=len(X)
    )
    assert choice.k == 3
    assert "60 of 90" in choice.note


def test_the_silhouette_of_an_embedding_sees_the_rows_of_each_k(generator):
    """Three groups that two coordinates hold apart, and further coordinates of noise: only the first K count."""
    truth = torch.arange(90) % 3
    corners = torch.tensor([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    Y = torch.cat(
        [corners[truth] + 0.2 * torch.randn(90, 2, generator=generator), torch.randn(90, 4, generator=generator)], 1
    )
    seen = []

    def rows(k):
        seen.append(k)
        return Y[:, :k]

    choice = choose.silhouette(
        rows, lambda X, k: kmeans(X, n_clusters=k, n_init=10, generator=generator), n=90, most=Y.shape[1]
    )
    assert choice.candidates == (2, 3, 4, 5, 6)
    assert set(seen) == {2, 3, 4, 5, 6}
    assert choice.k in (2, 3)


def test_silhouette_is_scikit_learns(generator):
    X, _ = blobs(generator, 3)
    labels = torch.randint(0, 4, (len(X),), generator=generator)
    labels[0] = 4  # a cluster of one counts 0
    expected = silhouette_score(X.numpy(), labels.numpy())
    assert choose._mean_silhouette(torch.cdist(X, X), labels) == pytest.approx(expected, abs=1e-4)
