"""Loading refuses what does not fit; features equal a transformer written out by hand, of every family of the registry."""

import dataclasses
import json
import math
import threading

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from segcore.errors import InputError, ModelError
from segcore.features import BACKBONES, extract_features, load_vit
from segcore.features.vit import FACETS
from segcore.pipeline.backbones import load_model, resolve_backbone
from segcore.types import Geometry
from tests.asserts import assert_close
from tests.checkpoints import FAMILIES, MEAN, STD, isolate, make_family, make_net, write_folder

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path)
    monkeypatch.setenv("SEGCORE_WEIGHTS_DIR", str(tmp_path / "weights"))


@pytest.fixture
def folder(tmp_path):
    """Write a checkpoint where the backbone of this name looks for it."""

    def write(name, state, config=None):
        return write_folder(tmp_path / "weights" / name, state, config)

    return write


@pytest.fixture
def load(folder):
    """A tiny model of one family, its tensors changed at will, loaded as the real one would be."""

    def make(family, change=lambda state: state, **config):
        name, state, own = make_family(family)
        folder(name, change(state), {**own, **config})
        return load_vit(BACKBONES[name])

    return make


def picture(h, w, patch, seed=0):
    """Random pixels of h × w cells, and their geometry."""
    pixels = torch.randint(
        0, 256, (h * patch, w * patch, 3), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8
    )
    return pixels, Geometry((h * patch, w * patch), (h * patch, w * patch), patch)


# By hand


def by_hand(model, pixels, *, places=None):
    """Every quantity of a transformer from its state dict, token by token and head by head, without timm's forward.

    Args:
        places: position embeddings (h·w, d) in place of the trained ones, which only fit their own grid.

    Returns:
        One dict per block with key, query, value, token of all tokens (prefix + n, d) and attention (heads, tokens, tokens).
    """
    s, patch = model.net.state_dict(), model.patch
    h, w = pixels.shape[0] // patch, pixels.shape[1] // patch
    rotary = "pos_embed" not in s
    eps = 1e-5 if rotary else 1e-6
    kernel = s["patch_embed.proj.weight"].reshape(len(s["patch_embed.proj.weight"]), -1)
    rows = []
    for i in range(h * w):
        y, x = divmod(i, w)
        cell = pixels[y * patch : (y + 1) * patch, x * patch : (x + 1) * patch].float() / 255
        cell = (cell - torch.tensor(model.mean)) / torch.tensor(model.std)
        rows.append(kernel @ cell.permute(2, 0, 1).reshape(-1) + s["patch_embed.proj.bias"])
    z = torch.stack(rows)
    prefix = [s["cls_token"][0]]
    if not rotary:
        trained = s["pos_embed"][0]
        if "reg_token" not in s:  # the first position is that of [CLS]
            prefix[0] = prefix[0] + trained[:1]
            trained = trained[1:]
        z = z + (trained if places is None else places)
    if "reg_token" in s:
        prefix.append(s["reg_token"][0])
    z = torch.cat((*prefix, z))
    blocks = []
    for i in range(model.depth):
        block, z = one_block({k.removeprefix(f"blocks.{i}."): x for k, x in s.items()}, z, eps, (h, w) if rotary else None)
        blocks.append(block)
    blocks[-1]["token"] = F.layer_norm(z, z.shape[1:], s["norm.weight"], s["norm.bias"], eps)
    return blocks


