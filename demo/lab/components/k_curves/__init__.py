"""Curves over the number of segments K, whose points can be chosen."""

from typing import Any, TypedDict

from demo.shared.components import JsonHTML, parts


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


class KCurves(JsonHTML):
    """A chart for each criterion, the K it chooses marked.

    Events: `choose`, when a user takes a K. Its `gr.EventData` has `k`.
    """

    def __init__(
        self,
        value: KCurvesValue | None = None,
        *,
        empty: str = "What the data say about K appears here.",
        elem_id: str | None = None,
        **kwargs: Any,
    ):
        """Make the component.

        Args:
            value: what is shown, or None.
            empty: what is said while there is nothing to show.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        self.empty = empty
        super().__init__(value, elem_id=elem_id, apply_default_css=False, **parts("k_curves", empty=empty), **kwargs)

    def api_info(self) -> dict[str, Any]:
        """Describe the value to API clients."""
        return {"type": {}, "description": "candidates K and their scores for each criterion"}
