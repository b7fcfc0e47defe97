"""The component that shows runs: up to two, side by side."""

from pathlib import Path
from typing import Any

from demo.learn import texts
from demo.shared.components.base import Component
from demo.shared.components.job_bar import STYLE, WORDS, job_functions
from demo.shared.jobs import Jobs
from segcore.palette import PALETTE, SEQUENTIAL

KIND = "learn"  # of the jobs
_INKS = [PALETTE.hex(7)[i] for i in (0, 4, 5, 6, 1, 2)]  # of curves, those farthest apart first


class Board(Component):
    """Runs with their bars, curves, joint tables, use of clusters and masks; the browser follows the jobs by itself.

    The value is {"run": id} of a run that is to be shown beside the others. The address keeps the ids as `runs`; a page
    opened without it shows the visitor's own newest ones.

    Events: `save` and `open`, when a visitor wants the weights of a run, or the lab with them; `gr.EventData` has `id`.
    """

    files = Path(__file__).parent
    styles = (STYLE,)
    happens = ("save", "open")
    about = "the id of a run"

    def __init__(self, jobs: Jobs, *, elem_id: str | None = None, **kwargs: Any):
        """Make the component.

        Args:
            jobs: of the server.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        fixed = {"stops": SEQUENTIAL, "inks": _INKS, "words": WORDS | texts.BOARD}
        super().__init__(None, fixed=fixed, elem_id=elem_id, server_functions=job_functions(jobs, KIND), **kwargs)

    def preprocess(self, payload: Any) -> Any:  # noqa: ARG002
        """Nothing: what a browser holds is what it was sent."""
        return None
