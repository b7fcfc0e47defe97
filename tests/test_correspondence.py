"""STEGO's loss, its head and its clusters: formulas against loops, and what they are for."""

import itertools
import math

import pytest
import torch

from segcore import InputError
from segcore.collection.systems.stego import StegoHeadSettings
from segcore.learn.correspondence import (
    PAIRS,
    Bank,
    centered,
    correspondence_loss,
    cosine_kmeans,
    draw_pairs,
    head_losses,
    likenesses,
    measure_shifts,
    moved,
    nearest_pictures,
    others_of,
    renumbered,
)
from segcore.nets.blocks import soft_clusters
from segcore.nets.heads import CodeHead
from segcore.numerics import normalize_rows


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def unit(*shape, seed=0):
    return normalize_rows(draw(*shape, seed=seed))


def make_bank(n_pictures=6, *, n_kinds=3, d=8, noise=0.2, seed=0):
    """Pictures of 6 × 5 patches; each patch is of one of a few kinds, the same in all pictures."""
    kinds = 3 * torch.nn.functional.one_hot(torch.arange(n_kinds), d).float()
    which = torch.randint(n_kinds, (n_pictures, 6, 5), generator=generator(seed))
    f = kinds[which] + noise * torch.randn(n_pictures, 6, 5, d, generator=generator(seed + 1))
    return Bank(lambda i: f[i], nearest_pictures(f.mean((1, 2)), 2), torch.device("cpu")), f, which


class TestLoss:
    @pytest.mark.parametrize("clamp", [False, True])
    def test_is_the_sum_over_all_pairs(self, clamp):
        f, s, b = draw(2, 3, 4), unit(2, 3, 4, seed=1), 0.3
        total = 0.0
        for n in range(2):
            for i in range(3):
                for j in range(4):
                    code = max(float(s[n, i, j]), 0) if clamp else float(s[n, i, j])
                    total -= code * (float(f[n, i, j]) - b)
        assert correspondence_loss(f, s, shift=b, zero_clamp=clamp) == pytest.approx(total / 24, rel=1e-12)

    def test_of_codes_by_loops_over_patches(self):
        """f and s from features and codes themselves, centered as the paper's equation 3 and the code's mean."""
        X, Y, S, R = unit(2, 3, 5), unit(2, 4, 5, seed=1), unit(2, 3, 2, seed=2), unit(2, 4, 2, seed=3)
        f = [[[float(X[n, i] @ Y[n, j]) for j in range(4)] for i in range(3)] for n in range(2)]
        mean = sum(v for picture in f for row in picture for v in row) / 24
        total = 0.0
        for n in range(2):
            for i in range(3):
                for j in range(4):
                    total -= max(float(S[n, i] @ R[n, j]), 0) * (f[n][i][j] - sum(f[n][i]) / 4 + mean - 0.1)
        found = correspondence_loss(centered(X @ Y.mT), S @ R.mT, shift=0.1)
        assert found == pytest.approx(total / 24, rel=1e-12)

    def test_gradients(self):
        f, s = draw(1, 3, 3), unit(1, 3, 3, seed=1).requires_grad_()
        assert torch.autograd.gradcheck(lambda x: correspondence_loss(f, x, shift=0.2, zero_clamp=False), (s,))
        assert torch.autograd.gradcheck(lambda x: correspondence_loss(f, x, shift=0.2), (s,))

    def test_orthogonal_codes_rest(self):
        """Pairs that repel are pushed until they are orthogonal, and no further."""
        s = torch.tensor([[[-0.5, 0.5]]], requires_grad=True)
        correspondence_loss(torch.tensor([[[-1.0, -1.0]]]), s, shift=0.0).backward()
        assert s.grad.flatten().tolist() == [0.0, 0.5]

    def test_centering_makes_rows_alike_in_the_mean(self):
        f = draw(3, 4, 5)
        assert torch.allclose(centered(f).mean(2), f.mean().expand(3, 4))
        assert torch.allclose(centered(centered(f)), centered(f))

    def test_gradient_of_the_head(self):
        """Codes of length 1: of the whole way from the head's weights to the loss."""
        head = CodeHead(3, 2).double()
        X, f = draw(1, 4, 3), draw(1, 4, 4, seed=2)

        def loss(*weights):
            names = [name for name, _ in head.named_parameters()]
            S = torch.func.functional_call(head, dict(zip(names, weights, strict=True)), (X,))
            return correspondence_loss(f, S @ S.mT, shift=0.1, zero_clamp=False)

        assert torch.autograd.gradcheck(loss, tuple(head.parameters()))

    def test_shapes_must_agree(self):
        with pytest.raises(InputError, match="shape"):
            correspondence_loss(draw(1, 2, 3), draw(1, 3, 2), shift=0.0)


