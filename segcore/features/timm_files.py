"""Reading a transformer: which of timm's architectures a file of weights has, and the model with these weights in it."""

import functools
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segcore.errors import ModelError
from segcore.features.published import PLAIN_VIT, Backbone
from segcore.features.transformers_files import authors_names
from segcore.features.weights import WeightFile, get_weights, read_state

ROPE_VIT = "vit_small_patch16_dinov3.lvd1689m"  # the same as PLAIN_VIT, for weights without position embeddings
_ONLY_TRAINED = ("mask_token", "masked_embed", "rope_embed.", "local_cls_norm.")  # what no picture goes through here
HEAD_DIM = 64  # of every published ViT-S, -B and -L; tensor shapes do not tell the number of heads

# Arguments of timm.create_model that load files or reach for the network, or that this module sets itself.
_RESERVED = ("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir", "num_classes")


@dataclass(frozen=True, eq=False, slots=True)
class Transformer:
    """A transformer of timm as it was read."""

    net: Any  # a VisionTransformer or Eva of timm, in eval mode, without gradients
    mean: tuple[float, ...]  # (3,) of RGB in [0, 1], as in training
    std: tuple[float, ...]  # (3,)
    source: str  # where the weights came from, in words


def read_transformer(backbone: Backbone) -> Transformer:
    """Build a backbone's transformer and fill in its weights, downloading them where they are not here; see `load_vit`."""
    file = get_weights(backbone.name, repo=backbone.repo, file=backbone.file)
    config = _read_config(file, backbone)
    state = timm_names(read_state(file.path, name=backbone.name))
    architecture, args = pick_architecture(backbone, config, state, source=file.source)
    net = _build(architecture, args, backbone, file)
    _fill(net, state, architecture, backbone, file)
    patch = tuple(net.patch_embed.patch_size)
    if patch != (backbone.patch, backbone.patch):
        raise ModelError(
            f"{file.source} has patches of {patch[0]} × {patch[1]} pixels; {backbone.name} needs {backbone.patch}. "
            "Use its own weights, or name the file itself as the backbone.",
            backbone=backbone.name,
        )
    return Transformer(net.eval().requires_grad_(False), *_preprocessing(config, backbone, file), file.source)


def random_transformer(backbone: Backbone, *, seed: int) -> Transformer:
    """Build a registered transformer with random weights; torch's own generator is left alone."""
    file = WeightFile(Path(), "random", f"random numbers, seed {seed}")
    with torch.random.fork_rng(devices=[]):  # timm draws from the global generator
        torch.manual_seed(seed)
        net = _build(backbone.timm_name, {}, backbone, file)
    return Transformer(net.eval().requires_grad_(False), *_preprocessing({}, backbone, file), file.source)


def transformer_of_file(name: str) -> Backbone:
    """The backbone of a file of a transformer, whose tensors tell the patch.

    Raises:
        ModelError: the file is missing, damaged, or holds no vision transformer.

    Cost: the file is read once, and then again only when it changes.
    """
    path = Path(name).expanduser()
    return _transformer_of_file(name, path, stamp_of(path))


def stamp_of(path: Path) -> tuple[int, int] | None:
    """Time and size of a file, or None where there is none."""
    stat = path.stat() if path.is_file() else None
    return (stat.st_mtime_ns, stat.st_size) if stat else None


@functools.lru_cache(maxsize=8)
def _transformer_of_file(name: str, path: Path, stamp: tuple[int, int] | None) -> Backbone:
    shapes = {key: tuple(x.shape) for key, x in timm_names(read_state(path, name=name)).items()}
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


def _read_config(file: WeightFile, backbone: Backbone) -> dict[str, Any]:
    """Read what describes the weights: "config" in a safetensors file's metadata, else the JSON beside it, else nothing."""
    beside = file.path.with_name("config.json") if file.path.name == "model.safetensors" else file.path.with_suffix(".json")
    try:
        text = _metadata(file).get("config") or (beside.read_text("utf-8") if beside.is_file() else "{}")
        config = json.loads(text)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The config.json of {file.source} cannot be read: {error}. Restore the one that timm wrote, or delete it.",
            backbone=backbone.name,
        ) from error
    if not isinstance(config, dict) or not isinstance(config.get("model_args") or {}, dict):
        raise ModelError(
            f"The config.json of {file.source} must be a JSON object, and so must its model_args. Restore the one that timm "
            "wrote, or delete it.",
            backbone=backbone.name,
        )
    return config


def _metadata(file: WeightFile) -> Mapping[str, str]:
    from safetensors import SafetensorError, safe_open

    if file.path.suffix != ".safetensors":
        return {}
    try:
        with safe_open(file.path, framework="pt") as opened:
            return opened.metadata() or {}
    except (SafetensorError, OSError):
        return {}  # read_state says what is wrong with the file


