"""Checkpoints as their authors save them: one transformer in every wrapping gives the same features."""

import json

import pytest
import torch
from safetensors.torch import save_file

from segcore import ModelError, Settings, segment
from segcore.features.published import BACKBONES
from segcore.features.vit import load_vit
from segcore.pipeline.backbones import resolve_backbone
from tests.checkpoints import FAMILIES, make_net
from tests.scenes import two_discs


@pytest.fixture(scope="module")
def state():
    return make_net("vit_small_patch16_224.dino", img_size=64, embed_dim=128, depth=3, num_heads=2).state_dict()


def prefixed(start, state):
    return {start + key: x for key, x in state.items()}


def chunked(state, size=2):
    """As DINOv2 keeps blocks for FSDP: in chunks, but counted through."""
    out = {}
    for key, x in state.items():
        head, _, rest = key.partition(".")
        out[f"blocks.{int(rest.split('.')[0]) // size}.{rest}" if head == "blocks" else key] = x
    return out


HEADS = {
    "dino_head.mlp.0.weight": torch.randn(4, 128),
    "dino_head.last_layer.weight_v": torch.randn(8, 4),
    "ibot_head.mlp.0.weight": torch.randn(4, 128),
}
WRAPPINGS = {
    "DINO": lambda s: {"teacher": prefixed("module.backbone.", s), "student": prefixed("module.backbone.", zeros(s))},
    "DINOv2": lambda s: {"teacher": prefixed("backbone.", s) | HEADS},
    "DINOv2 in chunks": lambda s: {"teacher": prefixed("backbone.", chunked(s)) | HEADS},
    "iBOT": lambda s: {"teacher": prefixed("backbone.", s | {"masked_embed": torch.zeros(1, 128)}), "student": {}},
    "names of teacher and student": lambda s: (
        prefixed("student.backbone.", zeros(s)) | prefixed("teacher.backbone.", s) | prefixed("teacher.", HEADS)
    ),
    "Lightning": lambda s: {"state_dict": prefixed("model.teacher.backbone.", s), "epoch": 3},
}


def zeros(state):
    return {key: 0 * x for key, x in state.items()}


def features(path):
    return segment(two_discs()[0], Settings(backbone=str(path), method="kmeans", max_side=96)).features.f


@pytest.mark.parametrize("name", WRAPPINGS)
def test_every_wrapping_holds_the_same_transformer(name, state, tmp_path):
    torch.save(state, tmp_path / "plain.pth")
    torch.save(WRAPPINGS[name](state), tmp_path / "wrapped.pth")
    assert torch.equal(features(tmp_path / "plain.pth"), features(tmp_path / "wrapped.pth"))


def meta_v3(width=128, depth=2):
    """Names of Meta's DINOv3 files, whose values do not matter."""
    generator = torch.Generator().manual_seed(0)

    def some(*shape):
        return torch.randn(shape, generator=generator) * 0.05

    mask = torch.ones(3 * width)
    mask[width : 2 * width] = 0
    out = {
        "cls_token": some(1, 1, width), "storage_tokens": some(1, 4, width), "mask_token": some(1, width),
        "rope_embed.periods": torch.ones(16), "patch_embed.proj.weight": some(width, 3, 16, 16),
        "patch_embed.proj.bias": some(width), "norm.weight": some(width), "norm.bias": some(width),
    }  # fmt: skip
    for i in range(depth):
        block = {
            "attn.qkv.weight": some(3 * width, width), "attn.qkv.bias": 0 * mask, "attn.qkv.bias_mask": mask,
            "attn.proj.weight": some(width, width), "attn.proj.bias": some(width),
            "mlp.fc1.weight": some(4 * width, width), "mlp.fc1.bias": some(4 * width),
            "mlp.fc2.weight": some(width, 4 * width), "mlp.fc2.bias": some(width),
        }  # fmt: skip
        block |= {f"{norm}.{part}": some(width) for norm in ("norm1", "norm2") for part in ("weight", "bias")}
        block |= {f"ls{n}.gamma": some(width) for n in (1, 2)}
        out |= prefixed(f"blocks.{i}.", block)
    return out


def test_norms_that_only_the_training_of_dinov3_uses_are_left_out(tmp_path):
    plain = meta_v3()
    norms = {f"local_cls_norm.{part}": torch.ones(128) for part in ("weight", "bias")}
    torch.save(plain, tmp_path / "plain.pth")
    torch.save({"teacher": prefixed("backbone.", plain | norms) | HEADS}, tmp_path / "sat.pth")
    assert torch.equal(features(tmp_path / "plain.pth"), features(tmp_path / "sat.pth"))


