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
