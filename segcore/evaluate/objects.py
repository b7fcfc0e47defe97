"""Objects: one mask per picture, against what an object method found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

import numpy as np

from segcore.errors import SegcoreError
from segcore.evaluate.cases import STAGE, Case, Tally, check_pair, resolved, run
from segcore.evaluate.compare import ObjectScores, check_size, score_objects
from segcore.image import read_mask
from segcore.pipeline import Pipeline
from segcore.runtime.engine import LOCAL, Engine
from segcore.runtime.steps import Progress, Steps
from segcore.settings import Settings


@dataclass(frozen=True, slots=True)
class ObjectReport:
    """What `evaluate_objects` found."""

    backbone: str
    names: tuple[str, ...]
    scores: tuple[ObjectScores, ...]  # per picture
    skipped: Mapping[str, str] = field(default_factory=dict)  # name → why

    @property
    def mean_by_rule(self) -> float:
        """Mean over the pictures of the IoU of what the method calls the object, in [0, 1]."""
        return self._mean("iou")

    @property
    def mean_by_better_side(self) -> float:
        """Mean IoU of the better side, or the best union of segments, in [0, 1]; at least `mean_by_rule`."""
        return self._mean("best_iou")

    @property
    def f_beta(self) -> float:
        """Mean F_β of the masks, in [0, 1]: the "max F_β" of publications that score masks without levels."""
        return self._mean("f_beta")

    @property
    def max_f_beta(self) -> float:
        """Largest mean F_β of the soft maps, in [0, 1], with one threshold for all pictures."""
        return float(np.mean([row.curve for row in self.scores], axis=0).max())

    @property
    def accuracy(self) -> float:
        """Mean share of pixels that are right, in [0, 1]."""
        return self._mean("accuracy")

    @property
    def corloc(self) -> float:
        """Share of the pictures whose box is right, in [0, 1]."""
        return self._mean("found_box")

    def _mean(self, name: str) -> float:
        return float(np.mean([getattr(row, name) for row in self.scores]))


def evaluate_objects(cases: Sequence[Case], settings: Settings, *, pipeline: Pipeline) -> Steps[Progress, ObjectReport]:
    """Measure how well a method finds the object of each picture.

    Args:
        cases: of `mask_cases`.
        settings: with a method that parts a picture in objects and background; several objects count together.
        pipeline: computes and remembers.

    Yields:
        Progress after each picture.

    Returns:
        Scores per picture; what could not be read is named in `skipped`.

    Raises:
        InputError: the method knows no background, a setting breaks a rule, or no picture could be scored.
        ModelError: the backbone cannot be had.
    """
    told = (yield from evaluate_variants(cases, [settings], pipeline=pipeline))[0]
    if isinstance(told, SegcoreError):
        raise told
    return told


def evaluate_variants(
    cases: Sequence[Case],
    variants: Sequence[Settings],
    *,
    pipeline: Pipeline,
    engine: Engine = LOCAL,
) -> Steps[Progress, list[ObjectReport | SegcoreError]]:
    """The same for several settings, picture by picture, so that what they share is computed once.

    Returns:
        For each of the variants what `evaluate_objects` would return or raise; one that fails costs the others nothing.
    """
    variants = [resolved(settings) for settings in variants]
    tallies = [Tally[ObjectScores](len(cases)) for _ in variants]
    failed: dict[int, SegcoreError] = {}

    def attempt(i: int, work: Callable[[], None]) -> None:
        try:
            work()
        except SegcoreError as error:
            failed[i] = error

    for n, (case, scored) in enumerate(engine.each(partial(_scores, variants=variants, pipeline=pipeline), cases), 1):
        for i, score in enumerate(scored()):
            if i not in failed:
                attempt(i, partial(tallies[i].add, case, score))
        yield Progress(STAGE, n, len(cases), name=case.name)
        if len(failed) == len(variants):
            break
    for i, tally in enumerate(tallies):
        if i not in failed:
            attempt(i, tally.check)
    return [
        failed.get(i) or ObjectReport(settings.backbone, tuple(tally.names), tuple(tally.scores), tally.skipped)
        for i, (settings, tally) in enumerate(zip(variants, tallies, strict=True))
    ]


def _scores(case: Case, *, variants: Sequence[Settings], pipeline: Pipeline) -> list[Callable[[], ObjectScores]]:
    """For each of the variants a function that returns the scores, or raises what went wrong."""
    found: list[Callable[[], ObjectScores]] = []
    for settings in variants:
        try:
            found.append(partial(_given, _score(case, settings=settings, pipeline=pipeline)))
        except SegcoreError as error:
            found.append(partial(_raised, error))
    return found


def _given(score: ObjectScores) -> ObjectScores:
    return score


def _raised(error: SegcoreError) -> NoReturn:
    raise error


def _score(case: Case, *, settings: Settings, pipeline: Pipeline) -> ObjectScores:
    check_pair(case)
    truth = read_mask(case.truth)
    result = run(pipeline, case.picture, settings)
    check_size(truth, result, case.truth.shown)
    return score_objects(result, truth)
