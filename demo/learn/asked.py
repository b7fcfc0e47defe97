"""What a visitor asks for: pictures, system, K, seed, minutes, and the system's settings; of controls, and as a link."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.learn import texts
from demo.learn.data import COLLECTIONS, OWN
from segcore.learn import CATALOG, MOST_SEGMENTS, LearnSettings
from segcore.settings import DEFAULTS, Schema, param, params

_FIRST = next(iter(COLLECTIONS))
_SEED = params()["seed"]


@dataclass(frozen=True, kw_only=True)
class Asked(Schema):
    """What is asked for whatever the system; the names are those of a link."""

    # fmt: off
    collection: str = param(
        _FIRST, stage="learn", label=texts.COLLECTION, choices=(*COLLECTIONS, OWN), info=texts.COLLECTION_INFO)
    system: str = param(
        next(iter(CATALOG)), stage="learn", label=texts.SYSTEM, choices=tuple(CATALOG), info=texts.SYSTEM_INFO)
    k: int = param(
        COLLECTIONS[_FIRST].n_classes, stage="learn", label=texts.K, symbol="K", lo=2, hi=MOST_SEGMENTS, step=1,
        info=texts.K_INFO)
    minutes: float = param(
        3.0, stage="learn", label=texts.MINUTES, lo=0.1, hi=600.0, step=0.1, info=texts.MINUTES_INFO)
    begin: int = param(
        0, stage="learn", label=_SEED.label, lo=_SEED.lo, hi=_SEED.hi, step=1, info=texts.SEED_INFO)
    # fmt: on


ASKED = tuple(f.name for f in dataclasses.fields(Asked))
TITLES = {
    "collection": {**{name: c.title for name, c in COLLECTIONS.items()}, OWN: texts.OWN},
    "system": {name: system.title for name, system in CATALOG.items()},
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that a run follows from."""

    asked: Asked
    settings: LearnSettings
    files: tuple[str, ...] = ()  # own pictures
    labels: tuple[str, ...] = ()  # label maps of them
    ignore: int | None = None  # label that does not count

    @property
    def title(self) -> str:
        """In a few words."""
        return f"{TITLES['system'][self.asked.system]} · {TITLES['collection'][self.asked.collection]}"

    @property
    def details(self) -> tuple[str, ...]:
        """K, seed, and each setting that is not the default."""
        told = params(type(self.settings))
        changed = [_said(told[name], value) for name, value in self.settings.changed().items()]
        return (f"K = {self.asked.k}", f"{_SEED.label.lower()} {self.asked.begin}", *changed)


def _said(p: Any, value: Any) -> str:
    if isinstance(value, bool):
        return f"{p.label}: {texts.ON if value else texts.OFF}"
    return f"{p.label}: {f'{value:g}' if isinstance(value, int | float) else value} {p.unit}".strip()


def default_k(collection: str) -> int:
    """The number of segments that a collection asks for."""
    return DEFAULTS.n_segments if collection == OWN else COLLECTIONS[collection].n_classes


def make_wanted(
    asked: Mapping[str, Any],
    values: Mapping[str, Any],
    files: Sequence[str] = (),
    labels: Sequence[str] = (),
    ignore: int | None = None,
) -> Wanted:
    """Make it of loosely typed values; what is left empty counts as the default.

    Args:
        asked: fields of `Asked` by name.
        values: those of the system's settings.
        files: paths of own pictures.
        labels: paths of label maps of them.
        ignore: label that does not count.

    Raises:
        InputError: a value breaks its rule.
    """
    told = Asked.from_values(_filled(asked))
    if asked.get("k") is None:
        told = told.replace(k=default_k(told.collection))
    return Wanted(told, CATALOG[told.system].settings.from_values(_filled(values)), tuple(files), tuple(labels), ignore)


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def query_of(wanted: Wanted) -> dict[str, str | None]:
    """The names and values of a link that asks for the same; None for a name that it leaves out.

    Own pictures are not part of a link.
    """
    names = [*ASKED, *(f.name for system in CATALOG.values() for f in dataclasses.fields(system.settings))]
    given = {**wanted.asked.to_dict(), **wanted.settings.changed()}
    return {**dict.fromkeys(names), **{name: str(int(v) if isinstance(v, bool) else v) for name, v in given.items()}}


def wanted_of(query: Mapping[str, str]) -> Wanted:
    """What a link asks for.

    Raises:
        InputError: a value breaks its rule.
    """
    asked = {name: query[name] for name in ASKED if name in query}
    system = Asked.from_values(asked).system
    values = {f.name: query[f.name] for f in dataclasses.fields(CATALOG[system].settings) if f.name in query}
    return make_wanted(asked, values)
