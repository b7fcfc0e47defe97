"""Training without labels: its parts against their definitions, and the whole as a user meets it."""

import dataclasses
import itertools
import json
import math
import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from segcore import InputError, NumericalError, Settings, segment
from segcore.cli import commands as cli
from segcore.features import extract_features, load_vit
from segcore.pipeline.backbones import resolve_backbone
from segcore.pretrain import Recipe, cues, pretrain
from segcore.pretrain.crops import Crops, agreement, change_colors, cut, draw_crops, draw_pictures, objectness
from segcore.pretrain.networks import follow, look_from, make_networks
from segcore.pretrain.objective import alikeness, compute_losses, draw_batch, sights, sinkhorn
from segcore.pretrain.pictures import load_store
from segcore.pretrain.recipe import cosine
from segcore.pretrain.redraw import look, redraw_objects
from segcore.pretrain.settle import joint_domain, least_squares, mean_shift
from segcore.pretrain.whole import see_whole
from segcore.train.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from segcore.types import Geometry
from tests.asserts import assert_close, assert_simplex

TINY = Recipe(
    width=64, depth=2, heads=1, large_px=32, small_px=16, n_small=2, hidden=64, bottleneck=32,
    n_prototypes=16, picture_weight=1.0, learning_rate=5e-3, momentum=(0.9, 1.0),
)  # fmt: skip
SETTLED = dataclasses.replace(TINY, heads=2)
CPU = torch.device("cpu")
ROOT = Path(__file__).parents[1]


def paint(i, height=40, width=48):
    """A disc on a ground; colors and place tell the pictures apart."""
    rng = np.random.default_rng(i)
    y, x = np.mgrid[:height, :width]
    disc = (y - rng.integers(10, height - 10)) ** 2 + (x - rng.integers(10, width - 10)) ** 2 < 90
    colors = rng.integers(0, 256, (2, 3))
    return (colors[disc.astype(int)] + rng.integers(-9, 10, (height, width, 1))).clip(0, 255).astype(np.uint8)


@cache
def drawn(name, content, shape):
    """The cue of this name of a picture."""
    return getattr(cues, name)(np.frombuffer(content, np.uint8).reshape(shape))


@pytest.fixture(autouse=True)
def cues_are_drawn_once(monkeypatch):
    """The same few pictures are read by nearly every test, and their cues depend on nothing else."""

    def remembered(name):
        return lambda picture: drawn(name, picture.tobytes(), picture.shape).copy()

    for name in ("draw_regions", "draw_objects"):
        monkeypatch.setattr(f"segcore.pretrain.pictures.{name}", remembered(name))


@pytest.fixture
def folder(tmp_path):
    for i in range(12):
        path = tmp_path / "pictures" / f"{i % 3}" / f"{i}.{'png' if i % 2 else 'jpg'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(paint(i)).save(path, quality=95)
    return tmp_path / "pictures"


def train(folder, out, **changes):
    arguments = {"steps": 3, "batch": 4, "recipe": TINY, "device": "cpu"} | changes
    return pretrain([folder], out, **arguments)


# Pictures


