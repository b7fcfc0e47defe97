"""Mutual information against its theory, scikit-learn, and the three tables of the lectures."""

import itertools
import math

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from segcore import InputError
from segcore.metrics.information import ascend, entropy, joint_of_pairs, logit_gradient, mutual_information
from segcore.metrics.soft_pairs import SoftPairs, draw_pairs, information_of_pairs


def tables():
    rng = np.random.default_rng(0)
    for _ in range(200):
        shape = rng.integers(1, 7, 2)
        yield rng.random(shape) * (rng.random(shape) > 0.3) + 1e-9 * rng.random(shape)


@pytest.mark.parametrize(
    ("P", "bits"),
    [([[1, 1], [1, 1]], 0), ([[1, 0], [0, 1]], 1), ([[1, 1], [2, 0]], 0.3113), ([[0.25, 0.25], [0.5, 0]], 0.3113)],
)
def test_the_lecture_s_tables(P, bits):
    assert round(mutual_information(P).I, 4) == bits


def test_the_third_table_in_all_its_parts():
    value = mutual_information([[0.25, 0.25], [0.5, 0]])
    assert value.H_x == 1
    assert round(value.H_x_given_y, 4) == 0.6887
    assert value.H_y == pytest.approx(entropy([0.75, 0.25]))


def test_identities():
    for P in tables():
        v = mutual_information(P)
        assert v.P.sum() == pytest.approx(1, abs=1e-12)
        assert v.I >= 0
        assert min(v.H_x, v.H_y) + 1e-12 >= v.I
        for other in (v.H_x + v.H_y - v.H_xy, v.H_x - v.H_x_given_y, v.H_y - v.H_y_given_x, v.terms.sum()):
            assert pytest.approx(other, abs=1e-12) == v.I
        product = np.outer(v.P.sum(1), v.P.sum(0))
        assert pytest.approx(0, abs=1e-12) == mutual_information(product).I
        assert pytest.approx(v.I) == mutual_information(1e300 * P).I
        rng = np.random.default_rng(1)
        assert pytest.approx(v.I, abs=1e-12) == mutual_information(rng.permutation(P, axis=0)).I
        assert pytest.approx(v.I, abs=1e-12) == mutual_information(P.T).I
        if len(P) > 1:  # data processing: what merges two rows cannot know more
            assert mutual_information(np.vstack([P[0] + P[1], P[2:]])).I <= v.I + 1e-12


def test_counts_give_what_scikit_learn_gives():
    rng = np.random.default_rng(2)
    for _ in range(50):
        x, y = rng.integers(0, rng.integers(1, 7), 80), rng.integers(0, 5, 80)
        counts = np.zeros((7, 5))
        np.add.at(counts, (x, y), 1)
        nats = mutual_info_score(x, y)
        assert mutual_information(counts).I * math.log(2) == pytest.approx(nats, abs=1e-12)


@pytest.mark.parametrize("P", [[[0, 0], [0, 0]], [[1, -1], [1, 1]], [[1, math.nan]], [[math.inf]], [], [1, 2], [[[1]]]])
def test_bad_tables_are_a_sentence(P):
    with pytest.raises(InputError, match="joint table must") as info:
        mutual_information(P)
    assert info.value.field == "P"


def soft(labels, k, sharpness):
    hard = torch.nn.functional.one_hot(torch.as_tensor(labels), k).double()
    return sharpness * hard + (1 - sharpness) / k


def test_both_degenerate_clusterings_know_nothing():
    labels = [0, 1, 2] * 20
    collapsed, uniform = mutual_information(joint_of_pairs(*[soft([0] * 60, 3, 1.0)] * 2)), soft(labels, 3, 0.0)
    assert collapsed.I == 0
    assert collapsed.H_x == 0  # nothing to tell apart
    flat = mutual_information(joint_of_pairs(uniform, uniform))
    assert pytest.approx(0) == flat.I
    assert flat.H_x == pytest.approx(math.log2(3))  # but not to be told from each other
    assert flat.H_x_given_y == pytest.approx(math.log2(3))
    best = mutual_information(joint_of_pairs(*[soft(labels, 3, 1.0)] * 2))
    assert pytest.approx(math.log2(3)) == best.I


