"""Groups for all pictures: from scores of one picture at a time, and down to its pixels."""

from collections.abc import Callable

import torch
from torch import Tensor

from segcore.collection.collection import Collection
from segcore.collection.system import Grouping, Maps
from segcore.pipeline.stages import PixelLabels
from segcore.runtime.steps import Progress, Steps
from segcore.runtime.stopping import stop_if_asked
from segcore.settings import Settings
from segcore.types import Clustering

Scorer = Callable[[Tensor], Tensor]  # features (h, w, d) of a picture → (h, w, K) ≥ 0 that sum to 1


def label_all(collection: Collection, scorer: Scorer, *, stage: str = "labels") -> Steps[Progress, tuple[Tensor, ...]]:
    """Label every picture by the group of its largest score; the scorer sees the features of one picture at a time.

    As `label_by` otherwise.
    """
    return label_by(collection, scores_by(scorer), stage=stage)


def label_by(collection: Collection, scores: Maps, *, stage: str = "labels") -> Steps[Progress, tuple[Tensor, ...]]:
    """Label every picture by the group of its largest score.

    Args:
        collection: the pictures.
        scores: `Grouping.scores`.
        stage: what this is called.

    Yields:
        Progress after each picture, with its labels.

    Returns:
        Per picture (h, w) uint8. Memory: a byte per patch.
    """
    room = torch.empty(collection.n_patches, dtype=torch.uint8)  # at once, as small pieces between large ones hold memory
    shares = room.split([g.n for g in collection.geometries])
    labels = [part.reshape(g.h, g.w) for part, g in zip(shares, collection.geometries, strict=True)]
    for i in range(len(collection)):
        stop_if_asked()
        labels[i].copy_(scores(collection, i).argmax(2))
        yield Progress(stage, i + 1, len(collection), labels={i: labels[i]})
    return tuple(labels)


def scores_by(scorer: Scorer) -> Maps:
    """`Grouping.scores` of a system that labels a picture by its features alone."""
    return lambda collection, i: scorer(collection.f(i))


def scores_of(grouping: Grouping, collection: Collection, i: int) -> Tensor | None:
    """(h, w, K) scores of picture i; None where the system has none."""
    return None if grouping.scores is None else grouping.scores(collection, i)


def label_map(grouping: Grouping, collection: Collection, i: int, settings: Settings) -> Tensor:
    """Lift the groups of a picture to its pixels, as the lab does with segments.

    Args:
        grouping: of the collection.
        collection: the pictures.
        i: number of the picture.
        settings: upsampling, CRF and the like say how.

    Returns:
        (height, width) uint8: groups of the picture's own pixels, numbered as in the grouping. Where the system has scores,
        these are lifted.
    """
    pixels = PixelLabels(collection.grid(i), settings)
    return lift(grouping.labels[i], pixels, grouping.n_groups, scores_of(grouping, collection, i))


def lift(labels: Tensor, pixels: PixelLabels, n_groups: int, scores: Tensor | None = None) -> Tensor:
    """(height, width) uint8 groups of the pixels, from labels (h, w) and perhaps scores (h, w, K) of the patches."""
    flat = labels.flatten().long()
    # All K columns, also of groups that this picture does not show; `has_background` keeps the numbers as they are, since
    # they mean the same in all pictures.
    resp = torch.nn.functional.one_hot(flat, n_groups).float() if scores is None else scores.flatten(0, 1)
    return pixels(Clustering(flat, 0.0, 0, True, resp=resp, has_background=True)).to(torch.uint8)
