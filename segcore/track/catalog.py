"""The registry of trackers: a tracker is a file of `segcore.track.trackers`, its settings, and an entry here.

It imports no torch, so that a command line is quick: the file of a tracker is imported when it is first used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from segcore.checks import check_choice
from segcore.track.settings import HungarianSettings, TrackerSettings

if TYPE_CHECKING:
    from segcore.track.detections import Detections
    from segcore.track.state import TrackSteps


@dataclass(frozen=True, slots=True)
class Tracker:
    """What is known of a tracker; its formulas stand in the file of its name in `segcore.track.trackers`."""

    name: str
    title: str
    summary: str  # one sentence
    formula: str  # in TeX
    source: str
    settings: type[TrackerSettings]
    online: bool  # a frame's result does not wait for later frames

    def run(self, detections: "Detections", **values: Any) -> "TrackSteps":
        """Track, state by state; returns `Tracks`.

        Args:
            detections: of all frames.
            values: fields of `settings`; what is left out has its default.

        Raises:
            InputError: a value breaks its rule.
        """
        steps: TrackSteps = import_module(f"segcore.track.trackers.{self.name}").run(
            detections, self.settings.from_values(values)
        )
        return steps


_ALL = (
    Tracker(
        "hungarian",
        "Hungarian, frame by frame",
        "The cheapest one-to-one matching of the tracks with the boxes of the next frame.",
        r"\min_\pi \sum_i \lambda (1 - \cos_{i \pi(i)}) + (1 - \lambda)(1 - \mathrm{IoU}_{i \pi(i)})",
        "Kuhn 1955",
        HungarianSettings,
        online=True,
    ),
)

TRACKERS: Mapping[str, Tracker] = MappingProxyType({tracker.name: tracker for tracker in _ALL})


def tracker_of(name: str) -> Tracker:
    """The tracker of this name.

    Raises:
        InputError: there is none.
    """
    check_choice("tracker", name, tuple(TRACKERS))
    return TRACKERS[name]