def one_block(s, z, eps, grid):
    """One block of width d with heads of 64 channels; `grid` is given where positions are rotations."""
    d = z.shape[1]
    x = F.layer_norm(z, (d,), s["norm1.weight"], s["norm1.bias"], eps)
    query, key, value = (x @ s["attn.qkv.weight"].T + s.get("attn.qkv.bias", torch.zeros(3 * d))).split(d, dim=1)
    attention, mixed = [], []
    for q, k, v in zip(query.split(64, 1), key.split(64, 1), value.split(64, 1), strict=True):
        if grid:
            n = grid[0] * grid[1]
            q, k = (torch.cat((y[:-n], rotate(y[-n:], grid))) for y in (q, k))
        attention.append((q @ k.T / math.sqrt(64)).softmax(1))
        mixed.append(attention[-1] @ v)
    scale = [s.get(f"ls{i}.gamma", s.get(f"gamma_{i}", torch.ones(d))) for i in (1, 2)]
    z = z + scale[0] * (torch.cat(mixed, 1) @ s["attn.proj.weight"].T + s["attn.proj.bias"])
    x = F.layer_norm(z, (d,), s["norm2.weight"], s["norm2.bias"], eps)
    hidden = F.gelu(x @ s["mlp.fc1.weight"].T + s["mlp.fc1.bias"])
    z = z + scale[1] * (hidden @ s["mlp.fc2.weight"].T + s["mlp.fc2.bias"])
    return {"key": key, "query": query, "value": value, "token": z, "attention": torch.stack(attention)}, z


