"""CutLER: the mask head, DropLoss, pasted patches, and the masks of the next round."""

import pytest
import torch

from segcore.errors import InputError
from segcore.learn.rounds import mask_losses, next_masks, pasted
from segcore.nets.masks import MaskHead, mask_ious, place_of


def box(y0, y1, x0, x1, side=12):
    mask = torch.zeros(side, side, dtype=torch.bool)
    mask[y0:y1, x0:x1] = True
    return mask


def head(seed=0):
    torch.manual_seed(seed)
    return MaskHead(6, places=3, size=16, filters=8)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


NONE = torch.zeros(0, 12, 12, dtype=torch.bool)


def test_overlaps_are_intersections_over_unions():
    a, b = torch.stack([box(0, 4, 0, 4), box(0, 0, 0, 0)]), torch.stack([box(2, 6, 0, 4), box(0, 4, 0, 4)])
    torch.testing.assert_close(mask_ious(a, b), torch.tensor([[8 / 24, 1.0], [0.0, 0.0]]))


def test_an_object_belongs_to_the_place_of_its_middle():
    masks = torch.stack([box(0, 4, 0, 4), box(4, 8, 8, 12), box(0, 12, 0, 12)])
    assert place_of(masks, 3).tolist() == [0, 5, 4]
    with pytest.raises(InputError, match="no patch"):
        place_of(torch.stack([box(0, 0, 0, 0)]), 3)


def test_what_is_found_is_sure_first_and_never_the_same_object_twice():
    made = head()
    made.prior.data += 4
    masks, scores = made.found(draw(12, 12, 6))
    inside = masks > 0.5
    assert len(masks) > 0
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    overlaps = mask_ious(inside, inside) - torch.eye(len(masks))
    assert float(overlaps.max()) <= 0.5
    assert len(made.found(draw(12, 12, 6), most=1)[0]) == 1


def test_droploss_spares_places_that_touch_no_mask_and_no_others():
    """With it the likelihood of an untouched negative place gets no gradient; without it, and where it touches, it does."""
    made, f, truth = head(), draw(1, 12, 12, 6), box(0, 4, 0, 4)[None]
    with torch.no_grad():
        touched = mask_ious(made(f)[1][0] > 0, truth)[:, 0] > 0.01
    negative = torch.arange(9) != int(place_of(truth, 3))
    assert bool((touched & negative).any())
    gradients = {}
    for drop in (True, False):
        likely, masks = made(f)
        likely.retain_grad()
        made_once = lambda _, told=(likely, masks): told  # noqa: E731
        total, parts = mask_losses(made_once_head(made, made_once), f, [truth], drop=drop)
        total.backward()
        gradients[drop] = likely.grad[0] != 0
        assert parts["spared"] == (float((negative & ~touched).sum()) / 9 if drop else 0)
    assert torch.equal(gradients[True], touched | ~negative)
    assert bool(gradients[False].all())


def made_once_head(made, told):
    """A head whose answer is known, so that one can look at its gradients."""

    class Told:
        places = made.places

        def __call__(self, f):
            return told(f)

    return Told()


def test_a_picture_without_masks_teaches_that_there_is_nothing():
    total, parts = mask_losses(head(), draw(1, 12, 12, 6), [NONE], drop=True)
    assert float(total.detach()) > 0
    assert parts["Dice"] == 0


def test_features_travel_with_their_masks_and_what_is_covered_goes():
    f = torch.stack([torch.zeros(12, 12, 6), torch.ones(12, 12, 6)])
    masks = [box(0, 3, 0, 3)[None], box(2, 8, 2, 8)[None]]
    for seed in range(20):
        out, told = pasted(f, masks, torch.Generator().manual_seed(seed))
        landed = out[0, ..., 0] > 0.5
        assert int(landed.sum()) == 36  # all of it, wherever it went
        assert torch.equal(told[0][-1], landed)
        left = int((masks[0][0] & ~landed).sum())
        assert len(told[0]) == (2 if left > 4.5 else 1)
        assert all(not bool((m & landed).any()) for m in told[0][:-1])
    same, kept = pasted(f, [NONE, NONE], torch.Generator())
    assert torch.equal(same, f)
    assert [len(m) for m in kept] == [0, 0]


def test_what_is_pasted_smaller_is_the_same_thing_at_a_smaller_scale():
    """A mask whose rows have features of their own: pasted, its rows keep their order, and none is larger than before."""
    f, masks = torch.zeros(2, 12, 12, 2), [NONE, box(3, 9, 3, 9)[None]]
    f[1, ..., 0] = 1 + torch.arange(12)[:, None]
    areas = set()
    for seed in range(30):
        out, told = pasted(f, masks, torch.Generator().manual_seed(seed), smallest=0.3)
        target = told[0][0]
        rows = out[0, ..., 0][target].view(-1, int(target.any(0).sum()))
        assert torch.equal(out[0, ..., 0] > 0, target)
        assert bool((rows.diff(dim=0) > 0).all())
        assert 4 <= int(rows.min()) <= int(rows.max()) <= 9
        areas.add(int(target.sum()))
    assert min(areas) < 9
    assert max(areas) <= 36
    assert len(areas) > 3


def test_the_next_round_learns_sure_masks_and_old_ones_that_they_do_not_replace():
    old = torch.stack([box(0, 4, 0, 4), box(8, 12, 8, 12)])
    found = torch.stack([box(0, 4, 0, 5), box(4, 8, 4, 8), box(8, 12, 0, 4)])
    after = next_masks(old, found, torch.tensor([0.9, 0.8, 0.2]), least=0.5)
    assert torch.equal(after.masks, torch.stack([found[0], found[1], old[1]]))
    assert after.new.tolist() == [1]
    assert torch.equal(after.dropped, old[:1])
    assert torch.equal(next_masks(NONE, found, torch.ones(3), least=0.5).new, torch.arange(3))


def test_a_head_learns_to_tell_two_objects_apart():
    """Features that differ on objects: after some steps each object is found with its own mask."""
    generator = torch.Generator().manual_seed(0)
    pictures, truths = [], []
    for _ in range(16):
        y, x = torch.randint(0, 7, (2,), generator=generator).tolist()
        objects = [box(y, y + 4, 0, 4), box(x, x + 4, 7, 11)]
        f = 0.1 * torch.randn(12, 12, 6, generator=generator)
        for number, mask in enumerate(objects):
            f[mask] += torch.eye(6)[number]
        pictures.append(f)
        truths.append(torch.stack(objects))
    made = head()
    optimizer = torch.optim.Adam(made.parameters(), lr=3e-3)
    for step in range(120):
        chosen = [(4 * step + i) % 16 for i in range(4)]
        total, _ = mask_losses(made, torch.stack([pictures[i] for i in chosen]), [truths[i] for i in chosen], drop=True)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    right = []
    for f, truth in zip(pictures, truths, strict=True):
        masks, _ = made.found(f, most=4)
        right += mask_ious(truth, masks > 0.5).amax(1).tolist() if len(masks) else [0.0, 0.0]
    assert sum(iou > 0.5 for iou in right) >= 28
