"""SLIC superpixels: k-means in color and position, each center looking at its surroundings only.

distance² = ‖Lab_i − Lab_c‖² + (m / s)² ‖xy_i − xy_c‖²,  s = √(pixels / superpixels)

(Achanta et al., SLIC superpixels compared to state-of-the-art superpixel methods, 2012; as scikit-image computes it.)
"""

import torch
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError
from segcore.types import Clustering


def slic(pixels: Tensor, *, n_superpixels: int, compactness: float = 10.0, n_iter: int = 10) -> Clustering:
    """Part a picture into compact pieces of about equal size that follow its edges.

    Args:
        pixels: (height, width, 3) uint8 RGB.
        n_superpixels: about how many, ≥ 1; at most one per pixel.
        compactness: m > 0: the difference in Lab (L in [0, 100], of the picture with its contrast stretched to the full
            range) that weighs as much as the distance s.
        n_iter: steps; the authors use 10.

    Returns:
        Clustering of the height · width pixels, row by row; each superpixel is connected. `objective` is the sum over pixels
        of the squared distance in color from their superpixel's mean, in Lab units.

    Raises:
        InputError: pixels are no picture, or a number is out of range.

    Cost: about 0.1 s for 480 × 360, on the CPU. Deterministic.

    Reference: Achanta et al. 2012, algorithm 1.
    """
    from skimage.color import rgb2lab
    from skimage.segmentation import slic as superpixels

    check_tensor("pixels", pixels, ("height", "width", 3))
    if pixels.dtype != torch.uint8 or pixels.numel() == 0:
        raise InputError(f"pixels must be uint8, 0 to 255; got {pixels.dtype} {tuple(pixels.shape)}.", field="pixels")
    check_range("n_superpixels", n_superpixels, lo=1)
    check_range("compactness", compactness, lo=1e-3)
    check_range("n_iter", n_iter, lo=1)
    rgb = pixels.cpu().numpy()
    wanted = min(n_superpixels, rgb.shape[0] * rgb.shape[1])
    found = superpixels(rgb, wanted, compactness, max_num_iter=n_iter, start_label=0)
    labels = torch.from_numpy(found).flatten().unique(return_inverse=True)[1]
    color = torch.from_numpy(rgb2lab(rgb)).flatten(0, 1).double()
    count = torch.bincount(labels)
    means = color.new_zeros(len(count), 3).index_add_(0, labels, color) / count[:, None]
    return Clustering(
        labels=labels.to(pixels.device),
        objective=float((color - means[labels]).square().sum()),
        n_iter=n_iter,
        converged=True,
        facts={"superpixels": len(count)},
    )
