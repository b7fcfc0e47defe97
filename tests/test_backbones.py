"""The registry agrees with timm and with the settings; "auto" takes what is here; shapes tell the architecture."""

import dataclasses
import os
import re
import subprocess
import sys

import pytest
import torch

from segcore.errors import InputError, ModelError
from segcore.features import BACKBONES, weights_status
from segcore.features.timm_files import infer_architecture, timm_names
from segcore.pipeline.backbones import resolve_backbone
from segcore.settings import params
from tests.checkpoints import FAMILIES, isolate, make_family, make_net, serve_hub, write_cache, write_folder

STATE = {"cls_token": torch.ones(1, 1, 4)}
ON_HUB = [backbone for backbone in BACKBONES.values() if backbone.repo]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path)


def cache(tmp_path, *names):
    for name in names:
        write_cache(tmp_path / "hub", BACKBONES[name].repo, STATE, {})


# The registry


def test_names_are_the_choices_of_the_setting():
    assert ("auto", *BACKBONES) == params()["backbone"].choices
    assert all(name == backbone.name for name, backbone in BACKBONES.items())


@pytest.mark.parametrize("backbone", ON_HUB, ids=lambda backbone: backbone.name)
def test_facts_agree_with_timm(backbone):
    import timm

    own = timm.get_pretrained_cfg(backbone.timm_name)
    assert timm.is_model(backbone.timm_name)
    assert own.hf_hub_id.rstrip("/") in (backbone.repo, "timm")
    assert backbone.repo == f"timm/{backbone.timm_name}"
    assert str(backbone.patch) == re.search(r"patch(\d+)", backbone.timm_name)[1] == re.search(r"\d+", backbone.name[6:])[0]
    assert backbone.gated == (own.license == "dinov3-license") == (backbone.licence != "Apache-2.0")
    assert (own.num_classes, own.first_conv) == (0, "patch_embed.proj")


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_words_are_there_for_people(backbone):
    assert backbone.title
    assert backbone.licence
    assert backbone.help.endswith(".")


def test_import_is_quick_and_silent():
    """timm takes seconds, and the client of the Hub reads variables that a program may still want to set."""
    code = "import sys, segcore.features; print({m.partition('.')[0] for m in sys.modules} & {'timm', 'huggingface_hub'})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert (done.stdout, done.stderr) == ("set()\n", "")


# Where the weights are


def test_status_names_the_source(monkeypatch, tmp_path):
    dino, tiny = BACKBONES["dino_vits16"], BACKBONES["dino_tiny"]
    assert weights_status(BACKBONES["color"]) == "none needed"
    assert [weights_status(dino), weights_status(tiny)] == ["download", "missing"]
    cache(tmp_path, "dino_vits16")
    write_folder(tmp_path / "assets" / "dino_tiny", STATE)
    assert [weights_status(dino), weights_status(tiny)] == ["cached", "bundled"]
    write_folder(tmp_path / "weights" / "dino_vits16", STATE)
    monkeypatch.setenv("SEGCORE_WEIGHTS_DIR", str(tmp_path / "weights"))
    assert [weights_status(dino), weights_status(tiny)] == ["local", "bundled"]


@pytest.mark.parametrize("name", BACKBONES)
def test_name_is_resolved_without_asking_where_the_weights_are(name):
    assert resolve_backbone(name) == (BACKBONES[name], None)


def test_unknown_name_is_refused_with_the_choices():
    with pytest.raises(InputError, match=r"backbone must be one of auto, dino_tiny, .*, color; got 'resnet'") as caught:
        resolve_backbone("resnet")
    assert caught.value.field == "backbone"


# Auto


@pytest.mark.parametrize(
    ("here", "chosen"),
    [
        (["dino_vits16", "dino_vits8", "dino_vitb16"], "dino_vits16"),
        (["dino_vitb16", "dino_vits8", "dinov2_vits14"], "dino_vits8"),
        (["dino_vitb16", "dinov2_vits14", "dinov2_vits14_reg"], "dinov2_vits14"),
        (["dino_vitb8", "dino_vitb16", "dinov2_vitb14_reg"], "dino_vitb16"),
        (["dino_vitb8", "dinov2_vitb14_reg", "dinov3_vits16"], "dino_vitb8"),
        (["dinov2_vitb14_reg"], "dinov2_vitb14_reg"),
        (["dinov3_vits16", "dinov3_vitb16"], "color"),
        ([], "color"),
    ],
)
def test_auto_takes_the_best_one_here(tmp_path, here, chosen):
    cache(tmp_path, *here)
    backbone, note = resolve_backbone("auto")
    assert backbone is BACKBONES[chosen]
    if chosen == "dino_vits16":
        assert note is None
    else:
        line, _, details = note.partition("\n")
        assert line == f"These are features of {chosen}, {backbone.title}; how to get DINO ViT-S/16:"
        assert details.startswith("The weights of dino_vits16 are not here")
        assert "cannot be reached" in note


