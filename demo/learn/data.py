"""What a run learns from: collections that are drawn, with their truth, or a visitor's own pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

from demo.learn import texts
from demo.shared.asked import Own
from segcore.collection import pictures_of
from segcore.drawn.named import DRAWN, OBJECTS
from segcore.drawn.objects import KINDS
from segcore.drawn.stuff import STUFF
from segcore.errors import InputError, shortened
from segcore.evaluate.record import N_DRAWN, RunRecord, load_record
from segcore.learn import read_pictures
from segcore.learn.ablations import ABLATIONS, SEEDS
from segcore.runtime.places import ASSETS
from segcore.types import Pictures

OWN = "own"
UNMARKED = 0  # in label maps of strokes
FEWEST, MOST = 2, 200  # own pictures
SHOWN, SHOWN_KNOWN, SCORED = 6, 8, 24  # pictures, at most; the second of networks with labels
RECORDED = ASSETS / "runs"  # as `learn ablations` writes them


@dataclass(frozen=True, slots=True)
class Collection:
    """One that comes with the app."""

    title: str
    n_classes: int
    draw: Callable[..., Pictures]  # takes how many, n, and a seed


def _drawn(name: str) -> Collection:
    n_classes = 1 + len(KINDS) if name == OBJECTS else len(STUFF[name][0])
    return Collection(texts.COLLECTIONS.get(name, name), n_classes, DRAWN[name])


COLLECTIONS: Mapping[str, Collection] = MappingProxyType({name: _drawn(name) for name in DRAWN})


@lru_cache(maxsize=2)
def drawn(name: str) -> Pictures:
    """The pictures of a collection, drawn once."""
    return COLLECTIONS[name].draw()


@lru_cache(maxsize=2)
def others_of(name: str) -> Pictures:
    """Pictures of the same kind that nobody learns from: what networks with labels are scored on."""
    return COLLECTIONS[name].draw(n=N_DRAWN, seed=1)


@cache
def recorded(row: str, seed: int = SEEDS[0]) -> tuple[RunRecord | None, ...]:
    """The recorded runs of a row of ABLATIONS with a seed, in its order; None for one that does not lie here."""
    paths = [RECORDED / ABLATIONS[row].file(row, i, seed) for i in range(len(ABLATIONS[row].runs))]
    return tuple(load_record(path) if path.is_file() else None for path in paths)


def seeds_of(row: str) -> tuple[int, ...]:
    """Of SEEDS those with which each run of a row is recorded here."""
    return tuple(seed for seed in SEEDS if None not in recorded(row, seed))


@dataclass(frozen=True, eq=False, slots=True)
class LookedAt:
    """Which pictures the page shows and scores."""

    shown: Pictures
    scored: Pictures  # empty without truth
    apart: bool  # they are not learned from


def looked_at(collection: str, pictures: Pictures, *, known: bool, compared: bool = True) -> LookedAt:
    """Of a run: the first ones that it learns from; for networks with labels others, where there are any.

    Args:
        collection: a key of COLLECTIONS, or OWN.
        pictures: that are learned from.
        known: whether the system learns from labels.
        compared: whether what it finds can be compared with their truth.
    """
    apart = known and collection != OWN
    scored = others_of(collection) if apart else _of(pictures, range(min(SCORED, len(pictures))))
    n = SHOWN_KNOWN if known else SHOWN
    every = max(1, len(scored) // n) if known else 1
    shown = _of(scored, list(range(0, len(scored), every))[:n])
    return LookedAt(shown, scored if scored.truth and compared else _of(scored, range(0)), apart)


def _of(pictures: Pictures, chosen: Sequence[int]) -> Pictures:
    images, names = tuple(pictures.images[i] for i in chosen), tuple(pictures.names[i] for i in chosen)
    truth = tuple(pictures.truth[i] for i in chosen) if pictures.truth else ()
    return Pictures(images, names, truth, pictures.classes, pictures.values)


def own_pictures(own: Own, *, side: int) -> tuple[Pictures, tuple[str, ...]]:
    """Read what a visitor gave.

    Args:
        own: pictures or zips of them; with label maps those without one are left out.
        side: the longer side that the run looks at; larger pictures are kept at this size.

    Returns:
        The pictures, and one sentence for each file that could not be read.

    Raises:
        InputError: too few can be read, too many are given, or a zip or a label map is no good.
    """
    listed = pictures_of([Path(file) for file in own.files], least=0)
    if len(listed) > MOST:
        raise InputError(texts.TOO_MANY.format(most=MOST, n=len(listed)), field="pictures")
    sources = ((picture.name, picture.data) for picture in listed)
    labels = own.labels_of(listed)
    if own.labels and not labels:
        raise InputError(texts.NO_PAIR, field="labels")
    pictures, failed = read_pictures(sources, side=side, labels=labels, ignore=own.ignore)
    told = tuple(f"{shortened(name)}: {reason}" for name, reason in failed.items())
    fewest = 1 if labels else FEWEST
    if len(pictures) < fewest:
        raise InputError(" ".join([texts.TOO_FEW.format(fewest=fewest, n=len(pictures)), *told[:3]]), field="pictures")
    return pictures, told
