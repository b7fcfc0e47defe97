"""The backbones by name, which one "auto" means here, and which architecture a file of weights has."""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import Tensor

from segcore.checks import check_choice
from segcore.errors import ModelError
from segcore.features import weights
from segcore.settings import is_weight_file

PLAIN_VIT = "vit_small_patch16_224.dino"  # an architecture whose sizes are overridden, with DINO's mean and std
ROPE_VIT = "vit_small_patch16_dinov3.lvd1689m"  # the same for weights without position embeddings
HEAD_DIM = 64  # of every published ViT-S, -B and -L; tensor shapes do not tell the number of heads


@dataclass(frozen=True, slots=True)
class Backbone:
    """Where patch features can come from."""

    name: str
    title: str  # in words
    patch: int  # side of a cell, in pixels of the scaled picture
    licence: str
    help: str  # one line
    timm_name: str = ""  # of the transformer; "": there is none, so no weights
    repo: str | None = None  # on the Hub; None: nothing to download, the architecture stands beside or in the weights
    gated: bool = False  # the Hub gives the weights out only after their licence is accepted
    file: Path | None = None  # a backbone named by its file of weights
    stamp: tuple[int, int] | None = None  # time and size of that file: a changed file makes another backbone
    learned: bool = False  # the file holds what a system learned here, and no transformer

    @property
    def needs_weights(self) -> bool:
        """Whether there is anything to load."""
        return bool(self.timm_name) or self.learned


def _on_hub(name: str, title: str, timm_name: str, patch: int, text: str, *, gated: bool = False) -> Backbone:
    licence = "DINOv3 licence" if gated else "Apache-2.0"
    return Backbone(name, title, patch, licence, text, timm_name, f"timm/{timm_name}", gated)


# fmt: off
_ALL = (
    Backbone("dino_tiny", "a small stand-in for DINO ViT-S, patch 8", 8, "Apache-2.0",
             "Taught regions and objects by cues, without labels, on 1,200 pictures; comes with the app.", PLAIN_VIT),
    _on_hub("dino_vits16", "DINO ViT-S/16", "vit_small_patch16_224.dino", 16,
            "The usual choice of the published methods: quick, and its keys separate objects well."),
    _on_hub("dino_vits8", "DINO ViT-S/8", "vit_small_patch8_224.dino", 8,
            "Four times the cells of ViT-S/16: finer borders, much slower."),
    _on_hub("dino_vitb16", "DINO ViT-B/16", "vit_base_patch16_224.dino", 16,
            "Four times the weights of ViT-S/16."),
    _on_hub("dino_vitb8", "DINO ViT-B/8", "vit_base_patch8_224.dino", 8,
            "The finest and slowest DINO."),
    _on_hub("dinov2_vits14", "DINOv2 ViT-S/14", "vit_small_patch14_dinov2.lvd142m", 14,
            "Trained on more pictures; a few patches of the background hold outliers."),
    _on_hub("dinov2_vits14_reg", "DINOv2 ViT-S/14 with registers", "vit_small_patch14_reg4_dinov2.lvd142m", 14,
            "Four register tokens take up the outliers."),
    _on_hub("dinov2_vitb14_reg", "DINOv2 ViT-B/14 with registers", "vit_base_patch14_reg4_dinov2.lvd142m", 14,
            "Four times the weights of ViT-S/14."),
    _on_hub("dinov3_vits16", "DINOv3 ViT-S/16", "vit_small_patch16_dinov3.lvd1689m", 16,
            "Rotary positions; its licence must be accepted on the Hub.", gated=True),
    _on_hub("dinov3_vitb16", "DINOv3 ViT-B/16", "vit_base_patch16_dinov3.lvd1689m", 16,
            "Four times the weights of ViT-S/16; its licence must be accepted on the Hub.", gated=True),
    Backbone("color", "Lab color and position", 8, "none", "No network and no weights: what color alone can do."),
)
# fmt: on

BACKBONES: Mapping[str, Backbone] = MappingProxyType({backbone.name: backbone for backbone in _ALL})

# What "auto" takes after dino_vits16: S before B (seconds), 16 before 8 (memory grows with the square of the cells), DINO
# before DINOv2 (its keys are what the published methods use). DINOv3 is never taken unasked: its licence needs consent.
_AUTO_ORDER = ("dino_vits8", "dinov2_vits14", "dinov2_vits14_reg", "dino_vitb16", "dino_vitb8", "dinov2_vitb14_reg")


