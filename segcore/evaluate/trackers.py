"""Trackers side by side: on drawn scenes, means over fresh ones with intervals; or on a sequence with its truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t as student

from segcore.checks import check_range
from segcore.metrics.tracking import check_one_sequence, tracking_scores
from segcore.runtime.steps import Progress, Steps
from segcore.track.catalog import TRACKERS
from segcore.track.detections import Detections
from segcore.track.run import track
from segcore.track.scenes import make_scene
from segcore.types import Boxes

FIRST_SEED = 100_000  # of fresh scenes, which no training has seen
LEVEL = 0.95  # of the intervals


@dataclass(frozen=True, slots=True)
class Mean:
    """Of a score over scenes."""

    value: float
    half: float  # half the width of its interval of 95 % (Student's t); 0 for one scene


@dataclass(frozen=True, slots=True)
class TrackerReport:
    """A tracker on all scenes."""

    name: str
    scores: Mapping[str, Mean]  # by the names of `tracking_scores`


def compare_trackers(
    scene: str,
    trackers: Mapping[str, tuple[str, Mapping[str, Any]]] | None = None,
    *,
    n: int = 20,
    first_seed: int = FIRST_SEED,
    changes: Mapping[str, Any] | None = None,
) -> Steps[Progress, Sequence[TrackerReport]]:
    """Run trackers on the same scenes.

    Args:
        scene: key in SCENES.
        trackers: what to call a row → key in TRACKERS, and settings; all with their defaults if None.
        n: scenes.
        first_seed: seed of the first one; the others follow.
        changes: settings of the scene.

    Yields:
        `Progress` after each scene.

    Returns:
        A report per tracker.

    Raises:
        InputError: there is no such scene or tracker, or a setting breaks its rule.
    """
    check_range("n", n, lo=1)
    rows = trackers or {name: (name, {}) for name in TRACKERS}
    found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in rows}
    for k in range(n):
        drawn = make_scene(scene, first_seed + k, **(changes or {}))
        for name, (tracker, settings) in rows.items():
            found[name].append(tracking_scores(drawn.truth, track(drawn.detections, tracker, **settings).boxes))
        yield Progress("scenes", k + 1, n, unit="scenes")
    return [TrackerReport(name, {key: _mean([s[key] for s in one]) for key in one[0]}) for name, one in found.items()]


def score_trackers(
    detections: Detections, truth: Boxes, trackers: Sequence[str] = tuple(TRACKERS)
) -> Steps[Progress, Sequence[TrackerReport]]:
    """Run trackers with their defaults on the same sequence.

    Args:
        detections: of the sequence.
        truth: its boxes with true identities.
        trackers: keys in TRACKERS.

    Yields:
        `Progress` after each tracker.

    Returns:
        A report per tracker, whose intervals are 0 wide.

    Raises:
        InputError: there is no such tracker, or the truth is of another sequence.
    """
    found = []
    for k, name in enumerate(trackers):
        result = track(detections, name).boxes
        check_one_sequence(truth, result)
        scores: Mapping[str, Any] = tracking_scores(truth, result)
        found.append(TrackerReport(name, {key: _mean([value]) for key, value in scores.items()}))
        yield Progress("trackers", k + 1, len(trackers), unit="trackers")
    return found


def _mean(values: Sequence[float]) -> Mean:
    x = np.asarray(values, np.float64)
    if len(x) == 1:
        return Mean(float(x[0]), 0.0)
    return Mean(float(x.mean()), float(student.ppf((1 + LEVEL) / 2, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x))))
