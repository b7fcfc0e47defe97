"""The component that plays a sequence."""

from typing import Any

import gradio as gr

from demo.shared.components import parts, with_urls
from segcore.palette import DIVERGING, SEQUENTIAL

_SCRIPTS = (
    "maps", "steps_arrays", "steps_map", "steps_scatter", "steps_matrix", "steps_curve", "steps_tree", "steps_formula",
    "steps_questions",
)  # fmt: skip


class Player(gr.HTML):
    """Plays what `sequence.assemble` makes, in the browser alone.

    Events: `points`, when a visitor has added or removed a point of their own. Its `gr.EventData` has `points`, a text that
    `data.unpacked_points` reads, and which it must judge.
    """

    def __init__(self, value: dict[str, Any] | None = None, *, empty: str = "", elem_id: str | None = None, **kwargs: Any):
        """Make the component.

        Args:
            value: a sequence, or None.
            empty: what is said while there is none.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        self.empty = empty
        super().__init__(
            value,
            elem_id=elem_id,
            apply_default_css=False,
            **parts(
                "steps", *_SCRIPTS, stops=DIVERGING, ramps={"sequential": SEQUENTIAL, "diverging": DIVERGING}, empty=empty
            ),
            **kwargs,
        )

    def postprocess(self, value: Any) -> Any:
        """Turn the path of the picture into what Gradio serves."""
        return with_urls(value, "picture")

    def api_info(self) -> dict[str, Any]:
        """Describe the value to API clients."""
        return {"type": {}, "description": "all steps of a run, with packed arrays"}

    def example_payload(self) -> None:
        """No steps."""

    def example_value(self) -> None:
        """No steps."""
