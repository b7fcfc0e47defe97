"""Masks in a video against the true ones: region similarity J and contour accuracy F, as DAVIS defines them.

    J = IoU of the masks        F = 2 P R / (P + R) of their contours, where a pixel is right within 0.8 % of the diagonal

Reference: Perazzi and others 2016.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from segcore.metrics.objects import mask_iou
from segcore.metrics.tables import LabelMap, check_same_size

REACH = 0.008  # of the diagonal: how far a contour may lie off


def contour_f(pred: LabelMap, truth: LabelMap) -> float:
    """F of the contours of two masks, in [0, 1]; 1 where neither has one, 0 where only one has.

    Args:
        pred: (height, width), all but 0 belongs to the mask.
        truth: the same.

    Raises:
        InputError: the sizes disagree.
    """
    a, b = (np.asarray(mask) != 0 for mask in (pred, truth))
    check_same_size(a, b)
    lines, there = _contour(a), _contour(b)
    if not lines.any() or not there.any():
        return float(not lines.any() and not there.any())
    radius = max(1, math.ceil(REACH * math.hypot(*a.shape)))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    near, near_there = (cv2.dilate(x.astype(np.uint8), disk) > 0 for x in (lines, there))
    precision, recall = float(near_there[lines].mean()), float(near[there].mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def region_and_contour(pred: LabelMap, truth: LabelMap) -> tuple[float, float]:
    """J and F of one frame: means over the objects 1, 2, … of the truth.

    Args:
        pred: (height, width) of labels, 0 is the ground.
        truth: the same numbers for the same objects.

    Returns:
        J and F in [0, 1]; 1 where the truth has no object.

    Raises:
        InputError: the sizes disagree.
    """
    labels = [label for label in np.unique(np.asarray(truth)) if label > 0]
    pairs = [(np.asarray(pred) == label, np.asarray(truth) == label) for label in labels]
    if not pairs:
        return 1.0, 1.0
    return float(np.mean([mask_iou(*pair) for pair in pairs])), float(np.mean([contour_f(*pair) for pair in pairs]))


def _contour(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels that differ from their neighbor to the right, below, or both."""
    lines = np.zeros(mask.shape, bool)
    lines[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    lines[:-1] |= mask[:-1] != mask[1:]
    lines[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
    return lines
