"""Patch features of many pictures at once, through which gradients flow: for trainings that use or tune a transformer."""

import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.checks import check_choice
from segcore.features.vit import VitModel

FACETS = ("key", "token")


def batch_features(model: VitModel, pixels: Tensor, *, facet: str = "key") -> Tensor:
    """Features of the last block.

    Args:
        model: of `load_vit`; whether its weights want gradients is the caller's to say.
        pixels: (b, 3, height, width) RGB in [0, 1] on the device of the model; extended to whole patches by their border.
        facet: "key", or "token" after the final norm.

    Returns:
        (b, d, ⌈height / patch⌉, ⌈width / patch⌉). Of one picture, what `extract_features` gives.

    Raises:
        InputError: there is no such facet.
    """
    check_choice("facet", facet, FACETS)
    net, patch = model.net, model.patch
    height, width = pixels.shape[2:]
    pixels = F.pad(pixels, (0, -width % patch, 0, -height % patch), mode="replicate")
    mean, std = (torch.tensor(x, device=pixels.device)[:, None, None] for x in (model.mean, model.std))
    last = model.depth - 1 if facet == "token" else model.depth - 2
    (z,) = net.forward_intermediates(
        (pixels - mean) / std, indices=[last], norm=facet == "token", output_fmt="NLC", intermediates_only=True
    )
    if facet == "key":
        block = net.blocks[-1]
        z = block.attn.qkv(block.norm1(z)).chunk(3, dim=-1)[1]
    h, w = pixels.shape[2] // patch, pixels.shape[3] // patch
    f: Tensor = z.transpose(1, 2).unflatten(2, (h, w))
    return f