class TestHead:
    def test_codes_have_length_one_whatever_the_features(self):
        head = CodeHead(5, 3)
        X = torch.randn(4, 5, generator=generator())
        codes = head(X)
        assert torch.allclose(codes.norm(dim=1), torch.ones(4), atol=1e-6)
        assert torch.allclose(head(7 * X), codes, atol=1e-5)

    def test_branches_add_up(self):
        head, X = CodeHead(5, 3), torch.randn(4, 5, generator=generator())
        x = X / X.norm(dim=1, keepdim=True) * math.sqrt(5)
        raw = x @ head.linear.weight.T + head.linear.bias + head.deep(x)
        assert torch.allclose(head(X), raw / raw.norm(dim=1, keepdim=True), atol=1e-6)


class TestPairs:
    def test_nearest_pictures_are_those_of_a_loop(self):
        means = draw(7, 3).float()
        found = nearest_pictures(means, 3)
        for i in range(7):
            cosines = {j: float(torch.cosine_similarity(means[i], means[j], 0)) for j in range(7) if j != i}
            assert found[i].tolist() == sorted(cosines, key=cosines.get, reverse=True)[:3]

    def test_as_many_neighbors_as_there_are(self):
        assert nearest_pictures(draw(3, 2).float(), 7).shape == (3, 2)
        with pytest.raises(InputError, match="only one"):
            nearest_pictures(draw(1, 2).float(), 7)

    def test_same_generator_same_pairs(self):
        bank, _, _ = make_bank()
        settings = StegoHeadSettings(points=9)
        a, b, c = (draw_pairs(bank, settings, 4, generator(seed)) for seed in (3, 3, 4))
        assert torch.equal(a.own, b.own)
        assert torch.equal(a.near, b.near)
        assert not torch.equal(a.own, c.own)
        assert a.own.shape == a.near.shape == (4, 9, 8)

    def test_random_pictures_are_others(self):
        """Two pictures, each of one feature of its own: the other one always stands against it."""
        f = torch.eye(2)[:, None, None, :].expand(2, 4, 4, 2)
        bank = Bank(lambda i: f[i], nearest_pictures(f.mean((1, 2)), 1), torch.device("cpu"))
        found = likenesses(draw_pairs(bank, StegoHeadSettings(points=5), 16, generator()), centering=False)
        assert all(bool((x == 0).all()) for x in found["random"])
        assert bool((found["self"][0] == 1).all())

    @pytest.mark.parametrize("b", [2, 3, 5])
    def test_random_pictures_are_any_but_itself(self, b):
        """As in the authors' code: a permutation, whose fixed points are moved on by one."""
        seen = torch.zeros(b, b)
        for seed in range(60):
            order, drawn = others_of(b, generator(seed)), torch.randperm(b, generator=generator(seed)).tolist()
            assert order.tolist() == [(j + 1) % b if j == i else j for i, j in enumerate(drawn)]
            seen[torch.arange(b), order] += 1
        assert bool(((seen > 0) == ~torch.eye(b, dtype=torch.bool)).all())

    def test_channels_that_are_dropped_tell_nothing(self):
        """By loops: one set of channels for all patches of a picture, whichever it is compared with."""
        bank, _, _ = make_bank()
        pairs = draw_pairs(bank, StegoHeadSettings(points=4), 3, generator(1))
        kept = tuple((torch.rand(3, 1, 8, generator=generator(seed)) > 0.3) / 0.7 for seed in (2, 3))
        found = likenesses(pairs, centering=False, kept=kept)

        def cosine(x, y):
            return float(x @ y / (x.norm() * y.norm()))

        for n, i, j in itertools.product(range(3), range(4), range(4)):
            x = pairs.own[n, i] * kept[0][n, 0]
            assert float(found["self"][0][n, i, j]) == pytest.approx(cosine(x, pairs.own[n, j] * kept[0][n, 0]), abs=1e-5)
            assert float(found["neighbors"][0][n, i, j]) == pytest.approx(
                cosine(x, pairs.near[n, j] * kept[1][n, 0]), abs=1e-5
            )
            m = int(pairs.others[0][n])
            assert float(found["random"][0][n, i, j]) == pytest.approx(
                cosine(x, pairs.other[m, j] * kept[0][m, 0]), abs=1e-5
            )

    def test_dropout_in_the_loss_is_a_setting(self):
        bank, _, _ = make_bank()
        pairs, head = draw_pairs(bank, StegoHeadSettings(points=9), 4, generator(1)), CodeHead(8, 6)
        losses = {
            (inside, dropout): float(head_losses(
                head, pairs, torch.zeros(3), StegoHeadSettings(feature_dropout=inside, dropout=dropout), generator(7)
            )[0].detach())
            for inside in (False, True) for dropout in (0.0, 0.5)
        }  # fmt: skip
        assert losses[False, 0.0] == losses[True, 0.0]
        assert losses[False, 0.5] != losses[True, 0.5]

    def test_shifts_leave_the_wanted_shares(self):
        bank, _, _ = make_bank(12, noise=1.0)
        settings = StegoHeadSettings(attracting=0.3, attracting_random=0.05)
        shifts = measure_shifts(bank, settings, generator(5))
        f = likenesses(draw_pairs(bank, settings, 32, generator(6)), centering=True)
        for name, shift, share in zip(PAIRS, shifts, (0.3, 0.3, 0.05), strict=True):
            above = torch.stack(f[name]) > shift
            assert float(above.float().mean()) == pytest.approx(share, abs=0.04)

    def test_fixed_shifts_are_the_published_ones(self):
        bank, _, _ = make_bank()
        assert measure_shifts(bank, StegoHeadSettings(shift_rule="fixed"), generator()).tolist() == pytest.approx(
            [0.18, 0.12, 0.46]
        )


