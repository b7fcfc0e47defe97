"""Systems that look for separate objects: what they tell apart in the pictures, and how well."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from demo.learn import texts
from demo.learn.asked import Asked
from demo.learn.board import Parts
from demo.learn.show import labels_shown
from segcore.drawn.objects import instance_map
from segcore.learn import Learned, LearnState
from segcore.learn.baselines import kmeans_objects_of, maskcut_objects_of
from segcore.learn.score import score_recall, score_separation
from segcore.learn.settings import CutlerSettings, DinosaurSettings
from segcore.types import Pictures


def marks_shown(state: LearnState, images: Sequence[Tensor]) -> list[str]:
    """The first pictures that are learned from, with the marks of the system, or its labels."""
    return [labels_shown(_marked(state, i, image)) for i, image in enumerate(images)]


def _marked(state: LearnState, number: int, image: Tensor) -> Tensor:
    """(height, width) marks, or labels."""
    marks = state.marks(number)
    if marks is None:
        return state.label(image)
    return F.interpolate(marks[None, None].float(), tuple(image.shape[:2]), mode="nearest")[0, 0].long()


def object_scores(
    state: LearnState, learned: Learned, pictures: Pictures, asked: Asked
) -> tuple[float | None, float | None]:
    """The two scores that `texts.OBJECT_WORDS` names; None for what cannot be said."""
    objects = [instance_map(truth) for truth in pictures.truth]
    if asked.options.system == "cutler":
        recall = score_recall(learned.instances, state.taught, pictures, objects)
        return (None if np.isnan(recall.untaught) else round(recall.untaught, 4)), round(recall.every, 4)
    scores = score_separation(learned.instances, pictures, objects)
    return round(scores.fg_ari, 4), round(scores.mbo, 4)


def object_baselines(pictures: Pictures, asked: Asked) -> Parts:
    """What learned nothing, by the same two scores, on the same features."""
    s = asked.settings
    objects = [instance_map(truth) for truth in pictures.truth]
    if isinstance(s, CutlerSettings):
        find = partial(maskcut_objects_of, backbone=s.backbone, facet=s.facet, side=s.side, n_objects=s.n_objects, tau=s.tau)
        recall = score_recall(find, lambda _: None, pictures, objects)
        return Parts(
            baselines={texts.MASKCUT: round(recall.every, 4)}, baseline_mious={texts.MASKCUT: round(recall.every, 4)}
        )
    if not isinstance(s, DinosaurSettings):
        return Parts()
    find = partial(kmeans_objects_of, backbone=s.backbone, facet=s.facet, side=s.side, k=s.slots, seed=asked.options.begin)
    scores = score_separation(find, pictures, objects)
    return Parts(
        baselines={texts.SLOT_KMEANS: round(scores.fg_ari, 4)}, baseline_mious={texts.SLOT_KMEANS: round(scores.mbo, 4)}
    )
