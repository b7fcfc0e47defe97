"""A slider for weights: 0, and then decades."""

from pathlib import Path
from typing import Any

from demo.shared.components.base import Component


class LogSlider(Component):
    """A slider whose value is the real number: 0 at the far left, then logarithmic from `lo` to `hi`.

    Events: `change` on every change, also from Python; `input` on every change by the user; `release` when the user has
    settled: pointer up, key up, number entered, reset.
    """

    files = Path(__file__).parent

    def __init__(
        self,
        value: float = 0.0,
        *,
        lo: float = 0.1,
        hi: float = 100.0,
        label: str | None = None,
        info: str | None = None,
        elem_id: str | None = None,
        **kwargs: Any,
    ):
        """Make the component.

        Args:
            value: at the start.
            lo: smallest value beside 0.
            hi: largest value.
            label: above the slider.
            info: below the label.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        self.lo, self.hi = lo, hi
        kwargs = {"container": True, "padding": False} | kwargs  # gr.HTML pads what is inside the container in any case
        fixed = {"lo": lo, "hi": hi, "start": value, "label": label or "Slider", "info": info or ""}
        super().__init__(value, fixed=fixed, label=label, elem_id=elem_id, **kwargs)

    def preprocess(self, payload: Any) -> Any:
        """Make a float of the payload; what cannot become one goes on as it is, for the settings to judge."""
        if isinstance(payload, bool):
            return payload
        try:
            return float(payload)
        except (TypeError, ValueError, OverflowError):
            return payload

    def postprocess(self, value: Any) -> Any:
        """Send the number."""
        return None if value is None else float(value)

    def api_info(self) -> dict[str, Any]:
        """Describe the value to API clients."""
        return {"type": "number", "description": f"0, or from {self.lo:g} to {self.hi:g}"}

    def example_payload(self) -> float:
        """A value in the range."""
        return self.hi

    def example_value(self) -> float:
        """A value in the range."""
        return self.hi
