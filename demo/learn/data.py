"""What a run learns from: collections that are drawn, with their truth, or a visitor's own pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from demo.learn import texts
from segcore.collection import pictures_of
from segcore.drawn.named import DRAWN, OBJECTS
from segcore.drawn.objects import KINDS
from segcore.drawn.stuff import STUFF
from segcore.errors import InputError, shortened
from segcore.learn import read_pictures
from segcore.types import Pictures

OWN = "own"
FEWEST, MOST = 2, 200  # own pictures


@dataclass(frozen=True, slots=True)
class Collection:
    """One that comes with the app."""

    title: str
    n_classes: int
    draw: Callable[[], Pictures]


def _drawn(name: str) -> Collection:
    n_classes = 1 + len(KINDS) if name == OBJECTS else len(STUFF[name][0])
    return Collection(texts.COLLECTIONS.get(name, name), n_classes, DRAWN[name])


COLLECTIONS: Mapping[str, Collection] = MappingProxyType({name: _drawn(name) for name in DRAWN})


@lru_cache(maxsize=2)
def drawn(name: str) -> Pictures:
    """The pictures of a collection, drawn once."""
    return COLLECTIONS[name].draw()


def own_pictures(
    files: Sequence[str], *, side: int, labels: Sequence[str] = (), ignore: int | None = None
) -> tuple[Pictures, tuple[str, ...]]:
    """Read what a visitor gave.

    Args:
        files: paths of uploads, pictures or zips of them.
        side: the longer side that the run looks at; larger pictures are kept at this size.
        labels: paths of label maps, named as the pictures; then pictures without one are left out.
        ignore: label that does not count.

    Returns:
        The pictures, and one sentence for each file that could not be read.

    Raises:
        InputError: too few can be read, too many are given, or a zip or a label map is no good.
    """
    listed = pictures_of([Path(file) for file in files], least=0)
    if len(listed) > MOST:
        raise InputError(texts.TOO_MANY.format(most=MOST, n=len(listed)), field="pictures")
    sources = ((picture.name, picture.data) for picture in listed)
    pictures, failed = read_pictures(sources, side=side, labels={Path(f).stem: Path(f) for f in labels}, ignore=ignore)
    told = tuple(f"{shortened(name)}: {reason}" for name, reason in failed.items())
    if len(pictures) < FEWEST:
        raise InputError(" ".join([texts.TOO_FEW.format(fewest=FEWEST, n=len(pictures)), *told[:3]]), field="pictures")
    return pictures, told