def test_pictures_of_any_depth_are_read_and_bad_ones_counted(folder):
    (folder / "1" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and nothing more")
    (folder / "cut short.jpg").write_bytes((folder / "0" / "0.jpg").read_bytes()[:-40])
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture, and not called one")
    Image.new("RGB", (40, 12)).save(folder / "tiny.png")
    store = load_store([folder, folder / "1"], seed=0)  # a picture counts once
    assert len(store) == 12
    assert store.skipped == ("broken.jpg", "cut short.jpg", "empty.png", "tiny.png")
    assert store.size[:, 0].tolist() == [[40, 48]] * 12
    assert store.size[0].tolist() == [[40, 48], [20, 24], [10, 12]]


def pack(folder, pictures):
    folder.mkdir()
    encoded = [p.read_bytes() for p in pictures]
    (folder / "images.bin").write_bytes(b"".join(encoded))
    np.save(folder / "offsets.npy", np.cumsum([0, *map(len, encoded)]))
    return folder


def test_the_packed_pair_holds_the_same_pictures(folder, tmp_path):
    files = sorted(folder.rglob("*.*g"))
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    packed = load_store([pack(tmp_path / "packed", [*files, bad])], seed=0)
    loose = load_store([folder], seed=0)
    assert len(packed) == 12
    assert len(packed.skipped) == 1
    assert packed.skipped[0].startswith("images.bin[")

    def contents(store):
        counts = store.size[:, 0].prod(1).tolist()
        return {store.pixels[a : a + n].numpy().tobytes() for a, n in zip(store.start[:, 0].tolist(), counts, strict=True)}

    assert contents(packed) == contents(loose)


@pytest.mark.parametrize("offsets", [[0, 50, 20], [0, 10**9], [[0, 10]], [0.5, 2.0], []])
def test_wrong_offsets_are_refused(folder, tmp_path, offsets):
    packed = pack(tmp_path / "packed", sorted(folder.rglob("*.*g")))
    np.save(packed / "offsets.npy", np.array(offsets))
    with pytest.raises(InputError, match="ascending whole numbers"):
        load_store([packed], seed=0)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(InputError, match="no pictures in"):
        load_store([tmp_path], seed=0)
    with pytest.raises(InputError, match="no folder"):
        load_store([tmp_path / "nowhere"], seed=0)
    (tmp_path / "bad.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"None of the 1 files.*bad\.png"):
        load_store([tmp_path], seed=0)


def test_large_pictures_shrink_and_room_is_bounded(tmp_path, folder):
    Image.new("RGB", (900, 600)).save(tmp_path / "large.png")
    store = load_store([tmp_path], seed=0)
    largest = store.size[:, 0].amax(0).tolist()
    assert largest == [256, 384]
    whole = load_store([folder], seed=0)  # 12 pictures of one size
    one = (whole.pixels.nbytes + whole.regions.nbytes + whole.objects.nbytes) // 12
    few = load_store([folder], seed=0, most_bytes=5 * one)
    assert (len(few), few.n_left_out) == (5, 7)


# Crops


def coordinates_store(tmp_path, height=96, width=128):
    """A picture whose red grows from left to right, and its green from top to bottom."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack(((x + 0.5) / width, (y + 0.5) / height, 0 * x), axis=2)
    Image.fromarray(np.rint(255 * pixels).astype(np.uint8)).save(tmp_path / "coordinates.png")
    return load_store([tmp_path], seed=0)


def test_crops_show_the_place_that_they_name(tmp_path, generator):
    """Bilinear sampling of a linear picture is exact, so each patch's mean color says where it lies."""
    store = coordinates_store(tmp_path)
    size = store.size[:, 0].expand(64, 2)
    for px, area in ((32, (0.1, 0.6)), (16, (0.05, 0.9))):
        crops = draw_crops(size, px=px, area=area, most_zoom=9.0, generator=generator)
        assert bool(crops.mirrored.any())
        assert not bool(crops.mirrored.all())
        pixels = cut(store, torch.zeros(64, dtype=torch.int64), crops)
        i = (torch.arange(px) + 0.5) / px
        x = torch.where(crops.mirrored[:, None], 1 - i, i) * crops.box[:, 3:] + crops.box[:, 1:2]
        y = i * crops.box[:, 2:3] + crops.box[:, :1]
        inner = slice(2, -2)  # the border of the picture is repeated
        assert_close(pixels[:, 0, inner, inner], x[:, None, inner].expand(-1, px - 4, -1), atol=0.02)
        assert_close(pixels[:, 1, inner, inner], y[:, inner, None].expand(-1, -1, px - 4), atol=0.02)


def test_patches_agree_as_often_as_regions_hold_both(tmp_path, generator):
    """Patch by patch: where its center lies in the picture, and what the regions say there."""
    for i in range(3):
        Image.fromarray(paint(i, 160, 192 + 16 * i)).save(tmp_path / f"{i}.png")
    store = load_store([tmp_path], seed=0)
    numbers = torch.tensor([2, 0, 1, 2])
    crops = draw_crops(store.size[numbers, 0], px=32, area=(0.3, 0.9), most_zoom=9.0, generator=generator)
    shares, likely = agreement(store, numbers, crops, 8), objectness(store, numbers, crops, 8)
    assert shares.shape == (4, 16, 16)
    assert likely.shape == (4, 16)
    for b, number in enumerate(numbers.tolist()):
        (height, width), start = store.size[number, 1].tolist(), int(store.cues_start[number])
        regions = store.regions[start : start + height * width].view(height, width, -1)
        objects = store.objects[start : start + height * width].view(height, width)
        y, x, h, w = crops.box[b].tolist()
        seen = []
        for i, j in itertools.product(range(4), range(4)):
            across = (j + 0.5) / 4
            across = 1 - across if bool(crops.mirrored[b]) else across
            place = int((y + h * (i + 0.5) / 4) * height), int((x + w * across) * width)
            seen.append(regions[place])
            assert float(likely[b, 4 * i + j]) == pytest.approx(int(objects[place]) / 255)
        for i, j in itertools.product(range(16), range(16)):
            assert float(shares[b, i, j]) == pytest.approx(float((seen[i] == seen[j]).float().mean()))
    assert 0.1 < float(shares.mean()) < 0.95


def test_boxes_lie_inside_with_the_area_asked_for(generator):
    size = torch.tensor([[64, 64], [200, 300], [40, 1000]]).repeat(50, 1)
    box = draw_crops(size, px=48, area=(0.2, 0.5), most_zoom=9.0, generator=generator).box
    assert bool((box >= 0).all())
    assert bool((box[:, :2] + box[:, 2:] <= 1 + 1e-6).all())
    area = box[:, 2] * box[:, 3]
    wide = size[:, 1] < 400  # a panorama is lower than a square of a fifth of its area
    assert bool((area[wide] >= 0.199).all())
    assert bool((area <= 0.501).all())
    sharp = draw_crops(size, px=48, area=(0.01, 0.9), most_zoom=2.0, generator=generator).box
    pixels = (sharp[:, 2:] * size).prod(1)[wide]
    assert bool((pixels >= 0.99 * 24**2).all())


def test_large_pictures_are_drawn_more_often(tmp_path, generator):
    for name, side in (("small", 20), ("middle", 40), ("large", 80)):
        Image.new("RGB", (side, side)).save(tmp_path / f"{name}.png")
    store = load_store([tmp_path], seed=0)
    numbers = draw_pictures(store, n=4000, px=64, generator=generator)
    shares = {int(store.size[i, 0, 0]): float((numbers == i).float().mean()) for i in range(3)}
    assert shares[20] == 0  # a crop of 64 pixels would be all blur
    assert shares[80] == pytest.approx(0.8, abs=0.05)
    assert len(draw_pictures(store, n=5, px=10**4, generator=generator)) == 5  # better small than none


def test_colors_change_and_stay_colors(generator):
    pixels = torch.rand(64, 3, 12, 12, generator=generator)
    changed = change_colors(pixels, generator=generator)
    assert changed.shape == pixels.shape
    assert 0 <= float(changed.min()) <= float(changed.max()) <= 1
    assert bool((changed != pixels).flatten(1).any(1).all())
    gray = torch.full((8, 3, 4, 4), 0.5)
    out = change_colors(gray, generator=generator)
    assert_close(out[:, 0], out[:, 1], atol=5e-3)  # neither hue nor saturation makes gray colored


# Objective


def test_sinkhorn_uses_all_prototypes_evenly(generator):
    cosines = 2 * torch.rand(512, 16, generator=generator) - 1
    cosines[:, 3] += 0.5  # everybody's favorite
    Q = sinkhorn(cosines, temperature=0.1, n_iter=50)
    assert_simplex(Q, dim=1)
    assert_close(Q.sum(0), torch.full((16,), 32.0), atol=0.1)
    few = sinkhorn(cosines, temperature=0.1)
    assert_simplex(few, dim=1)
    assert float(few.sum(0).max()) < 64 < float((cosines / 0.1).softmax(1).sum(0).max())
    assert bool((few.argsort(1)[:, -1] == cosines.argmax(1)).float().mean() > 0.2)
    assert bool(sinkhorn(torch.eye(4), temperature=1e-3).isfinite().all())


def test_the_losses_are_what_they_say(folder):
    """Loop by loop, on one batch."""
    store, phase = load_store([folder], seed=0), TINY.phase(0.0, 3)
    batch = draw_batch(store, TINY, phase, generator=torch.Generator().manual_seed(1), device=CPU)
    student, teacher = make_networks(TINY, seed=0)
    losses = compute_losses(student, teacher, batch, TINY, teacher_temperature=0.05)
    with torch.no_grad():
        q = sinkhorn(teacher(batch.large_pixels).cosines, temperature=0.05).view(2, 3, -1)
        large, small = student(batch.large_pixels), student(batch.small_pixels)
    p = [x.log_softmax(-1) for x in (torch.cat((large.cosines, small.cosines)) / 0.1).chunk(4)]
    pairs = [-(q[t] * p[s]).sum(-1).mean() for t in range(2) for s in range(4) if s != t]
    assert_close(losses.picture.detach(), sum(pairs) / len(pairs), atol=1e-5)
    errors, divergences = [], []
    for b, i, j in itertools.product(range(6), range(16), range(16)):
        cosine, g = float(torch.cosine_similarity(large.keys[b, i], large.keys[b, j], dim=0)), batch.objectness[b]
        alike, ground = float((2 * g[i] - 1) * (2 * g[j] - 1)), max(g[i], g[j]) < 0.5
        factor = 0.4 if ground else 1 if alike > 0 else 0.3
        target = 0.75 * float(batch.agreement[b, i, j]) + 0.25 * factor * alike
        target = max(target, 0.2 * alike**0.5) if ground else target
        errors.append((max(cosine, 0.1 * cosine) - max(target, 0.1 * target)) ** 2)
    assert float(losses.keys.detach()) == pytest.approx(sum(errors) / len(errors), abs=1e-5)
    seen = sights(batch.objectness.unflatten(1, (4, 4)), TINY.heads) + 0.15  # the one head sees all of the object
    for b, head in itertools.product(range(6), range(TINY.heads)):
        target = seen[b, head] / seen[b, head].sum()
        attention = large.looks[b, head].softmax(0)
        divergences.append(sum(float(t * (t / a).log()) for t, a in zip(target, attention, strict=True)))
    assert float(losses.attention.detach()) == pytest.approx(sum(divergences) / len(divergences), abs=1e-5)


def test_heads_see_the_object_its_inside_and_its_border():
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    r = ((y - 9.5) ** 2 + (x - 9.5) ** 2).sqrt()
    seen = sights((r < 6).float()[None], 4)[0].reshape(4, 20, 20)
    assert torch.equal(seen[3], (r < 6).float())
    assert torch.equal(seen[3], seen[0])
    middle, rim = r < 2, (r - 6).abs() < 1
    assert float(seen[2][middle].min()) > 3 * float(seen[2][rim].max())
    assert float(seen[1][rim].min()) > 3 * float(seen[1][middle].max())
    assert float(sights(torch.ones(1, 20, 20), 3)[0, 0].abs().max()) < 1e-6  # nothing ends, so there is no border


def test_the_target_of_the_keys_is_regions_objects_or_both(generator):
    R = (torch.rand(2, 5, 5, generator=generator) < 0.5).float()
    g = torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.5]]).repeat(2, 1)
    objects = alikeness(R, g, 1.0)[0]
    assert_close(objects[0], torch.tensor([1, 1, -0.3, -0.3, 0]))  # object, object, ground, ground, no opinion
    assert_close(objects[2], torch.tensor([-0.3, -0.3, 0.4, 0.4, 0]))
    both = 0.75 * R + 0.25 * alikeness(R, g, 1.0)
    both[:, 2:4, 2:4] = both[:, 2:4, 2:4].clamp_min(0.2)  # the background is a little alike, whatever the regions say
    assert_close(alikeness(R, g, 0.25), both)
    assert torch.equal(alikeness(R, torch.full_like(g, 0.5), 0.0), R)


