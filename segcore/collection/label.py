"""Groups for all pictures: from scores of one picture at a time, and down to its pixels."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from segcore.collection.collection import Collection
from segcore.collection.types import Grouping, Progress, Steps
from segcore.image import cells_to_pixels
from segcore.settings import Settings
from segcore.stages import label_pixels
from segcore.stopping import stop_if_asked
from segcore.types import Clustering, FeatureGrid

Scorer = Callable[[Tensor], Tensor]  # features (h, w, d) of a picture → (h, w, K) ≥ 0 that sum to 1


def label_all(collection: Collection, scorer: Scorer, *, stage: str = "labels") -> Steps[tuple[Tensor, ...]]:
    """Label every picture by the group of its largest score.

    Args:
        collection: the pictures.
        scorer: sees the features of one picture at a time.
        stage: what this is called.

    Yields:
        Progress after each picture, with its labels.

    Returns:
        Per picture (h, w) uint8. Memory: a byte per patch.
    """
    labels = []
    for i in range(len(collection)):
        stop_if_asked()
        labels.append(scorer(collection.f(i)).argmax(2).to(torch.uint8).cpu())
        yield Progress(stage, i + 1, len(collection), labels={i: labels[-1]})
    return tuple(labels)


def scores_by(collection: Collection, scorer: Scorer) -> Callable[[int], Tensor]:
    """`Grouping.scores` of a system that labels a picture by its features alone."""
    return lambda i: scorer(collection.f(i))


def label_map(grouping: Grouping, i: int, grid: FeatureGrid, settings: Settings, *, soft: bool = True) -> Tensor:
    """Lift the groups of a picture to its pixels, as the lab does with segments.

    Args:
        grouping: of the collection.
        i: number of the picture.
        grid: of the picture, `Collection.grid(i)`.
        settings: upsampling and crf, with what they read, count.
        soft: use the scores, where the system has them, instead of the labels.

    Returns:
        (height, width) uint8: groups of the picture's own pixels, numbered as in the grouping.
    """
    labels = grouping.labels[i].flatten().long()
    if settings.upsampling == "nearest" and not settings.crf:
        return cells_to_pixels(labels, grid.geometry)
    resp = grouping.scores(i).flatten(0, 1) if soft and grouping.scores is not None else None
    if resp is None:  # all K columns, also of groups that this picture does not show
        resp = torch.nn.functional.one_hot(labels, grouping.n_groups).float()
    # `has_background` keeps the numbers as they are: they mean the same in all pictures.
    cells = Clustering(labels, 0.0, 0, True, resp=resp, has_background=True)
    return label_pixels(grid, cells, settings).to(torch.uint8)


def renamed(grouping: Grouping, names: tuple[str, ...]) -> Grouping:
    """The same with other names of its groups."""
    return replace(grouping, names=names)