def weights_status(backbone: Backbone) -> str:
    """Say where the weights are, without asking the network.

    Returns:
        "local" (a named file, or in the folder SEGCORE_WEIGHTS_DIR), "bundled", "cached" (by the Hub's client), "download"
        (must be downloaded first), "missing" (not here and on no Hub), or "none needed".
    """
    if not backbone.needs_weights:
        return "none needed"
    found = weights.find_weights(backbone.name, repo=backbone.repo, file=backbone.file)
    if found is None:
        return "download" if backbone.repo else "missing"
    return found.kind


def resolve_backbone(name: str) -> tuple[Backbone, str | None]:
    """Turn a backbone's name into the backbone.

    Args:
        name: a key of BACKBONES; a path that ends in .safetensors, .pth or .pt; or "auto": dino_vits16 where its weights are
            here or the Hub answers, else another DINO or DINOv2 whose weights are here, else dino_tiny, else color.

    Returns:
        The backbone, and a note of `stand_in_note` where "auto" had to fall back, else None.

    Raises:
        InputError: there is no backbone of this name.
        ModelError: the file is missing, damaged, or holds no vision transformer.

    Cost: for "auto" without local weights, at most about weights.ASK_SECONDS of waiting for the Hub once a minute; for a
    file, it is read once and then again only when it changes.
    """
    if is_weight_file(name):
        path = Path(name).expanduser()
        stat = path.stat() if path.is_file() else None
        return _file_backbone(name, path, (stat.st_mtime_ns, stat.st_size) if stat else None), None
    if name == "auto":
        return _best_here()
    check_choice("backbone", name, ("auto", *BACKBONES))
    return BACKBONES[name], None


def _best_here() -> tuple[Backbone, str | None]:
    best = BACKBONES["dino_vits16"]
    if best.repo is None or weights_status(best) != "download":
        return best, None
    reason = weights.ask_hub(best.name, best.repo)
    if reason is None:
        return best, None
    here = (name for name in (*_AUTO_ORDER, "dino_tiny") if weights_status(BACKBONES[name]) not in ("download", "missing"))
    chosen = BACKBONES[next(here, "color")]
    return chosen, stand_in_note(chosen, best, reason)


def stand_in_note(chosen: Backbone, wanted: Backbone, reason: str) -> str:
    """Say that one backbone stands in for another one, in one line; the lines below say why, and how to get the other."""
    return f"These are features of {chosen.name}, {chosen.title}; how to get {wanted.title}:\n{reason}"


@functools.lru_cache(maxsize=8)
def _file_backbone(name: str, path: Path, stamp: tuple[int, int] | None) -> Backbone:
    """Make the backbone of one file, which tells the patch."""
    from segcore.learn.learned import is_learned
    from segcore.pipeline.learned_model import learned_backbone

    if is_learned(path):
        return learned_backbone(name, path, stamp)
    shapes = {key: tuple(x.shape) for key, x in timm_names(weights.read_state(path, name=name)).items()}
    return Backbone(
        name=name,
        title=f"weights from {path.name}",
        patch=_patch(shapes, name),
        licence="that of the file",
        help="A file of weights.",
        timm_name=ROPE_VIT if "pos_embed" not in shapes else PLAIN_VIT,
        file=path,
        stamp=stamp,
    )


def timm_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of Meta's own DINOv2 and DINOv3 files the names and shapes that timm uses; leave others alone."""
    out = {key: x for key, x in state.items() if key != "mask_token" and not key.startswith("rope_embed.")}
    if "storage_tokens" in out:  # DINOv3
        out = {key.replace("ls1.gamma", "gamma_1").replace("ls2.gamma", "gamma_2"): x for key, x in out.items()}
        out["reg_token"] = out.pop("storage_tokens")
        for key in [key for key in out if key.endswith("attn.qkv.bias_mask")]:
            bias = key.removesuffix("_mask")
            # The distilled models, which are all that timm's names stand for, have biases of zero.
            if bias in out and not (out.pop(key) * out[bias]).any():
                del out[bias]
    if {"register_tokens", "cls_token", "pos_embed"} <= out.keys():  # DINOv2, whose first position is that of [CLS]
        out["reg_token"] = out.pop("register_tokens")
        out["cls_token"] = out["cls_token"] + out["pos_embed"][:, :1]
        out["pos_embed"] = out["pos_embed"][:, 1:]
    return out