def test_a_loss_that_counts_for_nothing_is_not_computed(folder):
    store, recipe = load_store([folder], seed=0), dataclasses.replace(TINY, picture_weight=0.0)
    batch = draw_batch(
        store,
        recipe,
        recipe.phase(0.0, 3),
        generator=torch.Generator().manual_seed(1),
        device=CPU,
    )
    assert batch.small_pixels.numel() == 0
    student, _ = make_networks(recipe, seed=0)
    losses = compute_losses(student, None, batch, recipe, teacher_temperature=0.05)
    assert float(losses.picture) == 0
    assert float(losses.keys.detach()) > 0


# Whole pictures


@pytest.fixture
def wholes(folder):
    store, network = load_store([folder], seed=0), make_networks(TINY, seed=0)[1]
    return store, network, [see_whole(store, number, network) for number in range(len(store))]


def test_a_whole_picture_is_what_the_app_sees(wholes):
    """Two roads: keys and attention from what is kept of a picture, and from the network on its pixels."""
    store, network, seen = wholes
    picture = store.picture(0).numpy()
    height, width = picture.shape[:2]
    h, w = seen[0].size
    assert (h, w) == (round(height / max(height, width) * 56), round(width / max(height, width) * 56))  # 448 px
    pixels = torch.from_numpy(cv2.resize(picture, (8 * w, 8 * h), interpolation=cv2.INTER_CUBIC))
    with torch.no_grad():
        all_at_once = network(pixels.permute(2, 0, 1)[None] / 255)
        attn = network.net.blocks[-1].attn
        keys, looks = look_from(seen[0].x[None].float(), attn.qkv.weight, attn.qkv.bias, heads=attn.num_heads)
    assert_close(keys, all_at_once.keys, atol=5e-2)
    assert_close(looks, all_at_once.looks, atol=5e-2)
    assert len(seen[0].regions) == len(seen[0].objects) == h * w


