"""The systems that learn from pictures alone: each formula on its own, and a few steps of each training."""

import dataclasses
import itertools
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.metrics import mutual_info_score

from segcore.cli.commands import main
from segcore.drawn.stuff import draw_stuff
from segcore.errors import InputError, ModelError, NumericalError
from segcore.learn import CATALOG, Pictures, learn, load_learned, score_baselines, score_classes, systems, train
from segcore.learn.baselines import BASELINES
from segcore.learn.learned import save_learned
from segcore.learn.mutual import information_loss, joint_of_shifts, joint_table, joint_tables, parts_of
from segcore.learn.orders import ORDERS, attention_mask, kernel_mask, ranks
from segcore.learn.pictures import Source
from segcore.learn.settings import ACSettings
from segcore.learn.systems.ac import ACNet, OrderedAttention, OrderedConv, with_steps
from segcore.learn.systems.infoseg import InfoSegNet, assign, jensen_shannon, pair_scores
from segcore.learn.systems.mdc import whitening_of
from segcore.learn.systems.picie import (
    clustering_loss,
    in_order_of,
    minibatch_kmeans,
    nearest_center,
    picie_losses,
)
from segcore.learn.views import Moves, draw_cutouts, draw_moves, jitter_colors, mirrored
from segcore.nets.blocks import sobel
from segcore.nets.registry import NETS
from segcore.nets.small import ConvNet
from segcore.train.file import NET, read_trained, trained_bytes
from segcore.train.learner import Turn
from tests.asserts import assert_close

TINY = {
    "iic": {"crop": 32, "batch": 4, "width": 0.0625},
    "ac": {"crop": 48, "batch": 4, "width": 0.0625},
    "infoseg": {"crop": 32, "batch": 4, "width": 0.0625, "n_features": 8},
    "picie": {"crop": 32, "batch": 4, "width": 0.0625, "n_features": 8, "epoch": 3},
    "mdc": {"crop": 32, "batch": 4, "width": 0.0625, "n_features": 8, "epoch": 3},
    "stego": {"side": 64, "batch": 4},
    "dinosaur": {"side": 64, "batch": 2, "slots": 3, "points": 32, "slot_size": 16},
    "cutler": {"side": 64, "batch": 2, "rounds": 2, "n_objects": 2, "places": 4},
}
LABELLED = {name for name, system in CATALOG.items() if system.labelled}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def soft(*shape, seed=0):
    return draw(*shape, seed=seed).softmax(1)


@pytest.fixture(scope="module")
def stuff():
    return draw_stuff("stuff6", n=6, side=64)


def tiny(name):
    return CATALOG[name].settings(**TINY.get(name, {"crop": 32, "batch": 2, "side": 64}))


def learner_of(name, pictures, settings, *, n_segments=3):
    torch.manual_seed(0)
    source = Source(pictures, side=settings.side, crop=settings.crop, device=torch.device("cpu"))
    return CATALOG[name].make_learner(CATALOG[name].make_net(n_segments, settings), n_segments, settings, source)


# ---- Mutual information of two views ----


def information(table):
    """Σ P ln (P / (P_i P_j)) of a table of any sum, in nats, cell by cell."""
    P = [[float(x) / float(table.sum()) for x in row] for row in table]
    rows, columns = [sum(row) for row in P], [sum(column) for column in zip(*P, strict=True)]
    return sum(p * math.log(p / (rows[i] * columns[j])) for i, row in enumerate(P) for j, p in enumerate(row) if p > 0)


@pytest.mark.parametrize(
    ("table", "bits"),
    [
        ([[0.25, 0.25], [0.25, 0.25]], 0.0),
        ([[0.5, 0.0], [0.0, 0.5]], 1.0),
        ([[0.5, 0.0], [0.25, 0.25]], 0.3113),
    ],
)
def test_the_loss_of_a_known_table(table, bits):
    P = torch.tensor(table, dtype=torch.float64)
    assert -float(information_loss(P)) / math.log(2) == pytest.approx(bits, abs=5e-5)


def test_the_loss_is_what_scikit_learn_says():
    counts = np.random.default_rng(0).integers(1, 50, (5, 5))
    P = torch.from_numpy(counts / counts.sum())
    assert -float(information_loss(P)) == pytest.approx(mutual_info_score(None, None, contingency=counts), abs=1e-12)


def test_more_weight_on_the_entropies_adds_them():
    P = joint_table(soft(2, 4, 5, 5), soft(2, 4, 5, 5, seed=1), reach=1)
    rows, columns = P.sum(1), P.sum(0)
    entropies = -(rows * rows.log()).sum() - (columns * columns.log()).sum()
    expected = information_loss(P) - 0.5 * entropies
    assert_close(information_loss(P, marginal_weight=1.5), expected, atol=1e-12)


def test_without_the_entropies_one_cluster_for_all_is_best():
    one, even = torch.zeros(3, 3), torch.eye(3) / 3
    one[0, 0] = 1
    assert information_loss(one, marginal_weight=0) < information_loss(even, marginal_weight=0)
    assert information_loss(one) > information_loss(even)


