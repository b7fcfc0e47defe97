"""A vision transformer's features, one vector per patch.

With z the tokens that enter a block and x = norm1(z): keys are x W_k, queries x W_q, values x W_v, each with its bias and
all heads side by side; tokens are what leaves the block. Attention of a head is softmax(q kᵀ / √head_dim).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segcore.checks import check_choice, check_tensor
from segcore.errors import InputError, ModelError
from segcore.features.published import Backbone, pick_architecture, timm_names
from segcore.features.weights import WeightFile, get_weights, read_state
from segcore.runtime.stopping import stop_if_asked
from segcore.types import FeatureGrid, Geometry

FACETS = ("key", "query", "value", "token")

# Arguments of timm.create_model that load files or reach for the network, or that this module sets itself.
_RESERVED = ("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir", "num_classes")


@dataclass(frozen=True, eq=False, slots=True)
class VitModel:
    """A transformer with its weights, ready to compute and never changed after; threads may share it."""

    net: Any  # a VisionTransformer or Eva of timm, in eval mode
    backbone: Backbone
    patch: int  # side of a cell, in pixels
    mean: tuple[float, ...]  # (3,) of RGB in [0, 1], as in training
    std: tuple[float, ...]  # (3,)
    source: str  # where the weights came from, in words

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return len(self.net.blocks)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = next(self.net.parameters()).device
        return device


def load_model(backbone: Backbone, *, device: torch.device | str = "cpu") -> Any:
    """Whatever computes a backbone's features: `load_vit`, or what a file of `segcore.learn` holds. Errors as of both."""
    if backbone.learned:
        from segcore.pipeline.learned_model import load_model as load_learned_model

        return load_learned_model(backbone, device=device)
    return load_vit(backbone, device=device)


def load_vit(backbone: Backbone, *, device: torch.device | str = "cpu") -> VitModel:
    """Build a backbone's transformer and fill in its weights, downloading them where they are not here.

    Args:
        backbone: one that needs weights.
        device: where it will compute.

    Returns:
        The model. Its position embeddings are interpolated (bicubic, antialiased) to the grid of each picture, and left as
        they are on the grid of the training.

    Raises:
        ModelError: the weights cannot be had or read, do not fit the architecture, or their config.json is wrong.

    Cost: seconds, most of them timm's import and its random initialization. Keep the result.
    """
    if not backbone.needs_weights:
        raise ModelError(f"{backbone.name} has no weights to load. Choose a transformer.", backbone=backbone.name)
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
    mean, std = _preprocessing(config, backbone, file)
    return VitModel(net.eval().requires_grad_(False).to(device), backbone, backbone.patch, mean, std, file.source)


def random_vit(backbone: Backbone, *, device: torch.device | str = "cpu", seed: int = 0) -> VitModel:
    """Build a backbone's transformer with random weights, for timing.

    Args:
        backbone: a registered transformer.
        device: where it will compute.
        seed: of the weights.
    """
    file = WeightFile(Path(), "random", f"random numbers, seed {seed}")
    with torch.random.fork_rng(devices=[]):  # timm draws from the global generator
        torch.manual_seed(seed)
        net = _build(backbone.timm_name, {}, backbone, file)
    mean, std = _preprocessing({}, backbone, file)
    return VitModel(net.eval().requires_grad_(False).to(device), backbone, backbone.patch, mean, std, file.source)


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


def extract_features(
    model: Any,
    pixels: Tensor,
    geometry: Geometry,
    *,
    facet: str = "key",
    block: int = -1,
    class_token: bool = False,
) -> FeatureGrid:
    """Compute one feature vector per patch of a picture.

    Args:
        model: of `load_model`; facet and block are a transformer's, and others do not read them.
        pixels: (h·patch, w·patch, 3) uint8 RGB, on any device.
        geometry: how the patches lie over the picture; its patch is the model's.
        facet: "key", "query" or "value" (what the block's attention projects its input to, d = heads · head_dim) or "token"
            (what leaves the block, d = width; after the model's final norm where the block is the last one).
        block: counted from the end; −1 is the last one.
        class_token: also give what leaves the model at [CLS], after the final norm, for which the last block must be run to
            its end.

    Returns:
        Features and, where the model has a [CLS] token, the attention that it pays to each patch in the last block. Per head
        the attention sums to less than 1: the rest goes to [CLS] and to the registers. Tensors lie on the model's device.

    Convention:
        Keys and queries are taken before rotary position embedding (DINOv3), which would mix a patch's place into its
        description; the attention uses them rotated, as the model does.

    Raises:
        InputError: pixels are not those of the geometry, the patch is another one, there is no such facet, or the model has
            fewer blocks.

    Cost: the transformer once, up to the last block's attention: O(n²·d) time; n is the number of patches. Deterministic.
    """
    _check_extract(model, pixels, geometry, facet, block)
    if not isinstance(model, VitModel):
        return model.extract(pixels, geometry)  # type: ignore[no-any-return]
    with torch.inference_mode():
        f, attention, token = _forward(model, pixels, (geometry.h, geometry.w), facet, block, whole=class_token)
    of_norm = ", after the final norm" if facet == "token" and block == -1 else ""
    # Clones made out here are ordinary tensors, so callers may change them in place or use them under autograd.
    return FeatureGrid(
        f=f.clone(),
        geometry=geometry,
        pixels=pixels,
        origin=f"{model.backbone.name}, {facet} of block {model.depth + block + 1} of {model.depth}{of_norm}",
        source=model.source,
        attention=None if attention is None else attention.clone(),
        class_token=None if token is None else token.clone(),
    )