def test_only_queries_and_keys_of_the_last_block_learn(folder, tmp_path):
    recipe = dataclasses.replace(TINY, depth=3)
    begun, out = tmp_path / "begun.safetensors", tmp_path / "whole.safetensors"
    train(folder, begun, steps=1, recipe=recipe)
    how = {"recipe": recipe, "start": begun, "whole": True}
    train(folder, out, steps=4, **how)
    before, after = load_file(begun), load_file(out)
    moved = {name for name, x in before.items() if not torch.equal(x, after[name])}
    assert moved == {"blocks.2.attn.qkv.weight", "blocks.2.attn.qkv.bias"}
    for name in moved:
        assert torch.equal(before[name].chunk(3)[2], after[name].chunk(3)[2])  # values
    train(folder, tmp_path / "again.safetensors", steps=4, **how)
    again = load_file(tmp_path / "again.safetensors")
    assert all(torch.equal(x, again[name]) for name, x in after.items())


def test_whole_pictures_draw_keys_to_objects_and_leave_attention(folder, tmp_path):
    recipe, told = dataclasses.replace(TINY, heads=2), []
    train(folder, tmp_path / "begun.safetensors", steps=1, recipe=recipe)
    train(
        folder, tmp_path / "whole.safetensors", steps=60, recipe=recipe, start=tmp_path / "begun.safetensors", whole=True,
        on_step=lambda state: told.append(state.parts),
    )  # fmt: skip
    first, last = (sum(parts["keys"] for parts in some) for some in (told[:8], told[-8:]))
    assert last < first
    assert told[0]["attention"] == pytest.approx(0, abs=1e-6)  # as it was
    assert told[-1]["attention"] < 0.05  # nats


def test_whole_pictures_need_weights_to_begin_with(folder, tmp_path):
    with pytest.raises(InputError, match="name the weights to begin with"):
        train(folder, tmp_path / "w.safetensors", whole=True)


# Settled tokens


def test_patches_are_compared_by_keys_colors_and_heights(generator):
    """Squared distances in the joint domain: each domain over its scale, see the module's formula."""
    keys, colors = torch.randn(6, 5, generator=generator), torch.rand(2, 3, 3, generator=generator)
    x = joint_domain(7 * keys, colors.permute(2, 0, 1)[None].repeat_interleave(8, 2).repeat_interleave(8, 3), patch=8)
    lab = torch.from_numpy(cv2.cvtColor(colors.numpy(), cv2.COLOR_RGB2Lab)).flatten(0, 1)
    unit, y = keys / keys.norm(dim=1, keepdim=True), torch.tensor([0.25, 0.25, 0.25, 0.75, 0.75, 0.75])[:, None]
    expected = (1 - unit @ unit.T) / 0.16 + torch.cdist(lab, lab) ** 2 / 15**2 + torch.cdist(y, y) ** 2 / 0.7**2
    assert_close(torch.cdist(x, x) ** 2, expected, atol=1e-4, rtol=1e-4)


def test_mean_shift_by_a_gaussian_kernel(generator):
    x, tokens = torch.randn(9, 5, generator=generator), torch.randn(9, 3, generator=generator)
    near = torch.exp(-((x[:, None] - x) ** 2).sum(2))
    assert_close(mean_shift(tokens, x), near @ tokens / near.sum(1, keepdim=True), atol=1e-5)
    assert_close(mean_shift(tokens, 100 * x), tokens, atol=1e-5)  # nothing is near but the patch itself
    twice = mean_shift(tokens, 100 * x.index_copy(0, torch.tensor([1]), x[:1]))
    assert_close(twice[:2], tokens[:2].mean(0).expand(2, 3), atol=1e-4)


def test_least_squares_of_a_layer(generator):
    X, Y = torch.randn(40, 4, generator=generator), torch.randn(40, 2, generator=generator)
    weights = torch.rand(40, generator=generator)
    weight, bias = least_squares(X, Y, weights, ridge=0.0)
    A, w = torch.cat((X, torch.ones(40, 1)), dim=1).double(), weights.double().sqrt()[:, None]
    assert_close(torch.cat((weight.T, bias[None])), torch.linalg.lstsq(w * A, w * Y.double()).solution.float(), atol=1e-5)


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """Weights, the same with their tokens settled, and what was told on the way."""
    home = tmp_path_factory.mktemp("settled")
    for i in range(12):
        Image.fromarray(paint(i)).save(home / f"{i}.png")
    begun, out, told = home / "begun.safetensors", home / "settled.safetensors", []
    how = {"recipe": SETTLED, "start": begun, "settle": begun}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segcore.pretrain.settle._LONGER_SIDES", (96, 128))
        train(home, begun, steps=20, recipe=SETTLED)
        train(home, out, steps=300, on_step=lambda state: told.append(state.parts), **how)
        yield home, begun, out, told, how


