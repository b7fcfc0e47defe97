"""Cuts against brute force and other solvers; certificates; labels beyond two; blocks and bands."""

import itertools

import networkx
import numpy as np
import pytest
import torch

from segcore.errors import InputError
from segcore.image import read_image
from segcore.runtime.places import EXAMPLES
from segcore.scribble import max_flow
from segcore.scribble.coarse_cut import banded_cut, halved_costs, halved_links, links_of
from segcore.scribble.energy import COLOR_MODELS, bound_costs, color_costs, contrast_links
from segcore.scribble.expansion import alpha_expansion
from segcore.scribble.graph_cut import FREE, checked_costs, graph_cut
from segcore.scribble.grid import OFFSETS, ends, pair_costs
from segcore.scribble.strokes import rasterize, read_strokes
from segcore.show.paint import shrink


def energy(labels, unary, pairwise):
    """E by its definition, link by link."""
    U, w = unary.numpy(), pairwise.numpy()
    labels = np.asarray(labels)
    h, width = labels.shape
    total = sum(U[labels[y, x], y, x] for y in range(h) for x in range(width))
    for y, x, (d, (down, right)) in itertools.product(range(h), range(width), enumerate(OFFSETS)):
        if 0 <= y + down < h and 0 <= x + right < width and labels[y, x] != labels[y + down, x + right]:
            total += w[d, y, x]
    return float(total)


def random_problem(rng, h, w, *, k=2, kind="real"):
    if kind == "whole":
        return torch.from_numpy(rng.integers(0, 6, (k, h, w)).astype(float)), torch.from_numpy(
            rng.integers(0, 4, (4, h, w)).astype(float)
        )
    spread = rng.choice([0.5, 3.0, 20.0])
    return torch.from_numpy(spread * rng.random((k, h, w))), torch.from_numpy(rng.random((4, h, w)))


def by_networkx(unary, pairwise):
    """Capacity of a minimum cut of the graph of Boykov and Jolly."""
    h, w = unary.shape[1:]
    graph = networkx.DiGraph()
    for y, x in itertools.product(range(h), range(w)):
        graph.add_edge("s", (y, x), capacity=float(unary[0, y, x]))
        graph.add_edge((y, x), "t", capacity=float(unary[1, y, x]))
        for d, (down, right) in enumerate(OFFSETS):
            if 0 <= y + down < h and 0 <= x + right < w:
                c = float(pairwise[d, y, x])
                graph.add_edge((y, x), (y + down, x + right), capacity=c)
                graph.add_edge((y + down, x + right), (y, x), capacity=c)
    return networkx.minimum_cut(graph, "s", "t")[0]


def picture(name="coffee", side=120):
    image = shrink(read_image(EXAMPLES / f"{name}.jpg").numpy(), max_side=side)
    return torch.from_numpy(image)


STROKES = read_strokes(
    [
        {"label": 1, "width": 0.03, "points": [[0.4, 0.3], [0.6, 0.4]]},
        {"label": 2, "width": 0.03, "points": [[0.05, 0.1], [0.05, 0.9], [0.9, 0.95]]},
    ]
)


def scribbled(name="coffee", side=120, weight=20.0, model="mixture"):
    image = picture(name, side)
    seeds = rasterize(STROKES, tuple(image.shape[:2]))
    links = contrast_links(image, weight=weight)
    return bound_costs(color_costs(image, seeds, (1, 2), model=model), links, seeds, (1, 2)), links, seeds


# ---- The optimum ----