class TestTraining:
    def train(self, bank, settings, steps=60, seed=0):
        torch.manual_seed(seed)
        head = CodeHead(8, 6)
        shifts = measure_shifts(bank, settings, generator(seed))
        optimizer = torch.optim.Adam(head.parameters(), lr=5e-3)
        losses = []
        for step in range(steps):
            draws = generator(1000 * seed + step)
            total, _, _ = head_losses(head, draw_pairs(bank, settings, 6, draws), shifts, settings, draws)
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            losses.append(float(total.detach()))
        return head, losses

    def test_it_parts_kinds_that_recur(self):
        bank, f, which = make_bank(noise=0.6)
        head, losses = self.train(bank, StegoHeadSettings(points=25))
        assert sum(losses[-10:]) < sum(losses[:10])
        S = head(f).detach().flatten(0, 2)
        labels = soft_clusters(S, cosine_kmeans(S, 3, generator=generator())).argmax(1)
        table = torch.stack([torch.bincount(labels[which.flatten() == k], minlength=3) for k in range(3)])
        assert int(table.max(1).values.sum()) >= 0.97 * len(labels)
        assert sorted(table.argmax(1).tolist()) == [0, 1, 2]

    def test_it_draws_kinds_apart_further_than_the_features(self):
        """The point of the loss: within a kind codes are closer than features were, and between kinds nearly orthogonal."""
        bank, f, which = make_bank(noise=0.6)
        head, _ = self.train(bank, StegoHeadSettings(points=25))
        kind = which.flatten()
        same = kind[:, None] == kind

        def contrast(X):
            X = normalize_rows(X.flatten(0, 2))
            cosine = X @ X.T
            return float(cosine[same].mean() - cosine[~same].mean())

        assert contrast(head(f).detach()) > contrast(f) + 0.1

    def test_seeds_reproduce_to_the_bit(self):
        bank, _, _ = make_bank()
        runs = [self.train(bank, StegoHeadSettings(points=9), steps=4, seed=seed) for seed in (1, 1, 2)]
        assert runs[0][1] == runs[1][1] != runs[2][1]
        assert all(torch.equal(a, b) for a, b in zip(runs[0][0].parameters(), runs[1][0].parameters(), strict=True))

    def test_parts_add_up_to_the_loss(self):
        bank, _, _ = make_bank()
        settings = StegoHeadSettings(points=9, dropout=0.0)
        total, parts, codes = head_losses(
            CodeHead(8, 6), draw_pairs(bank, settings, 4, generator()), torch.zeros(3), settings, generator()
        )
        assert float(total) == pytest.approx(
            0.67 * parts["self"] + 0.25 * parts["neighbors"] + 0.63 * parts["random"], rel=1e-5
        )
        assert codes.shape == (36, 6)
        assert not codes.requires_grad


class TestClusters:
    def test_k_means_by_the_cosine(self):
        from sklearn.metrics import adjusted_rand_score

        S = normalize_rows(torch.eye(4).repeat_interleave(20, 0) + 0.1 * torch.randn(80, 4, generator=generator()))
        centers = cosine_kmeans(S, 4, generator=generator())
        assert torch.allclose(centers.norm(dim=1), torch.ones(4), atol=1e-5)
        labels = (S @ centers.T).argmax(1)
        assert adjusted_rand_score(labels.numpy(), torch.arange(4).repeat_interleave(20).numpy()) == 1

    def test_numbers_stay(self):
        centers = normalize_rows(torch.randn(5, 6, generator=generator()))
        order = torch.tensor([3, 0, 4, 1, 2])
        nearly = normalize_rows(centers + 0.05 * torch.randn(5, 6, generator=generator(1)))
        assert torch.equal(renumbered(nearly[order], centers), nearly)

    def test_centers_move_towards_their_codes_only(self):
        centers = torch.eye(3)
        S = normalize_rows(torch.tensor([[1.0, 0.5, 0.0], [1.0, 0.5, 0.0]]))
        after = moved(centers, S)
        assert torch.equal(after[1:], centers[1:])
        assert float(after[0] @ S[0]) > float(centers[0] @ S[0])
        assert float(after[0].norm()) == pytest.approx(1)

    def test_soft_clusters_are_shares(self):
        S, centers = unit(2, 3, 4).float(), unit(5, 4, seed=1).float()
        p = soft_clusters(S, centers)
        assert p.shape == (2, 3, 5)
        assert torch.allclose(p.sum(-1), torch.ones(2, 3))
        assert torch.equal(p.argmax(-1), (S @ centers.T).argmax(-1))