def test_one_block_more_and_all_before_it_as_they_were(settled):
    _, begun, out, _, _ = settled
    before, after = load_file(begun), load_file(out)
    assert load_vit(resolve_backbone(str(out))[0]).depth == 3
    assert all(torch.equal(x, after[name]) for name, x in before.items() if not name.startswith(("blocks.1.", "norm.")))


def test_settled_tokens_come_near_and_the_rest_stays(settled):
    _, _, _, told, _ = settled
    first, last = told[0], {name: sum(parts[name] for parts in told[-8:]) / 8 for name in told[0]}
    assert list(first) == ["alike", "own", "keys", "attention", "class token"]
    assert first["alike"] < 0.1  # of the variance, before anything is learned
    assert last["alike"] < 0.2 * max(parts["alike"] for parts in told)
    assert last["own"] < first["own"]
    assert last["keys"] < 0.03  # 1 − cos
    assert last["attention"] < 0.02  # nats
    assert last["class token"] < 0.1 * first["class token"]


def test_patches_that_are_alike_say_the_same(settled):
    """On pictures with colors as they are: a token lies nearer to those like it, by the keys, than before."""
    home, begun, out, _, _ = settled
    store = load_store([home], seed=0, cues=False)
    assert len(store.regions) == 0
    networks = [make_networks(dataclasses.replace(SETTLED, depth=d), seed=0, start=f)[1] for d, f in ((2, begun), (3, out))]
    missed = []
    for number in range(len(store)):
        pixels = torch.nn.functional.interpolate(store.picture(number).permute(2, 0, 1)[None] / 255, (160, 192))
        spread = []
        for network in networks:
            with torch.no_grad():
                stream = network.stem(pixels)
                tokens = network.net.norm(network.net.blocks[-1](stream))[0, 1:]
            keys = networks[0](pixels).keys[0].detach()
            tokens = tokens - tokens.mean(0)
            settled = mean_shift(tokens, joint_domain(keys, pixels, patch=SETTLED.patch))
            spread.append(float((tokens - settled).square().sum() / tokens.square().sum()))
        missed.append(spread)
    before, after = np.mean(missed, axis=0)
    assert after < 0.85 * before


def test_a_settling_that_was_cut_off_goes_on(settled, tmp_path):
    home, _, _, _, how = settled

    def cut_off(state):
        if state.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(home, tmp_path / "w.safetensors", steps=5, on_step=cut_off, **how)
    train(home, tmp_path / "w.safetensors", steps=5, resume=True, **how)
    train(home, tmp_path / "at once.safetensors", steps=5, **how)
    a, b = load_file(tmp_path / "w.safetensors"), load_file(tmp_path / "at once.safetensors")
    assert all(torch.equal(x, b[name]) for name, x in a.items())


def test_settling_needs_weights_and_its_own_time(folder, tmp_path):
    with pytest.raises(InputError, match="name the weights to begin with"):
        train(folder, tmp_path / "w.safetensors", settle=tmp_path / "nowhere.safetensors")
    train(folder, tmp_path / "begun.safetensors", steps=1)
    how = {"start": tmp_path / "begun.safetensors", "settle": tmp_path / "begun.safetensors"}
    with pytest.raises(InputError, match="one after the other"):
        train(folder, tmp_path / "w.safetensors", whole=True, **how)
    with pytest.raises(InputError, match="of the sizes of this training"):
        train(folder, tmp_path / "w.safetensors", recipe=dataclasses.replace(TINY, depth=3), **how)


# Objects drawn anew


def test_attention_is_that_of_the_app(folder, tmp_path):
    """What the training draws to the objects is what DINO attention shows."""
    out = tmp_path / "weights.safetensors"
    train(folder, out)
    pixels = torch.from_numpy(paint(1, 32, 32))
    geometry = Geometry(image_size=(32, 32), scaled_size=(32, 32), patch=8)
    shown = extract_features(load_vit(resolve_backbone(str(out))[0], device=CPU), pixels, geometry).attention
    network, _ = make_networks(TINY, seed=0, start=out)
    with torch.no_grad():
        looks = network(pixels.permute(2, 0, 1)[None] / 255).looks[0]
    assert_close(looks.softmax(-1), (shown / shown.sum((1, 2), keepdim=True)).flatten(1), atol=1e-4)


def test_a_mirrored_picture_is_looked_at_alike(tmp_path):
    """The mean over mirror images is the mirror image of the mean."""
    picture = paint(3, 64, 64)
    for name, pixels in (("a", picture), ("b", picture[:, ::-1])):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "picture.png")
    network, numbers = make_networks(TINY, seed=0)[1], torch.tensor([0])
    seen = [look(load_store([tmp_path / name], seed=0), numbers, network, TINY, device=CPU)[0] for name in "ab"]
    assert_close(seen[1], seen[0].flip(1), atol=1e-4)
    assert float(seen[0].mean()) == pytest.approx(1, abs=0.02)


