"""Lanes: per true identity, which track covers it when, where that changes, and where nothing does."""

from typing import Any

import numpy as np

from demo.tracking import texts
from segcore.metrics.tracking import TrackingEvents
from segcore.types import Boxes

OUTSIDE, MISSED = -2, -1  # of a frame in a lane


def lanes_shown(events: TrackingEvents, truth: Boxes, n_frames: int) -> dict[str, Any]:
    """What the browser draws: for each true identity its tracks by frame, and the frames of switches and fragmentations.

    Tracks count from 0 here; beside them stand MISSED and OUTSIDE.
    """
    lanes = []
    for identity in np.unique(truth.identity):
        tracks = np.full(n_frames, OUTSIDE)
        own = truth.identity == identity
        tracks[truth.frame[own]] = np.where(events.partner[own] > 0, events.partner[own] - 1, MISSED)
        switches, breaks = events.switches, events.fragmentations
        lanes.append(
            {
                "name": texts.LANE.format(k=int(identity)),
                "tracks": tracks.tolist(),
                "switches": switches[switches[:, 1] == identity, 0].tolist(),
                "breaks": breaks[breaks[:, 1] == identity, 0].tolist(),
            }
        )
    return {"lanes": lanes, "told": texts.LANES_TOLD}
