"""The component that shows runs: up to two, side by side."""

from pathlib import Path
from typing import Any, TypedDict

from demo.learn import texts
from demo.shared.components.base import Component
from demo.shared.components.job_bar import STYLE, WORDS, job_functions
from demo.shared.jobs import Jobs
from segcore.show.palette import PALETTE, SEQUENTIAL

KIND = "learn"  # of the jobs
_INKS = [PALETTE.hex(7)[i] for i in (0, 4, 5, 6, 1, 2)]  # of curves, those farthest apart first


class About(TypedDict):
    """What a run is, the part `about` of a job."""

    title: str
    details: tuple[str, ...]
    query: dict[str, str | None]  # of the address; None takes a name away
    k: int  # clusters
    known: bool  # clusters are classes, and P is their confusion table
    palette: tuple[str, ...]  # "#rrggbb" per cluster
    command: str  # that repeats the run
    words: dict[str, str]  # of the scores, where they are not those of pixels
    marks: list[tuple[str, str]]  # name and color of what the masks show, where that is not the clusters


class PicturesShown(TypedDict):
    """What a run looks at, the part `pictures` of a job; labels are data: URIs of gray PNGs, 0 where there is no class."""

    n: int  # in all
    scored: int  # that scores are of; 0 without a truth
    names: tuple[str, ...]  # of those that are shown
    sizes: list[tuple[int, int]]  # width and height
    images: list[str]  # data: URIs
    truth: list[str]  # of labels + 1, or none
    classes: tuple[str, ...]
    left_out: tuple[str, ...]  # sentences about files that could not be read


class Point(TypedDict):
    """Means over the steps since the last one, the part `point/step` of a job."""

    step: int
    loss: float
    parts: dict[str, float]  # of the loss, by name
    accuracy: float | None  # where it was measured


class Table(TypedDict):
    """The joint table and the use of the clusters, the part `table` of a job."""

    P: str | None  # export.pack_floats of (k, k)
    diagonal: float | None  # its trace
    use: list[float]  # shares of the clusters
    watch: str  # what to look at


class Masks(TypedDict):
    """Labels of the pictures that are shown, the part `masks` of a job."""

    images: list[str]  # data: URIs of gray PNGs
    accuracy: float | None
    miou: float | None
    names: tuple[str, ...] | None  # of the clusters, by the classes of the truth
    class_of: tuple[int, ...] | None  # class that each cluster stands for, or −1


class Parts(TypedDict, total=False):
    """What a job tells the board, beside `point/step`."""

    about: About
    pictures: PicturesShown
    baselines: dict[str, float]  # accuracy of what learned nothing, by name
    baseline_mious: dict[str, float]
    table: Table
    masks: Masks


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
