"""Networks with labels, against label maps: classes are known, so nothing is matched."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from segcore.errors import InputError
from segcore.evaluate.cases import Case, check_pair, each
from segcore.image import read_image, read_labels
from segcore.learn.learned import Learned
from segcore.learn.score import known_ious, known_scores
from segcore.metrics import class_boundary_f
from segcore.metrics.tables import class_table
from segcore.runtime.engine import LOCAL, Engine
from segcore.runtime.steps import Progress, Steps


@dataclass(frozen=True, eq=False, slots=True)
class ClassReport:
    """How well a network labels pictures; all scores in [0, 1]."""

    classes: tuple[str, ...]
    table: np.ndarray  # (K, K) int64 pixels of all pictures: what they are taken for, by class
    boundary_f: float  # mean over the classes of a picture, then over the pictures
    names: tuple[str, ...]  # of the pictures
    skipped: dict[str, str] = field(default_factory=dict)  # name → why

    @property
    def iou(self) -> dict[str, float | None]:
        """IoU by class, over all pictures together; None where the truths do not hold it."""
        there = self.table.sum(0) > 0
        return {
            name: float(x) if t else None for name, x, t in zip(self.classes, known_ious(self.table), there, strict=True)
        }

    @property
    def miou(self) -> float:
        """Mean of `iou` over the classes that the truths hold."""
        return known_scores(self.table).miou

    @property
    def global_accuracy(self) -> float:
        """Share of the pixels that are right."""
        return known_scores(self.table).accuracy

    @property
    def class_accuracy(self) -> float:
        """Mean over the classes of the share of their pixels that is right."""
        return known_scores(self.table).class_accuracy


def evaluate_classes(
    cases: Sequence[Case], learned: Learned, *, ignore: int | None = None, engine: Engine = LOCAL
) -> Steps[Progress, ClassReport]:
    """Measure how well a network labels pictures, at the size of their label maps.

    Args:
        cases: of `label_cases`.
        learned: what `learn` left of a system with labels.
        ignore: label whose pixels count for nothing.
        engine: does the work on each picture.

    Yields:
        Progress after each picture.

    Returns:
        The scores. What could not be read is named in `skipped`.

    Raises:
        InputError: the network learned without labels, no picture could be scored, or the label maps hold a label that it
            does not know.

    Cost: a pass through the network, and two distance transforms per class, for each picture.
    """
    if not learned.values:
        raise InputError(
            f"These weights of {learned.system} were learned without labels, so their clusters have no class. "
            "`evaluate collection --weights` matches them.",
            field="weights",
        )
    k = len(learned.values)

    def score(case: Case) -> tuple[np.ndarray, float, set[int]]:
        check_pair(case)
        truth, unknown = _classes(read_labels(case.truth).labels.numpy(), learned.values, ignore)
        return *compared(learned.label(read_image(case.picture)).numpy(), truth, k), unknown

    with torch.inference_mode():
        told = yield from each(cases, score, engine)
    tables, outlines, unknown = zip(*told.scores, strict=True)
    more = sorted(set().union(*unknown))
    if more:
        raise InputError(
            f"The label maps hold {', '.join(map(str, more[:5]))}, which these weights do not know; they know "
            f"{', '.join(map(str, learned.values))}. Leave it out with --ignore, or train with it.",
            field="labels",
        )
    scored = [f for f in outlines if not np.isnan(f)]
    if not scored:
        raise InputError("No pixel of the label maps belongs to a class. Check the labels, and --ignore.", field="labels")
    return ClassReport(learned.names, np.sum(tables, 0), float(np.mean(scored)), tuple(told.names), dict(told.skipped))


def compared(found: np.ndarray, truth: np.ndarray, k: int) -> tuple[np.ndarray, float]:
    """What `ClassReport` is made of, for one picture.

    Args:
        found: (height, width) classes 0 … k − 1.
        truth: (height, width) likewise, −1 where a pixel does not count.
        k: number of classes.

    Returns:
        The table (k, k), and the mean boundary F of the classes that the truth holds, NaN where it holds none.
    """
    of_classes = class_boundary_f(found, truth, k)
    known = of_classes[~np.isnan(of_classes)]
    return class_table(found, truth, (k, k)), float(known.mean()) if len(known) else np.nan


def _classes(labels: np.ndarray, values: Sequence[int], ignore: int | None) -> tuple[np.ndarray, set[int]]:
    """Labels as classes 0 …, −1 where they do not count; and those that no class has."""
    found, index = np.unique(labels, return_inverse=True)
    class_of = {value: i for i, value in enumerate(values) if value != ignore}
    classes = np.array([class_of.get(int(x), -1) for x in found])[index].reshape(labels.shape)
    return classes, {int(x) for x in found} - class_of.keys() - {ignore}