def test_objects_drawn_anew_follow_attention_and_regions(folder, monkeypatch):
    """Attention to the left half, of pictures whose regions are columns: exactly their left columns are object."""
    from segcore.pretrain import redraw

    def left(_store, numbers, _network, _recipe, *, device):
        return torch.tensor([1.9, 1.6, 0.4, 0.1]).repeat(len(numbers), 4, 1)

    monkeypatch.setattr(redraw, "look", left)
    store = load_store([folder], seed=0)
    columns = (torch.arange(24) // 6).repeat(12 * 20)[:, None]
    store = dataclasses.replace(store, regions=columns.expand_as(store.regions).to(torch.int16))
    anew = redraw_objects(store, None, TINY, device=CPU)
    objects = anew.objects.view(12, 20, 24)
    assert int(objects[:, :, :12].min()) > 200
    assert int(objects[:, :, 12:].max()) < 55
    assert torch.equal(anew.pixels, store.pixels)


def test_the_teacher_draws_anew_when_it_is_time(folder, tmp_path, monkeypatch):
    from segcore.pretrain import learner

    def watched(store, network, recipe, *, device):
        drawn.append(len(steps))
        return redraw_objects(store, network, recipe, device=device)

    drawn, steps = [], []
    monkeypatch.setattr(learner, "redraw_objects", watched)
    recipe = dataclasses.replace(TINY, redraws=(0.5, 0.8))
    train(folder, tmp_path / "w.safetensors", steps=10, recipe=recipe, on_step=steps.append)
    assert drawn == [5, 8]


def test_a_training_begins_with_the_weights_that_it_is_given(folder, tmp_path):
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    train(folder, first)
    train(folder, second, steps=1, start=first, seed=5, recipe=dataclasses.replace(TINY, learning_rate=0.0))
    a, b = load_file(first), load_file(second)
    assert all(torch.equal(a[key], b[key]) for key in a)
    with pytest.raises(InputError, match="no weights of the sizes"):
        train(folder, tmp_path / "c.safetensors", start=first, recipe=dataclasses.replace(TINY, depth=1))
    with pytest.raises(InputError, match="nowhere"):
        train(folder, tmp_path / "c.safetensors", start=tmp_path / "nowhere.safetensors")


def test_keys_are_those_that_segmentations_read(folder, tmp_path):
    """The training and the app find the same keys in the same weights."""
    out = tmp_path / "weights.safetensors"
    train(folder, out)
    model = load_vit(resolve_backbone(str(out))[0], device=CPU)
    pixels = torch.from_numpy(paint(1, 32, 32))
    geometry = Geometry(image_size=(32, 32), scaled_size=(32, 32), patch=8)
    found = extract_features(model, pixels, geometry, facet="key").X
    network, _ = make_networks(TINY, seed=0, start=out)
    with torch.no_grad():
        keys = network(pixels.permute(2, 0, 1)[None] / 255).keys
    assert_close(keys[0], found, atol=1e-4)


def test_gradients_reach_the_student_only(folder):
    store = load_store([folder], seed=0)
    batch = draw_batch(store, TINY, TINY.phase(0.0, 4), generator=torch.Generator().manual_seed(0), device=CPU)
    student, teacher = make_networks(TINY, seed=0)
    losses = compute_losses(student, teacher, batch, TINY, teacher_temperature=0.05)
    (losses.picture + losses.keys + losses.attention).backward()
    unmoved = [name for name, p in student.named_parameters() if p.grad is None or not p.grad.any()]
    assert unmoved == []
    assert all(p.grad is None for p in teacher.parameters())


def test_half_precision_computes_about_the_same(folder):
    """What fast hardware does, tried on any CPU."""
    store = load_store([folder], seed=0)
    batch = draw_batch(store, TINY, TINY.phase(0.0, 4), generator=torch.Generator().manual_seed(0), device=CPU)
    student, teacher = make_networks(TINY, seed=0)
    full = compute_losses(student, teacher, batch, TINY, teacher_temperature=0.05)
    with torch.autocast("cpu", torch.bfloat16):
        half = compute_losses(student, teacher, batch, TINY, teacher_temperature=0.05)
    (half.picture + half.keys + half.attention).backward()
    for name in ("picture", "keys", "attention"):
        assert getattr(half, name).dtype == torch.float32
        assert_close(getattr(half, name).detach(), getattr(full, name).detach(), rtol=0.03)
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in student.parameters())


def test_the_teacher_is_a_running_mean_of_the_student():
    student, teacher = make_networks(TINY, seed=0)
    mean = {name: p.clone() for name, p in teacher.named_parameters()}
    for _ in range(3):
        with torch.no_grad():
            for p in student.parameters():
                p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel())))
        follow(teacher, student, momentum=0.8)
        mean = {name: 0.8 * mean[name] + 0.2 * p.detach() for name, p in student.named_parameters()}
    for name, p in teacher.named_parameters():
        assert_close(p, mean[name], atol=1e-5)
    follow(teacher, student, momentum=0.0)
    assert all(torch.equal(a, b) for a, b in zip(teacher.parameters(), student.parameters(), strict=True))


def test_schedules_begin_and_end_where_they_should():
    recipe = Recipe()
    first, last = recipe.rates(0.0, 256), recipe.rates(1.0, 256)
    assert first.learning_rate == 0
    assert recipe.rates(recipe.warmup, 256).learning_rate == pytest.approx(recipe.learning_rate)
    assert recipe.rates(recipe.warmup, 64).learning_rate == pytest.approx(recipe.learning_rate / 2)
    assert last.learning_rate == pytest.approx(recipe.learning_rate / 100)
    assert (first.momentum, last.momentum) == pytest.approx(recipe.momentum)
    assert (first.teacher_temperature, last.teacher_temperature) == pytest.approx(recipe.teacher_temperature)
    assert not first.prototypes_learn
    assert last.prototypes_learn
    assert cosine(2.0, 1.0, 0.5) == pytest.approx(1.5)
    assert (recipe.phase(0.0, 256).large_px, recipe.phase(0.0, 256).batch) == (128, 256)
    assert (recipe.phase(0.9, 256).large_px, recipe.phase(0.9, 256).batch) == (256, 64)


