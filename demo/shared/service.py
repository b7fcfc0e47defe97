"""What all visitors share: one pipeline with its cache, and the example pictures."""

import dataclasses
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder
from torch import Tensor

from demo.shared.events import CORES, Stops
from demo.shared.jobs import JobLimits, Jobs
from demo.shared.lecture.value import Lecture
from demo.shared.texts import OWN_PICTURE
from segcore.errors import SegcoreError
from segcore.features import Extract, FeatureModel, extract_features
from segcore.pipeline import CACHE_BYTES, Pipeline
from segcore.runtime.cores import Cores
from segcore.runtime.places import EXAMPLES
from segcore.settings import DEFAULTS, Settings
from segcore.show.files import jpeg
from segcore.show.paint import shrink
from segcore.types import FeatureGrid, Geometry, Segmentation

MOST_OWN = 1 << 30  # bytes of pictures and weights of lectures
_NOTES = 256  # kept uploads after which notes of files that are gone are taken away


@dataclass(frozen=True, slots=True)
class Example:
    """A picture that comes with the app."""

    id: str
    path: Path
    title: str
    credit: str
    look_at: str
    settings: dict[str, Any]
    truth: Path | None  # its label map, where it was drawn with one

    def of_defaults(self) -> Settings:
        """The defaults, but for what suits it."""
        return DEFAULTS.replace(**self.settings)


def read_examples() -> list[Example]:
    """The example pictures, in their order."""
    rows = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
    return [
        Example(
            row["id"],
            EXAMPLES / row["file"],
            row["title"],
            f"{row['credit']}, {row['licence']}",
            row["look_at"],
            row["settings"],
            EXAMPLES / row["truth"] if row["truth"] else None,
        )
        for row in rows
    ]


