"""What the systems are compared with: a network that learned nothing, and k-means on its features, or on colors and places.

Reference: the rows "Random CNN" and "K-means" of Ji, Henriques and Vedaldi 2019, table 4.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segcore.cluster.kmeans import kmeans
from segcore.cut.maskcut import maskcut
from segcore.features.color import color_features
from segcore.image.grid import fit_to_grid
from segcore.learn.learned import enlarged_labels, pixels_of, scores_of
from segcore.learn.pictures import scaled
from segcore.learn.score import ClassScores, score_classes
from segcore.nets.patches import OnPatches
from segcore.nets.small import ConvNet
from segcore.numerics import squared_distances
from segcore.runtime.stopping import stop_if_asked
from segcore.train.seeds import seeded
from segcore.types import Instances, Pictures

SIDE = 128  # px of the longer side
_WIDTH = 0.125  # of the network, as of the systems
_CELL = 2  # px, as of the network
_ROWS = 20_000  # that are clustered
_SEEN = 50  # pictures, for the statistics

Label = Callable[[Tensor], Tensor]


def random_network(pictures: Pictures, n_segments: int, seed: int, side: int = SIDE) -> Label:
    """The largest of K outputs of a network with random weights."""
    net = _random_net(pictures, n_segments, seed, side)
    return lambda image: enlarged_labels(scores_of(net, image, side=side)[0], image)


def random_features(pictures: Pictures, n_segments: int, seed: int, side: int = SIDE) -> Label:
    """k-means on the features of that network, brought to unit length."""
    net = _random_net(pictures, n_segments, seed, side)

    def field(image: Tensor) -> Tensor:
        with torch.inference_mode():
            return F.normalize(net.features(pixels_of(scaled(image, side)))[0].float(), dim=0)

    return _clustered(field, pictures, n_segments, seed)


def colors(pictures: Pictures, n_segments: int, seed: int, side: int = SIDE) -> Label:
    """k-means on the CIELAB colors of pixels."""

    def field(image: Tensor) -> Tensor:
        lab = cv2.cvtColor(scaled(image, side).numpy().astype("float32") / 255, cv2.COLOR_RGB2Lab)
        return torch.from_numpy(lab).permute(2, 0, 1)

    return _clustered(field, pictures, n_segments, seed)


def colors_and_places(pictures: Pictures, n_segments: int, seed: int, side: int = SIDE) -> Label:
    """k-means on the CIELAB colors and, weakly, the places of cells, as the backbone `color` has them."""

    def field(image: Tensor) -> Tensor:
        return color_features(*fit_to_grid(image, max_side=side, patch=_CELL)).f.permute(2, 0, 1)

    return _clustered(field, pictures, n_segments, seed)


BASELINES: Mapping[str, Callable[..., Label]] = {
    "Random network": random_network,
    "k-means on its features": random_features,
    "k-means on color": colors,
    "k-means on color and position": colors_and_places,
}


def majority_label(pictures: Pictures) -> Label:
    """What a network with labels is compared with: every pixel is of the class that most pixels of `pictures` have."""
    k = len(pictures.classes)
    counts = sum(torch.bincount(truth[truth >= 0], minlength=k) for truth in pictures.truth)
    most = int(torch.as_tensor(counts).argmax())
    return lambda image: torch.full(tuple(image.shape[:2]), most)


def score_baselines(pictures: Pictures, scored: Pictures, *, n_segments: int, seed: int = 0) -> dict[str, ClassScores]:
    """What learned nothing, scored as a system is.

    Args:
        pictures: where the centers come from.
        scored: with truth; they are labelled.
        n_segments: K.
        seed: of random weights and first centers.

    Returns:
        Scores by the name of the baseline.

    Raises:
        InputError: `scored` has no truth.

    Cost: a pass of a small network over all pictures, and k-means on 20,000 rows: 2 s for 200 pictures.
    """
    return {
        name: score_classes(make(pictures, n_segments, seed), scored, n_segments=n_segments)
        for name, make in BASELINES.items()
    }


def _random_net(pictures: Pictures, n_segments: int, seed: int, side: int) -> ConvNet:
    """Random weights; batch norm knows the pictures' statistics, so that channels are of one size as in a training."""
    with seeded(seed):
        net = ConvNet(n_segments, _WIDTH)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # a plain mean over all that is seen
    with torch.no_grad():
        for image in pictures.images[:_SEEN]:
            net.features(pixels_of(scaled(image, side)))
    return net.eval().requires_grad_(False)


def _clustered(field: Callable[[Tensor], Tensor], pictures: Pictures, n_segments: int, seed: int) -> Label:
    """Label by the nearest of K centers of what `field` makes of a picture, (d, h, w)."""
    generator = torch.Generator().manual_seed(seed)
    each = max(1, _ROWS // len(pictures))
    rows = []
    for image in pictures.images:
        stop_if_asked()
        x = field(image).flatten(1).T
        rows.append(x[torch.randperm(len(x), generator=generator)[:each]])
    X = torch.cat(rows)
    labels = kmeans(X, n_clusters=n_segments, n_init=5, generator=generator).labels
    centers = torch.stack([X[labels == i].mean(0) for i in labels.unique()])  # fewer, where there are fewer colors

    def label(image: Tensor) -> Tensor:
        x = field(image)
        found = squared_distances(x.flatten(1).T, centers).argmin(1).reshape(x.shape[1:])
        return F.interpolate(found[None, None].float(), tuple(image.shape[:2]), mode="nearest")[0, 0].long()

    return label


# ---- Separate objects, of whoever learns on frozen features ----


def maskcut_objects_of(image: Tensor, *, backbone: str, facet: str, side: int, n_objects: int, tau: float) -> Instances:
    """What MaskCut finds in a picture (height, width, 3) uint8, the i-th object with a score of 1 / i."""
    return _enlarged(maskcut(_patches(image, backbone, facet, side), n_objects=n_objects, tau=tau), image)


def kmeans_objects_of(image: Tensor, *, backbone: str, facet: str, side: int, k: int, seed: int) -> Instances:
    """The k clusters of the picture's patches by the cosine, each as an object."""
    f = _patches(image, backbone, facet, side)
    X = F.normalize(f.flatten(0, 1), dim=1)
    found = kmeans(X, n_clusters=min(k, len(X)), n_init=3, generator=torch.Generator().manual_seed(seed))
    labels = found.labels.reshape(f.shape[:2])
    return _enlarged(torch.stack([labels == i for i in labels.unique()]), image)


def _patches(image: Tensor, backbone: str, facet: str, side: int) -> Tensor:
    return _reader(backbone, facet).field(pixels_of(scaled(image, side))[0])


@lru_cache(maxsize=2)
def _reader(backbone: str, facet: str) -> OnPatches:
    """What reads the features, which nothing changes."""
    return OnPatches(backbone, facet)


def _enlarged(masks: Tensor, image: Tensor) -> Instances:
    size = tuple(image.shape[:2])
    large = F.interpolate(masks[None].float(), size, mode="nearest")[0] > 0 if len(masks) else masks.new_zeros(0, *size)
    return Instances(large, 1 / torch.arange(1, len(masks) + 1))
