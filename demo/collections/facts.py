"""What claims can say of a run of Collections; what trains does so for a few steps only."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from demo.collections.asked import OPTIONS, OWN, SET, Asked, asked_of, options_of_link, settings_of_link
from demo.collections.run import Left, make_work
from demo.shared.claims import Book
from demo.shared.link import CARRIED, read_link
from demo.shared.service import Service
from segcore.errors import InputError

_SHORT = {"steps": 8, "rounds": 1}  # of a training


@dataclass(frozen=True, eq=False)
class _State:
    service: Service
    asked: Asked

    @cached_property
    def shown(self) -> dict[str, Any]:
        """All that the board is told, the last of each kind."""
        told: dict[str, Any] = {}
        settings = self.asked.settings
        short = {name: n for name, n in _SHORT.items() if hasattr(settings, name)}
        for report in make_work(replace(self.asked, settings=settings.replace(**short)), self.service)(None):
            told |= report.show
            if isinstance(report.left, Left):
                told["left"] = report.left
        return told


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
    return int(state.shown["left"].grouping.n_groups)


def score(state: _State, name: str) -> float:
    """A score against the drawn truth, by its name on the board."""
    scores = state.shown.get("scores") or {}
    if name not in ("miou", "accuracy") or name not in scores:
        known = "miou, accuracy, where there is a truth"
        raise InputError(f"The board shows no score {name!r}. It shows: {known}.")
    return float(scores[name])


def seen(state: _State) -> list[int]:
    """In how many of the pictures each group is seen, the largest number first."""
    return sorted((group["pictures"] for group in state.shown["result"]["groups"]), reverse=True)


def loss(state: _State, when: str = "end") -> float:
    """The loss of a short training at its first step ("start") or its last one ("end")."""
    points = [p for name, p in state.shown.items() if name.startswith("point/")]
    if not points:
        raise InputError(f"{system(state)} trains nothing, so it has no loss.")
    return float(points[0 if when == "start" else -1]["loss"])


_FACTS = (system, n_groups, score, seen, loss)


def _names(query: Mapping[str, str]) -> set[str]:
    of_system = {name for name in query if name.startswith(SET)}
    return {*CARRIED, *OPTIONS, "groups", "start", "colors", *of_system} - {"k", "auto"}


BOOK = Book(_open, {fact.__name__: fact for fact in _FACTS}, _names)
