"""What a system is, and what it gives: one numbering of groups for all pictures of a collection.

A system is a generator: it yields `Progress` and returns a `Grouping`; see `segcore.runtime.steps`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from segcore.collection.collection import Collection
from segcore.runtime.steps import Progress, Steps
from segcore.settings import Schema, param

MOST_GROUPS = 256  # their numbers are bytes

Maps = Callable[[Collection, int], Tensor]  # a collection and the number of a picture → a vector per patch, (h, w, …)


@dataclass(frozen=True, slots=True)
class Bars:
    """Numbers that are to be seen side by side."""

    title: str  # what they are, a sentence
    values: Mapping[str, float]  # by name, in order


@dataclass(frozen=True, eq=False, slots=True)
class Parts:
    """The parts of which groups are made, as nodes of a graph: who sits beside whom."""

    labels: tuple[Tensor, ...]  # per picture (h, w) uint8, 0 … P − 1
    beside: Tensor  # (P, P) float32 in [0, 1], symmetric, 0 with itself
    thresholds: tuple[float, ...]  # ascending: edges of less count for nothing
    groups: Tensor  # (thresholds, P) int64: which group each part is in, at each of them
    chosen: int  # number of the threshold that the grouping was made with


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
    bars: tuple[Bars, ...] = ()  # what was measured, to be seen side by side
    parts: Parts | None = None  # of which the groups are made
    choice: Mapping[int, float] = field(default_factory=dict)  # K → score, where the data chose K
    tensors: Mapping[str, Tensor] = field(default_factory=dict)  # what was learned, such as {"centers": (K, d)}
    notes: tuple[str, ...] = ()

    def name(self, group: int) -> str:
        """What to call a group."""
        return self.names[group] if group < len(self.names) else str(group)


GroupSteps = Steps[Progress, Grouping]  # what a system gives when it runs


@dataclass(frozen=True, slots=True)
class CollectionSystem:
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
    run: Callable[..., GroupSteps]
    chooses_k: bool = False  # it can choose the number of groups by itself
    learns: bool = False  # it trains something, and has a curve of its loss
    own_k: bool = False  # it brings its number of groups along
    reads: Mapping[str, Any] = field(default_factory=dict)  # settings that features are best read with, by name; keys, else


def setting(default: Any, label: str, info: str, **facts: Any) -> Any:
    """Declare one field of a system's settings; see `segcore.settings.param`."""
    return param(default, stage="system", label=label, info=info, **facts)