def rotate(x, grid):
    """DINOv3's rotary embedding of one head (n, 64): pairs (j, j + 32) turn by 2π · coordinate / period."""
    h, w = grid
    out = torch.empty_like(x)
    for i in range(h * w):
        y, column = divmod(i, w)
        coordinates = 2 * (y + 0.5) / h - 1, 2 * (column + 0.5) / w - 1
        for j in range(32):
            angle = 2 * math.pi * coordinates[j // 16] / 100 ** (2 * (j % 16) / 32)
            a, b = x[i, j], x[i, j + 32]
            out[i, j] = a * math.cos(angle) - b * math.sin(angle)
            out[i, j + 32] = b * math.cos(angle) + a * math.sin(angle)
    return out


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("facet", FACETS)
def test_features_equal_the_transformer_by_hand(load, family, facet):
    """On the grid of the training, where the position embeddings must pass through as they are."""
    model = load(family)
    pixels, geometry = picture(4, 4, model.patch)
    blocks = by_hand(model, pixels)
    for block in range(-model.depth, 0):
        grid = extract_features(model, pixels, geometry, facet=facet, block=block)
        assert grid.f.dtype == torch.float32
        assert_close(grid.X, blocks[block][facet][-16:], atol=1e-4)
        assert_close(grid.attention.flatten(1), blocks[-1]["attention"][:, 0, -16:], atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_wide_and_high_grids_equal_the_transformer_by_hand(load, family):
    """Embeddings that are the same everywhere stay so however they are interpolated, and rotations have a formula."""
    place = torch.linspace(-1, 1, FAMILIES[family][1]["embed_dim"])

    def same_everywhere(state):
        if "pos_embed" in state:
            first = state["pos_embed"].shape[1] - 16
            state["pos_embed"][:, first:] = place
        return state

    model = load(family, same_everywhere)
    for h, w in ((2, 5), (6, 3), (1, 1)):
        pixels, geometry = picture(h, w, model.patch)
        last = by_hand(model, pixels, places=place.expand(h * w, -1))[-1]
        for facet in FACETS:
            grid = extract_features(model, pixels, geometry, facet=facet)
            assert grid.f.shape[:2] == (h, w)
            assert_close(grid.X, last[facet][-h * w :], atol=1e-4)
        assert_close(grid.attention.flatten(1), last["attention"][:, 0, -h * w :], atol=1e-6)


def test_the_hand_can_fail(load):
    """An oracle that agrees with everything proves nothing."""
    model = load("dinov3")
    pixels, geometry = picture(2, 3, model.patch)
    block = by_hand(model, pixels)[-1]
    grid = extract_features(model, pixels, geometry)
    with pytest.raises(AssertionError):
        assert_close(grid.X, block["query"][-6:], atol=1e-4)
    with pytest.raises(AssertionError):
        assert_close(grid.X, block["key"][:6], atol=1e-4)


@pytest.mark.parametrize("family", ["dino", "dinov2", "dinov2_reg"])
@pytest.mark.parametrize("shift", [(0, 1), (1, 0), (2, 3)])
def test_cells_lie_row_by_row(load, family, shift):
    """Without position embeddings a transformer knows no places, so what moves in the picture moves on the grid."""
    model = load(family, lambda state: {**state, "pos_embed": torch.zeros_like(state["pos_embed"])})
    pixels, geometry = picture(3, 5, model.patch)
    moved = pixels.roll([model.patch * s for s in shift], (0, 1))
    a, b = (extract_features(model, p, geometry) for p in (pixels, moved))
    assert_close(b.f, a.f.roll(shift, (0, 1)), atol=1e-4)
    assert_close(b.attention, a.attention.roll(shift, (1, 2)), atol=1e-6)
    assert (b.f - a.f).abs().max() > 0.1


@pytest.mark.parametrize("family", FAMILIES)
def test_bright_square_lights_up_its_own_cell(load, family):
    model = load(family)
    patch, dark = model.patch, torch.zeros(3 * model.patch, 4 * model.patch, 3, dtype=torch.uint8)
    geometry = Geometry(dark.shape[:2], dark.shape[:2], patch)
    bright = dark.clone()
    bright[2 * patch :, patch : 2 * patch] = 255
    a, b = (extract_features(model, pixels, geometry, facet="value", block=-model.depth).f for pixels in (dark, bright))
    # The first block's values are projections of single patches: no other cell has seen the square yet.
    assert (b - a).norm(dim=-1).nonzero().tolist() == [[2, 1]]


@pytest.mark.parametrize("family", FAMILIES)
def test_whole_transformer_agrees_with_timm(load, family):
    model = load(family)
    pixels, geometry = picture(3, 5, model.patch)
    image = (pixels.permute(2, 0, 1)[None] / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    expected = model.net.forward_features(image)[0, model.net.num_prefix_tokens :]
    assert_close(extract_features(model, pixels, geometry, facet="token").X, expected, atol=1e-5)


def test_attention_leaves_out_what_goes_to_the_prefix(load):
    grid = extract_features(load("dinov2_reg"), *picture(3, 5, 14))
    assert grid.attention.shape == (2, 3, 5)
    assert bool((grid.attention >= 0).all())
    assert bool((grid.attention.sum((1, 2)) < 1).all())


def test_separate_projections_are_the_fused_ones(tmp_path):
    """timm's Eva can keep W_q, W_k and W_v apart; the features must not depend on that."""
    _, state, config = make_family("dinov3")
    apart = {key: x for key, x in state.items() if "qkv" not in key}
    for i in range(2):
        for part, x in zip("qkv", state[f"blocks.{i}.attn.qkv.weight"].chunk(3), strict=True):
            apart[f"blocks.{i}.attn.{part}_proj.weight"] = x
    args = {**config["model_args"], "qkv_fused": False}
    files = write_folder(tmp_path / "a", state, config), write_folder(tmp_path / "b", apart, {**config, "model_args": args})
    models = [load_vit(resolve_backbone(str(path))[0]) for path in files]
    for facet in FACETS:
        a, b = (extract_features(model, *picture(2, 3, 16), facet=facet) for model in models)
        assert_close(a.f, b.f, atol=1e-5)
        assert_close(a.attention, b.attention, atol=1e-6)


def test_biases_kept_apart_are_used(tmp_path):
    """timm's Eva with biases: those of queries and values are tensors of their own, that of the keys is zero."""
    args = FAMILIES["dinov3"][1]
    net = make_net("vit_small_patch16_dinov3_qkvb", **args)
    path = write_folder(tmp_path, net.state_dict(), {"architecture": "vit_small_patch16_dinov3_qkvb", "model_args": args})
    model = load_vit(resolve_backbone(str(path))[0])

    def first_block(facet):
        return extract_features(model, *picture(2, 3, 16), facet=facet, block=-2).f

    biased = [first_block(facet) for facet in ("key", "query", "value")]
    attn = model.net.blocks[0].attn
    biases = torch.zeros(128), attn.q_bias, attn.v_bias
    attn.q_bias = attn.v_bias = None  # timm then runs without any bias
    for facet, f, bias in zip(("key", "query", "value"), biased, biases, strict=True):
        assert_close(f - first_block(facet), bias.expand_as(f), atol=1e-4)


def test_model_without_cls_has_features_but_no_attention(tmp_path):
    args = {
        "img_size": 64,
        "embed_dim": 64,
        "depth": 3,
        "num_heads": 1,
        "class_token": False,
        "global_pool": "avg",
        "fc_norm": False,
    }
    path = write_folder(tmp_path, make_net("vit_small_patch16_224.dino", **args).state_dict())
    model = load_vit(resolve_backbone(str(path))[0])
    ran = []
    for i, block in enumerate(model.net.blocks):
        block.register_forward_hook(lambda *_, i=i: ran.append(i))
    grid = extract_features(model, *picture(2, 3, 16), block=-2)
    assert grid.attention is None
    assert (grid.f.shape, grid.origin) == ((2, 3, 64), f"{path}, key of block 2 of 3")
    assert ran == [0]  # later blocks are not asked for
    extract_features(model, *picture(2, 3, 16), facet="token", block=-2)
    assert ran == [0, 0, 1]


def test_words_say_what_was_taken(load):
    model = load("dino")
    say = {
        (facet, block): extract_features(model, *picture(1, 2, 16), facet=facet, block=block).origin
        for facet, block in (("key", -1), ("token", -1), ("token", -2))
    }
    assert say["key", -1] == "dino_vits16, key of block 2 of 2"
    assert say["token", -1] == "dino_vits16, token of block 2 of 2, after the final norm"
    assert say["token", -2] == "dino_vits16, token of block 1 of 2"
    assert extract_features(model, *picture(1, 2, 16)).source == "SEGCORE_WEIGHTS_DIR/dino_vits16/model.safetensors"


def test_threads_that_share_a_model_do_not_disturb_each_other(load):
    model = load("dino")
    jobs = [(picture(2 + i % 3, 3, 16, seed=i), FACETS[i % 4]) for i in range(12)]
    alone = [extract_features(model, *job, facet=facet).f for job, facet in jobs]
    together = [None] * len(jobs)

    def run(i):
        job, facet = jobs[i]
        together[i] = extract_features(model, *job, facet=facet).f

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for a, b in zip(alone, together, strict=True):
        assert_close(a, b, atol=1e-6)


def test_results_are_ordinary_tensors(load):
    """Tensors of inference mode could neither be changed in place nor used under autograd."""
    grid = extract_features(load("dino"), *picture(1, 2, 16))
    for x in (grid.f, grid.attention):
        assert not x.is_inference()
        assert not x.requires_grad
        x.mul_(2)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"block": -3}, "block must be from -2 to -1, since dino_vits16 has 2 blocks; got -3"),
        ({"block": 0}, "block must be from -2 to -1"),
        ({"facet": "keys"}, "facet must be one of key, query, value, token; got 'keys'"),
        ({"geometry": Geometry((16, 32), (16, 32), 8)}, "fitted to patches of 8 pixels; dino_vits16 needs 16"),
        ({"pixels": torch.zeros(16, 48, 3, dtype=torch.uint8)}, r"pixels must have shape \(16, 32, 3\); got \(16, 48, 3\)"),
        ({"pixels": torch.zeros(16, 32, 3)}, "pixels must be uint8, 0 to 255; got torch.float32"),
    ],
)
def test_arguments_that_break_a_rule_are_named(load, change, sentence):
    pixels, geometry = picture(1, 2, 16)
    given = {"pixels": pixels, "geometry": geometry, **change}
    with pytest.raises(InputError, match=sentence):
        extract_features(load("dino"), **given)


