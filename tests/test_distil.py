"""The head that learns imperfect labels: it errs less than they do, and its arithmetic is that of a loop."""

import math

import pytest
import torch

from segcore import InputError, NumericalError
from segcore.collection.distil import DistilSettings, distil, label_factors
from segcore.runtime.steps import finish

QUICK = {"steps": 60, "batch": 4, "points": 64, "hidden": 16, "learning_rate": 0.02}


class Fields:
    """A stand-in for a collection: features that are there already."""

    def __init__(self, f):
        self._f = f

    def __len__(self):
        return len(self._f)

    def f(self, i):
        return self._f[i]


def make_fields(n=6, *, n_kinds=4, noise=0.5, seed=0):
    """Features (n, 5, 6, 8) of patches of a few kinds, and which kind each is of."""
    generator = torch.Generator().manual_seed(seed)
    kind = torch.randint(n_kinds, (n, 5, 6), generator=generator)
    kinds = 2 * torch.nn.functional.one_hot(torch.arange(n_kinds), 8).float()
    return kinds[kind] + noise * torch.randn(n, 5, 6, 8, generator=generator), kind


def noisy(kind, share, n_kinds, seed=3):
    generator = torch.Generator().manual_seed(seed)
    wrong = torch.rand(kind.shape, generator=generator) < share
    return torch.where(wrong, torch.randint(n_kinds, kind.shape, generator=generator), kind)


def train(f, labels, weight=None, *, n_groups=4, seed=0, on_progress=None, **settings):
    weight = torch.ones(labels.shape) if weight is None else weight
    steps = distil(
        Fields(f),
        lambda i, _: (labels[i].flatten(), weight[i].flatten()),
        n_groups=n_groups,
        settings=DistilSettings(**{**QUICK, **settings}),
        seed=seed,
    )
    return finish(steps, on_progress)


def share_right(done, f, kind):
    return float((done.head.scores(f.flatten(0, 1)).argmax(-1).reshape(kind.shape) == kind).float().mean())


class TestDistil:
    @pytest.mark.parametrize("hidden", [0, 16])
    def test_it_errs_less_than_what_it_was_taught(self, hidden):
        f, kind = make_fields()
        labels = noisy(kind, 0.4, 4)
        done = train(f, labels, hidden=hidden)
        assert float((labels == kind).float().mean()) < 0.75
        assert share_right(done, f, kind) > 0.9

    def test_patches_without_confidence_teach_nothing(self):
        """Where wrong labels have no weight, they do no harm, however many they are."""
        f, kind = make_fields()
        labels = torch.where(kind > 1, 0, kind)  # kinds 2 and 3 are called 0, which is wrong
        sure = (kind <= 1).float()
        done = train(f, labels, sure)
        assert done.sure[0] == pytest.approx(float(sure.mean()))
        p = done.head.scores(f.flatten(0, 1))[kind.flatten(0, 1) <= 1]
        assert float((p.argmax(-1) == kind.flatten(0, 1)[kind.flatten(0, 1) <= 1]).float().mean()) > 0.95

    def test_later_rounds_learn_the_sure_answers(self):
        f, kind = make_fields(noise=0.9)
        first = train(f, noisy(kind, 0.5, 4), rounds=1)
        both = train(f, noisy(kind, 0.5, 4), rounds=2, confident=0.7)
        assert len(both.losses) == 2 * QUICK["steps"] == 2 * len(first.losses)
        assert both.losses[: QUICK["steps"]] == first.losses
        assert both.sure == (1.0, pytest.approx(0.7, abs=0.03))

    def test_no_label_dies_in_later_rounds(self):
        """The surest answers are taken of each label, so that one the head is less sure of goes on."""
        f, kind = make_fields(noise=0.9)
        done = train(f, noisy(kind, 0.6, 4), rounds=4, confident=0.5)
        assert len(done.head.scores(f.flatten(0, 1)).argmax(-1).unique()) == 4
        assert share_right(done, f, kind) > 0.6

    def test_seeds_reproduce_to_the_bit(self):
        f, kind = make_fields()
        a, b, c = (train(f, kind, seed=seed, steps=5) for seed in (2, 2, 3))
        assert a.losses == b.losses != c.losses
        assert all(
            torch.equal(x, y) for x, y in zip(a.head.state_dict().values(), b.head.state_dict().values(), strict=True)
        )

    def test_the_lengths_of_features_do_not_matter(self):
        f, kind = make_fields()
        a, b = train(f, kind, steps=3), train(1000 * f, kind, steps=3)
        assert a.losses == pytest.approx(b.losses, rel=1e-4)

    def test_it_tells_every_step(self):
        f, kind = make_fields()
        told = []
        done = train(f, kind, steps=4, rounds=1, on_progress=told.append)
        assert [p.done for p in told] == [1, 2, 3, 4]
        assert tuple(p.curves["loss"] for p in told) == done.losses

    def test_first_loss_is_that_of_a_loop(self):
        """A head of zeros says 1 / K of everything, so each patch costs ln K times its factor."""
        f, kind = make_fields()
        done = train(f, kind, steps=1, rounds=1, hidden=0)
        assert done.losses[0] == pytest.approx(math.log(4), abs=0.5)

    def test_factors_balance_labels_half_way(self):
        shares = torch.tensor([0.64, 0.32, 0.04])
        factors = label_factors(shares)
        assert float((factors * shares).sum()) == pytest.approx(1)
        assert float(factors[2] / factors[0]) == pytest.approx(4)

    def test_nothing_to_learn_from(self):
        f, kind = make_fields()
        with pytest.raises(InputError, match="sure enough to learn from"):
            train(f, kind, torch.zeros(kind.shape))

    def test_a_loss_that_is_no_number_says_what_to_do(self):
        f, kind = make_fields()
        with pytest.raises(NumericalError, match="smaller learning rate"):
            train(torch.full_like(f, math.nan), kind)
