"""What claims can say of a run of Collections; what trains does so for a few steps only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from demo.collections.asked import OPTIONS, OWN, SET, Asked, asked_of, options_of_link, settings_of_link
from demo.collections.board import Result
from demo.collections.run import make_work
from demo.shared.claims import Book
from demo.shared.jobs import Report
from demo.shared.link import CARRIED, read_link
from demo.shared.service import Service
from segcore.errors import InputError

_SHORT = {"steps": 8, "rounds": 1}  # of a training


@dataclass(frozen=True, eq=False)
class _State:
    service: Service
    asked: Asked
    _told: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def _reports(self) -> Iterator[Report]:
        settings = self.asked.settings
        short = {name: n for name, n in _SHORT.items() if hasattr(settings, name)}
        return make_work(replace(self.asked, settings=settings.replace(**short)), self.service)(None)

    def told(self, name: str) -> Any:
        """A part that the board is told, the last one of this name; the run goes on until then. None: there is none."""
        while name not in self._told:
            report = next(self._reports, None)
            if report is None:
                return None
            self._told.update(report.show)
        return self._told[name]

    @property
    def result(self) -> Result:
        """What was found."""
        found: Result = self.told("result")
        return found

    def points(self, name: str) -> list[float]:
        """The values of a curve, by its name on the board."""
        self.told("result")
        found = [p[name] for key, p in self._told.items() if key.startswith("point/") and name in p]
        if not found:
            raise InputError(f"{system(self)} has no curve {name!r}.")
        return found


def _open(service: Service, query: Mapping[str, str]) -> _State:
    linked, said = read_link(service, query), options_of_link(query)
    if said.get("source") == OWN:
        raise InputError("A claim cannot be made of pictures of one's own.")
    values = {name: said.get(name) for name in OPTIONS} | {"backbone": linked.settings.backbone}
    return _State(service, asked_of(values, settings_of_link(query)))


def system(state: _State) -> str:
    """The system that groups, by its key."""
    return state.asked.options.system


def n_groups(state: _State) -> int:
    """Number of groups that were found in all pictures together."""
    return len(state.result["groups"])


def score(state: _State, name: str) -> float:
    """A score against the drawn truth, by its name on the board."""
    scores = state.told("scores") or {}
    if name not in ("miou", "accuracy") or name not in scores:
        known = "miou, accuracy, where there is a truth"
        raise InputError(f"The board shows no score {name!r}. It shows: {known}.")
    return float(scores[name])


def seen(state: _State) -> list[int]:
    """In how many of the pictures each group is seen, the largest number first."""
    return sorted((group["pictures"] for group in state.result["groups"]), reverse=True)


def loss(state: _State, when: str = "end") -> float:
    """The loss of a short training at its first step ("start") or its last one ("end")."""
    return curve(state, "loss", when)


def curve(state: _State, name: str, when: str = "end") -> float:
    """The value of a curve of a short training at its first step ("start") or its last one ("end")."""
    return float(state.points(name)[0 if when == "start" else -1])


def bar(state: _State, name: str) -> float:
    """One of the numbers side by side, by its name on the board."""
    rows = {key: value for bars in state.result["bars"] for key, value in bars["rows"]}
    if name not in rows:
        raise InputError(f"The board shows no bar {name!r}. It shows: {', '.join(rows) or 'none'}.")
    return rows[name]


def groups_at(state: _State, threshold: float) -> int:
    """How many groups the parts make at a threshold of the slider."""
    graph = state.result["graph"]
    if graph is None or threshold not in graph["thresholds"]:
        known = "none" if graph is None else ", ".join(map(str, graph["thresholds"]))
        raise InputError(f"The board shows no threshold {threshold}. It shows: {known}.")
    return len(set(graph["groups"][graph["thresholds"].index(threshold)]))


_FACTS = (system, n_groups, score, seen, loss, curve, bar, groups_at)


def _names(query: Mapping[str, str]) -> set[str]:
    of_system = {name for name in query if name.startswith(SET)}
    return {*CARRIED, *OPTIONS, "groups", "start", "colors", "curve", "threshold", *of_system} - {"k", "auto"}


BOOK = Book(_open, {fact.__name__: fact for fact in _FACTS}, _names)
