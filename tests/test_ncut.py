"""Ncut by definition and by brute force; the two-way cut and the side that is the object."""

import pytest
import torch

from segcore.cut.fiedler import THRESHOLDS, fiedler_cut
from segcore.cut.foreground import NO_STRUCTURE_NCUT, object_side, weak_cut_notes
from segcore.cut.ncut import ncut_sweep, ncut_value
from segcore.errors import InputError
from segcore.graph.affinity import combine_affinities, cosine_affinity
from segcore.graph.eigen import smallest_eigenpairs
from tests import oracles
from tests.asserts import assert_same_partition
from tests.oracles import random_affinity


def test_ncut_is_its_definition(generator):
    W = random_affinity(11, generator=generator)
    for _ in range(5):
        side = torch.rand(11, generator=generator) > 0.5
        side[:2] = torch.tensor([True, False])
        assert ncut_value(W, side) == pytest.approx(oracles.ncut(W, side), rel=1e-12)
        assert ncut_value(W, ~side) == pytest.approx(ncut_value(W, side), rel=1e-12)
        assert ncut_value(7 * W, side) == pytest.approx(ncut_value(W, side), rel=1e-12)


def test_second_eigenvalue_bounds_the_best_ncut_from_below(generator):
    W = random_affinity(11, generator=generator)
    best = oracles.best_ncut(W)
    spectrum = smallest_eigenpairs(W, n_vectors=2)
    assert float(spectrum.eigenvalues[1]) <= best + 1e-12
    assert best <= float(ncut_sweep(W, spectrum.fiedler)[1].min()) + 1e-12


def test_sweep_is_ncut_at_every_threshold(generator):
    W = random_affinity(30, generator=generator)
    v = torch.randn(30, generator=generator, dtype=torch.float64).round(decimals=1)  # with ties
    thresholds, values = ncut_sweep(W, v)
    assert len(thresholds) == len(v.unique()) - 1
    assert bool((thresholds.diff() > 0).all())
    for t, value in zip(thresholds, values, strict=True):
        assert float(value) == pytest.approx(ncut_value(W, v > t), rel=1e-9)


def test_nothing_wins_where_nothing_is_cut():
    W = torch.ones(4, 4)
    assert ncut_value(W, torch.zeros(4, dtype=torch.bool)) == 2
    assert ncut_sweep(W, torch.ones(4))[0].numel() == 0


SIDE = torch.tensor([[0, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0]]).bool().flatten()


@pytest.mark.parametrize("rule", ["minority", "corners", "border"])
def test_object_is_the_same_whichever_side_is_given(rule):
    v = torch.randn(20)
    assert torch.equal(object_side(SIDE, v, h=4, w=5, rule=rule), SIDE)
    assert torch.equal(object_side(~SIDE, -v, h=4, w=5, rule=rule), SIDE)


def test_a_large_object_fools_minority_but_not_corners():
    large = torch.ones(6, 6, dtype=torch.bool)
    large[0, 0] = large[0, 5] = large[5, 0] = large[5, 5] = False
    side = large.flatten()
    assert torch.equal(object_side(side, torch.zeros(36), h=6, w=6, rule="minority"), ~side)
    assert torch.equal(object_side(side, torch.zeros(36), h=6, w=6, rule="corners"), side)


def test_border_sees_an_object_that_covers_a_corner_or_most_of_the_picture():
    side = torch.zeros(6, 8, dtype=torch.bool)
    side[1:, 1:7] = True  # 30 of 48 cells, 6 of 24 border cells, no corner
    assert torch.equal(object_side(side.flatten(), torch.zeros(48), h=6, w=8, rule="border"), side.flatten())
    side[:, :2] = True  # now it also has 10 of the border cells, and two corners
    assert torch.equal(object_side(~side.flatten(), torch.zeros(48), h=6, w=8, rule="border"), ~side.flatten())
    one = torch.tensor([[1, 0, 0, 0], [0, 0, 0, 1], [1, 1, 0, 1]]).bool().flatten()  # 5 of 10 cells, 3 of 4 corners
    assert torch.equal(object_side(one, torch.zeros(12), h=3, w=4, rule="border"), ~one)  # 8 to 6, as the authors count
    for shape in ((1, 7), (7, 1), (2, 2)):  # all cells are border: the rule is that of the minority
        side = torch.arange(shape[0] * shape[1]) < 2
        h, w = shape
        assert torch.equal(
            object_side(side, torch.zeros(h * w), h=h, w=w, rule="border"),
            object_side(side, torch.zeros(h * w), h=h, w=w, rule="minority"),
        )


def test_structureless_graphs_have_an_ncut_of_1(generator):
    """W_ij = d_i d_j / Σ d, whatever the sides: the ground on which a cut is called weak."""
    d = torch.rand(12, generator=generator, dtype=torch.float64) + 0.1
    for _ in range(5):
        side = torch.rand(12, generator=generator) > 0.5
        side[:2] = torch.tensor([True, False])
        assert ncut_value(torch.outer(d, d) / d.sum(), side) == pytest.approx(NO_STRUCTURE_NCUT, rel=1e-12)


