"""From the cells of the patch grid to the pixels of the picture, along its edges."""

from segcore.upsample.guided import guided_filter
from segcore.upsample.lift import (
    UPSAMPLERS,
    Weights,
    bilinear,
    guided,
    joint_bilateral,
    nearest,
    pac_upsample,
    upsample,
    upsampling_weights,
)
from segcore.upsample.pac import adaptive_kernel, pixel_adaptive_convolution, pixel_adaptive_convolution_transposed

__all__ = [
    "UPSAMPLERS",
    "Weights",
    "adaptive_kernel",
    "bilinear",
    "guided",
    "guided_filter",
    "joint_bilateral",
    "nearest",
    "pac_upsample",
    "pixel_adaptive_convolution",
    "pixel_adaptive_convolution_transposed",
    "upsample",
    "upsampling_weights",
]
