"""What claims can say of a run of Learn: a short one, of as many steps as the claim's line has time for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from demo.learn.asked import OPTIONS, Asked, asked_of_link
from demo.learn.data import OWN, drawn, seeds_of
from demo.learn.data import recorded as runs_of
from demo.learn.show.row import row_shown
from demo.shared.claims import Book
from demo.shared.link import CARRIED, read_link
from demo.shared.service import Service
from segcore.errors import InputError
from segcore.evaluate.record import RunRecord
from segcore.learn import CATALOG, LearnState, score_baselines, train
from segcore.learn.ablations import ABLATIONS, SEEDS
from segcore.learn.score import score_classes
from segcore.settings import params
from segcore.types import Pictures

STEPS = 16  # of the short run
_PICTURES = 12  # that it learns from; and is scored on, in the beginning and the end
_ENDS = 5  # steps whose mean loss counts as that of the beginning, or the end


@dataclass(frozen=True, eq=False)
class _State:
    asked: Asked
    pictures: Pictures

    @cached_property
    def states(self) -> list[tuple[float, LearnState]]:
        """Loss and state of each step; states share the network, so only the last one labels as it did."""
        options = self.asked.options
        states = train(
            options.system, self.pictures, n_segments=options.k, settings=self.asked.settings, steps=STEPS,
            seed=options.begin, device="cpu",
        )  # fmt: skip
        return [(float(state.loss), state) for state in states]


@dataclass(frozen=True, eq=False)
class _Row:
    """Recorded runs on view."""

    name: str


def _open(service: Service, query: Mapping[str, str]) -> _State | _Row:
    read_link(service, query)
    if "row" in query:
        if row_shown(query["row"]) is None:
            raise InputError(f"There are no recorded runs {query['row']!r} here. There may be: {', '.join(ABLATIONS)}.")
        return _Row(query["row"])
    asked = asked_of_link(query)
    if asked.options.collection == OWN:
        raise InputError("A claim cannot be made of pictures of one's own.")
    whole, n = drawn(asked.options.collection), _PICTURES
    return _State(asked, Pictures(whole.images[:n], whole.names[:n], whole.truth[:n], whole.classes))


def system(state: _State) -> str:
    """The system that learns, by its key."""
    return state.asked.options.system


def loss(state: _State, when: str = "end") -> float:
    """Mean loss over the first steps ("start") or the last ones ("end") of a short run."""
    losses = [loss for loss, _ in state.states]
    part = losses[:_ENDS] if when == "start" else losses[-_ENDS:]
    return sum(part) / len(part)


def most_used(state: _State) -> float:
    """Share of the pixels that the largest cluster has after a short run."""
    return float(state.states[-1][1].use.max())


def accuracy(state: _State) -> float:
    """Share of the pixels that are right after a short run, under the best matching."""
    last = state.states[-1][1]
    return float(score_classes(last.label, state.pictures, n_segments=state.asked.options.k).accuracy)


def baseline(state: _State, name: str = "color") -> float:
    """The same of what learned nothing, by its name."""
    asked = state.asked.options
    found = score_baselines(state.pictures, state.pictures, n_segments=asked.k, seed=asked.begin)
    if name not in found:
        raise InputError(f"There is no baseline {name!r}. There are: {', '.join(found)}.")
    return float(found[name].accuracy)


def recorded(state: _Row, label: str, score: str = "miou", when: str = "end") -> float:
    """A score of a recorded run of a row with the first seed, by its label, before the first step ("start") or in the end.

    The score is "miou", "boundary_f", "global_accuracy", "class_accuracy", "checkerboard", the name of a class for its IoU,
    or "multiply_adds".
    """
    return _score(_run(state, label, SEEDS[0]), score, when)


def least(state: _Row, label: str, score: str = "miou", when: str = "end") -> float:
    """The least of `recorded` over all seeds."""
    return min(_scores(state, label, score, when))


def most(state: _Row, label: str, score: str = "miou", when: str = "end") -> float:
    """The largest of `recorded` over all seeds."""
    return max(_scores(state, label, score, when))


def seeds(state: _Row) -> int:
    """With how many seeds the runs of a row are recorded."""
    return len(seeds_of(state.name))


def _scores(state: _Row, label: str, score: str, when: str) -> list[float]:
    return [_score(_run(state, label, seed), score, when) for seed in seeds_of(state.name)]


def _score(run: RunRecord, score: str, when: str) -> float:
    if score == "multiply_adds":
        return float(run.facts.multiply_adds)
    scores = run.scores[0 if when == "start" else -1]
    return float(scores.iou[run.classes.index(score)] if score in run.classes else getattr(scores, score))


def _run(state: _Row, label: str, seed: int) -> RunRecord:
    labels = [run.label for run in ABLATIONS[state.name].runs]
    run = runs_of(state.name, seed)[labels.index(label)] if label in labels else None
    if run is None:
        raise InputError(f"There is no recorded run {label!r}. There are: {', '.join(labels)}.")
    return run


_FACTS = (recorded, least, most, seeds, system, loss, most_used, accuracy, baseline)


def _names(query: Mapping[str, str]) -> set[str]:
    entry = CATALOG.get(query.get("system", next(iter(CATALOG))))
    return {*CARRIED, *OPTIONS, "start", "row", "score", "at", *(params(entry.settings) if entry else ())}


BOOK = Book(_open, {fact.__name__: fact for fact in _FACTS}, _names)
