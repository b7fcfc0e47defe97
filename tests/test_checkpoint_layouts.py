"""Checkpoints as their authors save them: one transformer in every wrapping gives the same features."""

import pytest
import torch

from segcore import ModelError, Settings, segment
from segcore.features.vit import load_vit
from segcore.pipeline.backbones import resolve_backbone
from tests.checkpoints import make_net
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


@pytest.mark.parametrize("start", ["", "vit."])
def test_the_layout_of_transformers_is_named(tmp_path, start):
    torch.save(
        prefixed(start, {
            "embeddings.cls_token": torch.zeros(1, 1, 128),
            "embeddings.patch_embeddings.projection.weight": torch.zeros(128, 3, 16, 16),
            "encoder.layer.0.attention.attention.query.weight": torch.zeros(128, 128),
        }),
        tmp_path / "hf.pth",
    )  # fmt: skip
    with pytest.raises(ModelError, match=r"library transformers.*timm/vit_small_patch16_224.dino"):
        resolve_backbone(str(tmp_path / "hf.pth"))


def test_features_that_are_not_finite_are_refused_by_the_name_of_their_weights(state, tmp_path):
    huge = {key: x * 1e30 if key.endswith("mlp.fc2.weight") else x for key, x in state.items()}
    torch.save(huge, tmp_path / "w_over.pth")
    load_vit(resolve_backbone(str(tmp_path / "w_over.pth"))[0])
    with pytest.raises(ModelError, match=r"The features of w_over\.pth are not finite"):
        features(tmp_path / "w_over.pth")