class Service:
    """Shared by all sessions; everything in it is read-only or safe for threads."""

    def __init__(
        self,
        *,
        device: str = "auto",
        cache_bytes: int = CACHE_BYTES,
        weights: str | None = None,
        limits: JobLimits | None = None,
    ):
        if _lends_gpus():
            device = "cpu"  # only the transformer borrows the GPU, and its features come back
        self.extract = _extract()
        self.pipeline = Pipeline(
            device=device, cache_bytes=cache_bytes, extract=self.extract, weights=weights, cores=Cores(CORES)
        )
        self.stops = Stops()
        self.jobs = Jobs(limits)
        self.lectures: tuple[Lecture, ...] = ()  # what this server was started with
        self.votes: Any = None  # the rooms of questions to the hall, where this server takes votes
        self.warm: bool | None = None  # whether what the page opens with is computed; None where nobody does that
        self._noted = count(1)

    @cached_property
    def examples(self) -> dict[str, Example]:
        """The example pictures by id, in their order."""
        return {example.id: example for example in read_examples()}

    @property
    def first(self) -> Example:
        """The example that the page opens with."""
        return next(iter(self.examples.values()))

    def warm_up(self) -> None:
        """Compute what the page opens with, for the first visitor to find; runs beside the start of the server."""
        if _lends_gpus():
            return  # they are lent to visitors only
        self.warm, found = False, None
        try:
            with suppress(SegcoreError):  # whoever opens the page is told
                self.display_file(self.pipeline.run(str(self.first.path), self.first.of_defaults()))
                found = True
        finally:
            self.warm = found

    def publish(self, content: bytes, name: str) -> str:
        """Put a file where Gradio serves it and, an hour later, removes it; returns its path."""
        return str(save_bytes_to_cache(content, name, get_upload_folder()))

    def display_file(self, result: Segmentation) -> str:
        """Path of the picture as the page shows it, made once per picture."""
        return self.display_picture(result.image, result.digest)

    def display_picture(self, image: Tensor, digest: str) -> str:
        """The same for a picture (height, width, 3) without a result."""

        def make() -> str:
            return self.publish(jpeg(shrink(image.numpy())), "picture.jpg")

        path, _ = self.pipeline.cache.get(("shown", digest), make)
        return path if Path(path).exists() else make()

    def keep_upload(self, digest: str, path: str) -> None:
        """Remember where the picture of this digest lies, or weights of this name, so that no link must name a path.

        It is noted beside the uploads, for all processes that share their folder. Files go after an hour, and their notes
        some time later.
        """
        note = _note_of(digest)
        with suppress(OSError):
            if note.read_text(encoding="utf-8") == path:
                return
        note.parent.mkdir(parents=True, exist_ok=True)
        new = note.with_suffix(f".{uuid4().hex}")
        new.write_text(path, encoding="utf-8")
        new.replace(note)
        if next(self._noted) % _NOTES == 0:
            for old in note.parent.iterdir():
                with suppress(OSError):
                    if not Path(old.read_text(encoding="utf-8")).is_file():
                        old.unlink()

    def keep_file(self, path: str) -> str:
        """Remember a file of a visitor's; returns the digest of its contents, by which links name it."""
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:32]
        self.keep_upload(digest, path)
        return digest

    def keep_own(self, name: str, ending: str, content: bytes) -> None:
        """Keep a file of a lecture for as long as this server runs, under the name by which its links know it.

        Of files that browsers bring, the oldest are taken away when there are more than `MOST_OWN` bytes of them.
        """
        folder = Path(get_upload_folder()) / "lectures"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / (name if name.endswith(f".{ending}") else f"{name}.{ending}")
        if not path.is_file():
            new = path.with_suffix(f".{uuid4().hex}")
            new.write_bytes(content)
            new.replace(path)
        self.keep_upload(name, str(path))
        kept = sorted((file.stat().st_mtime, file.stat().st_size, file) for file in folder.iterdir())
        left = sum(size for _, size, _ in kept)
        for _, size, file in kept:
            if left > MOST_OWN:
                file.unlink(missing_ok=True)
                left -= size

    def upload_of(self, digest: str) -> str | None:
        """The file of the picture with this digest, or of weights, or None where this server has it no more."""
        try:
            path = _note_of(digest).read_text(encoding="utf-8")
        except OSError:
            return None
        return path if Path(path).is_file() else None

    def example_of(self, path: str | None) -> Example | None:
        """The example whose file this is; uploads keep their name, so the contents decide."""
        if not path:
            return None
        by_name = {e.path.name: e for e in self.examples.values()}
        example = by_name.get(Path(path).name)
        return example if example and Path(path).read_bytes() == example.path.read_bytes() else None

    def title_of(self, path: str) -> str:
        """What the page calls a picture."""
        example = self.example_of(path)
        return example.title if example else OWN_PICTURE


def _note_of(name: str) -> Path:
    """The file that says where an upload lies; its own name is safe whatever a link asks for."""
    return Path(get_upload_folder()) / "links" / hashlib.sha256(name.encode()).hexdigest()


def _lends_gpus() -> bool:
    """Whether this host is a Space that lends a GPU for single calls (ZeroGPU)."""
    return bool(os.environ.get("SPACES_ZERO_GPU"))


def _extract() -> Extract:
    """How features are computed here: directly, or on a GPU borrowed for the call."""
    if not _lends_gpus():
        return extract_features
    import spaces

    borrowing: Extract = spaces.GPU(_extract_on_borrowed_gpu)

    def extract(model: FeatureModel, pixels: Tensor, geometry: Geometry, **tunables: Any) -> FeatureGrid:
        run = borrowing if model.backbone.needs_weights else extract_features  # colors need no GPU
        return run(model, pixels, geometry, **tunables)

    return extract


def _extract_on_borrowed_gpu(model: FeatureModel, pixels: Tensor, geometry: Geometry, **tunables: Any) -> FeatureGrid:
    """Run a model on the GPU of this call; the result returns to main memory, as the GPU does not stay."""
    features = extract_features(model.to("cuda"), pixels.to("cuda"), geometry, **tunables)
    values = {f.name: getattr(features, f.name) for f in dataclasses.fields(features)}
    tensors: dict[str, Any] = {k: v.cpu() for k, v in values.items() if isinstance(v, Tensor)}
    return dataclasses.replace(features, **tensors)
