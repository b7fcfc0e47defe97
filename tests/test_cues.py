"""What is taught without labels: pieces, regions and saliency, against theory, loops and other libraries."""

import itertools
import math

import cv2
import numpy as np
import pytest
import scipy.ndimage
from skimage.filters import threshold_otsu

from segcore.numerics import otsu
from segcore.pretrain.cues import draw_objects, draw_regions, draw_saliency, objectness
from segcore.pretrain.cues.hierarchy import CONTRAST_WEIGHT, TEXTURE_WEIGHT, merge
from segcore.pretrain.cues.pieces import Superpixels, cut_up, describe, to_lab
from segcore.pretrain.cues.saliency import (
    SIGMA_COLOR,
    SIGMA_SPACE,
    background_contrast,
    background_probability,
    geodesic,
    geodesic_distances,
    ranking,
    with_frame,
)

GROUND, OBJECT = (60, 90, 150), (210, 150, 60)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def disc(height=96, width=128, center=(44, 70), radius=24, noise=6):
    y, x = np.mgrid[:height, :width]
    inside = (y - center[0]) ** 2 + (x - center[1]) ** 2 < radius**2
    grain = np.random.default_rng(0).integers(-noise, noise + 1, (height, width, 1))
    return (np.array([GROUND, OBJECT])[inside.astype(int)] + grain).clip(0, 255).astype(np.uint8), inside


def tiles(rng, rows=4, columns=5, side=6):
    """Pieces on a board of flat squares, and the picture."""
    colors = rng.integers(0, 256, (rows, columns, 3)).astype(np.uint8)
    picture = colors.repeat(side, 0).repeat(side, 1)
    labels = np.arange(rows * columns).reshape(rows, columns).repeat(side, 0).repeat(side, 1)
    return describe(labels, to_lab(picture)), picture


def deltas(pieces, i, j):
    return float(np.sqrt(sum((a - b) ** 2 for a, b in zip(pieces.lab[i], pieces.lab[j], strict=True))))


# Pieces


