"""The component that shows runs: up to two, side by side."""

from typing import Any

from demo.learn import texts
from demo.shared.components import JsonHTML, parts
from demo.shared.components.job_bar import SCRIPTS, WORDS, job_functions
from demo.shared.jobs import Jobs
from segcore.palette import SEQUENTIAL

KIND = "learn"  # of the jobs
_SCRIPTS = ("maps", *SCRIPTS, "learn_charts", "learn_masks")


class Board(JsonHTML):
    """Runs with their bars, curves, joint tables, use of clusters and masks; the browser follows the jobs by itself.

    The value is {"run": id} of a run that is to be shown beside the others. The address keeps the ids as `runs`; a page
    opened without it shows the visitor's own newest ones.

    Events: `save` and `open`, when a visitor wants the weights of a run, or the lab with them; `gr.EventData` has `id`.
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
            **parts("learn", *_SCRIPTS, stops=SEQUENTIAL, words=WORDS | texts.BOARD),
            **kwargs,
        )

    def preprocess(self, payload: Any) -> Any:  # noqa: ARG002
        """Nothing: what a browser holds is what it was sent."""
        return None

    def api_info(self) -> dict[str, Any]:
        """Describe the value to API clients."""
        return {"type": {}, "description": "the id of a run"}
