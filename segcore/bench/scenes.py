"""What the bench works on: a picture, features of its patches, their graph; the same for every run."""

import torch
from torch import Tensor

from segcore.graph.affinity import color_knn_affinity, combine_affinities, cosine_affinity
from segcore.runtime.device import make_generator
from segcore.settings import DEFAULTS


def scene(height: int, width: int) -> Tensor:
    """(height, width, 3) uint8: soft colored regions with noise, drawn from a fixed seed."""
    generator = make_generator(7)
    regions = torch.rand(1, 3, 6, 8, generator=generator)
    smooth = torch.nn.functional.interpolate(regions, (height, width), mode="bicubic")[0].permute(1, 2, 0)
    noise = 0.02 * torch.rand(height, width, 3, generator=generator)  # about that of a camera
    return (255 * (smooth + noise).clamp(0, 1)).byte()


def patch_features(side: int, d: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """A picture of side × side cells of 8 px, and (side², d) features of its cells: a random layer over their pixels."""
    image = scene(8 * side, 8 * side)
    cells = image.reshape(side, 8, side, 8, 3).permute(0, 2, 1, 3, 4).reshape(side * side, -1).float() / 255
    cells = cells - cells.mean(0)
    generator = make_generator(1)
    hidden = torch.relu(cells @ torch.randn(cells.shape[1], d, generator=generator))
    X = hidden @ torch.randn(d, d, generator=generator)
    return image.to(device), (X - X.mean(0) / 2).to(device)


def graph(side: int, device: torch.device, knn_weight: float = DEFAULTS.knn_weight) -> Tensor:
    """W of `patch_features`, n = side²."""
    return graph_of(*patch_features(side, 384, device), side, knn_weight)


def graph_of(image: Tensor, X: Tensor, side: int, knn_weight: float = DEFAULTS.knn_weight) -> Tensor:
    """W of a picture and the features of its side × side cells."""
    W_knn = color_knn_affinity(image, h=side, w=side, n_neighbors=20)
    return combine_affinities(cosine_affinity(X), W_knn, knn_weight=knn_weight)[0]