@pytest.mark.parametrize("kind", ["whole", "real"])
@pytest.mark.parametrize("solver", ["scipy", pytest.param("ortools", marks=pytest.mark.extra("ortools"))])
def test_the_optimum_of_hundreds_of_small_grids(kind, solver):
    """Against all labelings of up to 12 pixels, with and without given ones."""
    rng = np.random.default_rng(0)
    for case in range(150):
        h, w = rng.integers(1, 5, 2)
        h = min(h, 12 // w)
        unary, pairwise = random_problem(rng, h, w, kind=kind)
        fixed = rng.choice([FREE, FREE, 0, 1], (h, w)) if case % 3 == 0 else np.full((h, w), FREE)
        labelings = (np.reshape(bits, (h, w)) for bits in itertools.product((0, 1), repeat=h * w))
        U, links = checked_costs(unary, pairwise, k=2)
        allowed = [x for x in labelings if ((fixed == FREE) | (fixed == x)).all()]
        best = min(float(np.where(x == 1, U[1], U[0]).sum()) + pair_costs(x, links)[0] for x in allowed)
        found = graph_cut(unary, pairwise, fixed=torch.from_numpy(fixed), solve=max_flow.solver_named(solver))
        assert found.energy == pytest.approx(best, abs=1e-9)
        assert abs(found.energy - found.flow) <= found.rounding
        if kind == "whole":
            assert found.flow == found.energy  # whole costs stay whole
        assert found.energy == pytest.approx(energy(found.labels, unary, pairwise))
        assert ((fixed == FREE) | (fixed == found.labels.numpy())).all()


def test_the_same_minimum_as_another_solver():
    rng = np.random.default_rng(1)
    for _ in range(12):
        unary, pairwise = random_problem(rng, 12, 14)
        assert graph_cut(unary, pairwise).energy == pytest.approx(by_networkx(unary, pairwise), rel=1e-9)


@pytest.mark.parametrize("name", ["coffee", "cat", "astronaut"])
@pytest.mark.parametrize("model", COLOR_MODELS)
def test_the_same_minimum_on_pictures(name, model):
    unary, links, seeds = scribbled(name, side=44, model=model)
    found = graph_cut(unary, links)
    assert found.energy == pytest.approx(by_networkx(unary, links), rel=1e-6)
    assert abs(found.energy - found.flow) <= found.rounding
    assert (found.labels[seeds == 1] == 0).all()
    assert (found.labels[seeds == 2] == 1).all()


def test_no_flip_lowers_the_energy():
    unary, links, _ = scribbled()
    found = graph_cut(unary, links)
    labels = found.labels.numpy()
    U, w = checked_costs(unary, links, k=2)
    rng = np.random.default_rng(2)
    for _ in range(200):
        other = labels.copy()
        y, x, reach = rng.integers(0, labels.shape[0]), rng.integers(0, labels.shape[1]), rng.integers(1, 12)
        other[y : y + reach, x : x + reach] = rng.integers(0, 2)
        assert np.where(other == 1, U[1], U[0]).sum() + pair_costs(other, w)[0] >= found.energy - 1e-6


# ---- What follows from the definition ----


def test_a_constant_changes_nothing_and_swapped_labels_swap():
    rng = np.random.default_rng(3)
    unary, pairwise = random_problem(rng, 9, 11)
    found = graph_cut(unary, pairwise)
    more = graph_cut(unary + torch.from_numpy(rng.random((9, 11))), pairwise)
    assert torch.equal(more.labels, found.labels)
    swapped = graph_cut(unary.flip(0), pairwise)
    assert torch.equal(swapped.labels, 1 - found.labels)


def test_without_links_the_cheaper_label_and_with_heavy_ones_a_single_label():
    rng = np.random.default_rng(4)
    unary, pairwise = random_problem(rng, 8, 8)
    assert torch.equal(graph_cut(unary, 0 * pairwise).labels, unary.argmin(0))
    heavy = graph_cut(unary, 1e4 + pairwise)
    assert len(heavy.labels.unique()) == 1
    assert heavy.energy == pytest.approx(float(unary.sum((1, 2)).min()))


def test_more_strokes_of_a_label_never_shrink_it():
    """With the costs held fixed; both sides are taken minimal for label 1."""
    rng = np.random.default_rng(5)
    unary, pairwise = random_problem(rng, 10, 10)
    before = graph_cut(unary, pairwise).labels
    for _ in range(10):
        y, x = rng.integers(0, 10, 2)
        unary[0, y, x] += 100
        after = graph_cut(unary, pairwise).labels
        assert (after >= before).all()
        before = after


def test_links_that_lead_out_of_the_grid_do_not_count():
    unary = torch.tensor([[[0.0, 3.0]], [[1.0, 0.0]]])
    pairwise = torch.full((4, 1, 2), 2.0)
    found = graph_cut(unary, pairwise)
    assert found.energy == 1.0
    assert found.labels.tolist() == [[1, 1]]


def test_capacities_never_wrap():
    """SciPy would silently compute 5·10⁹ as 705,032,704."""
    unary = torch.tensor([[[0.0, 5e9]], [[7e9, 0.0]]])
    pairwise = torch.tensor([5e9, 0, 0, 0])[:, None, None].expand(4, 1, 2).clone()
    assert graph_cut(unary, pairwise).energy == pytest.approx(5e9, rel=1e-6)
    with pytest.raises(ValueError, match="stay within"):
        max_flow.max_flow(np.array([max_flow.MOST_CAPACITY + 1]), *(np.zeros(0, np.int64),) * 3)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda u, w: (u, w - 2), "not submodular"),
        (lambda u, w: (u - 9, w), "unary must be ≥ 0"),
        (lambda u, w: (u[:1], w), "unary must have shape"),
        (lambda u, w: (u, w[:3]), "pairwise must have shape"),
        (lambda u, w: (u * torch.nan, w), "NaN"),
    ],
)
def test_bad_costs_are_one_sentence(spoil, words):
    unary, pairwise = random_problem(np.random.default_rng(0), 3, 3)
    with pytest.raises(InputError, match=words):
        graph_cut(*spoil(unary, pairwise))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1)])
