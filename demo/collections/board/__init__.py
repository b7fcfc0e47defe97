"""The component that shows a run over many pictures."""

from pathlib import Path
from typing import Any, TypedDict

from demo.collections import texts
from demo.shared.components.base import Component
from demo.shared.components.job_bar import STYLE, WORDS, job_functions
from demo.shared.jobs import Jobs
from segcore.show.palette import PALETTE

KIND = "collections"  # of the jobs


class PictureShown(TypedDict):
    """A picture in the grid, the part `picture/i` of a job."""

    name: str
    w: int
    h: int
    image: str  # data: URI


class CutOut(TypedDict):
    """A piece of a picture."""

    picture: int
    image: str  # data: URI


class GroupShown(TypedDict):
    """A group; shares are of all patches, likenesses cosines."""

    name: str
    color: str  # "#rrggbb"
    background: bool
    share: float  # in percent
    pictures: int  # in which it is seen
    inside: float  # likeness of two patches of it
    outside: float  # likeness of a patch of it and another one
    gallery: list[CutOut]  # typical patches
    segments: list[CutOut]  # typical segments


class Scatter(TypedDict):
    """Some patches in a plane."""

    xy: str  # export.pack_floats of (m, 2), in [0, 1]
    group: list[int]
    picture: list[int]
    place: str  # export.pack_floats of (m, 2): shares of width and height of the picture
    plane: str  # its name


class BarsShown(TypedDict):
    """Numbers side by side."""

    title: str
    rows: list[tuple[str, float]]


class GraphShown(TypedDict):
    """Parts as nodes, of which groups are made; part p is the label p of the parts `part/i`."""

    images: list[str]  # typical patches; data: URIs
    share: list[float]  # of the patches, in percent
    places: list[list[float]]  # x, y in [0, 1]
    edges: list[list[float]]  # part, part, weight in [0, 1]
    thresholds: list[float]
    groups: list[list[int]]  # per threshold the group of each part
    chosen: int  # which of the thresholds the result was made with
    colors: list[str]  # of groups, "#rrggbb"


class Result(TypedDict):
    """What was found, the part `result` of a job."""

    groups: list[GroupShown]
    scatter: Scatter
    bars: list[BarsShown]
    graph: GraphShown | None
    notes: list[str]  # sentences


class ScoresShown(TypedDict):
    """Against the truth, the part `scores` of a job. A class of the truth is a column."""

    miou: str
    accuracy: str
    beside: str  # sentences on what plainer ways reach
    classes: list[str]
    iou: list[float]
    table: list[list[float]]  # shares of each true class


class CountShown(TypedDict):
    """The part `count` of a job."""

    n: int  # pictures that can be read
    left_out: list[str]  # sentences about the others


class AboutShown(TypedDict):
    """The part `about` of a job."""

    command: str  # that repeats the run
    query: dict[str, str | None]  # of the address; None takes a name away


class Parts(TypedDict, total=False):
    """What a job tells the board, beside `picture/i`, `point/i` (numbers), and URIs: `labels/i`, `part/i` and `colors/i`."""

    about: AboutShown
    count: CountShown
    result: Result
    scores: ScoresShown
    done: bool  # the files can be saved


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
