"""What a job says of itself, and what a browser is told of it."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.shared import texts

LIVE = ("waiting", "running")  # states after which more is to come


@dataclass(frozen=True, slots=True)
class Report:
    """What a job says of itself at one moment."""

    stage: str  # what it is doing, in a few words
    done: float = 0.0  # of `total`, in this stage
    total: float = 0.0  # 0 where nobody can know
    unit: str = ""  # of both, in the plural
    share: float | None = None  # of all stages, in [0, 1]; done / total if None
    show: Mapping[str, Any] = field(default_factory=dict)  # JSON by name; takes the place of an earlier part of that name
    left: Any = None  # what the job leaves so far, to be saved or gone on from; None leaves the earlier one

    @property
    def progress(self) -> float | None:
        """How much of the job is done, in [0, 1]; None where nobody can know."""
        share = self.share if self.share is not None else self.done / self.total if self.total else None
        return None if share is None else min(max(share, 0.0), 1.0)

    @property
    def count(self) -> str:
        """What is done, in numbers; empty where there are none."""
        if self.total:
            return texts.JOB_COUNT.format(done=f"{self.done:g}", total=f"{self.total:g}", unit=self.unit).strip()
        return f"{self.done:g} {self.unit}".strip() if self.done else ""


# Given what the job left when it was stopped, or None at its first start.
Work = Callable[[Any], Generator[Report, None, None]]


@dataclass(frozen=True, slots=True)
class Look:
    """What a browser is told of a job."""

    id: str
    state: str  # waiting, running, done, stopped, failed; gone if it is not known here
    said: str = ""  # a sentence: the place in line, or how it ended
    stage: str = ""
    count: str = ""  # such as "120 of 400 steps"
    time_left: str = ""
    share: float | None = None  # in [0, 1]
    version: int = 0  # of the newest part
    parts: tuple[tuple[str, Any], ...] = ()  # those that are newer than what the browser has, the oldest first
    may_stop: bool = False
    may_go_on: bool = False

    @property
    def is_live(self) -> bool:
        """Whether more is to come."""
        return self.state in LIVE


def duration(seconds: float) -> str:
    """Seconds as somebody says them who cannot know exactly."""
    if seconds < 50:
        return texts.JOB_SECONDS_LEFT.format(seconds=max(5, 5 * round(seconds / 5)))
    return texts.JOB_MINUTES_LEFT.format(minutes=max(1, round(seconds / 60)))
