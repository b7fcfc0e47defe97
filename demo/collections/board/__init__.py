"""The component that shows a run over many pictures."""

from typing import Any

from demo.collections import texts
from demo.shared.components import JsonHTML, parts
from demo.shared.components.job_bar import SCRIPTS, WORDS, job_functions
from demo.shared.jobs import Jobs

KIND = "collections"  # of the jobs


class Board(JsonHTML):
    """The bar of a run, and what it found so far; the browser follows the job by itself.

    The value is the id of the job. The address keeps it as `job`; a page opened without it shows the visitor's newest one.

    Events: `save`, when a visitor wants the files. Its `gr.EventData` has `id` and `names`.
    """

    def __init__(self, jobs: Jobs, *, elem_id: str | None = None, **kwargs: Any):
        """Make the component.

        Args:
            jobs: of the server.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        super().__init__(
            None,
            elem_id=elem_id,
            apply_default_css=False,
            server_functions=job_functions(jobs, KIND),
            **parts("collections", *SCRIPTS, words=WORDS | texts.BOARD),
            **kwargs,
        )

    def preprocess(self, payload: Any) -> Any:  # noqa: ARG002
        """Nothing: what a browser holds is what it was sent."""
        return None

    def api_info(self) -> dict[str, Any]:
        """Describe the value to API clients."""
        return {"type": {}, "description": "the id of a run"}
