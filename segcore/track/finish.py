"""From numbers of detections to a result: short tracks are left out, gaps are filled."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from segcore.track.detections import Detections, Floats, Ints, Tracks, boxes_of, renumbered
from segcore.track.settings import TrackerSettings
from segcore.types import Boxes

_SURE = 0.01  # scores are kept so far from 0 and 1


def tracks_of(
    detections: Detections,
    ids: Ints,
    settings: TrackerSettings,
    *,
    tracker: str = "",
    facts: Iterable[tuple[str, float | int | str]] = (),
    boxes: Boxes | None = None,
) -> Tracks:
    """Make a result.

    Args:
        detections: that were tracked.
        ids: (n,) a number per detection, 0 for none; in one frame each at most once.
        settings: `least`, `evidence` and `fill` count.
        tracker: key in TRACKERS.
        facts: what the tracker measured.
        boxes: the boxes of the result, where they are others than those of the detections.
    """
    boxes = boxes_of(detections, ids) if boxes is None else boxes
    found, counts = np.unique(boxes.identity, return_counts=True)
    odds = np.bincount(ids, weights=-score_costs(detections.score), minlength=int(found.max(initial=0)) + 1)
    sure = (odds[found] >= settings.evidence) | (settings.evidence == 0)
    good = found[(counts >= settings.least) & sure]
    ids = np.where(np.isin(ids, good), ids, 0)
    on = np.isin(boxes.identity, good)
    boxes = Boxes(boxes.frame[on], boxes.identity[on], boxes.box[on])
    return Tracks(ids, filled(boxes, settings.fill), tracker, tuple(facts))


def score_costs(score: Floats) -> Floats:
    """(n,) ln((1 − p) / p), for scores p in [0, 1]."""
    p = score.clip(_SURE, 1 - _SURE)
    costs: Floats = np.log((1 - p) / p)
    return costs


def filled(boxes: Boxes, longest: int) -> Boxes:
    """Fill gaps of at most `longest` frames within each identity, along a straight line between their ends."""
    if longest == 0 or len(boxes) == 0:
        return boxes
    frames, ids, rows = [boxes.frame], [boxes.identity], [boxes.box]
    for identity in np.unique(boxes.identity):
        own = np.flatnonzero(boxes.identity == identity)
        for a, b in pairwise(own):
            gap = int(boxes.frame[b] - boxes.frame[a] - 1)
            if 0 < gap <= longest:
                share = (np.arange(1, gap + 1) / (gap + 1))[:, None]
                frames.append(boxes.frame[a] + np.arange(1, gap + 1))
                ids.append(np.full(gap, identity))
                rows.append((1 - share) * boxes.box[a] + share * boxes.box[b])
    return Boxes.sorted(np.concatenate(frames), np.concatenate(ids), np.concatenate(rows))


def numbers(n: int, edges: Ints) -> Ints:
    """(n,) ids from 1 along paths: detections that edges join have one number, in the order in which they appear."""
    parent = np.arange(n)
    for i, j in edges[np.argsort(edges[:, 1], kind="stable")]:
        parent[j] = parent[i]  # i is earlier, so its own number is final
    return renumbered(parent + 1)
