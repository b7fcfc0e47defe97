"""Retrieval: whether the patches that are most like one patch, in other pictures, show the same class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from segcore.checks import check_range
from segcore.errors import InputError
from segcore.evaluate.cases import Case, Tally, check_pair, each, kind_of, resolved
from segcore.image import read_labels
from segcore.numerics import normalize_rows
from segcore.pipeline import Pipeline
from segcore.runtime.engine import LOCAL, Engine
from segcore.runtime.steps import Progress, Steps
from segcore.settings import Settings
from segcore.types import Geometry

N_NEAREST = 10
PATCHES_PER_PICTURE = 200
_MIDDLE = 5  # rows and columns of patches in the middle of a picture


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """What `evaluate_retrieval` found."""

    backbone: str
    names: tuple[str, ...]
    n_patches: int
    precision: Mapping[int, float]  # class → mean share of the nearest patches that are of it, in [0, 1]
    chance: Mapping[int, float]  # class → the same for neighbors drawn blindly
    counts: Mapping[int, int]  # class → patches
    skipped: Mapping[str, str] = field(default_factory=dict)  # name → why

    @property
    def mean_precision(self) -> float:
        """Mean over the patches; large classes count most."""
        return float(np.average([*self.precision.values()], weights=[*self.counts.values()]))

    @property
    def class_precision(self) -> float:
        """Mean over the classes."""
        return float(np.mean([*self.precision.values()]))

    @property
    def class_chance(self) -> float:
        """Mean over the classes of what blind drawing gives."""
        return float(np.mean([*self.chance.values()]))


def evaluate_retrieval(
    cases: Sequence[Case],
    settings: Settings,
    *,
    pipeline: Pipeline,
    ignore: int | None = None,
    n_nearest: int = N_NEAREST,
    per_picture: int = PATCHES_PER_PICTURE,
    engine: Engine = LOCAL,
) -> Steps[Progress, RetrievalReport]:
    """Measure how well a patch finds its like in other pictures.

    Args:
        cases: of `label_cases`, of at least two pictures with a class in common.
        settings: of the features.
        pipeline: computes and remembers.
        ignore: label of the truths that is no class.
        n_nearest: neighbors that are looked at.
        per_picture: most patches of each picture; spread evenly over its grid, in reading order.
        engine: does the work on each picture.

    Returns:
        For each class that occurs in two pictures or more: of its patches, each with its `n_nearest` patches of the largest
        cosine in all other pictures, the mean share that is of the same class. What could not be read is named in `skipped`.

    Convention:
        The class of a patch is the label of the pixel under its center.

    Raises:
        InputError: a setting breaks a rule, no picture could be scored, or no class occurs in two pictures.
        ModelError: the backbone cannot be had.

    Cost: that of the features, and O(N² d) for N patches in all.
    """
    check_range("n_nearest", n_nearest, lo=1)
    check_range("per_picture", per_picture, lo=1)
    settings = resolved(settings)

    def patches(case: Case) -> tuple[Tensor, Tensor]:
        check_pair(case)
        features = pipeline.features(case.picture, settings)
        truth = read_labels(case.truth).labels
        labels = _under_centers(truth, features.geometry)
        kept = torch.arange(len(labels)) if ignore is None else (labels != ignore).nonzero()[:, 0]
        kept = kept[torch.linspace(0, len(kept) - 1, min(per_picture, len(kept))).round().long()] if len(kept) else kept
        return normalize_rows(features.X.cpu()[kept].float()), labels[kept]

    return _report((yield from each(cases, patches, engine)), settings, n_nearest)


def evaluate_kinds(
    cases: Sequence[Case],
    settings: Settings,
    *,
    pipeline: Pipeline,
    n_nearest: int = N_NEAREST,
    engine: Engine = LOCAL,
) -> Steps[Progress, RetrievalReport]:
    """Measure how well a patch finds pictures of its kind, where kinds are folders and no label map is needed.

    Args:
        cases: of `kind_cases`.
        settings: of the features.
        pipeline: computes and remembers.
        n_nearest: neighbors that are looked at.
        engine: does the work on each picture.

    Returns:
        As of `evaluate_retrieval`; the class of a patch is the number of its folder, in alphabetical order from 0. 5 × 5
        patches of each picture are taken, spread over the middle half of its height and width, where its object mostly is.

    Raises:
        InputError: a setting breaks a rule, no picture could be read, or no kind has two pictures.
        ModelError: the backbone cannot be had.

    Cost: that of the features, and O(N² d) for N patches in all.
    """
    check_range("n_nearest", n_nearest, lo=1)
    settings = resolved(settings)
    kinds = {folder: kind for kind, folder in enumerate(sorted({kind_of(case) for case in cases}))}

    def patches(case: Case) -> tuple[Tensor, Tensor]:
        f = pipeline.features(case.picture, settings).f.cpu().float()
        rows, columns = (torch.linspace((n - 1) / 4, 3 * (n - 1) / 4, _MIDDLE).round().long() for n in f.shape[:2])
        X = f[rows[:, None], columns].flatten(0, 1)
        return normalize_rows(X), torch.full((len(X),), kinds[kind_of(case)])

    return _report((yield from each(cases, patches, engine)), settings, n_nearest)


def _report(told: Tally[tuple[Tensor, Tensor]], settings: Settings, n_nearest: int) -> RetrievalReport:
    """From the unit rows and the classes of each picture's patches to the report."""
    X, labels = (torch.cat(parts) for parts in zip(*told.scores, strict=True))
    picture = torch.cat([torch.full((len(part),), i) for i, (part, _) in enumerate(told.scores)])
    precision, chance, counts = _precision(X, labels, picture, n_nearest)
    if not precision:
        raise InputError("No class occurs in two pictures, so no patch can find its like in another one.", field="image")
    return RetrievalReport(settings.backbone, tuple(told.names), len(X), precision, chance, counts, told.skipped)


def _under_centers(truth: Tensor, geometry: Geometry) -> Tensor:
    """(n,) the label of the pixel of a map (height, width) under the center of each cell."""
    at = []
    for axis, cells in enumerate((geometry.h, geometry.w)):
        size, scaled = geometry.image_size[axis], geometry.scaled_size[axis]
        center = (torch.arange(cells) + 0.5) * geometry.patch * size / scaled
        at.append(center.long().clamp(max=size - 1))
    return truth[at[0][:, None], at[1]].flatten()


def _precision(
    X: Tensor, labels: Tensor, picture: Tensor, n_nearest: int
) -> tuple[dict[int, float], dict[int, float], dict[int, int]]:
    """Precision, chance and number of patches of each class of the unit rows X (N, d)."""
    hits, blind = torch.full((len(X),), torch.nan), torch.full((len(X),), torch.nan)
    for i in picture.unique().tolist():
        mine, others = (picture == i).nonzero()[:, 0], (picture != i).nonzero()[:, 0]
        mine = mine[torch.isin(labels[mine], labels[others])]
        if len(mine) == 0:
            continue
        there = labels[others]
        found = (X[mine] @ X[others].T).topk(min(n_nearest, len(others)), dim=1).indices
        hits[mine] = (there[found] == labels[mine, None]).float().mean(1)
        blind[mine] = (there[None] == labels[mine, None]).float().mean(1)
    classes = labels[~hits.isnan()].unique().tolist()
    rows = {c: (labels == c) & ~hits.isnan() for c in classes}
    return (
        {c: float(hits[at].mean()) for c, at in rows.items()},
        {c: float(blind[at].mean()) for c, at in rows.items()},
        {c: int(at.sum()) for c, at in rows.items()},
    )
