"""Features on disk: one safetensors file per picture and way of reading, FOLDER/ab/abcdef….safetensors.

Its name is a digest of the bytes of the picture's file and of all that its features depend on: backbone, weights, facet,
block, and size. So a file never has to be replaced, and what is there need not be computed again, whoever asks. Tensors: `f`
(h, w, d) float16; where the backbone has them `attention` (heads, h, w) float16 and `class_token` (width,) float32.
Metadata: `format`, `geometry` (JSON: image_size, scaled_size, patch), `origin`, `source`. A file is written beside its place
and moved there when it is whole, so a kill leaves none that is broken.
"""

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any

from torch import Tensor

from segcore.errors import InputError
from segcore.types import FeatureGrid, Geometry

FORMAT = "segcore features 1"


@dataclass(frozen=True, eq=False, slots=True)
class Stored:
    """The features of one picture as they were kept."""

    f: Tensor  # (h, w, d) float32
    geometry: Geometry
    origin: str
    source: str
    attention: Tensor | None = None  # (heads, h, w) float32
    class_token: Tensor | None = None  # (width,) float32


class DiskFull(InputError):
    """There is no more room; what was written so far is whole and stays."""


class Store:
    """A folder of features; threads and processes may share it."""

    def __init__(self, folder: Path):
        """Take a folder; it is made with the first file.

        Raises:
            InputError: something else is there.
        """
        if folder.exists() and not folder.is_dir():
            raise InputError(f"Features are kept in a folder, but {folder} is a file. Name another one.", field="store")
        self.folder = folder

    def __contains__(self, key: str) -> bool:
        return self._path(key).is_file()

    def write(self, key: str, grid: FeatureGrid) -> None:
        """Keep the features of a picture.

        Raises:
            DiskFull: there is no room.
            InputError: the folder cannot be written.
        """
        from safetensors.torch import save

        tensors = {"f": grid.f.half()}
        if grid.attention is not None:
            tensors["attention"] = grid.attention.half()
        if grid.class_token is not None:
            tensors["class_token"] = grid.class_token.float()
        g = grid.geometry
        geometry = {"image_size": g.image_size, "scaled_size": g.scaled_size, "patch": g.patch}
        about = {"format": FORMAT, "geometry": json.dumps(geometry), "origin": grid.origin, "source": grid.source}
        data = save({name: x.cpu().contiguous() for name, x in tensors.items()}, about)
        path = self._path(key)
        fresh = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(data)
            fresh.replace(path)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            if error.errno in (ENOSPC, EDQUOT):
                raise DiskFull(
                    f"The disk of {self.folder} is full. What was computed so far is kept there; free some space, and run "
                    "the same again.",
                    field="store",
                ) from error
            raise InputError(f"Cannot write {path}: {error.strerror}. Use another --store.", field="store") from error

    def read(self, key: str) -> Stored:
        """The features kept under a key.

        Raises:
            InputError: the file is gone or damaged.
        """
        with self._opened(key) as file:
            about = file.metadata()
            optional = {name: file.get_tensor(name).float() for name in file.keys() if name != "f"}  # noqa: SIM118
            return Stored(file.get_tensor("f").float(), _geometry(about), about["origin"], about["source"], **optional)

    def geometry(self, key: str) -> Geometry:
        """How the grid of a picture lies over it, from the head of the file.

        Raises:
            InputError: as of `read`; a file that was cut short counts as damaged.
        """
        with self._opened(key) as file:
            return _geometry(file.metadata())

    @contextmanager
    def _opened(self, key: str) -> Iterator[Any]:
        from safetensors import SafetensorError, safe_open

        path = self._path(key)
        try:
            with safe_open(path, framework="pt") as file:
                yield file
        except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
            raise InputError(
                f"The features in {path} are gone or damaged: {error}. Delete the file, and run the same again.",
                field="store",
            ) from error

    def drop(self, key: str) -> None:
        """Forget the features of a picture."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"


def _geometry(about: Mapping[str, str]) -> Geometry:
    g = json.loads(about["geometry"])
    return Geometry(tuple(g["image_size"]), tuple(g["scaled_size"]), int(g["patch"]))


def feature_key(data: bytes, recipe: str) -> str:
    """The name of features: 32 hexadecimal digits of the picture's bytes and of what the features depend on."""
    state = hashlib.blake2b(f"{FORMAT}\n{recipe}\n".encode(), digest_size=16)
    state.update(data)
    return state.hexdigest()


def default_store() -> Path:
    """Where features are kept if nobody says: SEGCORE_FEATURES_DIR, else a folder in the user's cache."""
    named = os.environ.get("SEGCORE_FEATURES_DIR")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(cache) / "segcore" / "features"