def pick_architecture(
    backbone: Backbone, config: Mapping[str, Any], state: Mapping[str, Tensor], *, source: str
) -> tuple[str, dict[str, Any]]:
    """Decide which model the weights need: the config's word, else the registry's, else what the shapes say.

    Args:
        backbone: whose weights they are.
        config: of config.json as timm writes it: "architecture", "model_args"; may be empty.
        state: tensors by name in timm's layout.
        source: where they came from, for errors.

    Returns:
        A timm model name and arguments that override its sizes.

    Raises:
        ModelError: the config is of another architecture than the backbone, or no architecture has such tensors.
    """
    named, args = config.get("architecture"), config.get("model_args") or {}
    expected = backbone.timm_name.partition(".")[0]
    if named and backbone.repo and named != expected:
        raise ModelError(
            f"The config.json of {source} is of {named}; {backbone.name} is {expected}. Put the right weights there, or "
            "name the file itself as the backbone.",
            backbone=backbone.name,
        )
    if named or backbone.repo:
        return named or backbone.timm_name, args
    guess, sizes = infer_architecture({key: tuple(x.shape) for key, x in state.items()}, name=backbone.name)
    return guess, sizes | args


def infer_architecture(shapes: Mapping[str, tuple[int, ...]], *, name: str) -> tuple[str, dict[str, Any]]:
    """Read a transformer's architecture off the shapes of its tensors.

    Args:
        shapes: by tensor name in timm's layout.
        name: of the backbone, for errors.

    Returns:
        A timm model name and the arguments that override its sizes.

    Convention:
        Width, patch and prefix tokens are axes of patch_embed, cls_token and reg_token; depth counts blocks.*; a head has
        HEAD_DIM channels. With position embeddings it is a plain ViT, trained on a square grid; without, it is DINOv3's,
        with DINOv3's rotation periods. What shapes cannot tell belongs into config.json beside the file (as timm writes it)
        or as JSON under "config" in the metadata of a safetensors file; both win over this guess.

    Raises:
        ModelError: the shapes are those of no such model.
    """
    patch, width = _patch(shapes, name), shapes["patch_embed.proj.weight"][0]
    depth = len({key.split(".")[1] for key in shapes if key.startswith("blocks.")})
    hidden = shapes.get("blocks.0.mlp.fc1.weight")
    if width % HEAD_DIM or not hidden:
        raise _no_vit(name, f"of width {width}, {depth} blocks; heads of {HEAD_DIM} channels and plain MLPs are assumed")
    args: dict[str, Any] = {"patch_size": patch, "embed_dim": width, "depth": depth, "num_heads": width // HEAD_DIM}
    args |= {"mlp_ratio": hidden[0] / width, "class_token": "cls_token" in shapes}
    registers = shapes.get("reg_token", (1, 0, width))[1]
    if "pos_embed" not in shapes:
        return ROPE_VIT, args | {"num_reg_tokens": registers, "qkv_bias": "blocks.0.attn.q_bias" in shapes}
    prefix, tokens = registers + ("cls_token" in shapes), shapes["pos_embed"][1]
    # A prefix with position embeddings and one without both occur. Where both leave a square grid, the prefix holds
    # registers, and published models with registers give it none.
    embedded = next((p for p in (0, prefix) if tokens > p and math.isqrt(tokens - p) ** 2 == tokens - p), None)
    if embedded is None:
        raise _no_vit(name, f"{tokens} position embeddings and {prefix} prefix tokens leave no square grid")
    return PLAIN_VIT, args | {
        "img_size": patch * math.isqrt(tokens - embedded),
        "reg_tokens": registers,
        "no_embed_class": embedded == 0 and prefix > 0,
        "init_values": 1e-5 if "blocks.0.ls1.gamma" in shapes else None,
        "qkv_bias": "blocks.0.attn.qkv.bias" in shapes,
        "global_pool": "token" if "cls_token" in shapes else "avg",
        "fc_norm": False,
    }


def _patch(shapes: Mapping[str, tuple[int, ...]], name: str) -> int:
    """Check the shapes that everything else follows from, and return the patch."""
    for key, axes in {"patch_embed.proj.weight": 4, "cls_token": 3, "reg_token": 3, "pos_embed": 3}.items():
        if len(shapes.get(key, range(axes))) != axes:
            raise _no_vit(name, f"{key} has shape {shapes[key]}, and {axes} axes are needed")
    shape = shapes.get("patch_embed.proj.weight")
    if shape is None or shape[1] != 3 or shape[2] != shape[3]:
        raise _no_vit(name, f"patch_embed.proj.weight has shape {shape}, and (width, 3, patch, patch) is needed")
    return shape[2]


def _no_vit(name: str, reason: str) -> ModelError:
    return ModelError(
        f"{name} holds no vision transformer that can be read without a description: {reason}. "
        "Put its config.json, as timm writes it, beside the file, or choose another one.",
        backbone=name,
    )
