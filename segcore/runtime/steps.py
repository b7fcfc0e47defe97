"""Long work, told while it goes on: a generator that yields where it is and returns what came of it.

Whoever drives it shows what it yields, and ends it by closing it or through `segcore.runtime.stopping`, which its loops ask.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeVar

from torch import Tensor

P = TypeVar("P")
Q = TypeVar("Q")
T = TypeVar("T")

Steps = Generator[P, None, T]


@dataclass(frozen=True, eq=False, slots=True)
class Progress:
    """Where a long piece of work is, as often as there is something new to say."""

    stage: str  # what is being done, in a few words
    done: float  # of `total`
    total: float  # 0 where nobody can know
    unit: str = "pictures"  # of both, in the plural
    name: str = ""  # of what was just done, such as a picture
    curves: Mapping[str, float] = field(default_factory=dict)  # one more point of each curve, such as {"loss": 0.3}
    labels: Mapping[int, Tensor] = field(default_factory=dict)  # picture → (h, w) groups that can be shown already


def finish(steps: Steps[P, T], on_step: Callable[[P], object] | None = None) -> T:
    """Run steps to their end.

    Args:
        steps: the work.
        on_step: called with all that is yielded; what it raises ends the work there.

    Returns:
        What the steps return.
    """
    with closing(steps):
        while True:
            try:
                step = next(steps)
            except StopIteration as done:
                value: T = done.value
                return value
            if on_step is not None:
                on_step(step)


def mapped(steps: Steps[P, T], tell: Callable[[P], Q | None]) -> Steps[Q, T]:
    """Tell the same work in other words.

    Args:
        steps: the work.
        tell: what to yield in the place of what is yielded; nothing where it gives None.

    Returns:
        What the steps return.
    """
    with closing(steps):
        while True:
            try:
                step = next(steps)
            except StopIteration as done:
                value: T = done.value
                return value
            told = tell(step)
            if told is not None:
                yield told