def test_auto_takes_the_bundled_one_before_color(tmp_path):
    write_folder(tmp_path / "assets" / "dino_tiny", STATE)
    assert resolve_backbone("auto")[0].name == "dino_tiny"
    cache(tmp_path, "dino_vitb8")
    assert resolve_backbone("auto")[0].name == "dino_vitb8"


def test_every_ungated_backbone_of_the_hub_can_be_chosen_by_auto(monkeypatch):
    """Nobody who adds a backbone forgets to give it a place in the order."""
    for backbone in ON_HUB:
        monkeypatch.setattr(
            "segcore.features.published.weights_status",
            lambda b, here=backbone.name: "cached" if b.name == here else "download",
        )
        assert (resolve_backbone("auto")[0].name == backbone.name) != backbone.gated


def test_auto_trusts_a_hub_that_answers(monkeypatch, tmp_path):
    repo = BACKBONES["dino_vits16"].repo
    with serve_hub() as hub:
        isolate(monkeypatch, tmp_path, hub=hub.address)
        cache(tmp_path, "dino_vits8")
        hub.add(repo, write_folder(tmp_path / "published", STATE).parent)
        assert resolve_backbone("auto") == (BACKBONES["dino_vits16"], None)
        assert resolve_backbone("auto") == (BACKBONES["dino_vits16"], None)
        assert hub.asked == [f"HEAD {repo}/model.safetensors"]  # not again within a minute, and no download
        monkeypatch.setattr("segcore.features.weights._answers", {})
        hub.refuse[repo] = (503, {})
        backbone, note = resolve_backbone("auto")
        assert (backbone.name, "HTTP 503" in note) == ("dino_vits8", True)


def test_auto_asks_nobody_where_the_switch_forbids_it(monkeypatch, tmp_path):
    with serve_hub() as hub:
        isolate(monkeypatch, tmp_path, hub=hub.address)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        backbone, note = resolve_backbone("auto")
        assert (backbone.name, "HF_HUB_OFFLINE" in note, hub.asked) == ("color", True, [])


# Files


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("ending", [".safetensors", ".pth", ".pt"])
def test_file_becomes_a_backbone_with_its_own_patch(tmp_path, family, ending):
    name, state, _ = make_family(family)
    path = write_folder(tmp_path, state) if ending == ".safetensors" else tmp_path / f"a{ending}"
    if ending != ".safetensors":
        torch.save({"teacher": {f"backbone.{key}": x for key, x in state.items()}}, path)
    backbone, note = resolve_backbone(str(path))
    assert (backbone.name, backbone.file, backbone.patch, note) == (str(path), path, BACKBONES[name].patch, None)
    assert weights_status(backbone) == "local"


def test_changed_file_is_another_backbone(tmp_path):
    """The value is a key of caches, so it must differ when the file does, and only then."""
    path = write_folder(tmp_path, {"patch_embed.proj.weight": torch.ones(64, 3, 8, 8)})
    first, again = resolve_backbone(str(path))[0], resolve_backbone(str(path))[0]
    assert first == again
    os.utime(path, (1, 1))
    assert resolve_backbone(str(path))[0] != first
    write_folder(tmp_path, {"patch_embed.proj.weight": torch.ones(64, 3, 16, 16)})
    assert resolve_backbone(str(path))[0].patch == 16


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (STATE, r"patch_embed.proj.weight has shape None, and \(width, 3, patch, patch\)"),
        ({"patch_embed.proj.weight": torch.ones(64, 1, 8, 8)}, r"has shape \(64, 1, 8, 8\)"),
        ({"patch_embed.proj.weight": torch.ones(64, 3, 8, 16)}, r"has shape \(64, 3, 8, 16\)"),
        ({"patch_embed.proj.weight": torch.ones(64, 192)}, "has shape .64, 192., and 4 axes"),
        ({"patch_embed.proj.weight": torch.ones(64, 3, 8, 8), "pos_embed": torch.ones(5, 64)}, "pos_embed has shape"),
    ],
)
def test_file_without_a_transformer_is_refused(tmp_path, state, sentence):
    path = write_folder(tmp_path, state)
    with pytest.raises(ModelError, match=f"holds no vision transformer .*{sentence}.*config.json"):
        resolve_backbone(str(path))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"There is no file .*absent.pth"):
        resolve_backbone(str(tmp_path / "absent.pth"))


# Shapes


def shapes_of(state):
    return {key: tuple(x.shape) for key, x in state.items()}


@pytest.mark.parametrize("family", FAMILIES)
def test_inferred_architecture_is_the_original(family):
    """Two roads to one model: by the registry's name, and by nothing but the shapes of its tensors."""
    _, state, _ = make_family(family)
    name, args = infer_architecture(shapes_of(state), name="a")
    twin = make_net(name, **args).eval()
    assert shapes_of(twin.state_dict()) == shapes_of(state)
    twin.load_state_dict(state)
    registry_name, tiny = FAMILIES[family]
    net = make_net(BACKBONES[registry_name].timm_name, **tiny)
    image = torch.rand(1, 3, 2 * twin.patch_embed.patch_size[0], 3 * twin.patch_embed.patch_size[0])
    net.load_state_dict(state)
    with torch.no_grad():
        assert torch.equal(twin.forward_features(image), net.forward_features(image))


