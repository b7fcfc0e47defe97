"""What can be tuned about detection, about each tracker, and about training.

It imports no torch, so that a command line is quick.
"""

from dataclasses import dataclass

from segcore.settings import Schema, again, param, params

METHODS = {"maskcut": "maskcut", "tokencut": "tokencut", "attention": "dino_seg"}  # detector → method


@dataclass(frozen=True, kw_only=True)
class TrackerSettings(Schema):
    """The tunables that all trackers share: what is left out of a result, and what is filled in."""

    # fmt: off
    least: int = param(
        2, stage="track", label="Shortest track", lo=1, hi=50, step=1, unit="detections",
        info="Tracks of fewer detections are left out.")
    evidence: float = param(
        0.0, stage="track", label="Least evidence", lo=0.0, hi=50.0, step=0.5,
        info="Tracks whose scores p sum up to less, Σ ln(p / (1 − p)), are left out; 0 asks for nothing.")
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
    evidence: float = again(TrackerSettings, "evidence", 8.0)
    reach: int = again(GraphSettings, "reach", 8)
    neighbors: int = again(GraphSettings, "neighbors", 4)
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


@dataclass(frozen=True, kw_only=True)
class MessageTrainingSettings(Schema):
    """The tunables of the training."""

    # fmt: off
    scenes: int = param(
        64, stage="train", label="Scenes", lo=1, hi=5000, step=1,
        info="How many drawn scenes it learns from, again and again.")
    batch: int = param(
        2, stage="train", label="Scenes per step", lo=1, hi=16, step=1,
        info="How many of them a step looks at.")
    learning_rate: float = param(
        1e-2, stage="train", label="Learning rate", lo=1e-6, hi=1.0, step=1e-6, log_scale=True,
        info="Of Adam at the beginning; it falls to 0 along a cosine.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class DetectSettings(Schema):
    """The tunables of detection."""

    # fmt: off
    detector: str = param(
        "motion", stage="detect", label="Detections by", choices=("motion", *METHODS), advanced=False,
        info="motion: what moves before a fixed camera; the others: what a method takes for objects, frame by frame.")
    least_area: float = param(
        0.002, stage="detect", label="Smallest object", lo=0.0, hi=0.5, step=0.001,
        info="Share of the frame below which an object is left out.")
    backbone: str = param(
        "dino_tiny", stage="detect", label="Backbone", weight_files=True, choices=params()["backbone"].choices,
        info="Whose features the methods cut, and whose mean within a mask is the appearance.")
    appearance: bool = param(
        True, stage="detect", label="Appearance",
        info="Without it a tracker sees boxes only, and motion is found some ten times as fast.")
    side: int = param(
        240, stage="detect", label="Longer side for features", lo=64, hi=1024, step=16, unit="px",
        info="Frames are scaled to it before the features are computed; twice as much costs eight times as long.")
    n_objects: int = param(
        3, stage="detect", label="Objects", lo=1, hi=10, step=1,
        info="How often MaskCut looks for an object in a frame.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class PropagateSettings(Schema):
    """The tunables of masks that follow, with the values published for DINO."""

    # fmt: off
    last: int = param(
        7, stage="propagate", label="Frames behind", lo=1, hi=20, step=1, unit="frames",
        info="From how many of the last frames labels come, beside the first one.")
    radius: float = param(
        12.0, stage="propagate", label="Radius", lo=1.0, hi=60.0, step=1.0, unit="patches",
        info="How far a thing may have moved since any of them.")
    nearest: int = param(
        5, stage="propagate", label="Nearest patches k", symbol="k", lo=1, hi=50, step=1,
        info="How many of the most similar patches say what a patch is.")
    temperature: float = param(
        0.1, stage="propagate", label="Temperature τ", symbol="τ", lo=0.01, hi=1.0, step=0.01,
        info="Low: the nearest one says it alone; high: all k alike.")
    backbone: str = again(DetectSettings, "backbone", "dino_tiny", info="Whose features are compared.")
    facet: str = param(
        "token", stage="propagate", label="Facet", choices=("key", "query", "value", "token"),
        info="Which vectors of the last block; tokens are what was published.")
    side: int = again(
        DetectSettings, "side", 480, info="Frames are scaled to it before features are computed; more keeps thin things.")
    # fmt: on
