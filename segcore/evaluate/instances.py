"""Instances: separate masks with scores, against label maps of the objects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch

from segcore.errors import InputError
from segcore.evaluate.cases import Case, check_pair, each, resolved, run
from segcore.image import PictureFile, read_image, read_labels
from segcore.learn.learned import Learned
from segcore.metrics.instances import InstanceCounts, InstanceScores, count_instances, instance_scores
from segcore.pipeline import Pipeline
from segcore.runtime.engine import LOCAL, Engine
from segcore.runtime.steps import Progress, Steps
from segcore.settings import Settings
from segcore.types import Instances, Segmentation

Finder = Callable[[PictureFile], Instances]  # a picture → its objects


@dataclass(frozen=True, eq=False, slots=True)
class InstanceReport:
    """How well objects are told from each other."""

    names: tuple[str, ...]  # of the pictures
    counts: tuple[InstanceCounts, ...]  # per picture
    scores: InstanceScores  # of all pictures together
    skipped: dict[str, str] = field(default_factory=dict)  # name → why


def evaluate_instances(
    cases: Sequence[Case], find: Finder, *, ignore: int | None = None, engine: Engine = LOCAL
) -> Steps[Progress, InstanceReport]:
    """Measure how well separate objects are found, at the size of their label maps.

    Args:
        cases: of `label_cases`; in a label map 0 is the ground, and each other label an object.
        find: of `found_by_method` or `found_by_weights`.
        ignore: label whose pixels count for nothing.
        engine: does the work on each picture.

    Yields:
        Progress after each picture.

    Returns:
        The scores. What could not be read is named in `skipped`.

    Raises:
        InputError: no picture could be scored, or none has an object.
    """
    told = yield from each(cases, partial(_counts, find=find, ignore=ignore), engine)
    return InstanceReport(tuple(told.names), tuple(told.scores), instance_scores(told.scores), dict(told.skipped))


def found_by_method(settings: Settings, pipeline: Pipeline) -> Finder:
    """The segments of a method of the lab as objects; see `instances_of`.

    Raises:
        ModelError: the backbone cannot be had.
    """
    return partial(_by_method, settings=resolved(settings), pipeline=pipeline)


def found_by_weights(learned: Learned, *, most: int | None = None, seed: int = 0) -> Finder:
    """The objects that a network finds; `most` and `seed` are those of `Learned.instances`.

    Raises:
        InputError: it finds none, since it labels pixels only.
    """
    learned.check_instances()
    return partial(_by_weights, learned=learned, most=most, seed=seed)


def instances_of(result: Segmentation) -> Instances:
    """Each segment but the background as an object.

    Methods do not say how sure they are, so the i-th object has the score 1 / i: MaskCut finds the plainest one first.
    """
    labels = [segment.label for segment in result.segments if segment.label != 0 or not result.has_background]
    masks = [result.label_map == label for label in sorted(labels)]
    none = torch.zeros(0, *result.label_map.shape, dtype=torch.bool)
    return Instances(torch.stack(masks) if masks else none, 1 / torch.arange(1, len(masks) + 1))


def _by_method(picture: PictureFile, *, settings: Settings, pipeline: Pipeline) -> Instances:
    return instances_of(run(pipeline, picture, settings))


def _by_weights(picture: PictureFile, *, learned: Learned, most: int | None, seed: int) -> Instances:
    return learned.instances(read_image(picture), most=most, seed=seed)


def _counts(case: Case, *, find: Finder, ignore: int | None) -> InstanceCounts:
    check_pair(case)
    truth = read_labels(case.truth).labels
    found = find(case.picture)
    if found.masks.shape[1:] != truth.shape:
        raise InputError(
            f"{case.truth.shown} must be as large as its picture, {found.masks.shape[2]} × {found.masks.shape[1]} px; got "
            f"{truth.shape[1]} × {truth.shape[0]}.",
            field="image",
        )
    return count_instances(found.masks, found.scores, truth, ignore=ignore)
