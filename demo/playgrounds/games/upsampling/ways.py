"""The ways from coarse to fine that the playground of upsampling has, as functions of batches of pictures."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from segcore.upsample import bilinear, guided, joint_bilateral, nearest, pac_upsample
from segcore.upsample.unpooling import Pooled, bed_of_nails

Op = Callable[[Tensor], Tensor]  # (b, 1, h, w) → (b, 1, h', w')

HOW = {
    "nearest": "nearest neighbor",
    "bilinear": "bilinear",
    "bicubic": "bicubic",
    "nails": "bed of nails",
    "unpooling": "max unpooling",
    "transposed": "transposed convolution",
    "resize": "resize, then convolve",
    "joint_bilateral": "joint bilateral",
    "guided": "guided filter",
    "pac": "pixel-adaptive",
}
GUIDED = ("joint_bilateral", "guided", "pac")
KERNEL = ("transposed", "resize")


def plain(how: str, factor: int, guide: Tensor, sigma_cells: float, sigma_rgb: float) -> Op:
    """The ways without weights of their own; guide (g, h', w')."""
    if how == "nails":
        return lambda x: bed_of_nails(x, factor=factor)
    if how == "bicubic":
        return lambda x: F.interpolate(x, scale_factor=factor, mode="bicubic", align_corners=False)
    if how == "guided":
        return lambda x: guided(x[:, 0], guide, eps=sigma_rgb**2)[:, None]
    if how in GUIDED:
        kernel = joint_bilateral if how == "joint_bilateral" else pac_upsample
        return lambda x: kernel(x[:, 0], guide, sigma_cells=sigma_cells, sigma_rgb=sigma_rgb)[:, None]
    interpolate = {"nearest": nearest, "bilinear": bilinear}[how]
    return lambda x: interpolate(x[:, 0], guide)[:, None]


def repeated(pooled: Pooled, n: int) -> Pooled:
    """The same places for every picture of a batch."""
    return Pooled(pooled.values, pooled.indices.expand(n, -1, -1, -1), pooled.size)
