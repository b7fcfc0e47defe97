"""The simplest answer: every patch takes the label of the marked patch that it is most alike, by cosine."""

import torch
from torch import Tensor

from segcore.checks import check_tensor
from segcore.numerics import normalize_rows, row_blocks

SHARPNESS = 20.0  # of the softmax over the labels' best cosines: 0.05 more is e times as probable


def nearest_labels(X: Tensor, marked: Tensor, labels: Tensor, *, k: int) -> Tensor:
    """Compare patches with marked ones.

    Args:
        X: (n, d) features.
        marked: (m, d) features of the marked patches, which may be of another picture.
        labels: (m,) their labels, 0 … k − 1, each at least once.
        k: number of labels.

    Returns:
        (n, k) probabilities: the softmax of SHARPNESS times the largest cosine with each label's patches. The likeliest
        label is that of the nearest marked patch.
    """
    check_tensor("X", X, ("n", "d"))
    check_tensor("marked", marked, ("m", X.shape[1]))
    check_tensor("labels", labels, (len(marked),))
    rows, known = normalize_rows(X.float()), normalize_rows(marked.float())
    best = X.new_empty((len(X), k), dtype=torch.float32)
    for block in row_blocks(len(X), 4 * len(marked)):
        cosine = rows[block] @ known.T
        for label in range(k):
            best[block, label] = cosine[:, labels == label].amax(1)
    return torch.softmax(SHARPNESS * best, 1)
