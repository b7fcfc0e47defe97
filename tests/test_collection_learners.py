"""How Deep Spectral, MaskDistill and COMUS cut pictures up: known scenes, and what is refused."""

import pytest
import torch

from segcore import InputError
from segcore.collection.pieces import Pieces, check_pieces
from segcore.collection.systems.comus import salient_pieces
from segcore.collection.systems.deep_spectral import border_first, eigensegments
from segcore.collection.systems.maskdistill import attention_masks


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
