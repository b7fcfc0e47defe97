"""Linear heads on folders: trained on label maps, measured against others."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from segcore.checks import check_range
from segcore.errors import InputError
from segcore.evaluate.cases import Case, each
from segcore.features.model import UNTRAINED
from segcore.heads.apply import (
    MOST_BLOCKS,
    UPSAMPLING,
    cell_counts,
    check_head,
    label_picture,
    last_blocks,
    read_features,
    settings_of_head,
    weights_of,
)
from segcore.heads.file import Head
from segcore.heads.linear import DEFAULT_C, train_head
from segcore.image import read_labels
from segcore.metrics import Overlap, overlap, pooled
from segcore.pipeline import Pipeline
from segcore.runtime.steps import Progress, Steps
from segcore.settings import Settings

MOST_PATCHES = 200_000  # that a head is trained on; they take n · d · 8 bytes
MOST_LABELS = 256


@dataclass(frozen=True, slots=True)
class TrainedHead:
    """A head, and what it was made of."""

    head: Head
    n_patches: int  # that it was trained on
    n_marked: int  # that had a label; more than n_patches where they were thinned out
    names: tuple[str, ...]  # of the pictures
    skipped: dict[str, str]  # name → why


@dataclass(frozen=True, eq=False, slots=True)
class HeadReport:
    """How well a head labels pictures."""

    labels: tuple[int, ...]  # those that the truths hold, ascending
    iou: tuple[float, ...]  # of each of them, over all pictures together
    accuracy: float  # share of the counted pixels that are right
    table: np.ndarray  # (len(predicted), len(labels)) pixels
    predicted: tuple[int, ...]
    names: tuple[str, ...]
    accuracies: tuple[float, ...]  # per picture
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def miou(self) -> float:
        """Mean of `iou`."""
        return float(np.mean(self.iou))


def train_on_cases(
    cases: Sequence[Case],
    settings: Settings,
    *,
    pipeline: Pipeline,
    ignore: int | None = None,
    n_blocks: int = 1,
    C: float = DEFAULT_C,
    most_patches: int = MOST_PATCHES,
    names: Sequence[str] = (),
    seed: int = 0,
    untrained: bool = False,
) -> Steps[Progress, TrainedHead]:
    """Train a head on pictures and their label maps, dense or sparse.

    Args:
        cases: of `label_cases`.
        settings: backbone, facet and max_side count.
        pipeline: computes the features.
        ignore: label whose pixels count for nothing; patches without another one are left out.
        n_blocks: how many of the last blocks are read side by side.
        C: of `train_head`.
        most_patches: more than this are thinned out, equally in all pictures, by random numbers.
        names: of the labels, ascending; their numbers where there are fewer.
        seed: of the random numbers.
        untrained: whether the pipeline's transformers have random weights; the head will say so.

    Yields:
        Progress after each picture.

    Returns:
        The head for all labels that occur.

    Raises:
        InputError: a setting breaks a rule, there are fewer than two labels, or no picture can be read.
        ModelError: the backbone cannot be had.

    Cost: the features of every picture, once.
    """
    check_range("n_blocks", n_blocks, lo=1, hi=MOST_BLOCKS)
    generator = torch.Generator().manual_seed(seed)
    share = max(1, most_patches // max(1, len(cases)))
    blocks = last_blocks(n_blocks)

    def read(case: Case) -> tuple[Tensor, dict[int, Tensor], int]:
        grid = read_features(pipeline, case.picture, settings, blocks=blocks)
        truth = read_labels(case.truth).labels
        if tuple(truth.shape) != grid.geometry.image_size:
            raise _size_refusal(case, tuple(truth.shape), grid.geometry.image_size)
        values = tuple(v for v in truth.unique().tolist() if v != ignore)
        if not values:
            raise InputError(f"{case.truth.shown} holds no label but the ignored one.", field="image")
        counts = cell_counts(truth, grid.geometry, values)
        marked = (counts.sum(1) > 0).nonzero()[:, 0]
        kept = marked[torch.randperm(len(marked), generator=generator)[:share]].sort().values
        columns = dict(zip(values, counts[kept].T, strict=True))
        return grid.X[kept].cpu(), columns, len(marked)

    told = yield from each(cases, read)
    parts = told.scores
    labels = tuple(sorted({label for _, columns, _ in parts for label in columns}))
    if not 2 <= len(labels) <= MOST_LABELS:
        few = "only one label" if len(labels) == 1 else f"{len(labels)} labels"
        raise InputError(
            f"A head needs from 2 to {MOST_LABELS} labels; these maps hold {few} beside the ignored one.", field="labels"
        )
    X = torch.cat([x for x, _, _ in parts])
    T = torch.cat([_columns(columns, labels, len(x)) for x, columns, _ in parts])
    linear = train_head(X, T, C=C)
    backbone, weights = weights_of(pipeline, settings)
    head = Head(
        linear,
        labels,
        tuple(names[i] if i < len(names) else str(label) for i, label in enumerate(labels)),
        backbone,
        settings.facet,
        blocks,
        settings.max_side,
        UNTRAINED if untrained else weights,
    )
    return TrainedHead(head, len(X), sum(n for _, _, n in parts), tuple(told.names), told.skipped)


def evaluate_head(
    cases: Sequence[Case],
    head: Head,
    *,
    pipeline: Pipeline,
    ignore: int | None = None,
    upsampling: str = UPSAMPLING,
) -> Steps[Progress, HeadReport]:
    """Label pictures and count how many pixels are right.

    Args:
        cases: of `label_cases`.
        head: any.
        pipeline: computes the features; that of random weights for a head of such.
        ignore: label of the truths whose pixels count for nothing.
        upsampling: between patches and pixels.

    Yields:
        Progress after each picture.

    Returns:
        Accuracy and IoU over all pixels of all pictures together, as benchmarks of semantic segmentation count them.

    Raises:
        InputError: the head does not fit the weights here, a truth holds a label that it does not know, or no picture can be
            scored.
    """
    if head.weights != UNTRAINED:
        check_head(pipeline, head)
    settings_of_head(head)

    def count(case: Case) -> Overlap:
        truth = read_labels(case.truth).labels
        head.check_labels(set(truth.unique().tolist()), ignore=ignore, where=case.truth.shown)
        found, _ = label_picture(pipeline, head, case.picture, upsampling=upsampling)
        if truth.shape != found.shape:
            raise _size_refusal(case, tuple(truth.shape), tuple(found.shape))
        return overlap(found, truth, ignore=ignore)

    told = yield from each(cases, count)
    total = pooled(told.scores)
    right = {label: _at(total, label, label) for label in total.regions}
    wide = dict(zip(total.segments, total.table.sum(1).tolist(), strict=True))
    tall = dict(zip(total.regions, total.table.sum(0).tolist(), strict=True))
    iou = tuple(right[label] / (wide.get(label, 0) + tall[label] - right[label]) for label in total.regions)
    accuracies = tuple(sum(_at(o, label, label) for label in o.regions) / int(o.table.sum()) for o in told.scores)
    accuracy = sum(right.values()) / int(total.table.sum())
    return HeadReport(total.regions, iou, accuracy, total.table, total.segments, tuple(told.names), accuracies, told.skipped)


def _at(o: Overlap, segment: int, region: int) -> int:
    if segment not in o.segments:
        return 0
    return int(o.table[o.segments.index(segment), o.regions.index(region)])


def _columns(columns: dict[int, Tensor], labels: tuple[int, ...], n: int) -> Tensor:
    return torch.stack([columns.get(label, torch.zeros(n)) for label in labels], 1)


def _size_refusal(case: Case, drawn: tuple[int, ...], own: tuple[int, ...]) -> InputError:
    return InputError(
        f"{case.truth.shown} is {drawn[1]} × {drawn[0]} px, but its picture {own[1]} × {own[0]} px; both must have the same "
        "size, since scaled labels would be other labels.",
        field="image",
    )
