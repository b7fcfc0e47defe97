"""The checkerboard of a network: how much of what it says repeats every second pixel.

Reference: Odena, Dumoulin and Olah 2016, for transposed convolutions whose taps overlap unevenly.
"""

import torch
from torch import Tensor

from segcore.nets.labelled import LabelledNet


def checkerboard_of(net: LabelledNet, pixels: Tensor) -> float:
    """`checkerboard` of the scores of a network.

    Args:
        net: in eval mode.
        pixels: (b, 3, height, width) in [0, 1].

    Cost: a pass through the network, and a Fourier transform per class.
    """
    with torch.inference_mode():
        return checkerboard(net.logits(pixels).float())


def checkerboard(y: Tensor) -> float:
    """Share of the energy of maps at frequency ½, that of a pattern which repeats every 2 pixels.

    Args:
        y: (…, height, width) real, at least 4 × 4; an odd last row or column is left out.

    Returns:
        In [0, 1]: energy of the Fourier coefficients (u, v) with u = ½ or v = ½, over that of all but the mean. White noise
        has about 1 / height + 1 / width, a checkerboard 1, constant maps 0.
    """
    height, width = (n - n % 2 for n in y.shape[-2:])
    power = torch.fft.fft2(y[..., :height, :width].double()).abs() ** 2
    power[..., 0, 0] = 0
    total = power.sum()
    rows, columns = power[..., height // 2, :].sum(), power[..., :, width // 2].sum()
    half = rows + columns - power[..., height // 2, width // 2].sum()
    return float(half / total) if total > 0 else 0.0
