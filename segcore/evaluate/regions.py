"""The benchmarks of BSDS500, regions and boundaries: several K against several human segmentations of each picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from segcore.errors import InputError
from segcore.evaluate.cases import Case, each, pair, resolved, run
from segcore.evaluate.compare import check_size
from segcore.image import PictureFile
from segcore.metrics import (
    BoundaryBenchmark,
    BoundaryCounts,
    PictureScores,
    RegionBenchmark,
    collect_boundaries,
    collect_scores,
    count_boundaries,
    score_picture,
)
from segcore.pipeline import Pipeline
from segcore.pipeline.stages import settings_read
from segcore.runtime.engine import LOCAL, Engine
from segcore.runtime.steps import Progress, Steps
from segcore.settings import Settings
from segcore.types import Segmentation

LAYOUTS = ("", "data", "BSDS500/data")  # where images/ and groundTruth/ may lie below the folder that somebody names


@dataclass(frozen=True, slots=True)
class RegionReport:
    """What `evaluate_regions` found."""

    backbone: str
    levels: tuple[int, ...]  # K of each level; empty where the method takes no K, which leaves one level
    names: tuple[str, ...]  # of the pictures, in the order of benchmark.pictures and boundaries.pictures
    benchmark: RegionBenchmark
    boundaries: BoundaryBenchmark
    seconds: float  # from labels of patches to labels of pixels, mean over pictures and levels
    skipped: Mapping[str, str] = field(default_factory=dict)  # name → why


def evaluate_regions(
    cases: Sequence[Case],
    settings: Settings,
    *,
    levels: Sequence[int],
    pipeline: Pipeline,
    engine: Engine = LOCAL,
) -> Steps[Progress, RegionReport]:
    """Run the region and the boundary benchmark of BSDS500.

    Args:
        cases: of `bsds_cases`.
        settings: all but the number of segments.
        levels: numbers of segments K, one per level of the benchmark. A method that takes no K has one level.
        pipeline: computes and remembers.
        engine: does the work on each picture.

    Yields:
        Progress after each picture.

    Returns:
        Scores; what could not be read is named in `skipped`.

    Raises:
        InputError: a setting breaks a rule, or no picture could be scored.
        ModelError: the backbone cannot be had.
    """
    if not levels:
        raise InputError("There must be at least one K; got an empty list.", field="k")
    settings = resolved(settings)
    takes_k = "n_segments" in settings_read(settings)
    variants = [settings.replace(n_segments=k) for k in levels] if takes_k else [settings]

    def score(case: Case) -> tuple[PictureScores, BoundaryCounts, float]:
        truths = _read_ground_truth(case.truth)
        results = [run(pipeline, case.picture, variant) for variant in variants]
        for truth in truths:
            check_size(truth, results[0], case.truth.shown)
        maps = [result.label_map for result in results]
        return score_picture(maps, truths), count_boundaries(maps, truths), float(np.mean([_seconds(r) for r in results]))

    told = yield from each(cases, score, engine)
    regions, boundaries, seconds = zip(*told.scores, strict=True)
    return RegionReport(
        settings.backbone,
        tuple(levels) if takes_k else (),
        tuple(told.names),
        collect_scores(regions),
        collect_boundaries(boundaries),
        float(np.mean(seconds)),
        told.skipped,
    )


def _seconds(result: Segmentation) -> float:
    """What the stages behind the labels of the patches took, those that were remembered included."""
    after = [stage.name for stage in result.stages].index("cells") + 1
    return sum(stage.seconds for stage in result.stages[after:])


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
            return pair(images, truths, (".mat",))
    raise InputError(
        f"There are no folders images/{split} and groundTruth/{split} in {root}. Name the folder of BSDS500 that holds "
        "them.",
        field="root",
    )


def _read_ground_truth(file: PictureFile) -> list[np.ndarray]:
    """The label maps of all annotators, as BSDS500 stores them."""
    from scipy.io import loadmat  # a fifth of a second, which only this benchmark needs

    try:
        cells = loadmat(file.path)["groundTruth"].ravel()
        return [np.asarray(cell["Segmentation"][0, 0]) for cell in cells]
    except Exception as error:  # damaged bytes make loadmat raise almost anything
        raise InputError(f"{file.shown} holds no groundTruth as BSDS500 stores it, or is damaged.", field="image") from error