def _check_extract(model: Any, pixels: Tensor, geometry: Geometry, facet: str, block: int) -> None:
    check_choice("facet", facet, FACETS)
    if isinstance(model, VitModel) and not -model.depth <= block <= -1:
        raise InputError(
            f"block must be from -{model.depth} to -1, since {model.backbone.name} has {model.depth} blocks; got {block}.",
            field="block",
        )
    if geometry.patch != model.patch:
        raise InputError(
            f"The picture was fitted to patches of {geometry.patch} pixels; {model.backbone.name} needs {model.patch}.",
            field="backbone",
        )
    check_tensor("pixels", pixels, (geometry.h * geometry.patch, geometry.w * geometry.patch, 3))
    if pixels.dtype != torch.uint8:
        raise InputError(f"pixels must be uint8, 0 to 255; got {pixels.dtype}.", field="pixels")


def _forward(
    model: VitModel, pixels: Tensor, grid: tuple[int, int], facet: str, block: int, *, whole: bool
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Run the blocks one by one: unlike hooks on the shared net, this keeps two threads apart."""
    net, last = model.net, model.depth - 1
    chosen, prefix = model.depth + block, net.num_prefix_tokens
    has_cls = net.cls_token is not None
    end = last if has_cls else chosen  # nothing later is asked for
    z, rope = _embed(model, pixels)
    f: Any = None
    attention: Tensor | None = None
    for i in range(end + 1):
        stop_if_asked()
        if i == chosen and facet != "token":
            f = _project(net.blocks[i].attn, net.blocks[i].norm1(z))[FACETS.index(facet)]
        if i == last and has_cls:
            attention = _cls_attention(net.blocks[i].attn, net.blocks[i].norm1(z), rope, prefix)
        if i == end and f is not None and not whole:
            break
        z = net.blocks[i](z) if rope is None else net.blocks[i](z, rope=rope)
        if i == chosen and facet == "token":
            f = net.norm(z) if i == last else z
    f = f[0, prefix:].reshape(*grid, -1)
    token = net.norm(z)[0, 0] if whole else None
    return f, None if attention is None else attention.reshape(-1, *grid), token


def _embed(model: VitModel, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
    """Turn pixels into tokens (1, prefix + n, d) with positions, and the rotary embedding (n, 2·head_dim) or None."""
    net = model.net
    image = pixels.to(model.device).permute(2, 0, 1)[None].float() / 255
    mean, std = (image.new_tensor(x)[:, None, None] for x in (model.mean, model.std))
    z = net._pos_embed(net.patch_embed((image - mean) / std))  # timm's forward_features begins with the same private step
    z, rope = z if isinstance(z, tuple) else (z, None)  # timm's Eva returns both
    return net.norm_pre(z), rope


def _project(attn: Any, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Keys, queries and values (1, tokens, heads · head_dim) of the normed input x (1, tokens, d)."""
    if attn.qkv is None:
        return attn.k_proj(x), attn.q_proj(x), attn.v_proj(x)
    bias = attn.qkv.bias
    if getattr(attn, "q_bias", None) is not None:  # Eva keeps the biases apart; that of the keys is zero
        bias = torch.cat((attn.q_bias, torch.zeros_like(attn.q_bias), attn.v_bias))
    q, k, v = nn.functional.linear(x, attn.qkv.weight, bias).chunk(3, dim=-1)
    return k, q, v


def _cls_attention(attn: Any, x: Tensor, rope: Tensor | None, prefix: int) -> Tensor:
    """Softmax attention (heads, n) that [CLS], the first token, pays to the patches; one row, never the whole matrix."""
    k, q = (y.unflatten(-1, (attn.num_heads, -1)).transpose(1, 2) for y in _project(attn, x)[:2])
    q, k = attn.q_norm(q[:, :, :1]), attn.k_norm(k)  # prefix tokens have no place, so the query is not rotated
    if rope is not None:
        from timm.layers import apply_rot_embed_cat

        patches = apply_rot_embed_cat(k[:, :, prefix:], rope, half=attn.rotate_half)
        k = torch.cat((k[:, :, :prefix], patches), dim=2)
    weights: Tensor = (q @ k.mT * attn.scale).softmax(-1)
    return weights[0, :, 0, prefix:]