def test_weak_cuts_are_noted(generator):
    W, _ = two_groups(generator)
    assert not any("weak" in note for note in cut(W).notes)
    assert any("no object" in note for note in cut(torch.ones(20, 20) - 0.01 * W).notes)


def test_what_counts_as_weak_shrinks_with_the_share_of_the_neighbors():
    """Edges between neighbors can be spared by any straight cut, so a cut is only worth what it does to the others."""
    assert weak_cut_notes(0.8) == ()
    assert "no object" in weak_cut_notes(0.8, knn_share=0.3)[0]
    assert "about 0.7" in weak_cut_notes(0.8, knn_share=0.3)[0]
    assert weak_cut_notes(0.6, knn_share=0.3) == ()


def test_a_picture_of_noise_is_noted_and_one_with_an_object_is_not(generator):
    """Features without a place, as those of a transformer on noise, in a graph with neighbors of color and position."""
    h, w = 20, 24
    X = torch.randn(h * w, 64, generator=generator) + torch.randn(64, generator=generator)
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    place = torch.stack([y, x], -1).reshape(-1, 2).float()
    near = (torch.cdist(place, place) < 2.5).float().to_sparse()
    inside = ((y > 5) & (y < 15) & (x > 6) & (x < 18)).flatten()
    found = {}
    for name, rows in {"noise": X, "object": torch.where(inside[:, None], X - 2 * X.mean(0), X)}.items():
        W, share = combine_affinities(cosine_affinity(rows), near, knn_weight=10.0)
        found[name] = fiedler_cut(
            W, smallest_eigenpairs(W, n_vectors=3), h=h, w=w, threshold="zero", object_rule="minority", knn_share=share
        )
    assert found["noise"].cut_value < 0.9  # the bound without the share would not speak
    assert any("no object" in note for note in found["noise"].notes)
    assert found["object"].notes == ()
    assert float((found["object"].side == inside).float().mean()) > 0.9


def test_peak_holds_the_largest_entry():
    v = torch.zeros(20)
    v[7] = -3
    assert bool(object_side(SIDE, v, h=4, w=5, rule="peak")[7])
    assert bool(object_side(~SIDE, v, h=4, w=5, rule="peak")[7])


def test_a_tie_has_one_answer():
    halves = torch.tensor([True, True, False, False])
    for side in (halves, ~halves):
        for rule in ("minority", "corners"):
            assert object_side(side, torch.zeros(4), h=2, w=2, rule=rule).tolist() == [False, False, True, True]


def two_groups(generator, sizes=(14, 6)):
    truth = torch.arange(2).repeat_interleave(torch.tensor(sizes))
    noise = torch.rand(20, 20, generator=generator)
    return torch.where(truth[:, None] == truth, 1.0, 0.05) + 0.01 * (noise + noise.T), truth


def cut(W, **changes):
    settings = {"h": 4, "w": 5, "threshold": "zero", "object_rule": "minority", **changes}
    return fiedler_cut(W, smallest_eigenpairs(W, n_vectors=3), **settings)


@pytest.mark.parametrize("threshold", [t for t in THRESHOLDS if t != "value"])
def test_fiedler_cut_parts_two_groups(threshold, generator):
    W, truth = two_groups(generator)
    found = cut(W, threshold=threshold)
    assert_same_partition(found.labels, truth)
    assert torch.equal(found.labels, truth)  # the smaller group is the object
    assert found.cut_value == pytest.approx(oracles.ncut(W, truth.bool()), rel=1e-4)


def test_flip_takes_the_other_side(generator):
    W, _ = two_groups(generator)
    assert torch.equal(cut(W, flip=True).side, ~cut(W).side)


def test_best_ncut_is_no_worse_than_any_other_threshold(generator):
    W = random_affinity(20, generator=generator)
    best = cut(W, threshold="best_ncut").cut_value
    assert all(best <= cut(W, threshold=t).cut_value + 1e-12 for t in ("zero", "mean"))


def test_value_is_a_share_of_the_largest_entry(generator):
    W, _ = two_groups(generator)
    found = cut(W, threshold="value", cut_at=0.3)
    assert found.threshold == pytest.approx(0.3 * float(found.v.abs().max()))
    with pytest.raises(InputError, match="nearer to 0") as error:
        cut(W, threshold="value", cut_at=1.0)
    assert error.value.field == "cut_at"


def test_one_patch_cannot_be_cut():
    W = torch.ones(1, 1)
    with pytest.raises(InputError, match="at least 2 patches"):
        fiedler_cut(W, smallest_eigenpairs(W, n_vectors=1), h=1, w=1, threshold="zero", object_rule="minority")