@pytest.mark.parametrize("reach", [0, 1, 3])
def test_the_joint_table_against_loops(reach):
    z, y = soft(2, 3, 4, 5), soft(2, 3, 4, 5, seed=1)
    weight = (draw(2, 1, 4, 5, seed=2) > 0).double()
    P = torch.zeros(3, 3, dtype=torch.float64)
    for b, v, u, dv, du in itertools.product(
        range(2), range(4), range(5), range(-reach, reach + 1), range(-reach, reach + 1)
    ):
        if 0 <= v + dv < 4 and 0 <= u + du < 5:
            P += weight[b, 0, v, u] * weight[b, 0, v + dv, u + du] * torch.outer(z[b, :, v, u], y[b, :, v + dv, u + du])
    P = (P + P.T) / (2 * P.sum())
    assert_close(joint_table(z, y, reach=reach, weight=weight), P, atol=1e-12)
    shifts = joint_of_shifts(z, y, reach=reach, weight=weight).sum((0, 1))
    assert_close((shifts + shifts.T) / (2 * shifts.sum()), P, atol=1e-12)


def test_the_published_loss_is_the_mean_over_shifts():
    """By loops, a table at a time; and the two forms differ: labels that follow one shift are lost in the sum of all."""
    z, y = soft(2, 3, 4, 5), soft(2, 3, 4, 5, seed=1)
    losses = []
    for dv, du in itertools.product((-1, 0, 1), repeat=2):
        P = torch.zeros(3, 3, dtype=torch.float64)
        for b, v, u in itertools.product(range(2), range(4), range(5)):
            if 0 <= v + dv < 4 and 0 <= u + du < 5:
                P += torch.outer(z[b, :, v, u], y[b, :, v + dv, u + du])
        losses.append(-information(P + P.T))
    found = information_loss(joint_tables(z, y, reach=1))
    assert found.shape == (9,)
    assert found.tolist() == pytest.approx(losses, abs=1e-12)
    # Columns 0 1 0 1 …: one bit at shifts of −1, 0 and 1; in one table 2/3 of the pairs differ, which leaves less.
    stripes = F.one_hot(torch.arange(302) % 2, 2).double().T[None, :, None]
    each = -information_loss(joint_tables(stripes, stripes, reach=1)[3:6]) / math.log(2)
    assert_close(each, torch.ones(3).double(), atol=1e-4)
    expected = 1 + (1 / 3 * math.log2(1 / 3) + 2 / 3 * math.log2(2 / 3))
    together = joint_table(stripes, stripes, reach=1)
    assert -float(information_loss(together)) / math.log(2) == pytest.approx(expected, abs=2e-3)


def test_what_tables_say_is_what_scikit_learn_says_in_the_mean():
    counts = np.random.default_rng(0).integers(1, 50, (4, 3, 3))
    counts = counts + counts.transpose(0, 2, 1)
    P = torch.from_numpy(counts / counts.sum((1, 2), keepdims=True))
    parts = parts_of(P)
    expected = np.mean([mutual_info_score(None, None, contingency=table) for table in counts]) / math.log(2)
    assert parts["I(z, z')"] == pytest.approx(expected, abs=1e-12)
    assert parts["H(z)"] - parts["H(z | z')"] == pytest.approx(expected, abs=1e-12)
    rows = P.sum(2)
    assert parts["H(z)"] == pytest.approx(float(-(rows * rows.log2()).sum(1).mean()), abs=1e-12)


def test_the_step_of_iic_takes_the_form_that_is_asked_for(stuff):
    """Without changes of the picture, one step's loss by hand from the network's own labels."""
    for joint in ("shifts", "sum"):
        settings = tiny("iic").replace(joint=joint, augmentation=False, overclustering=False, sub_heads=1, reach=1)
        learner = learner_of("iic", stuff, settings)
        loss = float(learner.losses(Turn(generator(5), 0, 0.0, generator)).total.detach())
        pixels = learner.source.draw(settings.batch, settings.crop, generator(5))
        z = learner.net.heads[0](learner.net.features(pixels)).softmax(1).detach()
        tables = joint_of_shifts(z, z, reach=1).double().flatten(0, 1)
        tables = tables + tables.mT
        mean = np.mean([information(table) for table in tables])
        whole = information(tables.sum(0))
        assert -loss == pytest.approx(mean if joint == "shifts" else whole, rel=1e-3)
        assert mean > whole


def test_net_10a_sees_thirty_pixels():
    """As its authors say ("30x30 recep field"): the pixels whose gradient at the middle cell is not zero."""
    for dilation, field in ((2, 30), (1, 22)):
        torch.manual_seed(0)
        net = ConvNet(3, 0.25, dilation=dilation).double().eval()
        x = torch.rand(1, 5, 64, 64, dtype=torch.float64).requires_grad_()  # after Sobel's filter, as there
        net.trunk(x)[0, :, 16, 16].sum().backward()
        seen = (x.grad.abs().sum((0, 1)) > 0).nonzero()
        assert (seen.max(0).values - seen.min(0).values + 1).tolist() == [field, field]


def test_the_smallest_pictures_have_labels():
    net = ConvNet(3, 0.0625).eval()
    assert net.scores(torch.rand(1, 3, 1, 7)).shape == (1, 3, 1, 4)