def test_thin_pictures(size):
    unary, pairwise = random_problem(np.random.default_rng(6), *size)
    assert graph_cut(unary, pairwise).energy == pytest.approx(by_networkx(unary, pairwise))


def test_every_offset_joins_the_neighbor_it_says():
    number = np.arange(20).reshape(4, 5)
    for down, right in OFFSETS:
        a, b = ends((down, right))
        assert (number[b] - number[a] == 5 * down + right).all()
        assert number[a].size == (4 - down) * (5 - abs(right))


# ---- More labels ----


def test_expansion_of_two_labels_is_the_cut():
    rng = np.random.default_rng(7)
    for _ in range(10):
        unary, pairwise = random_problem(rng, 8, 8)
        assert alpha_expansion(unary, pairwise).energy == pytest.approx(graph_cut(unary, pairwise).energy)


def test_expansion_against_all_labelings():
    """Its bound is twice the optimum; on small grids it mostly finds it."""
    rng, found = np.random.default_rng(8), []
    for _ in range(20):
        unary, pairwise = random_problem(rng, 2, 4, k=3)
        labelings = (np.reshape(x, (2, 4)) for x in itertools.product(range(3), repeat=8))
        U, w = checked_costs(unary, pairwise, k=3)
        best = min(float(np.take_along_axis(U, x[None], 0).sum()) + pair_costs(x, w)[0] for x in labelings)
        got = alpha_expansion(unary, pairwise)
        assert best - 1e-9 <= got.energy <= 2 * best
        assert got.energy == pytest.approx(energy(got.labels, unary, pairwise))
        assert all(b < a for a, b in itertools.pairwise(got.moves))
        found.append(got.energy <= best + 1e-9)
    assert np.mean(found) >= 0.9


def test_expansion_leaves_what_is_not_free():
    unary, pairwise = random_problem(np.random.default_rng(9), 6, 6, k=4)
    start = torch.zeros(6, 6, dtype=torch.int64)
    free = torch.zeros(6, 6, dtype=torch.bool)
    free[:, :3] = True
    got = alpha_expansion(unary, pairwise, start=start, free=free)
    assert (got.labels[:, 3:] == 0).all()
    assert got.energy <= energy(start, unary, pairwise)


