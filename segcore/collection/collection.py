"""A collection: pictures whose features are on the disk, read one picture at a time.

Features are computed once per picture and way of reading (see `segcore.collection.store`); a second run, or one after a
kill, computes only what is missing. Memory does not grow with the number of pictures, but for a few hundred bytes of each.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from segcore.checks import check_range
from segcore.collection.store import DiskFull, Store, Stored, feature_key
from segcore.errors import InputError, NumericalError
from segcore.image import read_image
from segcore.image.listing import LEAST
from segcore.image.source import PictureFile
from segcore.pipeline.reader import Reader
from segcore.runtime.engine import LOCAL, Engine
from segcore.runtime.steps import Progress, Steps
from segcore.runtime.stopping import stop_if_asked
from segcore.settings import Settings, params
from segcore.train.seeds import stream
from segcore.types import FeatureGrid, Geometry

STAGE = "features"


@dataclass(frozen=True, eq=False, slots=True)
class Sample:
    """Patches of all pictures, or a seeded part of them."""

    X: Tensor  # (m, d) float32, not normalized
    picture: Tensor  # (m,) int64: which picture each row is of
    cell: Tensor  # (m,) int64: number y · w + x in its grid
    n_total: int  # patches of all pictures; m where the sample holds them all

    @property
    def note(self) -> str:
        """How much of the whole this is, in words; empty where it is everything."""
        m = len(self.X)
        return (
            "" if m == self.n_total else f"Computed from {m:,} of {self.n_total:,} patches, drawn by seeded random numbers."
        )


@dataclass(frozen=True, eq=False, slots=True)
class Collection:
    """Pictures with features; picture i is any of 0 … len − 1, in the order of their names."""

    pictures: tuple[PictureFile, ...]
    keys: tuple[str, ...]  # of their features in the store
    geometries: tuple[Geometry, ...]
    store: Store
    reader: Reader
    failed: Mapping[str, str] = field(default_factory=dict)  # name → why it was left out

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the pictures, ascending; with "/" where folders lie in each other."""
        return tuple(picture.name for picture in self.pictures)

    @property
    def settings(self) -> Settings:
        """How the features were read: backbone (a name that is no "auto"), facet, block and max_side count."""
        return self.reader.settings

    @property
    def n_patches(self) -> int:
        """Patches of all pictures together."""
        return sum(g.n for g in self.geometries)

    def image(self, i: int) -> Tensor:
        """(height, width, 3) uint8: picture i as it is, upright."""
        return read_image(self.pictures[i].data())

    def features(self, i: int) -> Stored:
        """What is kept of picture i: f (h, w, d), attention (heads, h, w) and class_token (width,) where there are such."""
        return self.store.read(self.keys[i])

    def f(self, i: int) -> Tensor:
        """(h, w, d) float32: the features of picture i, not normalized."""
        return self.features(i).f

    def attention(self, i: int) -> Tensor:
        """(h, w) ≥ 0: where the class token of picture i looks, the mean over heads.

        Raises:
            InputError: the backbone has no attention.
        """
        found = self.features(i).attention
        if found is None:
            raise InputError(
                "What is background is read from attention, and this backbone has none. Choose another backbone, or "
                "background = clustered.",
                field="background",
            )
        return found.mean(0)

    @property
    def fs(self) -> Sequence[Tensor]:
        """`f` of every picture, each read when it is asked for."""
        return _Read(self)

    def geometry(self, i: int) -> Geometry:
        """How the grid of picture i lies over it."""
        return self.geometries[i]

    def grid(self, i: int) -> FeatureGrid:
        """All of picture i: its features, and the pixels that the backbone saw. Costs reading the picture again."""
        stored = self.features(i)
        pixels, geometry = self.reader.fit(self.image(i))
        return FeatureGrid(stored.f, geometry, pixels, stored.origin, stored.source, stored.attention, stored.class_token)

    def describe(self, image: Tensor) -> Tensor:
        """One vector for a picture, or a crop of one: its class token, or the mean of its features where there is none.

        Args:
            image: (height, width, 3) uint8; it is seen at its own scale, as far as `max_side` may be that small or large.

        Returns:
            (width,) float32, on the CPU. Costs the backbone once.
        """
        least, most = params()["max_side"].bounds
        side = int(min(max(*image.shape[:2], least), most))
        grid = self.reader.having(max_side=side).read(image)
        return (grid.X.mean(0) if grid.class_token is None else grid.class_token).cpu()

    def sample(self, n: int, *, seed: int, rows: Callable[[Tensor], Tensor] | None = None) -> Sample:
        """Patches of all pictures, equally many of each as far as they have them.

        Args:
            n: about how many at most, at least 1; all patches where there are no more.
            seed: of the draw. Where there are more pictures than n, it draws n pictures and a patch of each.
            rows: makes of the features (h, w, d) of a whole picture what is drawn from, (h · w, d'); the features if None.

        Returns:
            The rows, in the order of pictures and cells; each picture's share depends on nothing but the seed and its
            number.
        """
        check_range("n", n, lo=1)
        counts = _shares(torch.tensor([g.n for g in self.geometries]), n, seed)
        # Room for all of it at once: small pieces kept between large ones that go would hold the memory of the large ones.
        m = int(counts.sum())
        drawn: Tensor | None = None
        picture, cell = torch.repeat_interleave(torch.arange(len(counts)), counts), torch.empty(m, dtype=torch.int64)
        at = 0
        for i, count in enumerate(counts.tolist()):
            if count == 0:
                continue
            stop_if_asked()
            f = self.f(i)
            X = f.flatten(0, 1) if rows is None else rows(f)
            part = slice(at, at + count)
            cell[part] = torch.randperm(len(X), generator=stream(seed, i))[:count].sort().values
            drawn = torch.empty(m, X.shape[1]) if drawn is None else drawn
            drawn[part] = X[cell[part]]
            at += count
        assert drawn is not None  # noqa: S101 - n is at least 1, and a picture has patches
        return Sample(drawn, picture, cell, self.n_patches)

    def having(self, **how: Any) -> Steps[Progress, "Collection"]:
        """The same pictures, read with other values of some settings, such as facet="key"; itself where it has them.

        Costs as `collect` does.
        """
        reader = self.reader.having(**how)
        if reader.recipe == self.reader.recipe:
            return self
        return (yield from collect(self.pictures, reader, self.store, least=len(self)))

    def subset(self, numbers: Sequence[int]) -> "Collection":
        """The collection of these pictures only."""
        return replace(
            self,
            pictures=tuple(self.pictures[i] for i in numbers),
            keys=tuple(self.keys[i] for i in numbers),
            geometries=tuple(self.geometries[i] for i in numbers),
        )