# Loading


@pytest.mark.parametrize("family", FAMILIES)
def test_loaded_model_is_ready_and_frozen(load, family):
    model = load(family)
    assert not model.net.training
    assert not any(x.requires_grad for x in model.net.parameters())
    assert (model.mean, model.std, model.backbone.name) == (MEAN, STD, FAMILIES[family][0])
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.patch = 3


def test_older_flat_config_is_understood(load):
    assert load("dino", pretrained_cfg={"mean": [0.1] * 3, "std": [0.2] * 3}).mean == (0.1, 0.1, 0.1)


def test_flat_config_and_missing_config_fall_back(folder, tmp_path):
    name, state, config = make_family("dino")
    flat = {"architecture": config["architecture"], "model_args": config["model_args"], "mean": [0.1] * 3, "std": [0.2] * 3}
    folder(name, state, flat)
    assert load_vit(BACKBONES[name]).std == (0.2, 0.2, 0.2)
    bare = load_vit(resolve_backbone(str(write_folder(tmp_path / "bare", state)))[0])
    assert (bare.mean, bare.std) == IMAGENET


def test_bundled_backbone_reads_its_sizes_from_its_config(tmp_path):
    args = {"patch_size": 8, "img_size": 32, "embed_dim": 96, "depth": 2, "num_heads": 3}  # heads of 32: no guess would do
    state = make_net("vit_tiny_patch16_224", **args).state_dict()
    config = {"architecture": "vit_tiny_patch16_224", "model_args": args, "pretrained_cfg": {"mean": MEAN, "std": STD}}
    write_folder(tmp_path / "assets" / "dino_tiny", state, config)
    model = load_vit(BACKBONES["dino_tiny"])
    assert (model.net.blocks[0].attn.num_heads, model.patch, model.source) == (3, 8, "assets/dino_tiny, bundled")
    assert extract_features(model, *picture(2, 3, 8)).f.shape == (2, 3, 96)