# ---- Blocks and bands ----


@pytest.mark.parametrize("size", [(13, 10), (12, 9), (1, 7), (8, 1)])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_the_energy_of_blocks_is_that_of_their_pixels(size, times):
    rng = np.random.default_rng(10)
    unary, pairwise = random_problem(rng, *size, k=3)
    coarse, links, block = *checked_costs(unary, pairwise, k=3), 2**times
    for _ in range(times):
        coarse, links = halved_costs(coarse), halved_links(links)
    assert np.array_equal(links, links_of(pairwise, n_levels=times + 1).levels[times].numpy())
    coarse, links = torch.from_numpy(coarse), torch.from_numpy(links)
    for _ in range(5):
        cells = torch.from_numpy(rng.integers(0, 3, tuple(coarse.shape[1:])))
        pixels = cells.repeat_interleave(block, 0).repeat_interleave(block, 1)[: size[0], : size[1]]
        assert energy(cells, coarse, links) == pytest.approx(energy(pixels, unary, pairwise))


@pytest.mark.parametrize("weight", [5.0, 50.0])
def test_a_band_lies_between_blocks_and_the_optimum(weight):
    unary, links, _ = scribbled(weight=weight)
    exact, banded = graph_cut(unary, links), banded_cut(unary, links_of(links, n_levels=3))
    assert exact.energy - 1e-6 <= banded.energy <= banded.coarse_energy
    assert abs(banded.energy - banded.flow) <= banded.rounding
    wide = banded_cut(unary, links_of(links, n_levels=3), reach=100)
    assert wide.energy == pytest.approx(exact.energy)
    assert bool(wide.band.all())


def test_small_grids_are_cut_at_once():
    unary, links, _ = scribbled(side=60)
    assert torch.equal(banded_cut(unary, links_of(links)).labels, graph_cut(unary, links).labels)
    assert banded_cut(unary, links_of(links)).coarse_energy is None


# ---- Costs ----


def test_links_are_as_defined():
    image = picture(side=20)
    w = contrast_links(image, weight=3.0)
    z = image.double().numpy()
    squares, places = [], []
    for d, (down, right) in enumerate(OFFSETS):
        for y, x in itertools.product(range(z.shape[0]), range(z.shape[1])):
            if 0 <= y + down < z.shape[0] and 0 <= x + right < z.shape[1]:
                squares.append(((z[y, x] - z[y + down, x + right]) ** 2).sum())
                places.append((d, y, x, np.hypot(down, right)))
    beta = 1 / (2 * np.mean(squares))
    for square, (d, y, x, length) in zip(squares, places, strict=True):
        assert float(w[d, y, x]) == pytest.approx(3 * np.exp(-beta * square) / length, rel=1e-4)
    assert float(contrast_links(torch.zeros(4, 4, 3, dtype=torch.uint8), weight=2.0).max()) == 2.0


@pytest.mark.parametrize("model", COLOR_MODELS)
def test_colors_under_a_stroke_are_cheap_for_its_label(model):
    image = torch.zeros(40, 40, 3, dtype=torch.uint8)
    image[:, 20:] = 200
    image += torch.randint(0, 20, image.shape, generator=torch.Generator().manual_seed(0)).byte()
    seeds = torch.zeros(40, 40, dtype=torch.uint8)
    seeds[10, 2:12], seeds[10, 28:38] = 1, 2
    costs = color_costs(image, seeds, (1, 2), model=model)
    assert torch.equal(costs.argmin(0) == 0, torch.arange(40)[None, :].expand(40, 40) < 20)
    assert float(costs.min()) == 0.0
    with pytest.raises(InputError, match="label 3"):
        color_costs(image, seeds, (1, 3), model=model)
