"""A vision transformer's features, one vector per patch.

With z the tokens that enter a block and x = norm1(z): keys are x W_k, queries x W_q, values x W_v, each with its bias and
all heads side by side; tokens are what leaves the block. Attention of a head is softmax(q kᵀ / √head_dim).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segcore.checks import check_choice
from segcore.errors import InputError, ModelError
from segcore.features.model import NetModel
from segcore.features.published import Backbone
from segcore.features.timm_files import Transformer, random_transformer, read_transformer
from segcore.runtime.stopping import stop_if_asked
from segcore.types import FeatureGrid, Geometry

FACETS = ("key", "query", "value", "token")


@dataclass(frozen=True, eq=False)
class VitModel(NetModel):
    """A transformer of timm with its weights: a `FeatureModel`."""

    mean: tuple[float, ...]  # (3,) of RGB in [0, 1], as in training
    std: tuple[float, ...]  # (3,)

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return len(self.net.blocks)

    def extract(
        self, pixels: Tensor, geometry: Geometry, *, facet: str = "key", block: int = -1, class_token: bool = False
    ) -> FeatureGrid:
        """See `extract_features`.

        Convention:
            Keys and queries are taken before rotary position embedding (DINOv3), which would mix a patch's place into its
            description; the attention uses them rotated, as the model does.
        """
        check_choice("facet", facet, FACETS)
        if not -self.depth <= block <= -1:
            raise InputError(
                f"block must be from -{self.depth} to -1, since {self.backbone.name} has {self.depth} blocks; got {block}.",
                field="block",
            )
        with torch.inference_mode():
            f, attention, token = _forward(self, pixels, (geometry.h, geometry.w), facet, block, whole=class_token)
        if not f.isfinite().all():
            raise ModelError(
                f"The features of {Path(self.backbone.name).name} are not finite, so its weights are damaged, or not "
                "those of a trained network. Get them again, or choose another backbone.",
                backbone=self.backbone.name,
            )
        of_norm = ", after the final norm" if facet == "token" and block == -1 else ""
        # Clones made out here are ordinary tensors, so callers may change them in place or use them under autograd.
        return FeatureGrid(
            f=f.clone(),
            geometry=geometry,
            pixels=pixels,
            origin=f"{self.backbone.name}, {facet} of block {self.depth + block + 1} of {self.depth}{of_norm}",
            source=self.source,
            attention=None if attention is None else attention.clone(),
            class_token=None if token is None else token.clone(),
        )


def load_vit(backbone: Backbone, *, device: torch.device | str = "cpu") -> VitModel:
    """Build a backbone's transformer and fill in its weights, downloading them where they are not here.

    Args:
        backbone: a transformer.
        device: where it will compute.

    Returns:
        The model. Its position embeddings are interpolated (bicubic, antialiased) to the grid of each picture, and left as
        they are on the grid of the training.

    Raises:
        ModelError: the weights cannot be had or read, do not fit the architecture, or their config.json is wrong.

    Cost: seconds, most of them timm's import and its random initialization. Keep the result.
    """
    if not backbone.timm_name:
        raise ModelError(f"{backbone.name} has no weights to load. Choose a transformer.", backbone=backbone.name)
    return _model(read_transformer(backbone), backbone, device)


def random_vit(backbone: Backbone, *, device: torch.device | str = "cpu", seed: int = 0) -> VitModel:
    """Build a backbone's transformer with random weights, for timing.

    Args:
        backbone: a registered transformer.
        device: where it will compute.
        seed: of the weights.
    """
    return _model(random_transformer(backbone, seed=seed), backbone, device)


def _model(read: Transformer, backbone: Backbone, device: torch.device | str) -> VitModel:
    return VitModel(read.net.to(device), backbone, read.source, read.mean, read.std)


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
