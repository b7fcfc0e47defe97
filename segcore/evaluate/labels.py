"""Label maps: one per picture, against the segments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from segcore.evaluate.cases import Case, check_pair, each, resolved, run
from segcore.evaluate.compare import check_size
from segcore.image import read_labels
from segcore.metrics import LabelScores, Matching, Overlap, match, overlap, pooled, score_labels
from segcore.pipeline import Pipeline
from segcore.runtime.engine import LOCAL, Engine
from segcore.runtime.steps import Progress, Steps
from segcore.settings import Settings


@dataclass(frozen=True, slots=True)
class LabelReport:
    """What `evaluate_labels` found."""

    backbone: str
    names: tuple[str, ...]
    scores: tuple[LabelScores, ...]  # per picture, each with its own matching
    pooled: Matching  # one matching for all pictures
    skipped: Mapping[str, str] = field(default_factory=dict)  # name → why
    n_ignoring: int = 0  # pictures of whose truth a part was left out

    def mean(self, name: str) -> float:
        """Mean over the pictures of one of the fields of `LabelScores`."""
        return float(np.mean([getattr(row, name) for row in self.scores]))


def evaluate_labels(
    cases: Sequence[Case],
    settings: Settings,
    *,
    pipeline: Pipeline,
    ignore: int | None = None,
    engine: Engine = LOCAL,
) -> Steps[Progress, LabelReport]:
    """Measure how well the segments of each picture fit a label map.

    Args:
        cases: of `label_cases`.
        settings: all of them.
        pipeline: computes and remembers.
        ignore: label of the truths whose pixels count for nothing.
        engine: does the work on each picture.

    Yields:
        Progress after each picture.

    Returns:
        Scores per picture, and one matching of the sum of all contingency tables. The latter asks that segment 1 means the
        same in all pictures. Segments are numbered by size in each picture, so it tells how far size alone names classes;
        for object methods, 0 is the background everywhere. What could not be read is named in `skipped`.

    Raises:
        InputError: a setting breaks a rule, or no picture could be scored.
        ModelError: the backbone cannot be had.
    """
    settings = resolved(settings)

    def count(case: Case) -> tuple[Overlap, bool]:
        check_pair(case)
        truth = read_labels(case.truth).labels.numpy()
        result = run(pipeline, case.picture, settings)
        check_size(truth, result, case.truth.shown)
        return overlap(result.label_map, truth, ignore=ignore), ignore is not None and ignore in truth

    told = yield from each(cases, count, engine)
    tables, ignoring = zip(*told.scores, strict=True)
    scores = tuple(score_labels(o.table) for o in tables)
    whole = match(pooled(tables).table)
    return LabelReport(settings.backbone, tuple(told.names), scores, whole, told.skipped, sum(ignoring))
