"""What claims can say of a run of Learn: a short one, of as many steps as the claim's line has time for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

from demo.learn.asked import OPTIONS, Asked, asked_of_link
from demo.learn.data import OWN, drawn, seeds_of
from demo.learn.data import recorded as runs_of
from demo.learn.show.slots import figure_iou, owners, shared
from demo.shared.claims import Book
from demo.shared.link import CARRIED, read_link
from demo.shared.service import Service
from segcore.drawn.objects import instance_map
from segcore.errors import InputError
from segcore.evaluate.record import RunRecord
from segcore.learn import CATALOG, LearnState, score_baselines, train
from segcore.learn.ablations import ABLATIONS, SEEDS
from segcore.learn.score import score_classes, score_recall
from segcore.settings import params
from segcore.types import Pictures

STEPS, MOST_STEPS = 16, 40  # of the short run; where the line asks for a number of steps, at most
_PICTURES = 12  # that it learns from; and is scored on, in the beginning and the end
_LOOK = ("view", "of", "among", "noise", "look")  # names of what is on view
_LOOKED_AT = 6  # pictures whose slots are looked at
_ENDS = 5  # steps whose mean loss counts as that of the beginning, or the end


@dataclass(frozen=True, eq=False)
class _State:
    asked: Asked

    @cached_property
    def pictures(self) -> Pictures:
        """Those that it learns from, and is scored on."""
        return _first(self.asked.options.collection)

    @cached_property
    def states(self) -> list[tuple[float, LearnState]]:
        """Loss and state of each step; states share the network, so only the last one labels as it did."""
        return _trained(self.asked)


@cache
def _first(collection: str) -> Pictures:
    whole, n = drawn(collection), _PICTURES
    return Pictures(whole.images[:n], whole.names[:n], whole.truth[:n], whole.classes)


@lru_cache(maxsize=2)  # lines that look at one run from several sides train it once
def _trained(asked: Asked) -> list[tuple[float, LearnState]]:
    options = asked.options
    states = train(
        options.system, _first(options.collection), n_segments=options.k, settings=asked.settings,
        steps=min(options.steps, MOST_STEPS) or STEPS, seed=options.begin, device="cpu",
    )  # fmt: skip
    return [(float(state.loss), state) for state in states]


@dataclass(frozen=True, eq=False)
class _Row:
    """Recorded runs on view."""

    name: str


def _open(service: Service, query: Mapping[str, str]) -> _State | _Row:
    read_link(service, query)
    if "row" in query:
        if not any(runs_of(query["row"]) if query["row"] in ABLATIONS else ()):
            raise InputError(f"There are no recorded runs {query['row']!r} here. There may be: {', '.join(ABLATIONS)}.")
        return _Row(query["row"])
    asked = asked_of_link(query)
    if asked.options.collection == OWN:
        raise InputError("A claim cannot be made of pictures of one's own.")
    return _State(asked)


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


def part(state: _State, name: str, when: str = "end") -> float:
    """A part of the loss by its name on the board, at the first step ("start") or the last one ("end") of a short run."""
    parts = state.states[0 if when == "start" else -1][1].parts
    if name not in parts:
        raise InputError(f"There is no part {name!r}. There are: {', '.join(parts)}.")
    return float(parts[name])


def found(state: _State, which: str = "every") -> float:
    """Share of the drawn objects that are found after a short run; of all ("every"), or of those not taught ("untaught")."""
    last = state.states[-1][1]
    objects = [instance_map(truth) for truth in state.pictures.truth]
    return float(getattr(score_recall(last.learned().instances, last.taught, state.pictures, objects), which))


def figure(state: _State, slots: int) -> float:
    """The best IoU of one of so many slots with all drawn objects together, mean over pictures, after a short run."""
    learned = state.states[-1][1].learned()
    pairs = list(zip(state.pictures.images, state.pictures.truth, strict=True))[:_LOOKED_AT]
    ious = [figure_iou(owners(shared(learned, image, n_slots=slots).masks), truth > 0) for image, truth in pairs]
    return sum(ious) / len(ious)


def moved(state: _State, look: int) -> float:
    """Share of the patches that another slot has after a look, 1, 2, …, than before it; mean over pictures."""
    learned, shares = state.states[-1][1].learned(), []
    for image in state.pictures.images[:_LOOKED_AT]:
        attention = shared(learned, image).attention
        if not 1 <= look < len(attention):
            raise InputError(f"There is no look {look}. There are {len(attention) - 1}.")
        shares.append(float((owners(attention[look - 1]) != owners(attention[look])).float().mean()))
    return sum(shares) / len(shares)


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


_FACTS = (
    recorded, least, most, seeds, system, loss, most_used, accuracy, baseline, part, found, figure, moved
)  # fmt: skip


def _names(query: Mapping[str, str]) -> set[str]:
    entry = CATALOG.get(query.get("system", next(iter(CATALOG))))
    return {*CARRIED, *OPTIONS, "start", "row", "score", "at", *_LOOK, *(params(entry.settings) if entry else ())}


BOOK = Book(_open, {fact.__name__: fact for fact in _FACTS}, _names)
