"""What can be tuned about each tracker. Imports no torch, so that a command line is quick."""

from dataclasses import dataclass

from segcore.settings import Schema, again, param


@dataclass(frozen=True, kw_only=True)
class TrackerSettings(Schema):
    """The tunables that all trackers share: what is left out of a result, and what is filled in."""

    # fmt: off
    least: int = param(
        2, stage="track", label="Shortest track", lo=1, hi=50, step=1, unit="detections",
        info="Tracks of fewer detections are left out.")
    fill: int = param(
        0, stage="track", label="Longest gap filled", lo=0, hi=60, step=1, unit="frames",
        info="Gaps of at most so many frames are filled with boxes between the two ends; 0 fills none.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class IoUSettings(TrackerSettings):
    """The tunables of greedy overlap."""

    # fmt: off
    least_iou: float = param(
        0.3, stage="track", label="Least overlap", lo=0.01, hi=0.95, step=0.01, advanced=False,
        info="A box goes on a track whose last box it overlaps at least so much.")
    reach: int = param(
        1, stage="track", label="Frames per edge", lo=1, hi=30, step=1, unit="frames", advanced=False,
        info="A track is taken up again after at most so many frames; 1 allows no gap.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class HungarianSettings(TrackerSettings):
    """The tunables of frame by frame matching."""

    # fmt: off
    threshold: float = param(
        0.7, stage="track", label="Highest cost", lo=0.05, hi=1.0, step=0.01, advanced=False,
        info="Pairs that cost more are not matched.")
    appearance: float = param(
        0.5, stage="track", label="Appearance λ", symbol="λ", lo=0.0, hi=1.0, step=0.01, advanced=False,
        info="Cost = λ (1 − cos) + (1 − λ)(1 − IoU); without appearances λ is 0.")
    reach: int = again(IoUSettings, "reach", 1)
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class SortSettings(TrackerSettings):
    """The tunables of SORT, with the published values."""

    # fmt: off
    least: int = again(TrackerSettings, "least", 1)
    least_iou: float = again(IoUSettings, "least_iou", 0.3)
    max_age: int = param(
        1, stage="track", label="Frames without a box", lo=0, hi=60, step=1, unit="frames", advanced=False,
        info="A track that has none for longer is over.")
    min_hits: int = param(
        3, stage="track", label="Boxes in a row", lo=0, hi=10, step=1, advanced=False,
        info="A track is shown after so many; in the first frames at once.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class ByteSettings(TrackerSettings):
    """The tunables of ByteTrack, with the published values."""

    # fmt: off
    least: int = again(TrackerSettings, "least", 1)
    high: float = param(
        0.6, stage="track", label="High scores above", lo=0.0, hi=1.0, step=0.01, advanced=False,
        info="Boxes of higher score are matched first.")
    low: float = param(
        0.1, stage="track", label="Low scores above", lo=0.0, hi=1.0, step=0.01,
        info="Boxes of lower score count for nothing.")
    begin: float = param(
        0.7, stage="track", label="New tracks from", lo=0.0, hi=1.0, step=0.01,
        info="A box that nobody claims begins a track if its score is at least this.")
    first_cost: float = param(
        0.9, stage="track", label="Highest cost, first pass", lo=0.05, hi=1.0, step=0.01,
        info="Of 1 − IoU · score.")
    second_cost: float = param(
        0.5, stage="track", label="Highest cost, second pass", lo=0.05, hi=1.0, step=0.01,
        info="Of 1 − IoU, for boxes of low score.")
    fresh_cost: float = param(
        0.7, stage="track", label="Highest cost, new tracks", lo=0.05, hi=1.0, step=0.01,
        info="Of 1 − IoU · score, for tracks of one box so far.")
    buffer: int = param(
        30, stage="track", label="Frames a lost track is kept", lo=0, hi=120, step=1, unit="frames", advanced=False,
        info="A track that has no box for longer is over.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class GraphSettings(TrackerSettings):
    """The tunables of trackers that look at all frames at once."""

    # fmt: off
    reach: int = param(
        4, stage="track", label="Frames per edge", lo=1, hi=12, step=1, unit="frames", advanced=False,
        info="How many frames an edge may span.")
    neighbors: int = param(
        8, stage="track", label="Neighbors", lo=1, hi=32, step=1,
        info="How many edges a detection has to one later frame.")
    appearance: float = param(
        0.5, stage="track", label="Appearance λ", symbol="λ", lo=0.0, hi=1.0, step=0.01, advanced=False,
        info="How much appearance counts against motion; without appearances λ is 0.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class FlowSettings(GraphSettings):
    """The tunables of min-cost flow."""

    # fmt: off
    enter: float = param(
        4.0, stage="track", label="Cost of a new track", lo=0.0, hi=20.0, step=0.1, advanced=False,
        info="−ln of the probability that a track begins at a detection; the same for its end.")
    gap: float = param(
        1.0, stage="track", label="Cost of a missed frame", lo=0.0, hi=10.0, step=0.1,
        info="−ln of the probability that a detector misses what is there; an edge over more frames pays it more often.")
    sure: float = param(
        1.0, stage="track", label="Weight of the scores", lo=0.0, hi=5.0, step=0.1,
        info="A detection of score p costs this times ln((1 − p) / p).")
    link: float = param(
        1.0, stage="track", label="Weight of the edges", lo=0.1, hi=10.0, step=0.1,
        info="Factor on the costs of edges.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class MessageSettings(GraphSettings):
    """The tunables of neural message passing."""

    # fmt: off
    appearance: float = again(
        GraphSettings, "appearance", 0.5,
        info="How much appearance counts when neighbors are chosen; the network weighs it by itself.")
    steps: int = param(
        12, stage="track", label="Message steps", symbol="L", lo=1, hi=24, step=1, advanced=False,
        info="How often messages are passed; the network was trained with 12.")
    threshold: float = param(
        0.5, stage="track", label="Threshold", lo=0.01, hi=0.99, step=0.01, advanced=False,
        info="Edges with a lower ŷ are dropped; rounding makes paths of the others.")
    rounding: str = param(
        "exact", stage="track", label="Rounding", choices=("threshold", "greedy", "exact"), advanced=False,
        info="exact: a linear program; greedy: the best edge first; threshold: none, and where that forks "
             "the earliest edge counts.")
    weights: str = param(
        "", stage="track", label="Weights",
        info="A file of weights of your own training; those that come along if empty.")
    # fmt: on
