"""How well the groups of a collection fit classes that humans drew: over the whole set, as the field does it.

Groups and classes are matched once for all pictures (Hungarian assignment), so a group must mean the same everywhere. With
more groups than classes, each group takes the class of most of its pixels (majority vote). A linear probe says what the
features, or what the system made of them, hold: it is trained on one half of the pictures and read on the other, and the
other way round.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segcore.collection.collection import Collection
from segcore.collection.label import lift, scores_of
from segcore.collection.run import group
from segcore.collection.system import MOST_GROUPS, CollectionSystem, Grouping, GroupSteps
from segcore.errors import InputError
from segcore.evaluate.compare import check_sizes
from segcore.heads.apply import cell_counts
from segcore.heads.linear import LinearHead, train_head
from segcore.image import read_labels
from segcore.image.source import FILES, file_name
from segcore.metrics import match
from segcore.metrics.tables import class_table
from segcore.pipeline.stages import PixelLabels
from segcore.runtime.steps import Progress, Steps
from segcore.runtime.stopping import stop_if_asked
from segcore.settings import Schema, Settings
from segcore.train.seeds import stream

PROBE_PATCHES = 20_000  # that a probe is trained on, per half
MOST_CLASSES = 256

Table = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Truth:
    """What humans drew on the pictures of a collection."""

    files: tuple[FILES, ...]  # per picture
    classes: tuple[int, ...]  # labels that count, ascending
    ignore: int | None

    def labels(self, i: int) -> Tensor:
        """(height, width) int64: the label map of picture i, as it is in the file."""
        return read_labels(self.files[i]).labels

    def columns(self, i: int) -> NDArray[np.int64]:
        """(height · width,) number of the class of each pixel; −1 where nothing counts."""
        labels = self.labels(i).numpy().ravel()
        at = np.searchsorted(self.classes, labels).clip(max=len(self.classes) - 1)
        return np.where(np.asarray(self.classes)[at] == labels, at, -1)


@dataclass(frozen=True, eq=False, slots=True)
class Scores:
    """How well groups fit classes."""

    classes: tuple[int, ...]
    table: Table  # (groups, classes) pixels that they share
    partner: NDArray[np.int64]  # (groups,) the class number of each group, −1 for none
    ious: tuple[float, ...]  # of each class
    accuracy: float  # share of the pixels whose class is right

    @property
    def miou(self) -> float:
        """Mean of `ious`."""
        return float(np.mean(self.ious))

    @property
    def confusion(self) -> Table:
        """(classes + 1, classes) pixels: predicted class in the rows, the last for groups without a partner."""
        n = len(self.classes)
        rows = np.zeros((n + 1, n), np.int64)
        np.add.at(rows, np.where(self.partner < 0, n, self.partner), self.table)
        return rows


@dataclass(frozen=True, eq=False, slots=True)
class SystemReport:
    """All scores of one row."""

    name: str
    grouping: Grouping
    matched: Scores
    over: Scores | None = None  # with more groups, by majority
    probe: Scores | None = None
    seconds: float = 0.0  # of the grouping alone


def truth_of(collection: Collection, labels: Mapping[str, FILES], *, ignore: int | None) -> tuple[Collection, Truth]:
    """The pictures that have a label map of the same name and size, and which classes these hold.

    Args:
        collection: the pictures.
        labels: files of label maps by the names of the pictures.
        ignore: label whose pixels count for nothing.

    Raises:
        InputError: none fits, or the maps hold fewer than two classes or more than 256.
    """
    kept, files, found, faults = [], [], set[int](), dict[str, str]()
    for i, name in enumerate(collection.names):
        if name not in labels:
            continue
        stop_if_asked()
        truth = read_labels(labels[name]).labels
        try:
            check_sizes(tuple(truth.shape), collection.geometry(i).image_size, file_name(labels[name]))
        except InputError as error:
            faults[name] = str(error)
            continue
        kept.append(i)
        files.append(labels[name])
        found |= set(truth.unique().tolist())
    classes = tuple(sorted(found - {ignore}))
    if not kept:
        why = next(iter(faults.values()), "No picture has a label map of the same name.")
        raise InputError(f"Nothing can be scored: {why}", field="labels")
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise InputError(
            f"The label maps must hold from 2 to {MOST_CLASSES} classes beside the ignored one; they hold {len(classes)}.",
            field="labels",
        )
    failed = {**collection.failed, **faults}
    part = collection.subset(kept)
    return Collection(part.pictures, part.keys, part.geometries, part.store, part.reader, failed), Truth(
        tuple(files), classes, ignore
    )


def matched_scores(table: Table, classes: Sequence[int]) -> Scores:
    """Groups and classes in pairs, so that the mean IoU is largest."""
    used = np.flatnonzero(table.sum(1))
    found = match(table[used])
    partner = np.full(len(table), -1)
    partner[used] = found.partner
    return Scores(tuple(classes), table, partner, tuple(map(float, found.ious)), found.accuracy)


def majority_scores(table: Table, classes: Sequence[int]) -> Scores:
    """Each group takes the class of most of its pixels; several groups may take the same one."""
    partner = np.where(table.sum(1) > 0, table.argmax(1), -1)
    return named_scores(table, classes, partner)


def named_scores(table: Table, classes: Sequence[int], partner: NDArray[np.int64]) -> Scores:
    """Groups whose classes are known: `partner` (groups,) numbers of classes, −1 for none."""
    n = len(classes)
    merged = np.zeros((n, n), np.int64)
    named = partner >= 0
    np.add.at(merged, partner[named], table[named])
    right = merged.diagonal()
    union = merged.sum(1) + table.sum(0) - right
    return Scores(tuple(classes), table, partner, tuple((right / union.clip(1)).tolist()), float(right.sum() / table.sum()))


def train_probe(
    collection: Collection, truth: Truth, codes: Callable[[int], Tensor], numbers: Sequence[int], *, seed: int = 0
) -> LinearHead:
    """A linear head from codes to the classes, trained on some of the pictures."""
    share = max(1, PROBE_PATCHES // max(1, len(numbers)))
    rows, targets = [], []
    for i in numbers:
        stop_if_asked()
        counts = cell_counts(truth.labels(i), collection.geometry(i), truth.classes)
        marked = (counts.sum(1) > 0).nonzero()[:, 0]
        order = torch.randperm(len(marked), generator=stream(seed, i))[:share]
        kept = marked[order.sort().values]
        rows.append(codes(i).flatten(0, 1)[kept])
        targets.append(counts[kept])
    return train_head(torch.cat(rows), torch.cat(targets))


def probe_scorers(
    collection: Collection, truth: Truth, codes: Callable[[int], Tensor], *, seed: int = 0
) -> Steps[Progress, Callable[[int], Tensor]]:
    """Two probes, each trained on every other picture; returns what scores picture i by the one that has not seen it."""
    yield Progress("linear probe", 0, 2, "halves")
    heads = []
    for half in (0, 1):
        heads.append(train_probe(collection, truth, codes, range(half, len(collection), 2), seed=seed))
        yield Progress("linear probe", half + 1, 2, "halves")

    def scores(i: int) -> Tensor:
        X = codes(i)
        return heads[(i + 1) % 2].probabilities(X.flatten(0, 1)).reshape(*X.shape[:2], -1)

    return scores


def score_all(
    collection: Collection,
    truth: Truth,
    rows: Sequence[tuple[int, Callable[[int], tuple[Tensor, Tensor | None]]]],
    settings: Settings,
) -> Steps[Progress, list[Table]]:
    """Count, over all pictures, the pixels that the groups of several rows share with the classes.

    Args:
        collection: the pictures.
        truth: of the same pictures.
        rows: number of groups, and what gives labels (h, w) and scores (h, w, K) or None of a picture.
        settings: how labels become pixels: upsampling and crf.

    Returns:
        Per row a table (groups, classes).
    """
    n = len(truth.classes)
    tables = [np.zeros((k, n), np.int64) for k, _ in rows]
    for i in range(len(collection)):
        stop_if_asked()
        columns = truth.columns(i)
        pixels = PixelLabels(collection.grid(i), settings)
        for table, (k, of) in zip(tables, rows, strict=True):
            labels, scores = of(i)
            count_pixels(table, lift(labels, pixels, k, scores), columns)
        yield Progress("scores", i + 1, len(collection))
    return tables


def count_pixels(table: Table, groups: Tensor, columns: NDArray[np.int64]) -> None:
    """Add to a table (groups, classes) the pixels of one picture.

    Args:
        table: what was counted so far; changed.
        groups: (height, width) of its pixels.
        columns: (height · width,) their classes, as of `Truth.columns`.
    """
    table += class_table(groups.numpy().ravel(), columns, table.shape)


@dataclass(frozen=True, eq=False, slots=True)
class Contender:
    """One row of a table: a system on a collection."""

    name: str
    collection: Collection
    system: CollectionSystem
    own: Schema | None = None

    def run(self, collection: Collection, *, n_groups: int, seed: int) -> GroupSteps:
        """Group the pictures."""
        return (yield from group(collection, self.system, n_groups=n_groups, seed=seed, settings=self.own))


def evaluate_collection(
    rows: Sequence[Contender],
    labels: Mapping[str, FILES],
    *,
    n_groups: int,
    ignore: int | None,
    settings: Settings,
    over: int,
    probe: bool,
) -> Steps[Progress, list[SystemReport]]:
    """Score systems on the same pictures.

    Args:
        rows: the systems; their collections hold the same pictures.
        labels: files of label maps by the names of the pictures.
        n_groups: K.
        ignore: label whose pixels count for nothing.
        settings: how labels become pixels, and the seed.
        over: so many times more groups for the majority vote; 0 leaves it out, as does a file, which has a K of its own.
        probe: also train linear probes, once for each collection or what a system learned.

    Returns:
        A report per row.

    Raises:
        InputError: nothing can be scored, or as of the systems.
    """
    reports = []
    probes: dict[int, Callable[[int], Tensor]] = {}
    for row in rows:
        began = time.perf_counter()
        collection, truth = truth_of(row.collection, labels, ignore=ignore)
        found = yield from row.run(collection, n_groups=n_groups, seed=settings.seed)
        seconds = time.perf_counter() - began
        wanted = [(found.n_groups, _of_grouping(found, collection))]
        more = over > 1 and not row.system.own_k
        if more:
            many = yield from row.run(collection, n_groups=min(over * n_groups, MOST_GROUPS), seed=settings.seed)
            wanted.append((many.n_groups, _of_grouping(many, collection)))
        if probe:
            codes = partial(found.codes or Collection.f, collection)
            key = id(row.collection) if found.codes is None else id(found)
            if key not in probes:
                probes[key] = yield from probe_scorers(collection, truth, codes, seed=settings.seed)
            wanted.append((len(truth.classes), _of_probe(probes[key])))
        tables = yield from score_all(collection, truth, wanted, settings)
        n = len(truth.classes)
        reports.append(
            SystemReport(
                row.name,
                found,
                matched_scores(tables[0], truth.classes),
                majority_scores(tables[1], truth.classes) if more else None,
                named_scores(tables[-1], truth.classes, np.arange(n)) if probe else None,
                seconds,
            )
        )
    return reports


def _of_grouping(grouping: Grouping, collection: Collection) -> Callable[[int], tuple[Tensor, Tensor | None]]:
    return lambda i: (grouping.labels[i], scores_of(grouping, collection, i))


def _of_probe(scores: Callable[[int], Tensor]) -> Callable[[int], tuple[Tensor, Tensor | None]]:
    def labelled(i: int) -> tuple[Tensor, Tensor]:
        P = scores(i)
        return P.argmax(2), P

    return labelled