def test_pieces_are_measured_pixel_by_pixel(rng):
    picture = rng.integers(0, 256, (9, 11, 3)).astype(np.uint8)
    labels = np.array([[min(2, x // 4) + 3 * (y // 5) for x in range(11)] for y in range(9)])
    pieces, lab = describe(labels, to_lab(picture)), to_lab(picture)
    met = {}
    for y, x in itertools.product(range(9), range(11)):
        for v, u in ((y + 1, x), (y, x + 1)):
            if v < 9 and u < 11 and labels[y, x] != labels[v, u]:
                # one pixel further out on either side, as far as there is one
                dy, dx = v - y, u - x
                a = lab[max(y - dy, 0), max(x - dx, 0)]
                b = lab[min(v + dy, 8), min(u + dx, 10)]
                met.setdefault(tuple(sorted((labels[y, x], labels[v, u]))), []).append(math.dist(a, b))
    assert [tuple(edge) for edge in pieces.edges.tolist()] == sorted(met)
    assert pieces.border.tolist() == [len(met[key]) for key in sorted(met)]
    np.testing.assert_allclose(pieces.contrast, [np.mean(met[key]) for key in sorted(met)], rtol=1e-5)
    for i in range(6):
        at = np.argwhere(labels == i)
        assert pieces.size[i] == len(at)
        np.testing.assert_allclose(pieces.lab[i], np.mean([lab[y, x] for y, x in at], axis=0), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(pieces.center[i], (at + 0.5).mean(0) / 11)
        assert pieces.frame[i] == any(y in (0, 8) or x in (0, 10) for y, x in at)


def test_texture_knows_direction_and_not_brightness():
    y, x = np.mgrid[:64, :64]
    labels = np.zeros((64, 64), np.int64)

    def texture(gray):
        return describe(labels, to_lab(np.repeat(gray[..., None], 3, 2).astype(np.uint8))).texture[0]

    flat, upright, lying = texture(0 * x + 130), texture(90 + 80 * (x // 2 % 2)), texture(90 + 80 * (y // 2 % 2))
    assert flat.max() < 1e-3
    assert upright[0] > 3 * upright[2]  # waves along x are the first direction, along y the third
    assert lying[2] > 3 * lying[0]
    assert upright[0] == pytest.approx(lying[2], rel=0.05)


def test_superpixels_are_connected_and_about_as_many_as_asked():
    picture, _ = disc()
    pieces = cut_up(picture, n_pieces=150)
    assert 90 < len(pieces) < 220
    assert pieces.size.sum() == picture.shape[0] * picture.shape[1]
    assert all(scipy.ndimage.label(pieces.labels == i)[1] == 1 for i in range(len(pieces)))


# Saliency


def test_geodesic_distances_are_shortest_paths(rng):
    """Floyd and Warshall's triple loop; pieces at the frame touch each other."""
    pieces, _ = tiles(rng)
    n = len(pieces)
    i, j = with_frame(pieces)
    joined = {(a, b) for a, b in pieces.edges.tolist()} | {
        (a, b) for a, b in itertools.combinations(range(n), 2) if pieces.frame[a] and pieces.frame[b]
    }
    assert joined == set(zip(i.tolist(), j.tolist(), strict=True))
    nearest = [min(deltas(pieces, a, b) for a, b in joined if k in (a, b)) for k in range(n)]
    d = np.full((n, n), np.inf)
    np.fill_diagonal(d, 0)
    for a, b in joined:
        d[a, b] = d[b, a] = max(deltas(pieces, a, b) - np.mean(nearest), 1e-6)
    for k, a, b in itertools.product(range(n), repeat=3):
        d[a, b] = min(d[a, b], d[a, k] + d[k, b])
    np.testing.assert_allclose(geodesic_distances(pieces), d, rtol=1e-9)
    np.testing.assert_allclose(geodesic(pieces, d), [min(d[k, m] for m in range(n) if pieces.frame[m]) for k in range(n)])


def test_background_is_what_lies_along_the_frame(rng):
    pieces, _ = tiles(rng)
    d_geo = geodesic_distances(pieces)
    for k in range(len(pieces)):
        likes = [math.exp(-(d_geo[k, m] ** 2) / (2 * SIGMA_COLOR**2)) for m in range(len(pieces))]
        connectivity = sum(s for s, at_frame in zip(likes, pieces.frame, strict=True) if at_frame) / math.sqrt(sum(likes))
        assert background_probability(pieces, d_geo)[k] == pytest.approx(1 - math.exp(-(connectivity**2) / 2))


def test_the_smoothed_contrast_is_the_least_of_its_energy(rng):
    """No small change of any entry lowers Σ 5 p s² + Σ c (s − 1)² + Σ w (s_i − s_j)²."""
    pieces, _ = tiles(rng)
    n, d_geo = len(pieces), geodesic_distances(pieces)
    p = background_probability(pieces, d_geo)
    near = [[math.exp(-(math.dist(x, y) ** 2) / (2 * SIGMA_SPACE**2)) for y in pieces.center] for x in pieces.center]
    c = np.array([sum(deltas(pieces, k, m) * near[k][m] * p[m] for m in range(n)) for k in range(n)])
    c = (c - c.min()) / (c.max() - c.min())
    i, j = with_frame(pieces)
    w = [math.exp(-(deltas(pieces, a, b) ** 2) / (2 * SIGMA_COLOR**2)) + 0.1 for a, b in zip(i, j, strict=True)]

    def energy(s):
        return (5 * p * s**2).sum() + (c * (s - 1) ** 2).sum() + (w * (s[i] - s[j]) ** 2).sum()

    s = background_contrast(pieces, d_geo)
    assert 0 <= s.min() <= s.max() <= 1
    for k, step in itertools.product(range(n), (1e-3, -1e-3)):
        moved = s.copy()
        moved[k] += step
        assert energy(moved) > energy(s)


def test_ranking_is_heat_that_spreads(rng):
    """(D − αW)⁻¹ = Σ_t (α D⁻¹ W)^t D⁻¹: the same by letting the heat walk."""
    pieces, _ = tiles(rng, rows=5, columns=6)
    n = len(pieces)
    touching = np.eye(n, dtype=bool)
    for a, b in zip(*with_frame(pieces), strict=True):
        touching[a, b] = touching[b, a] = True
    reach = (touching.astype(int) @ touching > 0) & ~np.eye(n, dtype=bool)
    d = np.array([[deltas(pieces, a, b) for b in range(n)] for a in range(n)])
    W = np.where(reach, np.exp(-d / (0.1 * d.max())), 0)
    D = W.sum(1) + 1e-9

    def heat(y, itself):
        f, x = np.zeros(n), y / D
        for _ in range(6000):
            f += x
            x = 0.99 * (W @ x) / D
        return f - itself * y

    itself = np.array([heat(np.eye(n)[k], 0)[k] for k in range(n)])  # what a query gives to itself does not count
    cold = np.ones(n)
    for side in (pieces.labels[0], pieces.labels[-1], pieces.labels[:, 0], pieces.labels[:, -1]):
        y = np.zeros(n)
        y[side] = 1
        f = heat(y, itself)
        cold *= 1 - (f - f.min()) / (f.max() - f.min())
    np.testing.assert_allclose(ranking(pieces), heat((cold > cold.mean()).astype(float), itself), rtol=1e-6)


@pytest.mark.parametrize("mirror", [False, True])
def test_every_cue_finds_a_disc(mirror):
    picture, inside = disc()
    if mirror:
        picture, inside = picture[:, ::-1].copy(), inside[:, ::-1]
    pieces = cut_up(picture)
    share = np.bincount(pieces.labels.ravel(), inside.ravel()) / pieces.size
    d_geo = geodesic_distances(pieces)
    for cue in (background_contrast(pieces, d_geo), geodesic(pieces, d_geo), ranking(pieces), draw_saliency(pieces)):
        assert cue[share > 0.9].min() > cue[share < 0.1].max()
    g = draw_objects(picture)
    assert g.shape == inside.shape
    assert g[inside].mean() > 0.9
    assert g[~inside].mean() < 0.1


def test_numbers_of_pieces_mean_nothing(rng):
    picture, _ = disc()
    pieces = cut_up(picture, n_pieces=80)
    order = rng.permutation(len(pieces))
    again = describe(order[pieces.labels], to_lab(picture))
    np.testing.assert_allclose(draw_saliency(again)[order], draw_saliency(pieces), atol=1e-6)


@pytest.mark.parametrize("size", [(16, 16), (16, 200), (128, 16)])
def test_a_picture_of_one_color_has_no_object(size):
    g = draw_objects(np.full((*size, 3), 120, np.uint8))
    np.testing.assert_allclose(g, 0.5)  # no opinion
    assert draw_regions(np.full((*size, 3), 120, np.uint8)).shape[:2] == size


def test_otsu_is_the_best_of_all_thresholds(rng):
    values, weights = np.concatenate((rng.normal(0.2, 0.05, 60), rng.normal(0.7, 0.1, 30))), rng.uniform(1, 5, 90)
    t, gap = otsu(values, weights)

    def between(t):
        low, high = values <= t, values > t
        a, b = weights[low].sum(), weights[high].sum()
        apart = np.average(values[high], weights=weights[high]) - np.average(values[low], weights=weights[low])
        return a * b * apart**2, apart

    tried = [between(x) for x in np.sort(values)[:-1]]
    assert between(t)[0] == pytest.approx(max(score for score, _ in tried))
    assert gap == pytest.approx(between(t)[1])
    levels = rng.integers(0, 256, 4000)
    levels = np.where(rng.random(4000) < 0.4, levels // 4, 160 + levels // 4)
    found, _ = otsu(levels.astype(float), np.ones(4000))
    assert ((levels > found) == (levels > threshold_otsu(levels.astype(np.uint8)))).all()


def test_objectness_grows_with_saliency_and_is_even_at_the_threshold(rng):
    saliency = np.sort(rng.random(50))
    g = objectness(saliency, np.ones(50))
    t, _ = otsu(saliency, np.ones(50))
    assert (np.diff(g) >= 0).all()
    assert ((g > 0.5) == (saliency > t)).all()
    assert 0 <= g[0] < 0.2 < 0.8 < g[-1] <= 1


# Regions


def test_merging_is_greedy_and_nested(rng):
    """Against a loop that measures all pairs anew in each step."""
    pieces, _ = tiles(rng, rows=5, columns=5)
    n, levels = len(pieces), (12, 6, 2)
    f = np.concatenate((pieces.lab, TEXTURE_WEIGHT * pieces.texture), axis=1)
    groups, expected = [{k} for k in range(n)], {}
    while len(groups) > 2:

        def cost(pair, groups=groups):
            a, b = (groups[k] for k in pair)
            between = [k for k, (i, j) in enumerate(pieces.edges) if (i in a and j in b) or (i in b and j in a)]
            if not between:
                return math.inf
            sizes = [pieces.size[sorted(g)].sum() for g in (a, b)]
            means = [np.average(f[sorted(g)], axis=0, weights=pieces.size[sorted(g)]) for g in (a, b)]
            contrast = np.average(pieces.contrast[between] ** 2, weights=pieces.border[between])
            apart = ((means[0] - means[1]) ** 2).sum() + CONTRAST_WEIGHT * contrast
            return sizes[0] * sizes[1] / sum(sizes) * apart

        a, b = min(itertools.combinations(range(len(groups)), 2), key=cost)
        groups = [g for k, g in enumerate(groups) if k not in (a, b)] + [groups[a] | groups[b]]
        expected[len(groups)] = {frozenset(g) for g in groups}
    found = merge(pieces, levels)
    for column, level in zip(found.T, levels, strict=True):
        assert {frozenset(np.flatnonzero(column == r).tolist()) for r in set(column.tolist())} == expected[level]
    for fine, coarse in itertools.pairwise(found.T):
        assert len({*zip(fine.tolist(), coarse.tolist(), strict=True)}) == len(set(fine.tolist()))


def test_fewer_pieces_than_regions_stay_apart(rng):
    pieces, _ = tiles(rng, rows=1, columns=3)
    assert merge(pieces, (32, 4)).tolist() == [[0, 0], [1, 1], [2, 2]]


def test_a_border_holds_regions_apart():
    """Two halves of one color, parted by a line, merge later than two halves of slightly different colors without one."""

    def pieces(colors, contrast):
        lab = np.array(colors, float)
        return Superpixels(
            np.arange(3)[None].repeat(4, 0).repeat(4, 1), np.full(3, 16.0), lab, np.zeros((3, 1)), np.zeros((3, 2)),
            np.ones(3, bool), np.array([[0, 1], [1, 2]]), np.full(2, 4.0), np.array(contrast, float),
        )  # fmt: skip

    assert merge(pieces([[50, 0, 0], [50, 0, 0], [54, 0, 0]], [20, 0]), (2,))[:, 0].tolist() == [0, 1, 1]
    assert merge(pieces([[50, 0, 0], [50, 0, 0], [54, 0, 0]], [0, 0]), (2,))[:, 0].tolist() == [0, 0, 1]


def test_regions_keep_to_the_colors():
    """Along the border the blur makes regions of its own; apart from it, no region has two colors."""
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[40:80, 60:120] = (200, 120, 40)
    regions = draw_regions(picture)
    inside, outside = np.zeros((2, 120, 160), bool)
    inside[44:76, 64:116] = True
    outside[:, :56] = outside[:, 124:] = outside[:36] = outside[84:] = True
    for level in range(regions.shape[2]):
        assert len(np.unique(regions[..., level][inside])) == 1
        assert len(np.unique(regions[..., level][outside])) == 1
        assert regions[60, 90, level] != regions[10, 10, level]


def test_colors_are_those_of_opencv_and_in_units_of_lightness():
    gray = np.full((1, 1, 3), 255, np.uint8)
    np.testing.assert_allclose(to_lab(gray)[0, 0], (100, 0, 0), atol=0.05)
    np.testing.assert_allclose(cv2.cvtColor(to_lab(np.full((1, 1, 3), 77, np.uint8)), cv2.COLOR_LAB2RGB) * 255, 77, atol=0.5)
