"""k-means against scikit-learn, exhaustive search and the theory of Lloyd's steps."""

import itertools

import pytest
import torch
from sklearn.cluster import KMeans

from segcore.cluster import kmeans as module
from segcore.cluster.kmeans import kmeans
from segcore.errors import InputError
from tests.asserts import assert_close, assert_same_partition


def blobs(generator, sizes=(30, 20, 10), d=4, spread=0.2):
    centers = 5 * torch.randn(len(sizes), d, generator=generator)
    truth = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return centers[truth] + spread * torch.randn(sum(sizes), d, generator=generator), truth


def inertia(X, labels):
    return sum(float((X[labels == k] - X[labels == k].mean(0)).square().sum()) for k in labels.unique())


def test_finds_well_separated_blobs(generator):
    X, truth = blobs(generator)
    found = kmeans(X, n_clusters=3, n_init=10, generator=generator)
    assert_same_partition(found.labels, truth)
    assert found.converged


def test_inertia_is_that_of_the_labels(generator):
    X = torch.randn(80, 3, generator=generator) + 100  # far from the origin, where squared sums lose digits
    found = kmeans(X, n_clusters=5, n_init=3, generator=generator)
    assert found.objective == pytest.approx(inertia(X.double(), found.labels), rel=1e-4)


def test_finds_the_optimum_of_a_tiny_problem(generator):
    X = torch.randn(9, 2, generator=generator, dtype=torch.float64)
    best = min(inertia(X, torch.tensor(labels)) for labels in itertools.product(range(3), repeat=9) if len(set(labels)) == 3)
    assert kmeans(X, n_clusters=3, n_init=50, generator=generator).objective == pytest.approx(best, rel=1e-9)


def test_is_as_good_as_scikit_learn(generator):
    X, _ = blobs(generator, sizes=(40, 30, 20, 10, 10, 10), spread=2.0)
    theirs = KMeans(6, n_init=30, random_state=0).fit(X.numpy()).inertia_
    assert kmeans(X, n_clusters=6, n_init=30, generator=generator).objective <= 1.005 * theirs


def test_lloyd_never_raises_the_inertia(generator):
    X = torch.rand(100, 3, generator=generator)
    start = X[:5][None]
    course = [float(module._lloyd(X, start.clone(), 0.0, steps)[1]) for steps in range(8)]
    assert all(after <= before + 1e-5 for before, after in itertools.pairwise(course))
    assert course[-1] < course[0]


def test_more_restarts_are_never_worse(generator):
    X = torch.rand(200, 2, generator=generator)
    few, many = (kmeans(X, n_clusters=8, n_init=n, generator=torch.Generator().manual_seed(5)) for n in (1, 20))
    assert many.objective <= few.objective


def test_result_does_not_depend_on_the_order_of_the_rows(generator):
    X, _ = blobs(generator)
    order = torch.randperm(len(X), generator=generator)
    one, other = (kmeans(x, n_clusters=3, n_init=10, generator=generator) for x in (X, X[order]))
    assert_same_partition(one.labels[order], other.labels)


def test_same_seed_same_labels(generator):
    X = torch.rand(60, 3, generator=generator)
    runs = [kmeans(X, n_clusters=4, n_init=2, generator=torch.Generator().manual_seed(3)).labels for _ in range(2)]
    assert torch.equal(*runs)


def test_plus_plus_draws_by_squared_distance():
    """Rows at 0, 1 and 3 from the first center are drawn in the proportion 0 : 1 : 9."""
    X = torch.tensor([[0.0], [1.0], [3.0]])
    generator = torch.Generator().manual_seed(0)
    seconds = torch.zeros(3)
    for _ in range(3000):
        first, second = module._plus_plus(X, 2, 1, generator)[0, :, 0].tolist()
        if first == 0:
            seconds[[0, 1, 3].index(round(second)) if round(second) != 3 else 2] += 1
    share = seconds / seconds.sum()
    assert share[0] == 0
    assert_close(share[1:], torch.tensor([0.1, 0.9]), atol=0.03)  # three standard deviations of 1000 draws


def test_no_cluster_is_empty_while_rows_differ():
    X = torch.tensor([[0.0], [0.0], [0.0], [0.0], [1.0], [2.0]])
    for seed in range(10):
        found = kmeans(X, n_clusters=3, n_init=1, generator=torch.Generator().manual_seed(seed))
        assert found.labels.unique().tolist() == [0, 1, 2]


@pytest.mark.parametrize("k", [1, 2, 6])
def test_equal_rows_and_as_many_clusters_as_rows(k, generator):
    assert kmeans(torch.ones(6, 2), n_clusters=k, n_init=2, generator=generator).objective == 0
    X = torch.arange(6.0)[:, None]
    assert len(kmeans(X, n_clusters=k, n_init=5, generator=generator).labels.unique()) == k


def test_doors(generator):
    with pytest.raises(InputError, match="Lower n_segments") as error:
        kmeans(torch.ones(3, 2), n_clusters=4, n_init=1, generator=generator)
    assert error.value.field == "n_segments"
    with pytest.raises(InputError, match="shape"):
        kmeans(torch.ones(3), n_clusters=1, n_init=1, generator=generator)
    with pytest.raises(InputError, match="n_init"):
        kmeans(torch.ones(3, 1), n_clusters=1, n_init=0, generator=generator)
