"""Slots: what a look and a decoder must keep, and what a step asks of them."""

import pytest
import torch

from segcore.learn.fields import standardize
from segcore.learn.settings import DinosaurSettings
from segcore.learn.slots import slot_classes, slot_loss
from segcore.nets.slots import SlotHead, middles, noise_of, waves

GRID = 4, 5


def head(decoder="mlp", seed=0, near=0.0):
    torch.manual_seed(seed)
    made = SlotHead(12, size=16, hidden=24, decoder=decoder, near=near)
    for parameter in made.parameters():  # away from the first weights, which are symmetric
        parameter.data += 0.1 * torch.randn_like(parameter)
    return made


def features(n_pictures=2, seed=1):
    return torch.randn(n_pictures, 20, 12, generator=torch.Generator().manual_seed(seed))


def looked(made, X, noise, n_looks=3):
    return made.looks(X, noise.expand(len(X), -1, -1), n_looks, middles(GRID))


@pytest.mark.parametrize("near", [0.0, 40.0])
def test_each_patch_is_shared_among_the_slots_at_every_look_and_in_the_masks(near):
    made, X = head(near=near), features()
    looks = looked(made, X, noise_of(3, 16, 0))
    assert len(looks) == 4
    found = made.rebuilt(X, looks[-1], GRID)
    for shares in (*(look.attention for look in looks), found.alpha):
        assert shares.shape == (2, 20, 3)
        torch.testing.assert_close(shares.sum(2), torch.ones(2, 20))


@pytest.mark.parametrize("decoder", ["mlp", "transformer"])
def test_slots_in_another_order_are_the_same_slots_so_that_any_number_of_them_works(decoder):
    made, X = head(decoder), features()
    noise, order = noise_of(4, 16, 0), torch.tensor([2, 0, 3, 1])
    one, other = (made.rebuilt(X, looked(made, X, n)[-1], GRID) for n in (noise, noise[:, order]))
    torch.testing.assert_close(one.y, other.y)
    torch.testing.assert_close(one.alpha[:, :, order], other.alpha)
    for k in (1, 9):
        assert made.rebuilt(X, looked(made, X, noise_of(k, 16, 0))[-1], GRID).alpha.shape == (2, 20, k)


@pytest.mark.parametrize("near", [0.0, 40.0])
def test_some_patches_are_rebuilt_as_among_all(near):
    made, X = head(near=near), features()
    last, chosen = looked(made, X, noise_of(3, 16, 0))[-1], torch.tensor([7, 0, 19])
    every, some = made.rebuilt(X, last, GRID), made.rebuilt(X, last, GRID, chosen)
    torch.testing.assert_close(some.y, every.y[:, chosen])
    torch.testing.assert_close(some.alpha, every.alpha[:, chosen])


def test_the_transformer_sees_no_patch_that_it_is_to_rebuild():
    made, X = head("transformer"), features()
    last = looked(made, X, noise_of(3, 16, 0))[-1]
    other = X.clone()
    other[:, 11:] += 1
    before, after = made.rebuilt(X, last, GRID), made.rebuilt(other, last, GRID)
    torch.testing.assert_close(before.y[:, :12], after.y[:, :12])
    assert not torch.allclose(before.y[:, 12:], after.y[:, 12:])


def test_waves_are_orthogonal_so_that_means_over_a_mask_say_where_it_lies():
    phi = waves(middles((8, 12)))
    torch.testing.assert_close(phi.T @ phi / len(phi), torch.eye(36), atol=1e-5, rtol=0)


def test_a_first_look_is_a_step_of_soft_kmeans():
    """Two kinds of patches, far apart: before anything is learned, two slots part them."""
    torch.manual_seed(0)
    made = SlotHead(12, size=16)
    kinds = torch.arange(20) % 2
    X = 3 * torch.randn(2, 12)[kinds][None] + 0.1 * features(1)
    looks = looked(made, X - X.mean(1, keepdim=True), noise_of(2, 16, 0), 7)
    own = looks[-1].attention[0].argmax(1)
    assert torch.equal(own == own[0], kinds == kinds[0])


