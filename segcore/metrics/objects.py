"""An object that was found against the object that is there: overlap of masks and of boxes.

With P the pixels that were found, T those of the object, n all pixels:

    IoU = |P ∩ T| / |P ∪ T|        F_β = (1 + β²) |P ∩ T| / (β² |T| + |P|)        accuracy = 1 − |P △ T| / n

F_β is the mean of precision and recall that weighs precision 1 / β² times; saliency takes β² = 0.3. CorLoc is the share of
the pictures whose box overlaps a true box with an IoU of at least 0.5.
"""

import numpy as np
from torch import Tensor

from segcore.errors import InputError
from segcore.metrics.tables import LabelMap, check_same_size, dense

BETA2 = 0.3
CORLOC_IOU = 0.5
N_THRESHOLDS = 255

Box = tuple[int, int, int, int]  # x0, y0, x1, y1, end exclusive


def mask_iou(pred: LabelMap, truth: LabelMap) -> float:
    """Intersection over union of two masks; 1 where both are empty.

    Args:
        pred: bool of any shape, or numbers of which all but 0 belong to the mask.
        truth: the same, of the same shape.

    Raises:
        InputError: the sizes disagree.
    """
    a, b = _masks(pred, truth)
    union = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / union) if union else 1.0


def mask_accuracy(pred: LabelMap, truth: LabelMap) -> float:
    """Share of the pixels on which two masks agree, in [0, 1]. Arguments and errors as of `mask_iou`, at least one pixel."""
    a, b = _masks(pred, truth)
    if a.size == 0:
        raise InputError(f"A mask must have at least one pixel; got shape {a.shape}.", field="labels")
    return float(np.count_nonzero(a == b) / a.size)


def f_beta(pred: LabelMap, truth: LabelMap, *, beta2: float = BETA2) -> float:
    """F_β of two masks, in [0, 1]; 1 where both are empty, 0 where they share no pixel.

    Arguments and errors as of `mask_iou`; `beta2` is β².
    """
    a, b = _masks(pred, truth)
    both, found, there = (int(np.count_nonzero(x)) for x in (a & b, a, b))
    return float(_f_beta(both, found, there, beta2)) if found or there else 1.0


def f_beta_curve(soft: np.ndarray | Tensor, truth: LabelMap, *, beta2: float = BETA2) -> np.ndarray:
    """F_β of the masks soft ≥ t for 255 thresholds t, evenly from 0 to 1.

    Args:
        soft: numbers that are larger on the object, stretched to [0, 1] first; or a mask, which is 0 and 1.
        truth: mask of the same shape.
        beta2: β².

    Returns:
        (255,) float64. The first entry is that of the mask of all pixels; for a mask the others are all its `f_beta`.

    Convention:
        The maximum over the thresholds is "max F_β". Over several pictures the published codes take the mean of the curves
        first, so that one threshold holds for all pictures, then the maximum.

    Raises:
        InputError: the sizes disagree, or `soft` holds NaN or infinite values.

    Cost: one pass over the pixels.

    Reference: Achanta et al. 2009 for β² = 0.3; thresholds as in the published code of TokenCut.
    """
    values = np.asarray(soft.cpu() if isinstance(soft, Tensor) else soft)
    there = np.asarray(truth) != 0
    check_same_size(values, there)
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError("A soft mask must hold finite numbers; replace NaN and infinite values first.", field="soft")
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    # What is the same everywhere is a mask of all pixels, or nothing.
    values = (values - low) / (high - low) if high > low else np.full(values.shape, float(low == 1))
    passed = np.searchsorted(np.linspace(0, 1, N_THRESHOLDS), values.ravel(), side="right") - 1  # last threshold passed
    counts = np.stack([np.bincount(x, minlength=N_THRESHOLDS) for x in (passed[there.ravel()], passed)])
    both, found = counts[:, ::-1].cumsum(1)[:, ::-1]
    return _f_beta(both, found, int(np.count_nonzero(there)), beta2)


def max_f_beta(soft: np.ndarray | Tensor, truth: LabelMap, *, beta2: float = BETA2) -> float:
    """The largest entry of `f_beta_curve`, in [0, 1]."""
    return float(f_beta_curve(soft, truth, beta2=beta2).max())


def best_union_iou(pred: LabelMap, truth: LabelMap) -> float:
    """The largest IoU with a mask that any segments reach together: at least one of them, and not all.

    For two segments that is the better side; for more it is what a perfect choice among them would give.

    Args:
        pred: label map of any shape; labels are any integers, and each is a segment.
        truth: mask of the same shape.

    Returns:
        IoU in [0, 1]; for a single segment that of the whole picture.

    Raises:
        InputError: the sizes disagree, there are no pixels, or labels are not whole numbers.

    Cost: a sort of the segments. The best union takes them in the order of their share on the object, up to some share;
    only where that would be all of them, it leaves out one.
    """
    labels, segments = dense(pred, "A segmentation")
    there = np.asarray(truth) != 0
    check_same_size(labels, there)
    sizes = np.bincount(labels.ravel(), minlength=len(segments))
    inside = np.bincount(labels[there].ravel(), minlength=len(segments))
    everything = np.array([inside.sum()]), np.array([sizes.sum()])
    order = np.argsort(-inside / sizes, kind="stable")
    both, area = (
        np.concatenate([np.cumsum(x[order])[:-1], whole - x]) if len(segments) > 1 else whole
        for x, whole in zip((inside, sizes), everything, strict=True)
    )
    return float((both / (np.count_nonzero(there) + area - both)).max())


def box_iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1, end exclusive; 0 where both are empty."""
    width, height = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    both = max(width, 0) * max(height, 0)
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - both
    return both / area if area else 0.0


def _masks(pred: LabelMap, truth: LabelMap) -> tuple[np.ndarray, np.ndarray]:
    a, b = (np.asarray(mask.cpu() if isinstance(mask, Tensor) else mask) != 0 for mask in (pred, truth))
    check_same_size(a, b)
    return a, b


def _f_beta(both: np.ndarray | int, found: np.ndarray | int, there: int, beta2: float) -> np.ndarray:
    """F_β from the numbers of pixels; 0 where nothing is shared."""
    return (1 + beta2) * np.asarray(both, np.float64) / np.maximum(beta2 * there + found, np.finfo(np.float64).tiny)
