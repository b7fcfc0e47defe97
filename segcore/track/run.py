"""One way to run any tracker."""

from collections.abc import Callable
from typing import Any

import numpy as np

from segcore.runtime.stopping import Stopped, never, stoppable
from segcore.track.catalog import tracker_of
from segcore.track.detections import Detections, Tracks
from segcore.track.finish import tracks_of
from segcore.track.state import TrackState


def track(
    detections: Detections,
    tracker: str = "hungarian",
    *,
    on_state: Callable[[TrackState], object] | None = None,
    check: Callable[[], None] = never,
    **settings: Any,
) -> Tracks:
    """Give each detection the number of its track.

    Args:
        detections: of all frames.
        tracker: key in TRACKERS.
        on_state: called with each state.
        check: asked now and then; where it raises `Stopped`, the result is what the tracker has by then.
        settings: those of the tracker, by name.

    Returns:
        Tracks.

    Raises:
        InputError: there is no such tracker, or a setting breaks its rule.
    """
    chosen = tracker_of(tracker)
    steps, ids = chosen.run(detections, **settings), np.zeros(len(detections), np.int64)
    try:
        with stoppable(check):
            while True:
                state = next(steps)
                ids = state.ids
                if on_state is not None:
                    on_state(state)
    except StopIteration as done:
        tracks: Tracks = done.value
        return tracks
    except Stopped:
        found = tracks_of(detections, ids, chosen.settings.from_values(settings), tracker=tracker)
        return Tracks(found.ids, found.boxes, tracker, (("stopped", "yes"),))
    finally:
        steps.close()