def test_gradients_of_the_loss():
    logits = [draw(2, 3, 4, 4, seed=seed).requires_grad_() for seed in (0, 1)]
    assert torch.autograd.gradcheck(
        lambda a, b: information_loss(joint_table(a.softmax(1), b.softmax(1), reach=1), marginal_weight=1.5), logits
    )


# ---- Views ----


def test_a_mirror_and_a_quarter_turn_move_every_pixel_to_its_place():
    maps = draw(1, 2, 6, 6)
    mirror = Moves(torch.tensor([[[-1.0, 0, 0], [0, 1, 0]]]))
    turn = Moves(torch.tensor([[[0.0, 1, 0], [-1, 0, 0]]]))
    assert_close(mirror.apply(maps), maps.flip(-1), atol=1e-6)
    assert_close(turn.apply(maps), maps.rot90(-1, (2, 3)), atol=1e-6)
    assert_close(mirror.inverse().apply(mirror.apply(maps)), maps, atol=1e-6)
    assert_close(turn.inverse().apply(turn.apply(maps)), maps, atol=1e-6)


def test_a_network_of_pixels_commutes_with_moves():
    """What is moved and labeled is what is labeled and moved, where it can be seen: for smooth maps, up to interpolation."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    maps = torch.stack([(2 * x + y).sin(), (x - 2 * y).cos()])[None].repeat(5, 1, 1, 1)
    moves = draw_moves(5, strength=1.0, generator=generator(3))
    back = moves.inverse()
    there = back.apply(moves.apply(maps.square()))
    inside = back.inside(64, 64) & (moves.apply(torch.ones_like(maps[:, :1])) > 0.999)
    inside = inside & (F.max_pool2d((~back.inside(64, 64)).float(), 5, 1, 2) == 0)
    assert 0.3 < inside.float().mean() <= 1
    assert float(((there - maps.square()).abs() * inside).max()) < 0.02


def test_cutouts_show_nothing_from_outside():
    moves = draw_cutouts(50, smallest=0.4, generator=generator())
    reach = moves.theta[:, :, :2].abs().sum(2) + moves.theta[:, :, 2].abs()
    assert float(reach.max()) <= 1 + 1e-6


def test_colors_that_change_by_nothing_stay():
    pixels = torch.rand(3, 3, 8, 8, generator=generator())
    assert_close(jitter_colors(pixels, strength=0.0, generator=generator()), pixels, atol=1e-6)
    changed = jitter_colors(pixels, strength=0.5, generator=generator())
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert float((changed - pixels).abs().mean()) > 0.02


def test_half_of_the_pictures_are_mirrored():
    pixels = torch.rand(400, 1, 2, 3, generator=generator())
    out = mirrored(pixels, generator=generator(1))
    same = (out == pixels).flatten(1).all(1)
    flipped = (out == pixels.flip(-1)).flatten(1).all(1)
    assert bool((same ^ flipped).all())
    assert 150 < int(same.sum()) < 250


# ---- AC: orders ----


def test_each_order_visits_every_pixel_once():
    for order in ORDERS:
        assert sorted(ranks(order, 4, 5).flatten().tolist()) == list(range(20))
    assert len({tuple(ranks(order, 4, 5).flatten().tolist()) for order in ORDERS}) == len(ORDERS) == 16
    assert sum(order.zigzag for order in ORDERS) == 8


def test_simplified_masks_keep_more():
    for order in ORDERS:
        strict, simplified = kernel_mask(order), kernel_mask(order, simplified=True)
        assert int(strict.sum()) == 5  # four neighbors, and the middle
        assert bool((strict <= simplified).all())
        assert int(simplified.sum()) == 6
        assert bool((attention_mask(order, 3, 4) <= attention_mask(order, 3, 4, simplified=True)).all())


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_and_its_opposite_see_each_other_s_blind_spots(order):
    assert torch.equal(ranks(order, 4, 5) + ranks(order.opposite, 4, 5), torch.full((4, 5), 19))
    assert order.opposite.opposite == order
    assert order.opposite in ORDERS
    both = kernel_mask(order) & kernel_mask(order.opposite)
    assert both.nonzero().tolist() == [[1, 1]]
    assert int((kernel_mask(order, simplified=True) & kernel_mask(order.opposite, simplified=True)).sum()) == 3


@pytest.mark.parametrize("simplified", [False, True])
@pytest.mark.parametrize("order", ORDERS)
def test_no_later_pixel_is_seen(order, simplified):
    """Change one pixel: nothing that is visited before it changes."""
    torch.manual_seed(0)
    layers = [OrderedConv(2, 4, simplified=simplified), OrderedConv(4, 4, simplified=simplified)]
    attention = OrderedAttention(4, simplified=simplified)
    torch.nn.init.normal_(attention.out.weight)
    stack = [layer.double().eval() for layer in (*layers, attention)]
    rank = ranks(order, 5, 6, simplified=simplified)

    def seen(x):
        for layer in stack:
            x = layer(x, order)
        return x

    x = draw(1, 2, 5, 6)
    before, some = seen(x), 0
    for v, u in ((0, 0), (2, 3), (4, 5), (1, 4)):
        other = x.clone()
        other[0, :, v, u] += 1.0
        changed = (seen(other) - before).abs().amax((0, 1)) > 1e-12
        assert not bool((changed & (rank < rank[v, u])).any())
        some += int(changed.sum())
    assert some > 4


@pytest.mark.parametrize("order", ORDERS)
def test_derivatives_come_from_neighbors_that_are_visited_before(order):
    pixels = torch.rand(1, 3, 5, 6, generator=generator())
    before, rank = with_steps(pixels, order), ranks(order, 5, 6)
    for v, u in ((0, 0), (2, 3), (4, 5), (1, 4)):
        other = pixels.clone()
        other[0, :, v, u] = 1 - other[0, :, v, u]
        changed = (with_steps(other, order) != before).any(1)[0]
        assert changed[v, u]
        assert not bool((changed & (rank < rank[v, u])).any())


def test_on_a_ramp_derivatives_are_those_of_sobel_in_every_order():
    y, x = torch.meshgrid(torch.arange(6), torch.arange(7), indexing="ij")
    pixels = ((x + 2 * y) / 20).expand(1, 3, 6, 7)
    for order in (None, *ORDERS):
        inner = with_steps(pixels, order)[:, 3:, 1:-1, 1:-1]
        assert_close(inner, 2 * sobel(pixels)[:, 3:, 1:-1, 1:-1], atol=1e-5)


def test_cells_see_no_pixel_after_their_last_one_in_the_whole_network():
    torch.manual_seed(0)
    net = ACNet(3, ACSettings(width=0.0625, simplified=False, attention=False)).eval()
    order = ORDERS[0]  # rows from the top left
    pixels = torch.rand(1, 3, 16, 16, generator=generator())
    before = net.features(pixels, order)
    other = pixels.clone()
    other[0, :, 8, 8] = 1 - other[0, :, 8, 8]
    changed = (net.features(other, order) - before).abs().amax((0, 1)) > 0
    assert changed.shape == (4, 4)
    assert not bool(changed[:2].any())  # rows of cells 0 and 1 end with row 7 of the pixels
    assert bool(changed[2:].any())


def test_in_training_no_cell_sees_a_border():
    """Move a crop over a larger picture: what its cells say moves along."""
    torch.manual_seed(0)
    net = ACNet(3, ACSettings(width=0.0625, attention=False))
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()  # whose statistics would be of other pixels
    pixels = torch.rand(1, 3, 80, 80, generator=generator())
    for order in (None, ORDERS[0], ORDERS[13]):
        first, second = (net.features(pixels[:, :, 8 * i : 8 * i + 64, :64], order) for i in (0, 1))
        assert first.shape == (1, net.n_features, 12, 12)
        assert_close(first[:, :, 2:], second[:, :, :-2], atol=1e-5)


def test_in_use_the_network_has_no_mask():
    torch.manual_seed(0)
    x = draw(1, 2, 5, 5)
    layer = OrderedConv(2, 3, simplified=False).double().eval()
    other = x.clone()
    other[0, :, 2, 2] += 1
    changed = (layer(other, None) - layer(x, None)).abs().amax((0, 1)) > 0
    assert not changed[0].any()
    assert changed[1:4, 1:4].sum() > 4


# ---- What learned nothing ----


def test_k_means_on_color_finds_colors_and_a_random_network_less():
    truth = torch.arange(3).repeat_interleave(12).expand(24, 36).contiguous()
    image = torch.tensor([[200, 40, 40], [40, 160, 60], [50, 60, 190]], dtype=torch.uint8)[truth]
    pictures = Pictures((image,) * 2, ("a", "b"), (truth,) * 2, ("red", "green", "blue"))
    state = torch.random.get_rng_state()
    first, again = (score_baselines(pictures, pictures, n_segments=3, seed=5) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert first["k-means on color"].accuracy == 1
    assert first["k-means on its features"].accuracy > first["Random network"].accuracy - 1e-9
    assert all((first[name].table == again[name].table).all() for name in first)
    assert set(first) == set(BASELINES)


def test_color_and_position_tell_places_apart():
    """Gray pictures, dark above and dark below, light between: three classes, of which color knows two."""
    truth = torch.arange(3).repeat_interleave(16)[:, None].expand(48, 48).contiguous()
    image = torch.tensor([60, 200, 60], dtype=torch.uint8)[truth][..., None].expand(48, 48, 3).contiguous()
    pictures = Pictures((image,) * 2, ("a", "b"), (truth,) * 2, ("above", "between", "below"))
    found = score_baselines(pictures, pictures, n_segments=3)
    assert found["k-means on color and position"].accuracy > 0.95
    assert found["k-means on color"].accuracy < 0.7


def test_more_clusters_than_colors_leave_some_unused():
    plain = torch.zeros(16, 16, dtype=torch.int64)
    pictures = Pictures((torch.zeros(16, 16, 3, dtype=torch.uint8),) * 2, ("a", "b"), (plain,) * 2, ("black",))
    assert score_baselines(pictures, pictures, n_segments=3)["k-means on color"].table.sum(1).tolist() == [512, 0, 0]


# ---- InfoSeg ----


def test_the_bound_on_gaussians():
    """With T = ln of the ratio of densities it is 2 JSD − 2 ln 2, by quadrature; any other T gives less."""
    rho = 0.8
    x = torch.linspace(-6, 6, 601, dtype=torch.float64)
    X, Y = torch.meshgrid(x, x, indexing="ij")
    p = torch.exp(-(X**2 - 2 * rho * X * Y + Y**2) / (2 * (1 - rho**2))) / (2 * math.pi * math.sqrt(1 - rho**2))
    q = torch.exp(-(X**2 + Y**2) / 2) / (2 * math.pi)
    area = float((x[1] - x[0]) ** 2)
    m = (p + q) / 2
    divergence = float((0.5 * p * (p / m).log() + 0.5 * q * (q / m).log()).sum()) * area
    draws = draw(200_000, 2)
    a, b = draws[:, 0], rho * draws[:, 0] + math.sqrt(1 - rho**2) * draws[:, 1]

    def ratio(a, b):
        return -0.5 * math.log(1 - rho**2) - (rho**2 * (a**2 + b**2) - 2 * rho * a * b) / (2 * (1 - rho**2))

    positive, negative = ratio(a, b), ratio(a, b.roll(1))
    best = float(jensen_shannon(positive, negative))
    assert best == pytest.approx(2 * divergence - 2 * math.log(2), abs=0.01)
    assert float(jensen_shannon(torch.zeros(3), torch.zeros(3))) == pytest.approx(-2 * math.log(2))
    for other in (0.5, 2.0):
        assert float(jensen_shannon(other * positive, other * negative)) < best
    assert float(jensen_shannon(positive + 1, negative + 1)) < best


def test_pairs_against_loops():
    local, S = draw(3, 4, 2, 2).float(), draw(3, 4, 2, 2, seed=1).float()
    places = torch.tensor([2, 0, 3, 1])
    positive, negative = pair_scores(local, S, places)
    here = [float(local[b, :, v, u] @ S[b, :, v, u]) for b in range(3) for v in range(2) for u in range(2)]
    there = [
        float(local[i, :, v, u] @ S[j].flatten(1)[:, places[2 * v + u]])
        for i in range(3) for j in range(3) if i != j for v in range(2) for u in range(2)
    ]  # fmt: skip
    assert positive.tolist() == pytest.approx(here, abs=1e-5)
    assert sorted(negative.tolist()) == pytest.approx(sorted(there), abs=1e-5)


def test_the_segmentation_of_infoseg_sums_to_one_and_starts_alike_in_all_pictures():
    torch.manual_seed(0)
    net = InfoSegNet(4, CATALOG["infoseg"].settings(**TINY["infoseg"])).eval()
    pixels = torch.rand(2, 3, 30, 41, generator=generator())
    V = net.scores(pixels)
    assert V.shape == (2, 4, 8, 11)
    assert_close(V.sum(1), torch.ones(2, 8, 11), atol=1e-5)
    H = net.classes(net.features(pixels))
    assert_close(H[0], H[1], atol=1e-6)
    assert_close(assign(torch.zeros(1, 3, 2, 2), torch.ones(1, 4, 3)), torch.full((1, 4, 2, 2), 0.25), atol=1e-6)


# ---- PiCIE and modified DeepCluster ----


def slow_clustering_loss(z, y, centers, temperature):
    k = len(centers)
    counts = [int((y == j).sum()) for j in range(k)]
    total = weights = 0.0
    for b, v, u in itertools.product(*map(range, y.shape)):
        label = int(y[b, v, u])
        logits = [float(z[b, :, v, u] @ centers[j]) / temperature for j in range(k)]
        most = max(logits)
        loss = most + math.log(sum(math.exp(x - most) for x in logits)) - logits[label]
        total, weights = total + loss / counts[label], weights + 1 / counts[label]
    return total / weights


def test_the_losses_of_picie_against_loops():
    z = tuple(F.normalize(draw(2, 5, 3, 4, seed=seed), dim=1) for seed in (0, 1))
    y = tuple(torch.randint(0, 3, (2, 3, 4), generator=generator(seed)) for seed in (0, 1))
    centers = F.normalize(draw(2, 3, 5, seed=4), dim=2)
    within, cross = picie_losses(tuple(a.float() for a in z), y, centers.float(), temperature=0.1)

    def slow(a, b):
        return slow_clustering_loss(z[a], y[b], centers[b], 0.1)

    assert float(within) == pytest.approx((slow(0, 0) + slow(1, 1)) / 2, rel=1e-4)
    assert float(cross) == pytest.approx((slow(0, 1) + slow(1, 0)) / 2, rel=1e-4)


def test_gradients_reach_the_features_alone():
    z = F.normalize(draw(1, 4, 2, 2), dim=1).float().requires_grad_()
    loss = clustering_loss(z, torch.zeros(1, 2, 2, dtype=torch.int64), torch.eye(4)[:3], temperature=1.0)
    loss.backward()
    assert bool((z.grad[0, 0] < 0).all())  # toward their own center


def test_minibatch_kmeans_finds_what_lies_apart():
    directions = F.normalize(torch.eye(4), dim=1)
    rows = F.normalize(directions.repeat_interleave(500, 0) + 0.1 * draw(2000, 4).float(), dim=1)
    centers = minibatch_kmeans(rows, 4, generator=generator(), unit=True)
    cosines = centers @ directions.T
    assert_close(cosines.amax(1), torch.ones(4), atol=0.01)
    assert sorted(cosines.argmax(1).tolist()) == [0, 1, 2, 3]
    assert_close(in_order_of(directions, centers) @ directions.T, torch.eye(4), atol=0.1)


def test_published_centers_are_means_and_each_row_counts_once():
    """Two bundles of more rows than the start sees: the plain means of each, of length below 1."""
    bundles = [F.normalize(torch.eye(5)[i] + 0.5 * draw(3500, 5, seed=i).float(), dim=1) for i in (0, 1)]
    rows = torch.cat([x[x.argmax(1) == i] for i, x in enumerate(bundles)])  # on the two sides of a mirror
    centers = minibatch_kmeans(rows, 2, generator=generator())
    nearest = torch.cdist(rows, centers).argmin(1)
    assert torch.equal(nearest_center(rows, centers), nearest)
    means = torch.stack([rows[nearest == i].mean(0) for i in (0, 1)])
    assert len(rows) > 4096
    assert_close(centers, means, atol=0.01)
    assert 0.5 < float(centers.norm(dim=1).max()) < 0.95
    few = minibatch_kmeans(rows[:3000], 1, generator=generator())
    assert_close(few[0], rows[:3000].mean(0), atol=1e-5)  # nothing counts twice


def test_the_nearest_mean_need_not_be_that_of_largest_product():
    centers, row = torch.tensor([[0.9, 0.0], [0.3, 0.3]]), torch.tensor([[0.5, 0.5]]) * 2**0.5
    assert (row @ centers.T).argmax() == 0  # .64 against .42
    assert nearest_center(row, centers) == torch.cdist(row, centers).argmin() == 1  # .54 against .33, squared


@pytest.mark.parametrize("kind", ["means", "unit"])
def test_an_epoch_of_picie_labels_by_distance_and_reads_the_centers(kind, stuff):
    learner = learner_of("picie", stuff, tiny("picie").replace(centers=kind, overclustering=False))
    turn = Turn(generator(1), 0, 0.0, generator)
    learner.prepare(turn)
    lengths = learner._centers(0).norm(dim=2)
    assert bool((lengths < 0.9999).any()) == (kind == "means")
    if kind == "unit":
        assert_close(lengths, torch.ones(2, 3), atol=1e-5)
    with torch.no_grad():
        z = torch.cat([learner.views(generator(step))[0] for step in range(3)]).permute(0, 2, 3, 1)
    expected = torch.cdist(z.flatten(0, 2), learner._centers(0)[0]).argmin(1).reshape(z.shape[:3])
    assert float((learner._labels(0)[0] == expected).float().mean()) > 0.999
    pixels, net = torch.rand(1, 3, 16, 16), learner.net.eval()
    products = torch.einsum("bdhw,kd->bkhw", net.features(pixels), learner._centers(0)[0])
    assert torch.equal(net.scores(pixels).argmax(1), products.argmax(1))  # in use, by products, as published


def test_modified_deepcluster_clusters_what_its_classifier_reads(stuff):
    """Unit features as they are; whitened ones, as DeepCluster has them, where they are asked for."""
    for whitening in (False, True):
        learner = learner_of("mdc", stuff, tiny("mdc").replace(whitening=whitening))
        learner.prepare(Turn(generator(1), 0, 0.0, generator))
        with torch.no_grad():
            f = torch.cat([learner.net.features(learner.clustered(generator(step))) for step in range(3)])
        seen = learner.net.whitened(f)
        assert torch.allclose(seen, f, atol=1e-6) != whitening
        z = seen.permute(0, 2, 3, 1).flatten(0, 2)
        expected = torch.cdist(z, learner.net.prototypes).argmin(1)
        assert float((learner.labels.flatten() == expected).float().mean()) > 0.999


def test_modified_deepcluster_learns_from_the_crops_that_it_clustered_in_other_colors(stuff):
    """Without a change of colors the same pixels; with one the same places, whose brightness goes up and down alike."""
    for change in (0.0, 0.3):
        learner = learner_of("mdc", stuff, tiny("mdc").replace(color_change=change))
        plain, other = learner._crops(generator(1)), learner.clustered(generator(1))
        assert torch.equal(plain, other) == (change == 0)
        grays = torch.stack([pixels.mean(1).flatten(1) for pixels in (plain, other)])
        assert all(float(torch.corrcoef(pair)[0, 1]) > 0.7 for pair in grays.transpose(0, 1))


def test_whitened_features_are_uncorrelated():
    rows = (draw(4000, 3) @ draw(3, 3, seed=1) + 2).float()
    mean, whitening = whitening_of(rows)
    white = (rows - mean) @ whitening
    assert_close(white.mean(0), torch.zeros(3), atol=1e-3)
    assert_close(white.T @ white / len(white), torch.eye(3), atol=0.01)


# ---- Trainings ----


def test_every_system_has_a_file():
    assert CATALOG.keys() - LABELLED == TINY.keys()
    files = {path.stem for path in Path(systems.__file__).parent.glob("*.py")} - {"__init__"}
    assert TINY.keys() | {"labelled"} == files
    assert not LABELLED - NETS.keys()
    assert all(system.name == name for name, system in CATALOG.items())


@pytest.mark.parametrize("name", CATALOG)
def test_a_few_steps_and_a_training_that_goes_on(name, stuff, tmp_path):
    """Five steps, and five that are stopped after two: the same network to the bit; the file labels as the network did."""
    settings, known = tiny(name), name in LABELLED
    k = len(stuff.classes) if known else CATALOG[name].own_k or 4
    asked = {"n_segments": k, "settings": settings, "seed": 3, "device": "cpu"}
    *first, whole = train(name, stuff, steps=5, **asked)
    assert [state.step for state in (*first, whole)] == [1, 2, 3, 4, 5]
    assert whole.progress == 1
    assert math.isfinite(whole.loss)
    assert float(whole.use.sum()) == pytest.approx(1, abs=1e-4)
    if whole.P is not None:
        assert whole.P.shape == (k, k)
        assert float(whole.P.sum()) == pytest.approx(1, abs=1e-3)
        if not known:
            assert_close(whole.P, whole.P.T, atol=1e-5)
    stopped = train(name, stuff, steps=5, **asked)
    _, half = next(stopped), next(stopped)
    *_, resumed = train(name, stuff, steps=5, start=half.checkpoint(), **asked)
    mine, theirs = whole.learned().net.state_dict(), resumed.learned().net.state_dict()
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert whole.loss == resumed.loss
    done = learn(name, stuff, tmp_path / "net.safetensors", n_segments=k, settings=settings, steps=5, seed=3, device="cpu")
    image = stuff.images[0]
    read = load_learned(done.path)
    assert torch.equal(read.label(image), whole.label(image))
    assert read.label(image).shape == image.shape[:2]
    scores = read.scores(image)
    assert float(scores.min()) >= 0
    assert_close(scores.sum(0), torch.ones(image.shape[:2]), atol=1e-4)
    assert read.settings == settings
    if known:  # what was learned from is no measure
        assert done.scores is None
    else:
        assert done.scores.accuracy == pytest.approx(score_classes(whole.label, stuff, n_segments=k).accuracy)


@pytest.mark.parametrize("name", TINY)
def test_files_and_checkpoints_from_before_a_setting_mean_what_they_did(name, stuff, tmp_path):
    """A field that a file does not know yet stands for what was done before there was one."""
    schema, path = CATALOG[name].settings, tmp_path / "net.safetensors"
    settings = tiny(name).replace(**schema.before())
    asked = {"n_segments": 3, "seed": 1, "device": "cpu"}
    _, state = train(name, stuff, steps=2, settings=settings, **asked)
    learned = state.learned()
    save_learned(learned, path)
    file = read_trained(path)
    older = {key: value for key, value in file.about["settings"].items() if key not in schema.before()}
    path.write_bytes(trained_bytes(NET, file.tensors, {**file.about, "settings": older}))
    read = load_learned(path)
    assert read.settings == settings
    assert torch.equal(read.scores(stuff.images[0]), learned.scores(stuff.images[0]))
    whole = state.checkpoint()
    identity = {key: value for key, value in whole.identity.items() if key not in schema.before()}
    checkpoint = dataclasses.replace(whole, identity=identity)
    *_, on = train(name, stuff, steps=3, settings=settings, start=checkpoint, **asked)
    assert on.step == 3
    if tiny(name) != settings:
        with pytest.raises(InputError, match="of a training with another"):
            next(train(name, stuff, steps=3, settings=tiny(name), start=checkpoint, **asked))


def test_truth_is_not_looked_at(stuff):
    asked = {"n_segments": 3, "settings": tiny("iic"), "steps": 2, "device": "cpu"}
    *_, with_truth = train("iic", stuff, **asked)
    *_, without = train("iic", Pictures(stuff.images, stuff.names), **asked)
    assert with_truth.loss == without.loss


def test_the_learning_rate_falls_along_a_cosine(stuff):
    settings = tiny("iic").replace(learning_rate=0.01)
    states = train("iic", stuff, n_segments=3, settings=settings, steps=4, device="cpu")
    rates = [state.checkpoint().optimizer["param_groups"][0]["lr"] for state in states]
    assert rates == pytest.approx([0.01 * (1 + math.cos(math.pi * i / 4)) / 2 for i in range(4)])


def test_a_loss_that_is_no_number_leaves_the_last_good_step(stuff, tmp_path, monkeypatch):
    out = tmp_path / "net.safetensors"
    learner = type(CATALOG["iic"].make_learner(CATALOG["iic"].make_net(3, tiny("iic")), 3, tiny("iic"), None))
    losses = learner.losses

    def spoiled(self, turn):
        found = losses(self, turn)
        return dataclasses.replace(found, total=found.total * math.nan) if turn.step == 2 else found

    monkeypatch.setattr(learner, "losses", spoiled)
    with pytest.raises(NumericalError, match=r"loss of step 3 is nan.*as it was after step 2.*smaller learning rate"):
        learn("iic", stuff, out, n_segments=3, settings=tiny("iic"), steps=5, device="cpu")
    monkeypatch.undo()
    done = learn("iic", stuff, out, n_segments=3, settings=tiny("iic"), steps=5, device="cpu", resume=True)
    assert done.learned.training["steps"] == 5


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"pictures": 1}, "what many pictures share; got 1"),
        ({"n_segments": 1}, "n_segments must be between 2 and 64; got 1"),
        ({"n_segments": 65}, "n_segments must be between 2 and 64; got 65"),
        ({"settings": {"crop": 96}}, "crop must be at most the shorter side"),
        ({"seed": -1}, "seed must be"),
        ({"steps": 0}, "steps"),
    ],
)
def test_what_cannot_be_learned_is_told(stuff, change, told):
    kept = change.pop("pictures", len(stuff))
    pictures = Pictures(stuff.images[:kept], stuff.names[:kept])
    settings = CATALOG["iic"].settings(**{**TINY["iic"], **change.pop("settings", {})})
    asked = {"n_segments": 3, "settings": settings, "steps": 2, "seed": 0, "device": "cpu", **change}
    with pytest.raises(InputError, match=told):
        next(train("iic", pictures, **asked))


def test_a_checkpoint_of_another_training_is_refused(stuff):
    *_, state = train("iic", stuff, n_segments=3, settings=tiny("iic"), steps=1, device="cpu")
    with pytest.raises(InputError, match=r"another system and .*'iic', and now 'infoseg'"):
        next(
            train("infoseg", stuff, n_segments=3, settings=tiny("infoseg"), steps=2, device="cpu", start=state.checkpoint())
        )
    with pytest.raises(InputError, match="another n_segments"):
        next(train("iic", stuff, n_segments=4, settings=tiny("iic"), steps=2, device="cpu", start=state.checkpoint()))


def test_a_full_disk_is_a_sentence(stuff, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        learn("iic", stuff, tmp_path / "net.safetensors", n_segments=3, settings=tiny("iic"), steps=1, device="cpu")


def test_a_damaged_file_is_a_sentence(stuff, tmp_path):
    out = tmp_path / "net.safetensors"
    learn("iic", stuff, out, n_segments=3, settings=tiny("iic"), steps=1, device="cpu")
    content = bytearray(out.read_bytes())
    content[-5] ^= 0xFF
    out.write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.safetensors"):
        load_learned(out)


# ---- Drawn collections ----


def test_drawn_stuff_is_seeded_and_has_all_classes():
    for name, n_classes in (("stuff6", 6), ("stuff3", 3)):
        pictures = draw_stuff(name, n=12, side=48)
        again = draw_stuff(name, n=12, side=48)
        assert all(map(torch.equal, pictures.images, again.images))
        assert all(map(torch.equal, pictures.truth, again.truth))
        assert {int(x) for truth in pictures.truth for x in truth.unique()} == set(range(n_classes))
        assert len(pictures.classes) == n_classes
        assert not torch.equal(pictures.images[0], draw_stuff(name, n=1, side=48, seed=1).images[0])


def test_color_alone_does_not_tell_drawn_stuff_apart():
    """The colors of a class are those of the others: to know the mean color of a region is to know little of its class."""
    pictures = draw_stuff("stuff6", n=60, side=64)
    rows, classes = [], []
    for image, truth in zip(pictures.images, pictures.truth, strict=True):
        for c in truth.unique().tolist():
            rows.append(image[truth == c].float().mean(0))
            classes.append(c)
    X, y = torch.stack(rows), torch.tensor(classes)
    distance = torch.cdist(X, X).fill_diagonal_(math.inf)
    right = float((y[distance.argmin(1)] == y).float().mean())
    assert right < 0.4  # of six classes, by the nearest other region


# ---- The command ----


def test_the_command_trains_scores_and_its_file_segments(tmp_path, capsys):
    folder, labels = tmp_path / "pictures", tmp_path / "labels"
    folder.mkdir()
    labels.mkdir()
    pictures = draw_stuff("stuff6", n=4, side=64)
    for image, name, truth in zip(pictures.images, pictures.names, pictures.truth, strict=True):
        Image.fromarray(image.numpy()).save(folder / f"{name}.png")
        Image.fromarray(truth.numpy().astype(np.uint8)).save(labels / f"{name}.png")
    out = tmp_path / "net.safetensors"
    flags = ["--crop", "32", "--batch", "4", "--width", "0.0625", "--steps", "2", "--device", "cpu"]
    asked = ["learn", "iic", str(folder), "--out", str(out), "--labels", str(labels), *flags]
    assert main(asked) == 0
    assert "2 steps on 4 pictures" in capsys.readouterr().out
    segmented = tmp_path / "segmented"
    picture = str(folder / f"{pictures.names[0]}.png")
    assert main(["segment", picture, "--out", str(segmented), "--weights", str(out), "--method", "kmeans"]) == 0
    assert (segmented / f"{pictures.names[0]}.labels.png").is_file()
    assert main([*asked, "--n-segments", "1"]) == 2
    assert "n_segments must be between 2 and 64" in capsys.readouterr().err
