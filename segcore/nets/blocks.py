"""What networks are built of."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SHARPNESS = 10.0  # of p_k ∝ exp(SHARPNESS · cos), where probabilities of the clusters are wanted
_LUMA = (0.299, 0.587, 0.114)


def conv_block(c_in: int, c_out: int, dilation: int = 1) -> nn.Sequential:
    """A 3×3 convolution with batch norm and ReLU; borders are mirrored, as zeros beyond them would become a cluster."""
    conv = nn.Conv2d(c_in, c_out, 3, padding=dilation, dilation=dilation, padding_mode="reflect", bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out), nn.ReLU())


def conv_norm(c_in: int, c_out: int, kernel: int = 3, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """A convolution with batch norm and ReLU, and zeros beyond the border, as published networks with labels have them.

    The output has ⌈side / stride⌉ cells along each axis; cell i lies on pixel stride · i.
    """
    pad = dilation * (kernel // 2)
    conv = nn.Conv2d(c_in, c_out, kernel, stride, pad, dilation, bias=False)
    return nn.Sequential(conv, BatchNorm(c_out), nn.ReLU())


class BatchNorm(nn.BatchNorm2d):
    """Batch norm that also takes a batch of one cell, which has no variance: by the mean and variance of those before."""

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) → the same."""
        if x.shape[0] * x.shape[2] * x.shape[3] > 1:
            return super().forward(x)
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


def channels_of(width: float) -> tuple[int, ...]:
    """The published numbers of channels, scaled."""
    return tuple(max(4, round(width * c)) for c in (64, 128, 256, 256, 512, 512))


def gray_of(pixels: Tensor) -> Tensor:
    """Luma of RGB: (b, 3, height, width) → (b, 1, height, width)."""
    return (pixels * pixels.new_tensor(_LUMA)[:, None, None]).sum(1, keepdim=True)


def sobel(pixels: Tensor) -> Tensor:
    """RGB with the derivatives of its gray by x and y: (b, 3, height, width) → (b, 5, height, width), borders repeated."""
    kernel = pixels.new_tensor(((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))) / 4
    kernels = torch.stack((kernel, kernel.T))[:, None]
    return torch.cat((pixels, F.conv2d(F.pad(gray_of(pixels), (1, 1, 1, 1), mode="replicate"), kernels)), 1)


def soft_clusters(S: Tensor, centers: Tensor) -> Tensor:
    """(…, K) p_k ∝ exp(SHARPNESS · cos(s, c_k)) of vectors (…, size) of length 1 and centers (K, size) at most as long."""
    return torch.softmax(SHARPNESS * (S @ centers.T), -1)


def nearest_prototypes(z: Tensor, prototypes: Tensor) -> Tensor:
    """(b, K, h, w) probabilities, of cells z (b, d, h, w) of unit length by z · μ with prototypes μ (K, d)."""
    return soft_clusters(z.float().movedim(1, -1), prototypes).movedim(-1, 1)
