"""The systems of collections that learn: how they cut pictures up, known scenes, and whole runs of a few steps."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.cluster.vq import whiten
from sklearn.cluster import k_means
from sklearn.manifold import spectral_embedding
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import kneighbors_graph

from segcore import InputError, Settings
from segcore.collection import SYSTEMS, Store, collect, group, label_map, open_reader, pictures_of
from segcore.collection.pieces import Pieces, _space, by_class_token, check_pieces, cluster_spectral, widened
from segcore.collection.systems import maskdistill
from segcore.collection.systems.comus import ComusSettings, salient_pieces
from segcore.collection.systems.deep_spectral import border_first, eigensegments
from segcore.collection.systems.maskdistill import RULES, MaskDistillSettings, attention_masks, mean_attention
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


@pytest.mark.parametrize("rule", RULES)
def test_attention_finds_one_object_after_the_other(rule):
    kinds = two_squares()
    attention = torch.tensor([0.01, 3.0, 1.0])[kinds]
    f = features_of(kinds) - (0.3 if rule == "products" else 0)  # so that the kinds have negative products
    found = attention_masks(f, attention, n_masks=2, rule=rule, share=0.1 if rule == "products" else 0.4)
    assert torch.equal(found, kinds)
    assert torch.equal(attention_masks(f, attention, n_masks=1, rule=rule, share=0.1), (kinds == 1).long())


def published_mask(k, attention, share):
    """gen_masks.py of MaskDistill, patch by patch: 40 % of the patches, products with the first, sums above 0, its part."""
    h, w, _ = k.shape
    cells = [(y, x) for y in range(h) for x in range(w)]
    order = sorted(cells, key=lambda c: -float(attention[c]))
    top = order[0]
    sources = [q for q in order[: int(share * len(cells))] if float(k[q] @ k[top]) > 0]
    above = {p for p in cells if sum(float(k[p] @ k[q]) for q in sources) > 0}
    mask, todo = torch.zeros(h, w, dtype=torch.int64), [top]
    while todo:
        y, x = todo.pop()
        if (y, x) in above and not mask[y, x]:
            mask[y, x] = 1
            todo += [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
    return mask


@pytest.mark.parametrize("seed", range(5))
def test_a_mask_is_that_of_the_authors(seed):
    g = torch.Generator().manual_seed(seed)
    k, attention = torch.randn(6, 7, 5, generator=g) + 0.3, torch.rand(6, 7, generator=g)
    found = attention_masks(k, attention, n_masks=1, share=0.4)
    assert torch.equal(found, published_mask(k, attention, 0.4))
    assert 0 < int(found.sum()) < 42


def test_heads_are_averaged_before_the_softmax():
    """The order of the published mean of q · k, which the softmax of each head hides; of as many heads as there are."""
    g = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(6, 4, 5, generator=g)
    attention = logits.flatten(1).softmax(1).reshape(6, 4, 5)
    wanted = logits[:5].mean(0).flatten().argsort()
    assert torch.equal(mean_attention(attention[:5], "products").flatten().argsort(), wanted)
    torch.testing.assert_close(mean_attention(attention[:5], "cosines"), attention[:5].mean(0))
    assert MaskDistillSettings().heads == 5


def test_one_mask_is_cut_as_published_and_several_by_cosines(small, monkeypatch):
    seen = []

    def cut(f, _attention, *, rule, **_how):
        seen.append(rule)
        return torch.arange(f.shape[0] * f.shape[1]).reshape(f.shape[:2]) % 2 + 1

    monkeypatch.setattr(maskdistill, "attention_masks", cut)
    for asked, expected in (
        ({"n_masks": 1}, "products"), ({}, "cosines"), ({"rule": "products"}, "products"),
        ({"n_masks": 1, "rule": "cosines"}, "cosines"),
    ):  # fmt: skip
        seen.clear()
        finish(group(small, "maskdistill", n_groups=2, settings=MaskDistillSettings(rounds=0, **asked)))
        assert set(seen) == {expected}


def test_masks_are_cut_by_keys_whatever_describes_them(small, monkeypatch):
    """Of pictures whose tokens were read too, which are what a mask is described by."""
    tokens = finish(collect(small.pictures, small.reader.having(facet="token"), small.store))
    seen = []

    def cut(f, _attention, **_how):
        seen.append(f)
        return torch.arange(f.shape[0] * f.shape[1]).reshape(f.shape[:2]) % 2 + 1

    monkeypatch.setattr(maskdistill, "attention_masks", cut)
    finish(group(tokens, "maskdistill", n_groups=2, settings=MaskDistillSettings(rounds=0)))
    assert len(seen) == len(small)
    assert all(torch.equal(f, small.f(i)) for i, f in enumerate(seen))
    assert not torch.equal(tokens.f(0), small.f(0))


def test_whitened_descriptions_are_those_of_scipy():
    """The loud number no longer decides: groups by the quiet one, as after `scipy.cluster.vq.whiten` and unit length."""
    g = torch.Generator().manual_seed(0)
    X = torch.stack([10 * torch.randn(40, generator=g), torch.randn(40, generator=g), torch.ones(40)], 1)
    found = _space(X, 0, whiten=True)(X)
    whitened = X.numpy() / np.where(X.std(0, correction=0) == 0, 1, X.std(0, correction=0))
    expected = whitened / np.linalg.norm(whitened, axis=1, keepdims=True)
    torch.testing.assert_close(found, torch.from_numpy(expected), atol=1e-5, rtol=0)
    np.testing.assert_allclose(whitened[:, :2], whiten(X[:, :2].numpy()), atol=1e-5)
    assert torch.equal(_space(X, 0, whiten=False)(X), X)


def test_a_small_piece_loses_what_it_can():
    """As in Deep Spectral's code: a square of 3 or 4 cells loses one ring, not none, and widened by one is as it was."""
    for side, left in ((1, 1), (2, 2), (3, 1), (4, 2), (5, 1), (6, 2)):
        mask = torch.zeros(12, 12, dtype=torch.bool)
        mask[3 : 3 + side, 3 : 3 + side] = True
        assert int(widened(mask, erode=2, dilate=0).sum()) == left**2
    mask = torch.zeros(9, 9, dtype=torch.bool)
    mask[3:6, 3:6] = True
    cross = widened(mask, erode=2, dilate=2)
    assert int(cross.sum()) == 13  # all at most two steps from the middle