def test_slots_with_places_part_twins_that_features_cannot_part():
    """Two columns of one kind, far apart, on a ground of another: without places a slot that has one twin has the other."""
    torch.manual_seed(0)
    twins = torch.zeros(9, 9)
    twins[3:6, 1], twins[3:6, 7] = 1, 2
    kind = (twins > 0).long().flatten()
    X = (3 * torch.randn(2, 12))[kind][None]
    X = X - X.mean(1, keepdim=True)

    def parted(near):
        made = SlotHead(12, size=16, near=near)
        looks = made.looks(X, noise_of(9, 16, 1), 5, middles((9, 9)))
        own = looks[-1].attention[0].argmax(1).view(9, 9)
        return set(own[twins == 1].tolist()).isdisjoint(own[twins == 2].tolist())

    assert parted(40.0)
    assert not parted(0.0)


def test_a_slot_stands_where_it_looked():
    made, X = head(near=40.0), features()
    looks = looked(made, X, noise_of(3, 16, 0))
    weight = looks[1].attention
    middle = (weight[..., None] * middles(GRID)[None, :, None]).sum(1) / weight.sum(1)[..., None]
    torch.testing.assert_close(looks[2].places, middle, atol=1e-5, rtol=0)
    assert not torch.allclose(looks[0].places[0, 0], looks[0].places[0, 1])  # they begin apart


@pytest.mark.parametrize(("near", "same"), [(0.0, "alpha"), (40.0, "attention")])
def test_masks_are_where_slots_with_places_look_and_else_what_the_decoder_mixes_by(near, same):
    made, f = head(near=near), features(1)[0].unflatten(0, GRID)
    X = f.flatten(0, 1)[None]
    last = looked(made, X, noise_of(3, 16, 0))[-1]
    wanted = {"alpha": made.rebuilt(X, last, GRID).alpha, "attention": last.attention}
    torch.testing.assert_close(made.shared(f, 3, 3).masks.flatten(0, 1), wanted[same][0])
    assert not torch.allclose(wanted["alpha"], wanted["attention"], atol=0.01)


@pytest.mark.parametrize("decoder", ["mlp", "transformer"])
def test_steps_make_the_error_small(decoder):
    torch.manual_seed(0)
    made, f = SlotHead(12, size=16, hidden=24, decoder=decoder), features(4).unflatten(1, GRID)
    f = f + 3 * (torch.arange(5) > 2)[None, None, :, None]
    standardize(made, f.flatten(0, 2))
    settings = DinosaurSettings(slots=3, slot_size=16, decoder=decoder, points=16)
    optimizer, errors = torch.optim.Adam(made.parameters(), lr=3e-3), []
    for step in range(40):
        asked = slot_loss(made, f, settings, torch.Generator().manual_seed(step))
        assert asked.held.shape == (4, 3, 12)
        optimizer.zero_grad()
        asked.total.backward()
        optimizer.step()
        errors.append(asked.parts["error"])
    assert sum(errors[-5:]) < 0.8 * sum(errors[:5])


@pytest.mark.parametrize("decoder", ["mlp", "transformer"])
def test_what_is_shown_of_a_picture_is_each_look_and_the_error_of_what_the_last_one_rebuilds(decoder):
    made, X = head(decoder), features(1)
    standardize(made, X[0])
    found = made.shared(X.view(4, 5, 12), 3, 2, seed=7)
    looks = looked(made, made.standardized(X), noise_of(3, 16, 7), 2)
    rebuilt = made.rebuilt(made.standardized(X), looks[-1], GRID)
    for shares, own in zip(
        (*found.attention, found.masks), (*(look.attention for look in looks), rebuilt.alpha), strict=True
    ):
        torch.testing.assert_close(shares, own.view(4, 5, 3))
    torch.testing.assert_close(found.error.mean(), torch.nn.functional.mse_loss(rebuilt.y, made.standardized(X)))
    assert float(found.plain.mean()) == pytest.approx(1, abs=0.1)  # the variance of what is standardized
    assert not torch.equal(found.masks, made.shared(X.view(4, 5, 12), 3, 2, seed=8).masks)


def test_fewer_slots_than_classes_leave_some_empty():
    centers = slot_classes([torch.eye(12)[:3]], 5, torch.Generator().manual_seed(0))
    assert centers.shape == (5, 12)
    assert int((centers.norm(dim=1) > 0.5).sum()) == 3
