"""Matches of two pictures: mutual, spread, restricted to a figure; and the one case with a known answer, a mirror."""

import numpy as np
import pytest
import torch

import segcore
from segcore import InputError
from segcore.cluster.matches import best_buddies, mirror_error, spread_pairs
from segcore.cluster.place import without_place
from segcore.image import read_image
from segcore.numerics import normalize_rows
from segcore.runtime.places import EXAMPLES
from segcore.show.feature_colors import match_grids


def test_best_buddies_are_each_others_nearest(generator):
    X, Y = torch.randn(40, 6, generator=generator), torch.randn(25, 6, generator=generator)
    S = (normalize_rows(X) @ normalize_rows(Y).T).numpy()
    found = best_buddies(X, Y)
    np.testing.assert_array_equal(found.nearest, S.argmax(1))
    np.testing.assert_array_equal(found.back, S.argmax(0))
    np.testing.assert_allclose(found.cosine, S.max(1), atol=1e-6)
    slow = [(i, j) for i in range(40) for j in range(25) if S[i, j] == S[i].max() == S[:, j].max()]
    assert list(found) == slow
    assert list(best_buddies(3 * X, 0.1 * Y)) == slow  # length does not count


def test_matches_are_the_same_from_the_other_side(generator):
    X, Y = torch.randn(30, 5, generator=generator), torch.randn(33, 5, generator=generator)
    assert {(j, i) for i, j in best_buddies(Y, X)} == set(best_buddies(X, Y))


def test_shuffled_patches_are_found_again(generator):
    X = torch.randn(50, 8, generator=generator)
    order = torch.randperm(50, generator=generator)
    found = best_buddies(X, X[order])
    assert torch.equal(order[found.nearest], torch.arange(50))
    assert len(found.buddies) == 50


def test_a_figure_says_which_pairs_count(generator):
    X, Y = torch.randn(40, 6, generator=generator), torch.randn(40, 6, generator=generator)
    here, there = (torch.rand(40, generator=generator) > 0.4 for _ in range(2))
    wanted = [(i, j) for i, j in best_buddies(X, Y) if here[i] and there[j]]
    assert list(best_buddies(X, Y, figure=here, other_figure=there)) == wanted
    none = best_buddies(X, Y, figure=torch.zeros(40, dtype=torch.bool))
    assert spread_pairs(X, Y, none, n_pairs=3).shape == (0, 2)


def test_spread_pairs_take_the_most_salient_of_each_cluster(generator):
    centers = 10 * torch.eye(4)
    X = (centers[:, None] + 0.1 * torch.randn(4, 10, 4, generator=generator)).flatten(0, 1)
    found = best_buddies(X, X)
    salience = torch.rand(40, generator=generator)
    pairs = spread_pairs(X, X, found, n_pairs=4, salience=salience)
    assert sorted(pairs[:, 0].tolist()) == (salience.reshape(4, 10).argmax(1) + torch.arange(0, 40, 10)).tolist()
    assert salience[pairs[:, 0]].tolist() == sorted(salience[pairs[:, 0]].tolist(), reverse=True)
    assert len(spread_pairs(X, X, found, n_pairs=99)) == 40


def test_what_place_explains_is_taken_out_and_nothing_else(generator):
    y, x = torch.meshgrid(torch.linspace(-1, 1, 12), torch.linspace(-1, 1, 16), indexing="ij")
    place = torch.stack([x, y, x * y, 1 - x**2], -1)
    what = torch.randn(12, 16, 4, generator=generator)
    (bare,), (placed,) = without_place([what]), without_place([what + 50 * place])
    assert torch.allclose(placed, bare, atol=1e-3)
    assert torch.allclose(without_place([placed])[0], placed, atol=1e-4)
    assert torch.corrcoef(torch.stack([bare.flatten(), what.flatten()]))[0, 1] > 0.8
    shared = without_place([what, what.flip(1), what[:5]])
    assert torch.cat([f.flatten(0, 1) for f in shared]).mean(0).abs().max() < 1e-5


def test_few_patches_keep_something_when_their_place_is_taken_out(generator):
    assert without_place([torch.randn(1, 2, 3, generator=generator)])[0].abs().max() > 0
    with pytest.raises(InputError, match="no picture"):
        without_place([])


def test_features_of_another_length_are_one_sentence(generator):
    X = torch.randn(4, 3, generator=generator)
    with pytest.raises(InputError, match="shape"):
        best_buddies(X, torch.randn(4, 5, generator=generator))
    with pytest.raises(InputError, match="at least 1"):
        spread_pairs(X, X, best_buddies(X, X), n_pairs=0)
    with pytest.raises(InputError, match="are 6; the matches have 4"):
        mirror_error(best_buddies(X, X), h=2, w=3, width=3)


@pytest.mark.parametrize("covered", [0, 0.25])
def test_the_error_of_a_mirror_is_0_where_every_patch_finds_itself(generator, covered):
    h, w = 5, 8
    f = torch.randn(h, w, 6, generator=generator)
    found = best_buddies(f.flatten(0, 1), f.flip(1).flatten(0, 1))
    error = mirror_error(found, h=h, w=w, width=w - covered)
    assert torch.allclose(error, torch.full((h * w,), float(covered)).double())  # what the border extension moves it by
    one_off = best_buddies(f.flatten(0, 1), f.flip(1).roll(1, 0).flatten(0, 1))
    assert mirror_error(one_off, h=h, w=w, width=w).reshape(h, w)[:-1].eq(1).all()


def test_photographs_find_themselves_in_their_mirror_images():
    means = []
    for name in ("cat", "coffee", "astronaut"):
        picture = read_image(str(EXAMPLES / f"{name}.jpg"))
        mirrored = picture.flip(1).contiguous()
        found = segcore.match_pictures(picture, mirrored, backbone="dino_tiny", max_side=160, n_pairs=8)
        g = found.first.geometry
        error = mirror_error(found.matches, h=g.h, w=g.w, width=g.scaled_size[1] / g.patch)
        placed = segcore.match_pictures(picture, mirrored, backbone="dino_tiny", max_side=160, place=True)
        by_place = mirror_error(placed.matches, h=g.h, w=g.w, width=g.scaled_size[1] / g.patch)
        assert error[found.matches.buddies[:, 0]].mean() < error.mean()
        assert len(found.pairs) == 8
        means.append((float(error.mean()), float(by_place.mean())))
    errors, by_places = zip(*means, strict=True)
    assert sum(errors) < 0.8 * sum(by_places)  # features that know their place are alike at the same place


def test_pictures_of_different_size_and_backbones_without_attention_are_matched():
    names = [str(EXAMPLES / name) for name in ("cat.jpg", "coffee.jpg")]
    found = segcore.match_pictures(*names, backbone="color", max_side=120)
    assert found.first.attention is None
    assert len(found.pairs) == 10
    with pytest.raises(InputError, match="mask of the grid"):
        match_grids(found.first, found.second, n_pairs=3, figures=(torch.ones(2, 2), torch.ones(2, 2)))
