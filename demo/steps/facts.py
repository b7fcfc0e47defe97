"""What claims can say of a run of Step by step: what its steps show, mostly the last."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from demo.shared.claims import Book
from demo.shared.link import CARRIED
from demo.shared.sequence import Coarse, Frame
from demo.shared.service import Service
from demo.steps.algorithm import Run
from demo.steps.algorithms import ALGORITHMS
from demo.steps.asked import RANGES
from demo.steps.data import Data, load
from demo.steps.run.restore import asked_of_link
from segcore.errors import InputError
from segcore.metrics.matching import matched_accuracy
from segcore.numerics import settled


@dataclass(frozen=True, eq=False, slots=True)
class _State:
    data: Data
    run: Run

    def frame(self, step: str = "") -> Frame:
        """A step by its name, or the last."""
        if not step:
            return self.run.frames[-1]
        for frame in self.run.frames:
            if frame.name == step:
                return frame
        raise InputError(f"There is no step {step!r}. There are: {', '.join(frame.name for frame in self.run.frames)}.")

    def view(self, number: int, step: str = "") -> Tensor:
        """The labels that a step draws, of its views that draw some."""
        frame = self.frame(step)
        views = frame.views or frame.variants[0].views
        drawn = [view["labels"] for view in views if view.get("labels") is not None and view["kind"] != "tree"]
        drawn = [labels.values if isinstance(labels, Coarse) else labels for labels in drawn]
        if number >= len(drawn):
            raise InputError(f"Step {frame.name} draws {len(drawn)} maps of labels; there is no number {number}.")
        return torch.as_tensor(drawn[number]).flatten().long()


def _open(service: Service, query: Mapping[str, str]) -> _State:
    asked, _ = asked_of_link(service, query)
    data = load(service, asked)
    return _State(data, ALGORITHMS[asked.algorithm].make(data))


def steps(state: _State) -> int:
    """Number of steps."""
    return len(state.run.frames)


def has_step(state: _State, name: str) -> bool:
    """Whether there is a step of this name."""
    return any(frame.name == name for frame in state.run.frames)


def number(state: _State, symbol: str, step: str = "") -> float:
    """A number beside the views, by its symbol, at the last step or a named one."""
    frame = state.frame(step)
    shown = [*frame.numbers, *(n for variant in frame.variants for n in variant.numbers or ())]
    for entry in shown:
        if entry.symbol == symbol:
            return settled(float(entry.value), scale=entry.scale)
    known = ", ".join(dict.fromkeys(n.symbol for n in shown))
    raise InputError(f"Step {frame.name} shows no number {symbol!r}. It shows: {known}.")


def sizes(state: _State, view: int = 0, step: str = "") -> list[int]:
    """How many rows each label has, the largest first; of the first view with labels, or a later one."""
    labels = state.view(view, step)
    counts: list[int] = torch.bincount(labels[labels >= 0]).sort(descending=True).values.tolist()
    return [count for count in counts if count > 0]


def found(state: _State, view: int = 0) -> float:
    """Share of the points in the right group at the end, under the best matching with the groups that were drawn."""
    if state.data.groups is None:
        raise InputError("Only points that were drawn have groups to be found.")
    return matched_accuracy(state.view(view).numpy(), state.data.groups.numpy())


def breaks(state: _State) -> int:
    """How many numbers of all steps break the rule that they never rise, or never fall."""
    return sum(number.holds is False for frame in state.run.frames for number in frame.numbers)


def answer(state: _State, question: str) -> str:
    """The right option of a question, by its id."""
    for asked in state.run.questions:
        if asked.id == question and isinstance(asked.right, int):
            return asked.options[asked.right]
    known = ", ".join(asked.id for asked in state.run.questions if isinstance(asked.right, int))
    raise InputError(f"There is no question {question!r} with options. There are: {known}.")


_FACTS = (steps, has_step, number, sizes, found, breaks, answer)


def _names(_query: Mapping[str, str]) -> set[str]:
    return {*CARRIED, "algorithm", "data", "points", "step", "point", *RANGES, "cover", "large"}


BOOK = Book(_open, {fact.__name__: fact for fact in _FACTS}, _names)
