"""Pictures and what humans drew on them, scored one after the other.

Each picture runs through one `Pipeline`, so that its features and eigenvectors are computed once and only the clustering
repeats for each K.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from torch import Tensor

from segcore.engine import LOCAL, Engine
from segcore.errors import InputError, ModelError, NumericalError
from segcore.features import VitModel, load_vit, resolve_backbone
from segcore.features.untrained import untrained_twin
from segcore.features.vit import extract_features
from segcore.image import picture_size
from segcore.pipeline import Pipeline
from segcore.settings import Settings
from segcore.stages import needs_backbone
from segcore.truth import check_sizes
from segcore.types import FeatureGrid, Geometry, Segmentation

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".avif", ".gif")

NAMED = 3  # of the pairs that do not fit

OnPicture = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """A picture and the file of what humans drew on it."""

    name: str
    picture: Path
    truth: Path


def mask_cases(images: Path, masks: Path) -> list[Case]:
    """List the pictures that have a mask of the same name.

    Args:
        images: folder of pictures.
        masks: folder of masks: pictures of the same sizes, bright on the object, see `read_mask`.

    Raises:
        InputError: a folder is missing, or there is no such pair.
    """
    return _in_folders(images=images, masks=masks)


def label_cases(images: Path, labels: Path) -> list[Case]:
    """List the pictures that have a label map of the same name.

    Args:
        images: folder of pictures.
        labels: folder of label maps of the same sizes, see `read_labels`.

    Raises:
        InputError: a folder is missing, or there is no such pair.
    """
    return _in_folders(images=images, labels=labels)


def kind_cases(root: Path) -> list[Case]:
    """List the pictures in the folders of a folder; the truth of each is its folder, which is its kind.

    Raises:
        InputError: the folder is missing, or none of its folders holds a picture.
    """
    if not root.is_dir():
        raise InputError(f"There is no folder {root}; check --images.", field="images")
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    cases = [
        Case(f"{folder.name}/{path.name}", path, folder)
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in SUFFIXES
    ]
    if not cases:
        raise InputError(f"{root} must hold a folder of pictures for each kind; there is none.", field="images")
    return cases


def partnerless(images: Path, truths: Path) -> tuple[str, ...]:
    """Names of the files of two folders that have no partner in the other one, in alphabetical order."""
    pictures, drawn = _by_stem(images, SUFFIXES), _by_stem(truths, SUFFIXES)
    alone = [(pictures | drawn)[stem] for stem in pictures.keys() ^ drawn.keys()]
    return tuple(sorted(f"{path.parent.name}/{path.name}" for path in alone))


def _in_folders(images: Path, **truths: Path) -> list[Case]:
    for name, folder in {"images": images, **truths}.items():
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder}; check --{name}.", field=name)
    (truth,) = truths.values()
    return pair(images, truth, SUFFIXES)


def pair(images: Path, truths: Path, endings: Sequence[str]) -> list[Case]:
    """List the pictures that have a file of the same name, with one of these endings, in another folder.

    Raises:
        InputError: there is no such pair, the folders are the same, or two files in one have the same name.
    """
    if images.resolve() == truths.resolve():
        raise InputError(
            f"{images} is named twice, so that pictures and what was drawn on them cannot be told apart; put them in two "
            "folders.",
            field="images",
        )
    pictures, drawn = _by_stem(images, SUFFIXES), _by_stem(truths, endings)
    cases = [Case(stem, path, drawn[stem]) for stem, path in pictures.items() if stem in drawn]
    if not cases:
        raise InputError(f"No picture in {images} has a file of the same name in {truths}.", field="images")
    return cases


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder, in alphabetical order.

    Raises:
        InputError: the folder is missing or holds none, or two of its files have the same name.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; check --images.", field="images")
    pictures = list(_by_stem(folder, SUFFIXES).values())
    if not pictures:
        raise InputError(f"There is no picture in {folder}; it may hold {', '.join(SUFFIXES)}.", field="images")
    return pictures


def _by_stem(folder: Path, endings: Sequence[str]) -> dict[str, Path]:
    """The files with these endings, in alphabetical order."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in endings and path != files.setdefault(path.stem, path):
            raise InputError(f"{files[path.stem].name} and {path.name} in {folder} have one name; keep one of them.")
    return files


