"""The bar of a long job: stage, count, time left, Stop and Go on, and how a browser follows it."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from demo.shared import texts
from demo.shared.components.base import Component
from demo.shared.components.scripts import DEMO
from demo.shared.jobs import Jobs
from segcore.errors import InputError

T = TypeVar("T")

# The first input of an event that starts a job: the secret of the visitor's browser.
_VISITOR = (DEMO / "shared" / "js" / "visitor.js").read_text(encoding="utf-8").replace("export ", "")
JS_VISITOR = f"(_visitor, ...values) => {{ {_VISITOR} return [visitor(), ...values]; }}"

# A link with start=1 starts its run by itself, once the controls stand as the link says. The board takes the name out of the
# address when the run is there, so that the page opened anew shows the run and starts no other.
JS_START = """() => {
    const asked = new URLSearchParams(location.search);
    if (asked.get("start") === "1" && !asked.has("runs") && !asked.has("job"))
        setTimeout(() => document.querySelector("button[id$='-start']").click(), 100);
}"""

STYLE = Path(__file__).parent / "jobs.css"  # of whatever follows a job

WORDS = {
    "stop": texts.STOP,
    "go_on": texts.GO_ON,
    "progress": texts.JOB_PROGRESS,
    "unreachable": texts.SERVER_GONE,
    **texts.JOB_STATES,
}


def job_functions(jobs: Jobs, kind: str) -> list[Callable[[Any], Any]]:
    """What demo/shared/js/jobs.js asks the server, as `server_functions` of a component.

    Args:
        jobs: of the server.
        kind: of the jobs that this page starts.

    Returns:
        `look`, `stop`, `go_on` and `own`. They take what a browser sends, which may be anything, and never raise.
    """

    def look(asked: Any) -> dict[str, Any]:
        since = _of(asked, "since", 0)
        return asdict(jobs.look(_of(asked, "id", ""), since=max(since, 0), owner=_of(asked, "visitor", "")))

    def stop(asked: Any) -> str:
        jobs.stop(_of(asked, "id", ""), owner=_of(asked, "visitor", ""))
        return ""

    def go_on(asked: Any) -> str:
        try:
            jobs.go_on(_of(asked, "id", ""), owner=_of(asked, "visitor", ""))
        except InputError as error:
            return str(error)
        return ""

    def own(asked: Any) -> list[str]:
        return list(jobs.of(_of(asked, "visitor", ""), kind))

    return [look, stop, go_on, own]


def _of(asked: Any, name: str, default: T) -> T:
    value = asked.get(name) if isinstance(asked, dict) else None
    return value if isinstance(value, type(default)) else default


class JobBar(Component):
    """The bar of one job. Its value is the id of the job, or None; the browser keeps it in the address.

    A page that is opened anew follows the job of its address, or else the newest one of the visitor.

    Events: `news`, when the job has something new. Its `gr.EventData` has `id`, `state` and `version`. Scripts of the page
    hear of it by the event `segcore-job` of the document, whose `detail` is a `Look`.
    """

    files = Path(__file__).parent
    styles = (STYLE,)
    happens = ("news",)
    about = "the id of a job"

    def __init__(self, jobs: Jobs, kind: str, *, name: str = "job", elem_id: str | None = None, **kwargs: Any):
        """Make the component.

        Args:
            jobs: of the server.
            kind: of the jobs that this page starts.
            name: what the address calls the job.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        fixed = {"words": WORDS, "name": name}
        super().__init__(None, fixed=fixed, elem_id=elem_id, server_functions=job_functions(jobs, kind), **kwargs)

    def preprocess(self, payload: Any) -> Any:
        """The id of the job on view, or None."""
        return payload if isinstance(payload, str) else None
