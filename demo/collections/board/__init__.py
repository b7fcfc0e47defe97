"""The component that shows a run over many pictures."""

from pathlib import Path
from typing import Any

from demo.collections import texts
from demo.shared.components.base import Component
from demo.shared.components.job_bar import STYLE, WORDS, job_functions
from demo.shared.jobs import Jobs
from segcore.palette import PALETTE

KIND = "collections"  # of the jobs


class Board(Component):
    """The bar of a run, and what it found so far; the browser follows the job by itself.

    The value is the id of the job. The address keeps it as `job`; a page opened without it shows the visitor's newest one.

    Events: `save`, when a visitor wants the files. Its `gr.EventData` has `id` and `names`.
    """

    files = Path(__file__).parent
    styles = (STYLE,)
    happens = ("save",)
    about = "the id of a run"

    def __init__(self, jobs: Jobs, *, elem_id: str | None = None, **kwargs: Any):
        """Make the component.

        Args:
            jobs: of the server.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        fixed = {"palette": PALETTE.hex(7), "words": WORDS | texts.BOARD}
        super().__init__(None, fixed=fixed, elem_id=elem_id, server_functions=job_functions(jobs, KIND), **kwargs)

    def preprocess(self, payload: Any) -> Any:  # noqa: ARG002
        """Nothing: what a browser holds is what it was sent."""
        return None