def check_pair(case: Case) -> None:
    """Refuse, before anything is computed, a picture whose ground truth has another size.

    Raises:
        InputError: so it is, or one of the two cannot be read.
    """
    check_sizes(picture_size(case.truth), picture_size(case.picture), case.truth.name)


def misfits(cases: Sequence[Case]) -> dict[str, str]:
    """Which cases cannot be scored, and why, from the heads of their files.

    Raises:
        InputError: none of them can; the message names the first ones.

    Cost: some milliseconds per case.
    """
    found: dict[str, str] = {}
    for case in cases:
        try:
            check_pair(case)
        except InputError as error:
            found[case.name] = str(error)
    if cases and len(found) == len(cases):
        named = " ".join(list(found.values())[:NAMED])
        raise InputError(f"None of {len(cases)} pairs of pictures fits. {named}", field="image")
    return found


@dataclass(slots=True)
class Tally(Generic[T]):
    """What came of scoring one case after the other; a picture at fault is left out and named."""

    n_cases: int
    names: list[str] = field(default_factory=list)
    scores: list[T] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)  # name → why

    def add(self, case: Case, score: Callable[[], T]) -> None:
        """Take what came of a case.

        Raises:
            SegcoreError: the first cases all failed, two of them alike, so the fault lies in the settings.
        """
        try:
            value = score()
        except (InputError, NumericalError) as error:
            of_settings = getattr(error, "field", "image") != "image"
            if of_settings and not self.scores and (self.n_cases == 1 or str(error) in self.skipped.values()):
                raise
            self.skipped[case.name] = str(error)
        else:
            self.names.append(case.name)
            self.scores.append(value)

    def check(self) -> None:
        """Raise InputError where no picture could be scored."""
        if not self.scores:
            reasons = next(iter(self.skipped.values()), "the list is empty.")
            raise InputError(f"None of {self.n_cases} pictures could be scored: {reasons}", field="image")


def each(
    cases: Sequence[Case], score: Callable[[Case], T], on_picture: OnPicture | None, engine: Engine = LOCAL
) -> Tally[T]:
    """Score every case; where the settings are at fault, the work ends at once."""
    tally = Tally[T](len(cases))
    for case, scored in engine.each(score, cases):
        tally.add(case, scored)
        if on_picture is not None:
            on_picture(case.name)
    tally.check()
    return tally


def resolved(settings: Settings) -> Settings:
    """The same settings with the backbone that "auto" means here.

    Raises:
        InputError: there is no such backbone.
        ModelError: its weights cannot be had or read.
    """
    backbone, _ = resolve_backbone(settings.backbone)
    if backbone.needs_weights and needs_backbone(settings):
        load_vit(backbone)
    return settings.replace(backbone=backbone.name)


def run(pipeline: Pipeline, picture: Path, settings: Settings) -> Segmentation:
    """Segment with this very backbone: scores of a silent replacement would be somebody else's."""
    result = pipeline.run(picture, settings)
    if settings.backbone != result.settings.backbone:
        raise ModelError(f"The weights of {settings.backbone} are no longer to be had.", backbone=settings.backbone)
    return result


def untrained_pipeline(*, device: str = "auto", seed: int = 0) -> Pipeline:
    """A pipeline whose transformers have random weights instead of their own, for comparison."""
    return Pipeline(device=device, extract=_Untrained(seed))


@dataclass(frozen=True, slots=True)
class _Untrained:
    """Features of a transformer whose weights are random instead of its own."""

    seed: int

    def __call__(self, model: VitModel, pixels: Tensor, geometry: Geometry, **tunables: Any) -> FeatureGrid:
        return extract_features(_twin(model, self.seed), pixels, geometry, **tunables)


@lru_cache(maxsize=2)
def _twin(model: VitModel, seed: int) -> VitModel:
    return untrained_twin(model, seed=seed)
