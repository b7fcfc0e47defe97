"""Curves over the number of segments K, whose points can be chosen."""

from pathlib import Path
from typing import TypedDict

from demo.shared.components.base import Component


class KCurve(TypedDict):
    """What one criterion says of each K."""

    key: str
    title: str
    formula: str
    question: str  # that it answers
    candidates: list[int]  # K; empty while it is not computed
    scores: list[float]  # larger is better
    k: int | None  # the best
    note: str  # below the curve, or in its place
    in_use: bool  # it is the one that the method would ask


class KCurvesValue(TypedDict):
    """What `KCurves` shows."""

    curves: list[KCurve]
    k: int | None  # in use now
    verdict: str  # whether they agree
    aside: str | None  # what else there is to know


class KCurves(Component):
    """A chart for each criterion, the K it chooses marked.

    Events: `choose`, when a user takes a K. Its `gr.EventData` has `k`.
    """

    files = Path(__file__).parent
    happens = ("choose",)
    about = "candidates K and their scores for each criterion"
    empty = "What the data say about K appears here."