@dataclass(frozen=True, eq=False, slots=True)
class _Read(Sequence[Tensor]):
    collection: Collection

    def __len__(self) -> int:
        return len(self.collection)

    def __getitem__(self, i: Any) -> Any:
        return self.collection.f(i)

    def __iter__(self) -> Iterator[Tensor]:
        return (self.collection.f(i) for i in range(len(self)))


def collect(
    pictures: Sequence[PictureFile], reader: Reader, store: Store, *, least: int = LEAST, engine: Engine = LOCAL
) -> Steps[Progress, Collection]:
    """Compute the features of pictures that are not in the store yet.

    Args:
        pictures: of `pictures_of`.
        reader: of `open_reader`.
        store: where features are kept.
        least: how many pictures must be readable.
        engine: reads them; its workers must see the files, and the folder of the store.

    Yields:
        Progress after each picture.

    Returns:
        The collection; pictures at fault are named in `failed` and left out.

    Raises:
        InputError: fewer than `least` pictures can be read, the disk is full, or a setting breaks a rule.

    Cost: that of the backbone for each picture that is not in the store, and reading every file once.
    """
    kept: list[tuple[PictureFile, str, Geometry]] = []
    failed: dict[str, str] = {}
    reader = replace(reader, class_token=True)
    read = partial(read_into, reader=reader, store=store, recipe=reader.recipe)
    for n, (picture, done) in enumerate(engine.each(read, pictures), 1):
        try:
            kept.append((picture, *done()))
        except DiskFull:
            raise
        except (InputError, NumericalError) as error:
            if getattr(error, "field", None) not in (None, "image"):
                raise
            failed[picture.name] = str(error)
        yield Progress(STAGE, n, len(pictures))
    if len(kept) < least:
        first = next(iter(failed.values()), "there are no more.")
        raise InputError(
            f"{len(kept)} of {len(pictures)} pictures can be read, and a collection needs {least}: {first}", field="images"
        )
    found, keys, geometries = (tuple(part) for part in zip(*kept, strict=True))
    return Collection(found, keys, geometries, store, reader, failed)


def read_into(picture: PictureFile, *, reader: Reader, store: Store, recipe: str) -> tuple[str, Geometry]:
    """Have the features of one picture in the store: computed where they are not there yet, or are damaged.

    Args:
        picture: of `pictures_of`.
        reader: also of the class token.
        store: where features are kept.
        recipe: that of the reader.

    Returns:
        The key, and how the grid lies over the picture.

    Raises:
        InputError: the picture cannot be read, or the store cannot be written; DiskFull where there is no room.
    """
    data = picture.data()
    key = feature_key(data, recipe)
    if key in store:
        try:
            return key, store.geometry(key)
        except InputError:
            store.drop(key)
    grid = reader.read(data)
    store.write(key, grid)
    return key, grid.geometry


def _shares(counts: Tensor, n: int, seed: int) -> Tensor:
    """How many patches to take of pictures that have so many: n in all, the same of each that has enough."""
    if int(counts.sum()) <= n:
        return counts
    if n < len(counts):
        taken = torch.zeros_like(counts)
        taken[torch.randperm(len(counts), generator=torch.Generator().manual_seed(seed))[:n]] = 1
        return taken
    low, high = 1, int(counts.max())  # the largest level with Σ min(count, level) ≤ n
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if int(counts.clamp(max=middle).sum()) <= n else (low, middle - 1)
    return counts.clamp(max=low)
