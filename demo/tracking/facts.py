"""What claims can say of the page of tracking: what its steps and its table show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo.shared.claims import Book
from demo.shared.link import CARRIED
from demo.shared.sequence import Frame
from demo.shared.service import Service
from demo.tracking.asked import VIDEO, Asked, asked_of_link, names
from demo.tracking.run import Runs
from demo.tracking.show import Done, Steps
from segcore.errors import InputError
from segcore.numerics import settled
from segcore.track.catalog import TRACKERS


@dataclass(frozen=True, eq=False, slots=True)
class _State:
    runs: Runs
    asked: Asked
    done: Done
    frames: list[Frame]

    def frame(self, step: str = "") -> Frame:
        """A step by its name, or the last."""
        if not step:
            return self.frames[-1]
        for frame in self.frames:
            if frame.name == step:
                return frame
        known = ", ".join(dict.fromkeys(frame.name.rstrip("0123456789") for frame in self.frames))
        raise InputError(f"There is no step {step!r}. Names begin with: {known}.")

    def scores(self, tracker: str = "") -> dict[str, Any]:
        """The row of the table of a tracker, the one that is played if none is named."""
        if tracker and tracker not in TRACKERS:
            raise InputError(f"There is no tracker {tracker!r}. There are: {', '.join(TRACKERS)}.")
        found = self.runs.get(self.asked, tracker or self.asked.options.tracker)[1].scores
        if found is None:
            raise InputError("There are scores only where the truth is known.")
        return dict(found)


def _open(service: Service, query: Mapping[str, str]) -> _State:
    asked = asked_of_link(query)
    if not asked.is_scene:
        raise InputError(f"A claim can be made of a drawn scene only, not of {asked.options.source}; {VIDEO} needs a job.")
    runs = Runs(service)
    source, done = runs.get(asked, asked.options.tracker)
    return _State(runs, asked, done, Steps(source, done).frames())


def steps(state: _State) -> int:
    """Number of steps."""
    return len(state.frames)


def has_step(state: _State, name: str) -> bool:
    """Whether there is a step of this name."""
    return any(frame.name == name for frame in state.frames)


def number(state: _State, symbol: str, step: str = "") -> float:
    """A number of a step by its symbol, at the last step or a named one."""
    frame = state.frame(step)
    for entry in frame.numbers:
        if entry.symbol == symbol:
            return settled(float(entry.value), scale=entry.scale)
    known = ", ".join(entry.symbol for entry in frame.numbers)
    raise InputError(f"Step {frame.name} shows no number {symbol!r}. It shows: {known}.")


def score(state: _State, name: str, tracker: str = "") -> float:
    """A score in the table (`mota`, `idf1`, `hota`, `switches`, …), of the tracker that is played or of a named one."""
    scores = state.scores(tracker)
    if name not in scores:
        raise InputError(f"The table shows no {name!r}. It shows: {', '.join(scores)}.")
    return float(scores[name])


_FACTS = (steps, has_step, number, score)


def _names(_query: Mapping[str, str]) -> set[str]:
    return {*CARRIED, *names()}


BOOK = Book(_open, {fact.__name__: fact for fact in _FACTS}, _names)
