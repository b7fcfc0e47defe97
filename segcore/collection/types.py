"""What flows between pictures, systems and results: how work is told, a part of all patches, what a system gives.

A system is a generator: it yields `Progress` and returns a `Grouping`. Whoever drives it shows what it yields, and ends it
by closing it or through `segcore.runtime.stopping`, which its loops ask.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor

from segcore.settings import Schema, param

if TYPE_CHECKING:
    from segcore.collection.collection import Collection

MOST_GROUPS = 256  # their numbers are bytes

T = TypeVar("T")


Maps = Callable[["Collection", int], Tensor]  # a collection and the number of a picture → a vector per patch, (h, w, …)


@dataclass(frozen=True, eq=False, slots=True)
class Progress:
    """Where a long piece of work is, as often as there is something new to say."""

    stage: str  # what is being done, in a few words
    done: float  # of `total`
    total: float  # 0 where nobody can know
    unit: str = "pictures"  # of both, in the plural
    curves: Mapping[str, float] = field(default_factory=dict)  # one more point of each curve, such as {"loss": 0.3}
    labels: Mapping[int, Tensor] = field(default_factory=dict)  # picture → (h, w) groups that can be shown already


Steps = Generator[Progress, None, T]
OnProgress = Callable[[Progress], None]


def finish(steps: Steps[T], on_progress: OnProgress | None = None) -> T:
    """Run steps to their end; returns what they return."""
    while True:
        try:
            progress = next(steps)
        except StopIteration as done:
            value: T = done.value
            return value
        if on_progress is not None:
            on_progress(progress)


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
class Grouping:
    """The result of a system: one numbering of groups for all pictures of a collection.

    Maps are made when they are asked for, and hold no collection, so that they may be sent to where a picture is.
    """

    system: str  # key in SYSTEMS
    n_groups: int  # K
    labels: tuple[Tensor, ...]  # per picture (h, w) uint8, 0 … K − 1, on the CPU
    scores: Maps | None = None  # (h, w, K) float32 ≥ 0 that sum to 1
    codes: Maps | None = None  # (h, w, d): what the system learned to see; the pictures' features if None
    names: tuple[str, ...] = ()  # of the groups, where somebody gave them some
    background: int | None = None  # the group that is no object, where the system has such a one
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # loss and the like, a value per step
    facts: Mapping[str, float | int | str] = field(default_factory=dict)  # what was measured, in words and numbers
    choice: Mapping[int, float] = field(default_factory=dict)  # K → score, where the data chose K
    tensors: Mapping[str, Tensor] = field(default_factory=dict)  # what was learned, such as {"centers": (K, d)}
    notes: tuple[str, ...] = ()

    def name(self, group: int) -> str:
        """What to call a group."""
        return self.names[group] if group < len(self.names) else str(group)


@dataclass(frozen=True, slots=True)
class System:
    """An entry of the registry.

    `run(collection, *, n_groups, seed, settings)` is a generator of `Progress` that returns a `Grouping`; n_groups is None
    only where `chooses_k`.
    """

    name: str
    title: str
    summary: str  # one sentence
    formula: str  # in TeX
    source: str
    settings: type[Schema]  # its own tunables, with their defaults
    run: Callable[..., Steps[Grouping]]
    chooses_k: bool = False  # it can choose the number of groups by itself
    learns: bool = False  # it trains something, and has a curve of its loss
    facet: str = "key"  # that it works best with, or was published with


def setting(default: Any, label: str, info: str, **facts: Any) -> Any:
    """Declare one field of a system's settings; see `segcore.settings.param`."""
    return param(default, stage="system", label=label, info=info, **facts)
