"""The contingency table of two label maps, from which their scores follow: N_rg pixels lie in r of one, g of the other."""

import numpy as np
from torch import Tensor

from segcore.errors import InputError

LabelMap = np.ndarray | Tensor

_SMALL = 1 << 16  # labels within a range of this size are counted, others are sorted


def contingency(pred: LabelMap, truth: LabelMap) -> np.ndarray:
    """Count the pixels that each label of one map shares with each label of another.

    Args:
        pred: label map of any shape; labels are any integers, also with gaps.
        truth: label map of the same shape.

    Returns:
        (n_pred, n_true) int64, rows and columns in ascending order of the labels that occur.

    Raises:
        InputError: the sizes disagree, there are no pixels, or labels are not whole numbers.
    """
    return table_of(dense(pred, "A segmentation"), dense(truth, "A ground truth"))


def dense(label_map: LabelMap, what: str) -> tuple[np.ndarray, np.ndarray]:
    """The same partition with labels 0 … k − 1 in ascending order of the old ones, and the (k,) old ones."""
    labels = np.asarray(label_map.cpu() if isinstance(label_map, Tensor) else label_map)
    if labels.dtype.kind not in "iub":
        raise InputError(f"{what} must hold whole numbers; got {labels.dtype}. Convert it first.", field="labels")
    if labels.size == 0:
        raise InputError(f"{what} must have at least one pixel; got shape {labels.shape}.", field="labels")
    lowest, highest = int(labels.min()), int(labels.max())
    if highest - lowest >= _SMALL:
        found, numbers = np.unique(labels, return_inverse=True)
        return numbers.reshape(labels.shape), found
    shifted = labels.astype(np.int64) - lowest
    occurs = np.bincount(shifted.ravel()) > 0
    return (np.cumsum(occurs) - 1)[shifted], np.flatnonzero(occurs) + lowest


def table_of(pred: tuple[np.ndarray, np.ndarray], truth: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The contingency table of two maps that `dense` made."""
    (a, rows), (b, columns) = pred, truth
    check_same_size(a, b)
    return np.bincount((a * len(columns) + b).ravel(), minlength=len(rows) * len(columns)).reshape(len(rows), len(columns))


def class_table(found: np.ndarray, truth: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Count the pixels of known labels by what they are taken for, and by what they are.

    Args:
        found: labels 0 … n_pred − 1.
        truth: labels 0 … n_true − 1 at the same places; negative where a pixel does not count.
        shape: (n_pred, n_true).

    Returns:
        (n_pred, n_true) int64.
    """
    there = truth >= 0
    cells = found[there].astype(np.int64) * shape[1] + truth[there]
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)


def iou_table(table: np.ndarray) -> np.ndarray:
    """(n_pred, n_true) floats in [0, 1]: intersection over union of each row with each column."""
    union = table.sum(1, keepdims=True) + table.sum(0) - table
    ious: np.ndarray = table / union
    return ious


def check_same_size(a: np.ndarray, b: np.ndarray) -> None:
    """Raise InputError unless two maps have the same shape."""
    if a.shape != b.shape:
        raise InputError(
            f"A segmentation and its ground truth must have the same size; got {a.shape} and {b.shape}.", field="labels"
        )
