"""What trackers share that go from frame to frame and match the last box of each track with the boxes of the next one."""

from collections.abc import Callable

import numpy as np

from segcore.runtime.stopping import stop_if_asked
from segcore.track.detections import Bools, Detections, Floats, Ints
from segcore.track.finish import tracks_of
from segcore.track.settings import TrackerSettings
from segcore.track.state import FRAME, TrackState, TrackSteps

# costs (k, m) of tracks and boxes, and which pairs may be → (p, 2) pairs of rows and columns
Choose = Callable[[Floats, Bools], Ints]
# numbers of the last detections (k,) of tracks, and of a frame's detections (m,) → costs (k, m) in [0, 1]
Cost = Callable[[Ints, Ints], Floats]


def matched_steps(
    detections: Detections,
    settings: TrackerSettings,
    *,
    tracker: str,
    cost: Cost,
    highest: float,
    reach: int,
    choose: Choose,
) -> TrackSteps:
    """Go from frame to frame; yields a state after each, whose edges are the pairs that were allowed.

    Args:
        detections: of all frames.
        settings: `least` and `fill` count.
        tracker: key in TRACKERS.
        cost: of pairs.
        highest: cost at which a pair is still allowed.
        reach: a track whose last detection is older than so many frames is over.
        choose: which of the allowed pairs belong together, each row and column at most once.
    """
    ids, last, born = np.zeros(len(detections), np.int64), np.zeros(0, np.int64), 0
    for frame in range(detections.n_frames):
        stop_if_asked()
        last = last[frame - detections.frame[last] <= reach]
        boxes = detections.of_frame(frame)
        costs = cost(last, boxes)
        allowed = costs <= highest
        pairs = choose(costs, allowed)
        ids[boxes[pairs[:, 1]]] = ids[last[pairs[:, 0]]]
        fresh = boxes[ids[boxes] == 0]
        ids[fresh] = born + 1 + np.arange(len(fresh))
        born += len(fresh)
        rows, columns = np.nonzero(allowed)
        chosen = np.zeros(costs.shape, bool)
        chosen[pairs[:, 0], pairs[:, 1]] = True
        yield TrackState(
            name=f"frame-{frame}",
            stage=FRAME,
            ids=ids.copy(),
            edges=np.stack([last[rows], boxes[columns]], 1),
            weight=1 - costs[rows, columns],
            kept=chosen[rows, columns],
            frame=frame,
        )
        last = np.concatenate([np.delete(last, pairs[:, 0]), boxes])
    return tracks_of(detections, ids, settings, tracker=tracker)
