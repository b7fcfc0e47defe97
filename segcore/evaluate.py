"""Segmentations of many pictures against what humans drew: regions (BSDS500), or one object per picture (masks).

Each picture runs through one `Pipeline`, so that its features and eigenvectors are computed once and only the clustering
repeats for each K.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from torch import Tensor

from segcore.errors import InputError, ModelError, NumericalError
from segcore.features import VitModel, resolve_backbone
from segcore.features.untrained import untrained_twin
from segcore.features.vit import extract_features
from segcore.image import read_image
from segcore.metrics import PictureScores, RegionBenchmark, collect_scores, mask_iou, score_picture
from segcore.pipeline import Pipeline
from segcore.settings import Settings
from segcore.stages import settings_read
from segcore.types import FeatureGrid, Geometry, Segmentation

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".avif", ".gif")
LAYOUTS = ("", "data", "BSDS500/data")  # where images/ and groundTruth/ may lie below the folder that somebody names

OnPicture = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Case:
    """A picture and the file of what humans drew on it."""

    name: str
    picture: Path
    truth: Path


@dataclass(frozen=True, slots=True)
class RegionReport:
    """What `evaluate_regions` found."""

    backbone: str
    levels: tuple[int, ...]  # K of each level; empty where the method takes no K, which leaves one level
    names: tuple[str, ...]  # of the pictures, in the order of benchmark.pictures
    benchmark: RegionBenchmark
    skipped: Mapping[str, str] = field(default_factory=dict)  # name → why


@dataclass(frozen=True, slots=True)
class ObjectReport:
    """What `evaluate_objects` found."""

    backbone: str
    names: tuple[str, ...]
    by_rule: tuple[float, ...]  # per picture, IoU of the side that the object rule names
    by_better_side: tuple[float, ...]  # per picture, IoU of the side that fits better: what the cut could reach
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def mean_by_rule(self) -> float:
        """Mean IoU over the pictures, in [0, 1]."""
        return float(np.mean(self.by_rule))

    @property
    def mean_by_better_side(self) -> float:
        """Mean IoU over the pictures, in [0, 1]; at least `mean_by_rule`."""
        return float(np.mean(self.by_better_side))


def untrained_pipeline(*, device: str = "auto", seed: int = 0) -> Pipeline:
    """A pipeline whose transformers have random weights instead of their own, for comparison."""

    @cache
    def twin(model: VitModel) -> VitModel:
        return untrained_twin(model, seed=seed)

    def extract(model: VitModel, pixels: Tensor, geometry: Geometry, **tunables: Any) -> FeatureGrid:
        return extract_features(twin(model), pixels, geometry, **tunables)

    return Pipeline(device=device, extract=extract)


def evaluate_regions(
    cases: Sequence[Case],
    settings: Settings,
    *,
    levels: Sequence[int],
    pipeline: Pipeline,
    on_picture: OnPicture | None = None,
) -> RegionReport:
    """Run the region benchmark of BSDS500.

    Args:
        cases: of `bsds_cases`.
        settings: all but the number of segments.
        levels: numbers of segments K, one per level of the benchmark. A method that takes no K has one level.
        pipeline: computes and remembers.
        on_picture: called with its name after each picture.

    Returns:
        Scores; what could not be read is named in `skipped`.

    Raises:
        InputError: a setting breaks a rule, or no picture could be scored.
        ModelError: the backbone cannot be had.
    """
    if not levels:
        raise InputError("There must be at least one K; got an empty list.", field="k")
    settings = _resolved(settings)
    takes_k = "n_segments" in settings_read(settings)
    variants = [settings.replace(n_segments=k) for k in levels] if takes_k else [settings]

    def score(case: Case) -> PictureScores:
        truths = _read_ground_truth(case.truth)
        results = [_run(pipeline, case.picture, variant) for variant in variants]
        for truth in truths:
            _check_size(case, tuple(truth.shape), results[0])
        return score_picture([result.label_map for result in results], truths)

    names, scores, skipped = _each(cases, score, on_picture)
    return RegionReport(settings.backbone, tuple(levels) if takes_k else (), names, collect_scores(scores), skipped)


def evaluate_objects(
    cases: Sequence[Case], settings: Settings, *, pipeline: Pipeline, on_picture: OnPicture | None = None
) -> ObjectReport:
    """Measure how well a two-way cut finds the object of each picture.

    Args:
        cases: of `mask_cases`.
        settings: with a two-way method.
        pipeline: computes and remembers.
        on_picture: called with its name after each picture.

    Returns:
        IoU per picture, of the side that the settings call the object, and of the better side.

    Raises:
        InputError: the method is not two-way, a setting breaks a rule, or no picture could be scored.
        ModelError: the backbone cannot be had.
    """
    settings = _resolved(settings)

    def score(case: Case) -> tuple[float, float]:
        truth = read_image(case.truth).numpy().max(axis=2) > 127
        result = _run(pipeline, case.picture, settings)
        if result.cut is None:
            raise InputError(
                f"{settings.method} does not part a picture in object and background; take a two-way method, such as "
                "fiedler.",
                field="method",
            )
        _check_size(case, truth.shape, result)
        found = result.label_map.numpy() > 0
        by_rule = mask_iou(found, truth)
        return by_rule, max(by_rule, mask_iou(~found, truth))

    names, pairs, skipped = _each(cases, score, on_picture)
    by_rule, by_better_side = zip(*pairs, strict=True)
    return ObjectReport(settings.backbone, names, by_rule, by_better_side, skipped)


def bsds_cases(root: Path, split: str) -> list[Case]:
    """List the pictures of one split of BSDS500.

    Args:
        root: a folder with images/SPLIT/*.jpg and groundTruth/SPLIT/*.mat, as the dataset is laid out, or one above.
        split: train, val or test.

    Raises:
        InputError: there are no such folders, or no pictures in them.
    """
    for layout in LAYOUTS:
        images, truths = (root / layout / part / split for part in ("images", "groundTruth"))
        if images.is_dir() and truths.is_dir():
            return _pair(images, truths, (".mat",))
    raise InputError(
        f"There are no folders images/{split} and groundTruth/{split} in {root}. Name the folder of BSDS500 that holds "
        "them.",
        field="root",
    )


def mask_cases(images: Path, masks: Path) -> list[Case]:
    """List the pictures that have a mask of the same name.

    Args:
        images: folder of pictures.
        masks: folder of masks: pictures of the same sizes, bright on the object (level 128 and more).

    Raises:
        InputError: a folder is missing, or there is no such pair.
    """
    for name, folder in (("images", images), ("masks", masks)):
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder}; check --{name}.", field=name)
    return _pair(images, masks, SUFFIXES)


def _pair(images: Path, truths: Path, endings: Iterable[str]) -> list[Case]:
    drawn = {path.stem: path for path in sorted(truths.iterdir()) if path.suffix.lower() in endings}
    pictures = [path for path in sorted(images.iterdir()) if path.suffix.lower() in SUFFIXES and path.stem in drawn]
    if not pictures:
        raise InputError(f"No picture in {images} has a file of the same name in {truths}.", field="images")
    return [Case(path.stem, path, drawn[path.stem]) for path in pictures]


def _each(
    cases: Sequence[Case], score: Callable[[Case], Any], on_picture: OnPicture | None
) -> tuple[tuple[str, ...], list[Any], dict[str, str]]:
    """Score every case; a picture at fault is left out and named, any other fault ends the work."""
    names, scores, skipped = [], [], {}
    for case in cases:
        try:
            value = score(case)
        except (InputError, NumericalError) as error:
            if getattr(error, "field", "image") != "image":
                raise
            skipped[case.name] = str(error)
        else:
            names.append(case.name)
            scores.append(value)
        if on_picture is not None:
            on_picture(case.name)
    if not scores:
        reasons = next(iter(skipped.values()), "the list is empty.")
        raise InputError(f"None of {len(cases)} pictures could be scored: {reasons}", field="image")
    return tuple(names), scores, skipped


def _resolved(settings: Settings) -> Settings:
    """The same settings with the backbone that "auto" means here."""
    return settings.replace(backbone=resolve_backbone(settings.backbone)[0].name)


def _run(pipeline: Pipeline, picture: Path, settings: Settings) -> Segmentation:
    """Segment with this very backbone: scores of a silent replacement would be somebody else's."""
    result = pipeline.run(picture, settings)
    if settings.backbone != result.settings.backbone:
        raise ModelError(next(iter(result.notes), f"{settings.backbone} cannot be had."), backbone=settings.backbone)
    return result


def _check_size(case: Case, size: tuple[int, ...], result: Segmentation) -> None:
    own = tuple(result.label_map.shape)
    if size != own:
        raise InputError(f"{case.truth.name} is of size {size}, and its picture of size {own}.", field="image")


def _read_ground_truth(path: Path) -> list[np.ndarray]:
    """The label maps of all annotators, as BSDS500 stores them."""
    try:
        cells = scipy.io.loadmat(path)["groundTruth"].ravel()
        return [np.asarray(cell["Segmentation"][0, 0]) for cell in cells]
    except Exception as error:  # damaged bytes make loadmat raise almost anything
        raise InputError(f"{path.name} holds no groundTruth as BSDS500 stores it, or is damaged.", field="image") from error
