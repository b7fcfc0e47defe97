"""What a tracker shows of itself at each step: one kind of state for all of them, so that one page plays them all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segcore.runtime.steps import Steps
from segcore.track.detections import Bools, Floats, Ints, Tracks

# The stages of a tracker, in their order; those that look at all frames at once have all of them, others only FRAME.
INPUT, GRAPH, MESSAGES, EDGES, ROUNDED, FRAME, OUTPUT = (
    "input", "graph", "messages", "edges", "rounded", "frame", "output",
)  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class TrackState:
    """Where a tracker is."""

    name: str  # of this state, once in a run, such as "frame-12" or "messages-3"
    stage: str  # one of the above
    ids: Ints  # (n,) the track of each detection as far as it is known, 0 where not yet
    edges: Ints  # (e, 2) detections i, j that may belong together; frame of i < frame of j
    weight: Floats  # (e,) in [0, 1]: how likely the tracker finds the edge, such as IoU, 1 − cost or ŷ
    kept: Bools  # (e,) edges that are chosen as far as it is known
    frame: int = -1  # the last frame that was looked at; −1 where all are
    step: int = 0  # of the message passing, from 1
    violated: Ints | None = None  # detections with more than one kept edge into the past, or into the future
    messages: NDArray[np.float32] | None = None  # (e, 2) length of the message along an edge: to its earlier end, later end
    predicted: Floats | None = None  # (k, 4) where tracks are expected in this frame, for trackers that predict
    predicted_ids: Ints | None = None  # (k,) their tracks


TrackSteps = Steps[TrackState, Tracks]


def no_edges() -> tuple[Ints, Floats, Bools]:
    """Of a state in which there are none."""
    return np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0, bool)


def violated(edges: Ints, kept: Bools, n: int) -> Ints:
    """The detections with more than one kept edge to earlier frames, or more than one to later ones.

    Args:
        edges: (e, 2), as of `TrackState`.
        kept: (e,).
        n: number of detections.
    """
    out, into = (np.bincount(edges[kept, side], minlength=n) for side in (0, 1))
    return np.flatnonzero((out > 1) | (into > 1))
