"""Fair timing: answers are compared first, then contenders take turns, and the median counts."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

OURS = "segcore"
_WARM_UPS = 1


class Missing(Exception):
    """An opponent that is not installed here; the message names it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One piece of work and those who can do it."""

    name: str
    ours: Callable[[], Any]
    opponents: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    agree: Callable[[Any, Any], str | None] = lambda _ours, _theirs: None  # what is wrong with our answer, or None
    target: str = ""  # in words, where there is one
    repetitions: int = 5


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each contender, and what stands in the way of a comparison."""

    name: str
    seconds: Mapping[str, list[float]]
    notes: tuple[str, ...]
    target: str

    def median(self, who: str) -> float:
        """Median seconds of one contender."""
        return statistics.median(self.seconds[who])

    @property
    def ratios(self) -> dict[str, float]:
        """How many times faster we are than each opponent: their median over ours."""
        return {who: self.median(who) / self.median(OURS) for who in self.seconds if who != OURS}


def measure(row: Row) -> Measured:
    """Compare the answers of a row, then time its contenders in turns.

    A fast wrong answer is no answer: a row whose answers disagree carries a note that begins with "WRONG".
    """
    contenders, notes, answers = {OURS: row.ours, **row.opponents}, [], {}
    for who, run in list(contenders.items()):
        try:
            for _ in range(_WARM_UPS):
                answers[who] = run()
        except Missing as missing:
            notes.append(f"{who} is not here: {missing}")
            del contenders[who]
        except (ValueError, RuntimeError, ArithmeticError) as error:
            if who == OURS:
                raise
            notes.append(f"{who} fails: {str(error).splitlines()[0]}")
            del contenders[who]
    for who in contenders.keys() - {OURS}:
        wrong = row.agree(answers[OURS], answers[who])
        if wrong:
            notes.append(f"WRONG: against {who}, {wrong}")
    seconds: dict[str, list[float]] = {who: [] for who in contenders}
    settle = len(contenders) > 1  # the threads of the contender before spin on for a while, and the caches hold its data
    for _ in range(row.repetitions):
        for who, run in contenders.items():
            seconds[who].append(timed(run, settle=settle))
    return Measured(row.name, seconds, tuple(notes), row.target)


def timed(run: Callable[[], Any], *, settle: bool = False) -> float:
    """Seconds of one run, the work of a GPU included; after another one that does not count, to settle."""
    if settle:
        run()
    synchronize()
    began = time.perf_counter()
    run()
    synchronize()
    return time.perf_counter() - began


def synchronize() -> None:
    """Wait until a GPU, if there is one, has done what it was told."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