OF_TRANSFORMERS = {  # what transformers 5 calls the parts of a block of its ViT, DINOv2 and DINOv3
    "vit": {
        "norm1": "layernorm_before", "norm2": "layernorm_after", "q": "attention.attention.query",
        "k": "attention.attention.key", "v": "attention.attention.value", "attn.proj": "attention.output.dense",
        "mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense",
    },
    "dinov2": {
        "q": "attention.attention.query", "k": "attention.attention.key", "v": "attention.attention.value",
        "attn.proj": "attention.output.dense", "ls1.gamma": "layer_scale1.lambda1", "ls2.gamma": "layer_scale2.lambda1",
    },
    "dinov3": {
        "q": "attention.q_proj", "k": "attention.k_proj", "v": "attention.v_proj", "attn.proj": "attention.o_proj",
        "mlp.fc1": "mlp.up_proj", "mlp.fc2": "mlp.down_proj", "gamma_1": "layer_scale1.lambda1",
        "gamma_2": "layer_scale2.lambda1",
    },
}  # fmt: skip


def as_transformers_saves(state, kind):
    """Tensors of timm under the names of transformers, with queries, keys and values apart."""
    v3, names = kind == "dinov3", OF_TRANSFORMERS[kind]
    patches = "embeddings.patch_embeddings." + ("" if v3 else "projection.")
    out = {"embeddings.mask_token": torch.zeros(1, 128)}
    for key, x in state.items():
        if key.startswith("blocks."):
            _, i, part = key.split(".", 2)
            block = f"layer.{i}." if v3 else f"encoder.layer.{i}."
            if part.startswith("attn.qkv."):
                end = part.removeprefix("attn.qkv.")
                out |= {f"{block}{names[n]}.{end}": y.clone() for n, y in zip("qkv", x.chunk(3), strict=True)}
            elif part in ("attn.q_bias", "attn.v_bias"):
                out[f"{block}{names[part[5]]}.bias"] = x
            else:
                name = next((part.replace(mine, theirs, 1) for mine, theirs in names.items() if part.startswith(mine)), part)
                out[block + name] = x
        elif key.startswith("patch_embed.proj."):
            out[patches + key.removeprefix("patch_embed.proj.")] = x
        elif key.startswith("norm."):
            out[key if v3 else f"layer{key}"] = x
        else:
            out["embeddings." + {"pos_embed": "position_embeddings", "reg_token": "register_tokens"}.get(key, key)] = x
    if "reg_token" in state and not v3:  # there the class token has a position, too
        place = torch.randn(1, 1, 128, generator=torch.Generator().manual_seed(1))
        out["embeddings.cls_token"] = state["cls_token"] - place
        out["embeddings.position_embeddings"] = torch.cat([place, state["pos_embed"]], 1)
    return out


@pytest.mark.parametrize(
    ("family", "kind", "start", "args"),
    [
        ("dino", "vit", "", {}),
        ("dino", "vit", "vit.", {}),
        ("dinov2", "dinov2", "", {"embed_dim": 128, "num_heads": 2}),
        ("dinov2_reg", "dinov2", "dinov2_with_registers.", {}),
        ("dinov3", "dinov3", "", {}),
        ("dinov3", "dinov3", "", {"qkv_bias": True}),
    ],
)
def test_the_layout_of_transformers_is_read(family, kind, start, args, tmp_path):
    backbone, tiny = FAMILIES[family]
    state = make_net(BACKBONES[backbone].timm_name, **tiny | args).state_dict()
    head = {"classifier.weight": torch.zeros(5, 128), f"{start}pooler.dense.weight": torch.zeros(128, 128)}
    torch.save(state, tmp_path / "timm.pth")
    torch.save(prefixed(start, as_transformers_saves(state, kind)) | head, tmp_path / "hf.pth")
    found, expected = features(tmp_path / "hf.pth"), features(tmp_path / "timm.pth")
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_number_of_heads_is_that_of_the_config_beside(state, tmp_path):
    for folder, heads in (("two", 2), ("four", 4)):
        (tmp_path / folder).mkdir()
        save_file(as_transformers_saves(state, "vit"), tmp_path / folder / "model.safetensors")
        (tmp_path / folder / "config.json").write_text(json.dumps({"model_type": "vit", "num_attention_heads": heads}))
    torch.save(state, tmp_path / "timm.pth")
    expected = features(tmp_path / "timm.pth")
    torch.testing.assert_close(features(tmp_path / "two" / "model.safetensors"), expected)
    assert float((features(tmp_path / "four" / "model.safetensors") - expected).abs().max()) > 1e-2


def test_features_that_are_not_finite_are_refused_by_the_name_of_their_weights(state, tmp_path):
    huge = {key: x * 1e30 if key.endswith("mlp.fc2.weight") else x for key, x in state.items()}
    torch.save(huge, tmp_path / "w_over.pth")
    load_vit(resolve_backbone(str(tmp_path / "w_over.pth"))[0])
    with pytest.raises(ModelError, match=r"The features of w_over\.pth are not finite"):
        features(tmp_path / "w_over.pth")