# The whole


def test_the_weights_are_what_the_app_and_timm_read(folder, tmp_path):
    import timm

    out = tmp_path / "made" / "weights.safetensors"
    os.umask(umask := os.umask(0o022))
    done = train(folder, out)
    assert (done.path, done.steps, done.n_pictures, done.n_skipped) == (out, 3, 12, 0)
    with safe_open(out, "pt") as opened:
        config = json.loads(opened.metadata()["config"])
    assert config["training"]["steps"] == 3
    assert config["training"]["recipe"]["n_prototypes"] == 16
    assert out.stat().st_mode & 0o777 == 0o666 & ~umask
    state = load_file(out)
    assert {x.dtype for x in state.values()} == {torch.float16}
    net = timm.create_model(config["architecture"], num_classes=0, **config["model_args"])
    net.load_state_dict(state)
    assert type(net).__name__ == "VisionTransformer"
    backbone, _ = resolve_backbone(str(out))
    model = load_vit(backbone)
    assert (model.patch, model.depth, model.mean) == (8, 2, (0.485, 0.456, 0.406))
    assert model.net.blocks[0].attn.num_heads == 1
    result = segment(paint(0), Settings(backbone=str(out), max_side=64, n_segments=2, block=-1))
    assert result.settings.backbone == str(out)
    assert result.features.f.shape[2] == 64
    assert not checkpoint_path(out).exists()


def test_the_loss_falls(folder, tmp_path):
    losses = []
    recipe = dataclasses.replace(TINY, momentum=(0.95, 1.0), fine_share=0.0)
    train(folder, tmp_path / "w.safetensors", steps=60, batch=12, recipe=recipe, on_step=lambda r: losses.append(r.loss))
    blind = math.log(16) + 2 * math.log(32)  # of a student that finds all prototypes equally likely
    assert np.mean(losses[-10:]) < np.mean(losses[:5]) - 1
    assert np.mean(losses[-10:]) < blind - 1