def _build(architecture: str, args: dict[str, Any], backbone: Backbone, file: WeightFile) -> Any:
    """Create the timm model, without network and without weights."""
    import timm
    from timm.models import eva, vision_transformer

    net = None
    # A name with ":" would make timm fetch a model from elsewhere; is_model knows only those it was shipped with.
    if isinstance(architecture, str) and timm.is_model(architecture):
        args = {key: value for key, value in args.items() if key not in _RESERVED}
        try:
            net = timm.create_model(
                architecture, **{**args, "pretrained": False, "num_classes": 0, "dynamic_img_size": True}
            )
        except Exception as error:  # whatever the arguments of a strange config.json provoke in there
            raise ModelError(
                f"timm cannot build {architecture} with the model_args of {file.source}: {error}. Correct its config.json.",
                backbone=backbone.name,
            ) from error
    kinds = (vision_transformer.Block, vision_transformer.Attention), (eva.EvaBlock, eva.EvaAttention)
    blocks = getattr(net, "blocks", ())
    known = isinstance(net, (vision_transformer.VisionTransformer, eva.Eva)) and not getattr(net, "rope_mixed", False)
    if not known or any((type(block), type(getattr(block, "attn", None))) not in kinds for block in blocks):
        raise ModelError(
            f"{file.source} is of the architecture {architecture!r}; only timm's VisionTransformer and Eva with their plain "
            "blocks can be read. Choose another file.",
            backbone=backbone.name,
        )
    return net


def _fill(net: nn.Module, state: Mapping[str, Tensor], architecture: str, backbone: Backbone, file: WeightFile) -> None:
    """Copy the tensors into the model, all of them and nothing but them."""
    expected = net.state_dict()
    wrong = [
        *(f"tensor {key} has shape {tuple(x.shape)}, and {tuple(expected[key].shape)} is needed"
          for key, x in state.items() if key in expected and x.shape != expected[key].shape),
        *(f"tensor {key} of shape {tuple(x.shape)} is missing" for key, x in expected.items() if key not in state),
        *(f"tensor {key} of shape {tuple(x.shape)} is not known there" for key, x in state.items() if key not in expected),
    ]  # fmt: skip
    if wrong:
        more = f", and {len(wrong) - 1} more do not fit" if len(wrong) > 1 else ""
        raise ModelError(
            f"The weights of {file.source} do not fit {architecture}: {wrong[0]}{more}. Get the weights of {architecture}, "
            "or put the config.json of these weights beside them.",
            backbone=backbone.name,
        )
    net.load_state_dict(state)


def _preprocessing(
    config: Mapping[str, Any], backbone: Backbone, file: WeightFile
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Take mean and standard deviation of the training from the config, else from timm's own of that architecture."""
    import timm

    own = timm.get_pretrained_cfg(backbone.timm_name)
    given = config.get("pretrained_cfg", config)  # older files of timm are flat
    mean: Any
    std: Any
    mean, std = (given.get(key, getattr(own, key)) if isinstance(given, dict) else None for key in ("mean", "std"))
    try:
        mean, std = tuple(map(float, mean)), tuple(map(float, std))
        fits = len(mean) == len(std) == 3 and all(map(math.isfinite, mean)) and all(0 < s < math.inf for s in std)
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ModelError(
            f"The config.json of {file.source} must give mean and std as three numbers each, std above 0; got {mean} and "
            f"{std}. Restore the one that timm wrote.",
            backbone=backbone.name,
        )
    return mean, std


def timm_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of Meta's own DINOv2, DINOv3 and iBOT files, and of transformers' files, timm's names and shapes."""
    state = authors_names(state)
    out = {_in_one_list(key): x for key, x in state.items() if not key.startswith(_ONLY_TRAINED)}
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


def _in_one_list(key: str) -> str:
    """The name of a tensor of blocks in chunks, blocks.CHUNK.BLOCK.…, without the chunk: the blocks are counted through."""
    return re.sub(r"^blocks\.\d+\.(\d+)\.", r"blocks.\1.", key)


def pick_architecture(
    backbone: Backbone, config: Mapping[str, Any], state: Mapping[str, Tensor], *, source: str
) -> tuple[str, dict[str, Any]]:
    """Decide which model the weights need: the config's word, else the registry's, else what the shapes say.

    Args:
        backbone: whose weights they are.
        config: of config.json as timm writes it: "architecture", "model_args"; or as transformers does; may be empty.
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
    heads = config.get("num_attention_heads")  # in a config.json of the library transformers
    return guess, sizes | ({} if heads is None else {"num_heads": heads}) | args


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
