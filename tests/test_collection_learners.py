"""The systems of collections that learn: how they cut pictures up, known scenes, and whole runs of a few steps."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from segcore import InputError, Settings
from segcore.collection import SYSTEMS, Store, collect, group, label_map, open_reader, pictures_of
from segcore.collection.pieces import Pieces, check_pieces
from segcore.collection.systems.comus import salient_pieces
from segcore.collection.systems.deep_spectral import border_first, eigensegments
from segcore.collection.systems.maskdistill import attention_masks
from segcore.drawn.objects import draw_objects
from segcore.runtime.steps import finish


def two_squares():
    """(8, 10) kinds: 0 around, 1 and 2 in two squares."""
    kinds = torch.zeros(8, 10, dtype=torch.int64)
    kinds[2:5, 1:4] = 1
    kinds[3:7, 6:9] = 2
    return kinds


def features_of(kinds):
    return torch.eye(4)[kinds] + 0.01 * torch.randn(*kinds.shape, 4, generator=torch.Generator().manual_seed(0))


def test_attention_finds_one_object_after_the_other():
    kinds = two_squares()
    attention = torch.tensor([0.01, 3.0, 1.0])[kinds]
    found = attention_masks(features_of(kinds), attention, n_masks=2)
    assert torch.equal(found, kinds)
    assert torch.equal(attention_masks(features_of(kinds), attention, n_masks=1), (kinds == 1).long())


def test_attention_must_not_be_negative():
    with pytest.raises(InputError, match="attention"):
        attention_masks(features_of(two_squares()), -torch.ones(8, 10), n_masks=1)


def test_eigensegments_are_the_parts_and_the_border_comes_first():
    kinds = two_squares()
    found = eigensegments(features_of(kinds), None, n_pieces=3, n_vectors=3, knn_weight=0.0, n_init=5, seed=0)
    assert bool((found[kinds == 0] == 0).all())
    assert sorted({int(found[kinds == k].unique()) for k in (1, 2)}) == [1, 2]


def test_the_piece_on_the_border_is_zero_and_the_others_keep_their_order():
    assert torch.equal(
        border_first(torch.tensor([[2, 2, 2], [2, 0, 1], [2, 2, 2]])), torch.tensor([[0, 0, 0], [0, 1, 2], [0, 0, 0]])
    )


def test_a_square_stands_out():
    pixels = torch.full((96, 96, 3), 60, dtype=torch.uint8)
    pixels[32:64, 32:64] = torch.tensor([220, 40, 40], dtype=torch.uint8)
    found = salient_pieces(pixels, h=12, w=12)
    inside = torch.zeros(12, 12, dtype=torch.bool)
    inside[4:8, 4:8] = True
    assert float(((found > 0) == inside).float().mean()) > 0.9
    assert bool((salient_pieces(pixels, h=12, w=12, rest=True) > 0).all())


def test_values_of_pieces_come_to_their_patches():
    pieces = Pieces(
        (torch.tensor([[0, 1]], dtype=torch.uint8), torch.tensor([[2, 1]], dtype=torch.uint8)),
        torch.tensor([0, 1, 3]), torch.zeros(3, 2).half().numpy(), torch.ones(3),
    )  # fmt: skip
    values = torch.tensor([5, 6, 7])
    assert pieces.of(0, values, -1).tolist() == [-1, 5]
    assert pieces.of(1, values, -1).tolist() == [7, 6]
    check_pieces(pieces, 3, what="mask")
    with pytest.raises(InputError, match="Lower n_segments"):
        check_pieces(pieces, 4, what="mask")


def test_no_object_anywhere_is_said():
    empty = Pieces((torch.zeros(2, 2, dtype=torch.uint8),), torch.tensor([0, 0]), torch.zeros(0, 2).numpy(), torch.zeros(0))
    with pytest.raises(InputError, match="No mask was found in any"):
        check_pieces(empty, 2, what="mask")


# ---- From start to end ----


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Six drawn pictures, with small features of the bundled backbone."""
    place = tmp_path_factory.mktemp("small")
    pictures = draw_objects()
    for name, image in list(zip(pictures.names, pictures.images, strict=True))[:6]:
        Image.fromarray(np.asarray(image)).save(place / f"{name}.png")
    reader = open_reader(Settings(backbone="dino_tiny", max_side=160), device="cpu")
    return finish(collect(pictures_of(place), reader, Store(place / "store")))


@pytest.mark.parametrize("name", [name for name, system in SYSTEMS.items() if system.learns])
def test_a_few_steps_and_what_they_leave(small, name):
    """One numbering, with scores and pixels, the same again with the same seed; each step of the training is told."""
    own = SYSTEMS[name].settings(steps=5)
    told = []

    def run():
        steps = group(small, name, n_groups=3, seed=1, settings=own)
        while True:
            try:
                told.append(next(steps))
            except StopIteration as end:
                return end.value

    found = run()
    assert found.n_groups == 3
    for i, labels in enumerate(found.labels):
        g = small.geometry(i)
        assert labels.shape == (g.h, g.w)
        assert int(labels.max()) < 3
        scores = found.scores(small, i)
        assert scores.shape == (g.h, g.w, 3)
        assert float(scores.min()) >= 0
        torch.testing.assert_close(scores.sum(2), torch.ones(g.h, g.w), atol=1e-4, rtol=0)
    assert {len(curve) for curve in found.curves.values()} == {5 * getattr(own, "rounds", 1)}
    assert all(math.isfinite(value) for curve in found.curves.values() for value in curve)
    assert sum(bool(progress.curves) for progress in told) >= 5
    assert found.tensors["centers"].isfinite().all()
    pixels = label_map(found, small, 0, small.settings)
    assert pixels.shape == small.image(0).shape[:2]
    again = run()
    assert all(torch.equal(a, b) for a, b in zip(found.labels, again.labels, strict=True))


def test_one_picture_is_enough_where_none_is_compared(small):
    one = small.subset([0])
    for name in ("deep_spectral", "maskdistill", "comus"):
        assert len(finish(group(one, name, n_groups=2, settings=SYSTEMS[name].settings(steps=3))).labels) == 1
    with pytest.raises(InputError, match="Give at least two"):
        finish(group(one, "stego", n_groups=2, settings=SYSTEMS["stego"].settings(steps=3)))