def test_the_same_seed_gives_the_same_weights(folder, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        before = torch.random.get_rng_state()
        train(folder, tmp_path / f"{name}.safetensors", seed=seed)
        assert torch.equal(torch.random.get_rng_state(), before)
    a, b, c = (load_file(tmp_path / f"{name}.safetensors") for name in "abc")
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not torch.equal(a["patch_embed.proj.weight"], c["patch_embed.proj.weight"])


@pytest.mark.parametrize("how", [KeyboardInterrupt, RuntimeError])
def test_a_training_that_was_cut_off_goes_on_as_if_it_had_not_been(folder, tmp_path, how):
    """An interruption saves where it is; after anything else the last checkpoint counts, here that of every second step."""

    def cut_off(report):
        steps.append((report.step, report.loss))
        if report.step == 3 and len(steps) == 3:
            raise how

    steps, ticks = [], itertools.count()
    changes = {"steps": 6, "on_step": cut_off, "checkpoint_seconds": 5, "clock": lambda: float(next(ticks))}
    out = tmp_path / "cut.safetensors"
    with pytest.raises(how):
        train(folder, out, **changes)
    assert checkpoint_path(out).exists()
    assert not out.exists()
    with pytest.raises(InputError, match="--resume"):
        train(folder, out, steps=6)
    train(folder, out, **changes, resume=True)
    whole = []
    train(folder, tmp_path / "whole.safetensors", steps=6, on_step=lambda r: whole.append((r.step, r.loss)))
    assert steps[-3:] == whole[-3:]
    a, b = load_file(out), load_file(tmp_path / "whole.safetensors")
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_a_finished_training_is_not_resumed(folder, tmp_path):
    train(folder, tmp_path / "w.safetensors", resume=True)  # nothing to go on from: it begins
    with pytest.raises(InputError, match="is done"):
        train(folder, tmp_path / "w.safetensors", resume=True)


def test_an_interruption_amid_the_weights_keeps_the_last_checkpoint(folder, tmp_path, monkeypatch):
    """Half a step must not be saved."""
    from segcore.pretrain import learner

    def interrupted(*arguments, **named):
        calls.append(0)
        if len(calls) == 3:
            raise KeyboardInterrupt
        follow(*arguments, **named)

    calls, out = [], tmp_path / "w.safetensors"
    monkeypatch.setattr(learner, "follow", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(folder, out, steps=5, checkpoint_seconds=0)
    assert torch.load(checkpoint_path(out), weights_only=True)["step"] == 2
    train(folder, out, steps=5, resume=True)
    train(folder, tmp_path / "whole.safetensors", steps=5)
    a, b = load_file(out), load_file(tmp_path / "whole.safetensors")
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_minutes_follow_the_clock_over_all_runs(folder, tmp_path):
    def clock():
        now[0] += 1.0
        return now[0]

    def cut_off(report):
        reports.append(report)
        if len(reports) == 4:
            raise KeyboardInterrupt

    now, reports, out = [0.0], [], tmp_path / "w.safetensors"
    changes = {"steps": None, "minutes": 1.0, "clock": clock, "on_step": cut_off}
    with pytest.raises(KeyboardInterrupt):
        train(folder, out, **changes)
    now[0] += 10**6  # the pause does not count
    done = train(folder, out, **changes, resume=True)
    progress = [report.progress for report in reports]
    assert progress == sorted(progress)
    assert progress[4] < progress[3] + 0.2
    assert 60 <= done.seconds < 80


def test_a_kill_at_any_moment_leaves_whole_files(folder, tmp_path):
    """SIGKILL while checkpoints are written at every step."""
    out = tmp_path / "w.safetensors"
    code = f"""
import tests.test_pretrain as t
t.train({str(folder)!r}, {str(out)!r}, steps=10**6, checkpoint_seconds=0, on_step=lambda r: print(r.step, flush=True))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    for line in process.stdout:
        if int(line) == 4:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    reached = torch.load(checkpoint_path(out), weights_only=True)["step"]
    assert reached >= 3
    done = train(folder, out, steps=reached + 1, resume=True)
    assert done.steps == reached + 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) in (
        ["w.safetensors"],
        ["w.safetensors", "w.safetensors.checkpoint.part"],
    )


def test_a_checkpoint_of_another_training_is_refused(folder, tmp_path):
    out = tmp_path / "w.safetensors"

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(folder, out, on_step=stop)
    with pytest.raises(InputError, match="another seed: 0, and now 1"):
        train(folder, out, seed=1, resume=True)
    with pytest.raises(InputError, match="another batch"):
        train(folder, out, batch=2, resume=True)
    Image.fromarray(paint(99)).save(folder / "one more.png")
    with pytest.raises(InputError, match="another pictures"):
        train(folder, out, resume=True)
    (folder / "one more.png").unlink()
    with pytest.raises(InputError, match="another depth: 2, and now 1"):
        train(folder, out, recipe=dataclasses.replace(TINY, depth=1), resume=True)
    state = load_checkpoint(out)
    no_teacher = {name: x for name, x in state.learner.items() if not name.startswith("teacher")}
    for hole in ({"optimizer": {}}, {"learner": no_teacher}, {"learner": {"weight": torch.ones(2)}}):
        save_checkpoint(out, dataclasses.replace(state, **hole))
        with pytest.raises(InputError, match="does not hold what"):
            train(folder, out, resume=True)
    save_checkpoint(out, state)
    whole = checkpoint_path(out).read_bytes()
    numbers = (
        next(x for name, x in state.learner.items() if name.startswith("teacher") and x.numel() >= 16).numpy().tobytes()
    )
    at = whole.index(numbers)  # a bit of one weight
    checkpoint_path(out).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(InputError, match="is damaged: it holds other numbers"):
        train(folder, out, resume=True)
    checkpoint_path(out).write_bytes(b"damaged")
    with pytest.raises(InputError, match="cannot be read"):
        train(folder, out, resume=True)


def test_a_loss_that_is_not_finite_ends_the_training(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("segcore.pretrain.objective.cut", lambda *a: torch.full((4, 3, a[2].px, a[2].px), torch.nan))
    with pytest.raises(NumericalError, match="loss of step 1"):
        train(folder, tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"out": "w.pth"}, "ends in .safetensors"),
        ({"batch": 0}, "batch"),
        ({"seed": -1}, "seed"),
        ({"seed": 10**14}, "seed"),
        ({"steps": 0}, "steps"),
        ({"steps": None, "minutes": 0}, "minutes must be above 0"),
        ({"steps": None, "minutes": float("nan")}, "minutes must be above 0"),
        ({"steps": None, "minutes": None}, "how long"),
        ({"device": "abacus"}, "device"),
    ],
)
def test_mistakes_are_said_in_words(folder, tmp_path, changes, words):
    out = tmp_path / changes.pop("out", "w.safetensors")
    with pytest.raises(InputError, match=words):
        train(folder, out, **changes)


def test_sizes_that_cannot_be_are_refused():
    for changes, words in (
        ({"large_px": 100}, "multiple of patch"),
        ({"heads": 5}, "multiple of heads"),
        ({"depth": 0}, "depth"),
    ):
        with pytest.raises(InputError, match=words):
            Recipe(**changes)


def test_the_command_line_trains(folder, tmp_path, capsys, monkeypatch):
    """The flags reach the function, which does its work with a smaller recipe."""
    import segcore.pretrain as package

    monkeypatch.setattr(
        package, "Recipe", lambda **sizes: Recipe(**{**{n: getattr(TINY, n) for n in TINY.__slots__}, **sizes})
    )
    (folder / "broken.png").write_bytes(b"")
    out = tmp_path / "w.safetensors"
    status = cli.main(
        ["pretrain", str(folder), "--out", str(out), "--steps", "2", "--batch", "4", "--depth", "1", "--device", "cpu"]
    )
    told = capsys.readouterr()
    assert status == 0, told.err
    assert "2 steps on 12 pictures" in told.out
    assert "Not read: 1 files, such as broken.png" in told.out
    assert "min, loss" in told.out
    assert load_vit(resolve_backbone(str(out))[0]).depth == 1


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--minutes", "1", "--steps", "2"], "not both"),
        (["--minutes", "-1"], "above 0"),
        (["--minutes", "0"], "above 0"),
        (["--minutes", "soon"], "soon"),
        (["--whole"], "--start"),
    ],
)
def test_mistakes_on_the_command_line(folder, tmp_path, flags, words, capsys):
    try:
        status = cli.main(["pretrain", str(folder), "--out", str(tmp_path / "w.safetensors"), *flags])
    except SystemExit as end:
        status = end.code
    told = capsys.readouterr().err
    assert status == 2
    assert told.startswith("error: ")
    assert words in told


def test_crops_go_to_a_device(generator):
    crops = Crops(torch.rand(2, 4, generator=generator), torch.tensor([True, False]), 16)
    assert torch.equal(crops.to(CPU).box, crops.box)