def test_the_joint_of_pairs_is_a_symmetric_table(generator):
    z, other = (torch.rand(40, 4, generator=generator, dtype=torch.float64).softmax(1) for _ in range(2))
    P = joint_of_pairs(z, other)
    assert torch.equal(P, P.T)
    assert float(P.sum()) == pytest.approx(1)
    pairs = sum(torch.outer(a, b) + torch.outer(b, a) for a, b in zip(z, other, strict=True)) / 80
    torch.testing.assert_close(P, pairs)


def test_the_degenerate_clusterings_are_saddles(generator):
    """Exactly met, the gradient is 0 and nothing moves; a little aside, I climbs, and never falls on the way."""
    labels = [i % 3 for i in range(60)]
    partner = torch.arange(60).roll(3).tolist()  # of the same cluster
    uniform = soft(labels, 3, 0.0)
    assert pytest.approx(0, abs=1e-12) == ascend(uniform, partner, n_steps=20).information[-1].I
    noise = torch.rand(60, 3, generator=generator, dtype=torch.float64)
    aside = 0.9 * uniform + 0.1 * noise / noise.sum(1, keepdim=True)
    climb = [v.I for v in ascend(aside, partner, n_steps=250, rate=10).information]
    assert all(b >= a - 1e-9 for a, b in itertools.pairwise(climb))
    assert climb[-1] > 0.5


def test_soft_pairs_in_expectation_are_the_mean_over_drawn_ones(generator):
    for family in (SoftPairs(3, 0.7, 0.6, 0.8), SoftPairs(2, 1.0, 1.0, 0.0), SoftPairs(5, 0.2, 0.9, 1.0)):
        z, partner = draw_pairs(family, n=40_000, aside=0, generator=generator)
        drawn = joint_of_pairs(z, z[torch.as_tensor(partner)])
        np.testing.assert_allclose(information_of_pairs(family).P, drawn, atol=0.01)


def test_soft_pairs_hold_both_degenerate_clusterings():
    assert pytest.approx(2) == information_of_pairs(SoftPairs(4, 1, 1, 1)).I
    for sharpness, balance, agreement in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        assert pytest.approx(0, abs=1e-12) == information_of_pairs(SoftPairs(4, sharpness, balance, agreement)).I
    with pytest.raises(InputError, match="balance must be between 0 and 1; got 2"):
        information_of_pairs(SoftPairs(4, 1, 2, 1))


def test_partners_are_mutual_and_share_what_is_moved_aside(generator):
    z, partner = draw_pairs(SoftPairs(3, 1, 1, 1), n=7, aside=0.5, generator=generator)
    assert len(z) == 8
    assert all(partner[j] == i for i, j in enumerate(partner))
    assert torch.equal(z, z[torch.as_tensor(partner)])
    torch.testing.assert_close(z.sum(1), torch.ones(8, dtype=torch.float64))


def test_the_gradient_is_that_of_autograd(generator):
    """Also for partners that are not mutual, and for several points with one partner."""
    logits = torch.randn(9, 3, generator=generator, dtype=torch.float64).requires_grad_()
    mutual = torch.tensor([1, 0, 3, 2, 5, 4, 7, 6, 8])
    for partner in (torch.arange(9).roll(1), mutual, torch.randint(9, (9,), generator=generator)):
        z = logits.softmax(1)
        P = joint_of_pairs(z, z[partner])
        bits = (P * (P / torch.outer(P.sum(1), P.sum(0))).log2()).sum()
        (expected,) = torch.autograd.grad(bits, logits)
        torch.testing.assert_close(logit_gradient(z.detach(), partner), expected)