@pytest.mark.parametrize("backbone", ON_HUB, ids=lambda backbone: backbone.name)
def test_published_sizes_are_inferred(backbone):
    """Meta tensors have shapes and no memory, so the real sizes can be tested."""
    import timm

    with torch.device("meta"):
        net = timm.create_model(backbone.timm_name, num_classes=0)
        name, args = infer_architecture(shapes_of(net.state_dict()), name="a")
        twin = timm.create_model(name, num_classes=0, **args)
    assert shapes_of(twin.state_dict()) == shapes_of(net.state_dict())
    assert twin.blocks[0].attn.num_heads == net.blocks[0].attn.num_heads


@pytest.mark.parametrize("args", [{"class_token": False, "global_pool": "avg", "fc_norm": False}, {"reg_tokens": 3}])
def test_prefix_tokens_are_inferred(args):
    net = make_net("vit_tiny_patch16_224", img_size=48, embed_dim=64, depth=1, num_heads=1, **args)
    name, inferred = infer_architecture(shapes_of(net.state_dict()), name="a")
    assert shapes_of(make_net(name, **inferred).state_dict()) == shapes_of(net.state_dict())


def test_grid_that_can_be_read_in_two_ways_is_that_of_the_published_models():
    """9 positions beside 5 prefix tokens: 3 × 3 cells and none for the prefix, or 2 × 2 cells and 5."""
    shapes = {**shapes_of(make_family("dinov2_reg")[1]), "pos_embed": (1, 9, 128)}
    args = infer_architecture(shapes, name="a")[1]
    assert (args["img_size"], args["no_embed_class"]) == (3 * 14, True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"patch_embed.proj.weight": (96, 3, 16, 16)}, "of width 96, 2 blocks; heads of 64 channels"),
        ({"blocks.0.mlp.fc1.weight": None}, "plain MLPs are assumed"),
        ({"pos_embed": (1, 12, 128)}, "12 position embeddings and 1 prefix tokens leave no square grid"),
        ({"cls_token": (128,)}, r"cls_token has shape \(128,\)"),
    ],
)
def test_shapes_of_no_model_are_refused(change, sentence):
    shapes = {**shapes_of(make_family("dino")[1]), **change}
    with pytest.raises(ModelError, match=sentence):
        infer_architecture({key: shape for key, shape in shapes.items() if shape is not None}, name="a")


def test_names_of_dinov2_with_registers_are_translated():
    """Meta adds a position to [CLS] when it runs, timm has added it already."""
    state = make_family("dinov2_reg")[1]
    place = torch.randn(1, 1, 128)
    theirs = {key: x for key, x in state.items() if key not in ("reg_token", "cls_token", "pos_embed")}
    theirs |= {"register_tokens": state["reg_token"], "mask_token": torch.zeros(1, 128)}
    theirs |= {"cls_token": state["cls_token"] - place, "pos_embed": torch.cat((place, state["pos_embed"]), 1)}
    ours = timm_names(theirs)
    assert ours.keys() == state.keys()
    assert all(torch.allclose(ours[key], x, atol=1e-6) for key, x in state.items())


def test_names_of_dinov3_are_translated():
    state = make_family("dinov3")[1]
    theirs = {key.replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma"): x for key, x in state.items()}
    theirs |= {"storage_tokens": theirs.pop("reg_token"), "mask_token": torch.zeros(1, 128)}
    theirs |= {"rope_embed.periods": torch.ones(16)}
    for i in range(2):
        # Their keys have a bias that a mask of zeros takes out again; the other biases of the distilled models are zero.
        theirs[f"blocks.{i}.attn.qkv.bias"] = torch.cat((torch.zeros(128), torch.ones(128), torch.zeros(128)))
        theirs[f"blocks.{i}.attn.qkv.bias_mask"] = torch.cat((torch.ones(128), torch.zeros(128), torch.ones(128)))
    ours = timm_names(theirs)
    assert ours.keys() == state.keys()
    assert all(torch.equal(ours[key], x) for key, x in state.items())


def test_bias_that_counts_is_not_dropped_in_silence():
    theirs = {"storage_tokens": torch.ones(1, 4, 8), "blocks.0.attn.qkv.bias": torch.ones(24)}
    theirs["blocks.0.attn.qkv.bias_mask"] = torch.ones(24)
    assert "blocks.0.attn.qkv.bias" in timm_names(theirs)


@pytest.mark.parametrize("family", FAMILIES)
def test_names_of_timm_stay(family):
    state = make_family(family)[1]
    assert timm_names(state).keys() == state.keys()


def test_backbones_are_values():
    assert dataclasses.replace(BACKBONES["color"]) == BACKBONES["color"]
    assert len(set(BACKBONES.values())) == len(BACKBONES)