def test_a_crop_is_the_box_of_the_whole_piece(small):
    """Of two parts far from each other: from the one to the other, as it is in the picture."""
    seen = []

    class Seen:
        def grid(self, i):
            return small.grid(i)

        def describe(self, image):
            seen.append(image)
            return torch.ones(3)

    pixels, geometry = small.grid(0).pixels, small.geometry(0)
    pieces = torch.zeros(geometry.h, geometry.w, dtype=torch.int64)
    pieces[1:3, 1:3] = 1
    pieces[6, 9] = 1
    assert by_class_token(Seen())(0, pieces).shape == (1, 3)
    (image,) = seen
    p = geometry.patch
    assert torch.equal(image, pixels[p : 7 * p, p : 10 * p].cpu())


@pytest.mark.parametrize("sides", [(24, 16), (72, 96)])
def test_a_crop_of_any_size_is_described_at_its_own_scale(small, sides):
    """As the backbone sees the crop alone; below 64 px, which is the least, as it sees the crop at 64 px."""
    crop = small.image(0)[: sides[0], : sides[1]]
    seen = small.reader.having(max_side=max(*sides, 64)).read(crop)
    torch.testing.assert_close(small.describe(crop), seen.class_token)


@pytest.mark.parametrize("name", ["deep_spectral", "maskdistill", "comus"])
def test_small_pieces_have_a_class_token(small, name):
    own = SYSTEMS[name].settings(describe="class_token", rounds=0)
    assert finish(group(small.subset([0, 1]), name, n_groups=2, settings=own)).n_groups == 2


def test_spectral_groups_are_those_of_scikit_learn():
    """As COMUS calls it: maps D^−½ u, k-means on their rows as they are, core by the cosine to the center in the maps."""
    g = torch.Generator().manual_seed(3)
    centers = 2.0 * torch.randn(4, 6, generator=g)
    X = torch.nn.functional.normalize(centers[torch.arange(120) % 4] + torch.randn(120, 6, generator=g), dim=1)
    vectors = X.half().numpy()
    pieces = Pieces((), torch.tensor([0, 120]), vectors, torch.ones(120))
    found = cluster_spectral(pieces, 4, ComusSettings(), neighbors=12, most=1000, seed=0)
    X = torch.nn.functional.normalize(torch.from_numpy(vectors.astype(np.float32)), dim=1).numpy()
    A = kneighbors_graph(X, 12, include_self=True)
    A = 0.5 * (A + A.T)
    maps = spectral_embedding(A, n_components=4, drop_first=False, eigen_solver="arpack", random_state=0)
    middle, labels, _ = k_means(maps, 4, n_init=10, random_state=0)
    assert adjusted_rand_score(labels, found.labels.numpy()) == 1
    cosines = [
        float(m @ middle[j] / (np.linalg.norm(m) * np.linalg.norm(middle[j]))) for m, j in zip(maps, labels, strict=True)
    ]
    torch.testing.assert_close(2 * found.confidence - 1, torch.tensor(cosines), atol=5e-3, rtol=0)


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


def test_corners_count_twice():
    """Five patches at the border are 0 and five 1, but three of the corners are 1: as the authors count, 6 to 8."""
    labels = torch.tensor([[1, 0, 0, 1], [0, 2, 2, 0], [1, 1, 0, 1]])
    labels[2, 0] = 0
    labels[2, 1], labels[0, 1] = 1, 1
    around = [labels[0, j] for j in range(4)] + [labels[2, j] for j in range(4)] + [labels[1, 0], labels[1, 3]]
    assert torch.stack(around).bincount().tolist() == [5, 5]
    assert border_first(labels)[0, 0] == 0


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
