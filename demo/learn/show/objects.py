"""Systems that look for separate objects: what they tell apart in the pictures, and how well."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from demo.learn import texts
from demo.learn.asked import Asked
from demo.learn.board import Parts, View
from demo.learn.show import labels_shown
from segcore.drawn.objects import instance_map
from segcore.learn import CATALOG, Learned, LearnState
from segcore.learn.baselines import kmeans_objects_of, maskcut_objects_of
from segcore.learn.score import ClassScores, score_recall, score_separation, scores_of_table
from segcore.learn.settings import CutlerSettings, DinosaurSettings
from segcore.metrics.tables import class_table
from segcore.show.palette import PALETTE
from segcore.types import Pictures

MARKS = ("#000000", "#4477cc", "#33aa55", "#dd4444")  # ground, kept, new, dropped
_TOLD = {"dinosaur": 0, "cutler": 1}  # which of the two scores says whether what is simpler is beaten
_LAST = 99  # of views, after all rounds


@dataclass(frozen=True, eq=False, slots=True)
class Views:
    """What can be seen of the first pictures that are learned from."""

    by_name: Mapping[str, View]
    first: str  # name of what is seen unless another is chosen
    classes: ClassScores | None = None  # of clusters, where they are one of the views and there is a truth


def views_shown(state: LearnState, learned: Learned, pictures: Pictures) -> Views:
    """What can be seen of pictures, the first ones that are learned from."""
    images = pictures.images
    found = [state.marks(i) for i in range(len(images))]
    marks = [_enlarged(m, image) for m, image in zip(found, images, strict=True) if m is not None]
    names = CATALOG[learned.system].marks
    if isinstance(learned.settings, DinosaurSettings):
        n = learned.settings.slots
        slots = _view("slots", 0, marks, PALETTE.hex(n), list(zip(names, PALETTE.hex(n), strict=False)))
        k, labels = learned.n_segments, [learned.label(image) for image in images]
        classes = _view("classes", 1, labels, PALETTE.hex(k), [], clusters=True)
        return Views({"slots": slots, "classes": classes}, "slots", _classes(labels, pictures, k))
    rounds = _view(
        "round", state.round, marks, (None, *MARKS[1:]), list(zip(names[1:], MARKS[1:], strict=True)), n=state.round + 1
    )
    objects = [learned.instances(image).label_map for image in images]
    most = max(int(labels.max()) for labels in objects)
    now = _view("found", _LAST, objects, (None, *PALETTE.hex(most)), [])
    name = f"round-{state.round + 1}"
    return Views({name: rounds, "found": now}, name)


def _classes(labels: Sequence[Tensor], pictures: Pictures, k: int) -> ClassScores | None:
    if not pictures.truth:
        return None
    shape = (k, len(pictures.classes))
    pairs = zip(labels, pictures.truth, strict=True)
    return scores_of_table(np.sum([class_table(own.numpy(), truth.numpy(), shape) for own, truth in pairs], axis=0))


def _view(
    name: str,
    order: int,
    labels: Sequence[Tensor],
    colors: Sequence[str | None],
    legend: list[tuple[str, str]],
    *,
    clusters: bool = False,
    n: int = 0,
) -> View:
    title, note = texts.VIEWS[name]
    return View(
        order=order,
        title=title.format(n=n),
        note=note,
        images=[labels_shown(one) for one in labels],
        colors=list(colors),
        legend=legend,
        clusters=clusters,
    )


def _enlarged(marks: Tensor, image: Tensor) -> Tensor:
    """(height, width) of marks (h, w) of patches."""
    return F.interpolate(marks[None, None].float(), tuple(image.shape[:2]), mode="nearest")[0, 0].long()


def object_verdict(system: str, scores: tuple[float | None, float | None], level: float) -> str:
    """Whether what is simpler is beaten, of scores as `object_scores` has them."""
    own = scores[_TOLD[system]] or 0.0
    beats, beats_not = texts.OBJECT_VERDICTS[system]
    return (beats if own > level else beats_not).format(own=f"{own:.2f}", level=f"{level:.2f}")


def object_level(system: str, plain: Parts) -> float | None:
    """What `object_verdict` compares with, of `object_baselines`."""
    levels = (plain.get("baselines", {}), plain.get("baseline_mious", {}))[_TOLD[system]]
    return max(levels.values(), default=None)


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
