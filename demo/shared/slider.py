"""The slider of a setting."""

from typing import Any

import gradio as gr


class Slider(gr.Slider):
    """`gr.Slider` that hands on what its box holds.

    Gradio would refuse the 1 on the way to a 12 with an error. What counts instead is said by `controls.settings_of`, and an
    HTTP client hears from `Settings` what the rule is.
    """

    is_template = True  # the browser shows it as the `gr.Slider` it is

    def get_config(self, cls: type | None = None) -> dict[str, Any]:
        """What the browser is told: all that it is told of a `gr.Slider`."""
        return super().get_config(cls or gr.Slider)

    def preprocess(self, payload: float | None) -> Any:
        """The number in the box, which may be out of range, or None while it is empty."""
        return payload
