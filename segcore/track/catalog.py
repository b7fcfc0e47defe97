"""The registry of trackers: a tracker is a file of `segcore.track.trackers`, its settings, and an entry here.

It imports no torch, so that a command line is quick: the file of a tracker is imported when it is first used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from segcore.checks import check_choice
from segcore.track.settings import (
    ByteSettings,
    FlowSettings,
    HungarianSettings,
    IoUSettings,
    MessageSettings,
    SortSettings,
    TrackerSettings,
)

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
        "iou",
        "Greedy overlap",
        "Each box goes on the track whose last box it overlaps most.",
        r"\max \mathrm{IoU}(b_t, b_{t-1})",
        "Bochinski, Eiselein and Sikora 2017",
        IoUSettings,
        online=True,
    ),
    Tracker(
        "hungarian",
        "Hungarian, frame by frame",
        "The cheapest one-to-one matching of the tracks with the boxes of the next frame.",
        r"\min_\pi \sum_i \lambda (1 - \cos_{i \pi(i)}) + (1 - \lambda)(1 - \mathrm{IoU}_{i \pi(i)})",
        "Kuhn 1955",
        HungarianSettings,
        online=True,
    ),
    Tracker(
        "sort",
        "SORT",
        "A Kalman filter says where each track will be, and the Hungarian method matches that with the boxes.",
        r"x_t = F x_{t-1}, \quad \max_\pi \sum_i \mathrm{IoU}(\hat b_i, b_{\pi(i)})",
        "Bewley and others 2016",
        SortSettings,
        online=True,
    ),
    Tracker(
        "byte",
        "ByteTrack",
        "Boxes of high score are matched first, then the tracks left over with boxes of low score.",
        r"\min_\pi \sum_i 1 - \mathrm{IoU}(\hat b_i, b_{\pi(i)}) \, s_{\pi(i)}",
        "Zhang and others 2022",
        ByteSettings,
        online=True,
    ),
    Tracker(
        "flow",
        "Network flow",
        "Of all sets of disjoint paths through all frames, the cheapest.",
        r"\min \sum_i c_i x_i + \sum_{ij} c_{ij} f_{ij}, \quad \text{flow is conserved}",
        "Zhang, Li and Nevatia 2008",
        FlowSettings,
        online=False,
    ),
    Tracker(
        "message_passing",
        "Neural message passing",
        "A trained network lets detections and edges tell each other what they know, then says which edges hold.",
        r"\begin{aligned} h_{ij} &\leftarrow \mathcal N_e[h_i, h_j, h_{ij}, h_{ij}^0] \\ "
        r"h_i &\leftarrow \mathcal N_v[\Sigma_{past}, \Sigma_{future}] \end{aligned}",
        "Brasó and Leal-Taixé 2020",
        MessageSettings,
        online=False,
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
