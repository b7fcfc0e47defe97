"""Scores of labels that have names: every class against itself, with no matching.

IoU of class c is |P_c ∩ T_c| / |P_c ∪ T_c|; pixel accuracy is the share of the pixels whose class is right.
"""

from dataclasses import dataclass

import numpy as np

from segcore.metrics.tables import LabelMap, dense, iou_table, table_of


@dataclass(frozen=True, slots=True)
class SemanticScores:
    """The scores of one picture, in [0, 1]."""

    iou: dict[int, float]  # by class; those that occur on either side
    accuracy: float

    @property
    def miou(self) -> float:
        """Mean IoU over the classes that occur on either side."""
        return float(np.mean(list(self.iou.values())))


def semantic_scores(pred: LabelMap, truth: LabelMap) -> SemanticScores:
    """Score a semantic segmentation.

    Args:
        pred: label map of any shape; labels are classes, any integers.
        truth: of the same shape, with the same meaning of the labels.

    Raises:
        InputError: the sizes disagree, there are no pixels, or labels are not whole numbers.

    Cost: one pass over the pixels.
    """
    found, there = dense(pred, "A segmentation"), dense(truth, "A ground truth")
    table = table_of(found, there)
    rows, columns = found[1].tolist(), there[1].tolist()
    ious = iou_table(table)
    both = set(rows) & set(columns)
    iou = {int(c): float(ious[rows.index(c), columns.index(c)]) if c in both else 0.0 for c in sorted({*rows, *columns})}
    right = sum(int(table[rows.index(c), columns.index(c)]) for c in both)
    return SemanticScores(iou, right / int(table.sum()))