def test_sizes_without_architecture_complete_the_guess(tmp_path):
    _, state, _ = make_family("dino")
    path = write_folder(tmp_path / "a", state, {"model_args": {"num_heads": 4}})
    assert load_vit(resolve_backbone(str(path))[0]).net.blocks[0].attn.num_heads == 4


def test_metadata_of_the_file_wins_over_the_config_beside_it(tmp_path):
    _, state, config = make_family("dino")
    inside = {**config, "model_args": {**config["model_args"], "num_heads": 4}}
    save_file(state, tmp_path / "a.safetensors", metadata={"config": json.dumps(inside)})
    (tmp_path / "a.json").write_text(json.dumps(config))
    model = load_vit(resolve_backbone(str(tmp_path / "a.safetensors"))[0])
    assert model.net.blocks[0].attn.num_heads == 4


def test_pth_of_training_code_loads_like_the_safetensors(tmp_path):
    _, state, config = make_family("dino")
    torch.save({"teacher": {f"module.backbone.{k}": x for k, x in state.items()}, "epoch": 9}, tmp_path / "a.pth")
    (tmp_path / "a.json").write_text(json.dumps(config))
    models = [
        load_vit(resolve_backbone(str(p))[0]) for p in (tmp_path / "a.pth", write_folder(tmp_path / "b", state, config))
    ]
    a, b = (extract_features(model, *picture(2, 3, 16)).f for model in models)
    assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"norm.weight": torch.ones(64)},
            r"do not fit vit_small_patch16_224: tensor norm.weight has shape \(64,\), and \(128,\) is needed\. Get",
        ),
        ({"pos_embed": torch.ones(1, 26, 128)}, r"pos_embed has shape \(1, 26, 128\), and \(1, 17, 128\) is needed"),
        ({"cls_token": None}, r"tensor cls_token of shape \(1, 1, 128\) is missing"),
        ({"cls_token": None, "norm.bias": None}, "is missing, and 1 more do not fit"),
        ({"extra": torch.ones(3)}, r"tensor extra of shape \(3,\) is not known there"),
        ({"patch_embed.proj.weight": torch.ones(128, 3, 8, 8)}, r"has shape \(128, 3, 8, 8\), and \(128, 3, 16, 16\)"),
    ],
)
def test_tensors_that_do_not_fit_are_named_with_both_shapes(load, change, sentence):
    def apply(state):
        return {key: x for key, x in {**state, **change}.items() if x is not None}

    with pytest.raises(ModelError, match=sentence) as caught:
        load("dino", apply)
    assert caught.value.backbone == "dino_vits16"


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"architecture": "vit_base_patch16_224"}, "is of vit_base_patch16_224; dino_vits16 is vit_small_patch16_224"),
        ({"model_args": {"wings": 2}}, "cannot build vit_small_patch16_224 .*wings"),
        ({"model_args": {"norm_layer": "none such"}}, "cannot build vit_small_patch16_224"),
        ({"model_args": {"num_heads": 0}}, "cannot build vit_small_patch16_224"),
        ({"model_args": {"num_heads": 3, "embed_dim": 128}}, "cannot build vit_small_patch16_224"),
        ({"model_args": {"patch_size": 8, "img_size": 32, **dict(list(FAMILIES["dino"][1].items())[1:])}}, "do not fit"),
        ({"pretrained_cfg": {"mean": [0.5], "std": [0.5, 0.5, 0.5]}}, "must give mean and std as three numbers each"),
        ({"pretrained_cfg": {"mean": [0, 0, 0], "std": [1, 0, 1]}}, "std above 0"),
        ({"pretrained_cfg": {"mean": "none"}}, "must give mean and std"),
        ({"pretrained_cfg": 3}, "must give mean and std"),
        ({"model_args": [1]}, "must be a JSON object, and so must its model_args"),
    ],
)
def test_config_that_is_wrong_is_refused(load, config, sentence):
    with pytest.raises(ModelError, match=sentence):
        load("dino", **config)


