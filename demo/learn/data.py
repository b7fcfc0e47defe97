"""What a run learns from: collections that are drawn, with their truth, or a visitor's own pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import torch

from demo.learn import texts
from segcore.drawn.stuff import STUFF, draw_stuff
from segcore.errors import InputError, SegcoreError, shortened
from segcore.image import read_image
from segcore.render import shrink
from segcore.stopping import stop_if_asked
from segcore.types import Pictures

OWN = "own"
FEWEST, MOST = 2, 200  # own pictures


@dataclass(frozen=True, slots=True)
class Collection:
    """One that comes with the app."""

    title: str
    n_classes: int
    draw: Callable[[], Pictures]


def _stuff(name: str) -> Collection:
    return Collection(texts.COLLECTIONS.get(name, name), len(STUFF[name][0]), lambda: draw_stuff(name))


COLLECTIONS: Mapping[str, Collection] = MappingProxyType({name: _stuff(name) for name in STUFF})


@lru_cache(maxsize=2)
def drawn(name: str) -> Pictures:
    """The pictures of a collection, drawn once."""
    return COLLECTIONS[name].draw()


def own_pictures(files: Sequence[str], *, side: int) -> tuple[Pictures, tuple[str, ...]]:
    """Read what a visitor gave.

    Args:
        files: paths of uploads.
        side: the longer side that the run looks at; larger pictures are kept at this size.

    Returns:
        The pictures, and one sentence for each file that could not be read.

    Raises:
        InputError: too few can be read, or too many are given.
    """
    if len(files) > MOST:
        raise InputError(texts.TOO_MANY.format(most=MOST, n=len(files)), field="pictures")
    images, names, failed = [], [], []
    for file in files:
        stop_if_asked()
        name = Path(file).name
        try:
            images.append(torch.from_numpy(shrink(read_image(file).numpy(), max_side=side)))
            names.append(name)
        except (SegcoreError, OSError) as error:
            failed.append(f"{shortened(name)}: {error}")
    if len(images) < FEWEST:
        raise InputError(" ".join([texts.TOO_FEW.format(fewest=FEWEST, n=len(images)), *failed[:3]]), field="pictures")
    return Pictures(tuple(images), tuple(names)), tuple(failed)
