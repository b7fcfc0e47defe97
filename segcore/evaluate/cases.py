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

from segcore.errors import InputError, ModelError, NumericalError
from segcore.evaluate.compare import check_sizes
from segcore.features import FeatureModel, extract_features
from segcore.image import PictureFile, picture_size
from segcore.image.listing import SUFFIXES, pairs_of, pictures_of
from segcore.pipeline import Pipeline
from segcore.pipeline.backbones import resolve_backbone
from segcore.pipeline.reader import open_reader
from segcore.pipeline.stages import needs_backbone
from segcore.runtime.engine import LOCAL, Engine
from segcore.runtime.steps import Progress, Steps
from segcore.settings import Settings
from segcore.types import FeatureGrid, Geometry, Segmentation

NAMED = 3  # of the pairs that do not fit
STAGE = "scores"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """A picture and the file of what humans drew on it."""

    name: str
    picture: PictureFile
    truth: PictureFile


def mask_cases(images: Path, masks: Path) -> list[Case]:
    """List the pictures that have a mask of the same name.

    Args:
        images: folder of pictures, list or zip, see `pictures_of`.
        masks: of masks: pictures of the same sizes, bright on the object, see `read_mask`.

    Raises:
        InputError: a folder is missing, or there is no such pair.
    """
    return pair(images, masks, flag="masks")


def label_cases(images: Path, labels: Path) -> list[Case]:
    """List the pictures that have a label map of the same name.

    Args:
        images: folder of pictures, list or zip, see `pictures_of`.
        labels: of label maps of the same sizes, see `read_labels`.

    Raises:
        InputError: a folder is missing, or there is no such pair.
    """
    return pair(images, labels)


def kind_cases(root: Path) -> list[Case]:
    """List the pictures in the folders of a folder; the kind of each is the folder that its name begins with, see `kind_of`.

    Raises:
        InputError: the folder is missing, or none of its folders holds a picture.
    """
    cases = [Case(file.name, file, file) for file in pictures_of(root, least=0) if "/" in file.name]
    if not cases:
        raise InputError(f"{root} must hold a folder of pictures for each kind; there is none.", field="images")
    return cases


def kind_of(case: Case) -> str:
    """The folder that the name of a case of `kind_cases` begins with."""
    return case.name.partition("/")[0]


def partnerless(images: Path, truths: Path) -> tuple[str, ...]:
    """Names of the files of two folders that have no partner in the other one, in alphabetical order."""
    _, alone = pairs_of(images, truths)
    return tuple(sorted(f"{file.path.name if file.member else file.path.parent.name}/{file.shown}" for file in alone))


def pair(images: Path, truths: Path, endings: Sequence[str] = SUFFIXES, *, flag: str = "labels") -> list[Case]:
    """List the pictures that have a file of the same name, with one of these endings, in another folder.

    Raises:
        InputError: there is no such pair, the folders are the same, or two files in one have the same name.
    """
    pairs, _ = pairs_of(images, truths, endings=endings, field=flag)
    return [Case(picture.name, picture, truth) for picture, truth in pairs]


def check_pair(case: Case) -> None:
    """Refuse, before anything is computed, a picture whose ground truth has another size.

    Raises:
        InputError: so it is, or one of the two cannot be read.
    """
    check_sizes(picture_size(case.truth), picture_size(case.picture), case.truth.shown)


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

    def __len__(self) -> int:
        return len(self.names) + len(self.skipped)

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


def each(cases: Sequence[Case], score: Callable[[Case], T], engine: Engine = LOCAL) -> Steps[Progress, Tally[T]]:
    """Score every case, and tell each when it is done; where the settings are at fault, the work ends at once."""
    tally = Tally[T](len(cases))
    for case, scored in engine.each(score, cases):
        tally.add(case, scored)
        yield Progress(STAGE, len(tally), len(cases), name=case.name)
    tally.check()
    return tally


def resolved(settings: Settings) -> Settings:
    """The same settings with the backbone that "auto" means here.

    Raises:
        InputError: there is no such backbone.
        ModelError: its weights cannot be had or read.
    """
    if needs_backbone(settings):
        return open_reader(settings, device="cpu").settings
    return settings.replace(backbone=resolve_backbone(settings.backbone)[0].name)


def run(pipeline: Pipeline, picture: PictureFile, settings: Settings) -> Segmentation:
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
    """Features of a model whose weights are random instead of its own."""

    seed: int

    def __call__(self, model: FeatureModel, pixels: Tensor, geometry: Geometry, **tunables: Any) -> FeatureGrid:
        return extract_features(_twin(model, self.seed), pixels, geometry, **tunables)


@lru_cache(maxsize=2)
def _twin(model: FeatureModel, seed: int) -> FeatureModel:
    return model.untrained(seed=seed)