@pytest.mark.parametrize("text", ["{", "[1]", "\udcff"])
def test_config_that_is_no_json_object_is_refused(folder, text):
    name, state, _ = make_family("dino")
    path = folder(name, state)
    path.with_name("config.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ModelError, match=r"config.json of SEGCORE_WEIGHTS_DIR/dino_vits16/model.safetensors"):
        load_vit(BACKBONES[name])


@pytest.mark.parametrize(
    ("architecture", "sentence"),
    [
        ("hf-hub:someone/model", "only timm's VisionTransformer and Eva"),
        ("local-dir:folder", "only timm's"),
        (7, "only timm's"),
        (["a"], "only timm's"),
        ("vit_medium_patch16_reg4_256_unknown", "only timm's"),
        ("vit_base_patch16_xp_224", "only timm's"),  # blocks that attend and compute side by side
        ("resnet18", "cannot build resnet18"),
    ],
)
def test_architecture_that_is_not_understood_is_refused_without_network(tmp_path, architecture, sentence):
    path = write_folder(tmp_path, make_family("dino")[1], {"architecture": architecture, "model_args": {"depth": 1}})
    with pytest.raises(ModelError, match=sentence):
        load_vit(resolve_backbone(str(path))[0])


def test_config_cannot_make_timm_load_files(load, tmp_path, monkeypatch):
    """timm's create_model would read checkpoint_path itself, and download where pretrained is true."""

    def refuse(*args, **kwargs):
        pytest.fail("timm was made to load something")

    monkeypatch.setattr("timm.models._factory.load_checkpoint", refuse)
    monkeypatch.setattr("timm.models._builder.load_pretrained", refuse)
    extra = {
        "checkpoint_path": str(tmp_path / "a.pth"),
        "pretrained": True,
        "pretrained_cfg": {"file": "a"},
        "num_classes": 5,
    }
    assert load("dino", model_args={**FAMILIES["dino"][1], **extra}).depth == 2


def test_weights_of_another_patch_are_refused(tmp_path):
    args = {"patch_size": 16, **FAMILIES["dino"][1]}
    config = {"architecture": "vit_tiny_patch16_224", "model_args": args}
    write_folder(tmp_path / "assets" / "dino_tiny", make_net("vit_tiny_patch16_224", **args).state_dict(), config)
    with pytest.raises(ModelError, match="has patches of 16 × 16 pixels; dino_tiny needs 8"):
        load_vit(BACKBONES["dino_tiny"])


def test_color_has_nothing_to_load():
    with pytest.raises(ModelError, match="color has no weights to load"):
        load_vit(BACKBONES["color"])


# The door


def test_door_takes_any_backbone(load):
    model = load("dino")
    pixels, geometry = picture(2, 3, 16)
    expected = extract_features(model, pixels, geometry, facet="value", block=-2).f
    for given in (model, load_model(model.backbone)):
        grid = extract_features(given, pixels, geometry, facet="value", block=-2)
        assert torch.equal(grid.f, expected)
    color = extract_features(load_model(BACKBONES["color"]), *picture(2, 3, 8))
    assert color.f.shape == (2, 3, 5)
