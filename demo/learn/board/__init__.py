"""The component that shows runs: up to two, side by side."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

from demo.learn import texts
from demo.shared.components.base import Component
from demo.shared.components.job_bar import STYLE, WORDS, job_functions
from demo.shared.jobs import Jobs
from demo.shared.texts import FILM_FORMATS
from segcore.learn.ablations import ABLATIONS
from segcore.learn.settings import DinosaurSettings
from segcore.settings import params
from segcore.show.palette import PALETTE, SEQUENTIAL

KIND = "learn"  # of the jobs
_ROWS = [{"name": name, "title": row.title, "question": row.question} for name, row in ABLATIONS.items()]
_MOST_SLOTS = int(params(DinosaurSettings)["slots"].bounds[1])

# Of curves, seen on white and on black: those of Okabe and Ito.
_INKS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")


class Chart(TypedDict):
    """Some parts of the loss on axes of their own."""

    title: str
    names: tuple[str, ...] | None  # all, if None


class About(TypedDict):
    """What a run is, the part `about` of a job."""

    title: str
    details: tuple[str, ...]
    choices: dict[str, str]  # all that was chosen, by what it is called
    query: dict[str, str | None]  # of the address; None takes a name away
    k: int  # clusters
    known: bool  # clusters are classes, and P is their confusion table
    palette: tuple[str, ...]  # "#rrggbb" per cluster
    command: str  # that repeats the run
    words: dict[str, str]  # of the scores, where they are not those of pixels
    charts: list[Chart]  # of the parts of the loss, at most two
    marked: bool  # what is shown of the pictures are views, and no clusters
    slots: int  # that share a picture; 0 where there are none


class PicturesShown(TypedDict):
    """What a run looks at, the part `pictures` of a job; labels are data: URIs of gray PNGs, 0 where there is no class."""

    n: int  # in all
    scored: int  # that scores are of; 0 without a truth
    apart: bool  # whether those that are shown and scored are not learned from
    names: tuple[str, ...]  # of those that are shown
    sizes: list[tuple[int, int]]  # width and height
    images: list[str]  # data: URIs
    truth: list[str]  # of labels + 1, or none
    classes: tuple[str, ...]
    left_out: tuple[str, ...]  # sentences about files that could not be read


class Point(TypedDict):
    """Means over the steps since the last one, the part `point/step` of a job."""

    step: int
    loss: float | None  # None before the first step
    parts: dict[str, float]  # of the loss, by name
    accuracy: float | None  # where it was measured, as the next
    scores: dict[str, Any] | None  # of networks with labels: `RunScores` by name


class Table(TypedDict):
    """The joint table and the use of the clusters, the part `table` of a job."""

    P: str | None  # export.pack_floats of (k, k)
    diagonal: float | None  # its trace
    use: list[float]  # shares of the clusters
    watch: str  # what to look at


class Masks(TypedDict):
    """Labels of the pictures that are shown, the part `masks` of a job."""

    images: list[str]  # data: URIs of gray PNGs; none where there are views
    view: str  # the one that is seen unless another is chosen; "" where there are none
    accuracy: float | None
    miou: float | None
    names: tuple[str, ...] | None  # of the clusters, by the classes of the truth
    class_of: tuple[int, ...] | None  # class that each cluster stands for, or −1


class View(TypedDict):
    """One way to look at what a system finds that labels no pixels, the part `view/NAME` of a job."""

    order: int  # among the others
    title: str
    note: str  # what is seen
    images: list[str]  # data: URIs of gray PNGs
    colors: list[str | None]  # "#rrggbb" by label
    legend: list[tuple[str, str]]  # names and colors
    clusters: bool  # whether labels are clusters


class Stage(TypedDict):
    """A map on the way of a network, in the part `along` of a job, and of a recorded network."""

    name: str
    size: tuple[int, int]  # width and height in cells
    channels: int
    image: str  # data: URI of a gray PNG, one pixel a cell


class Curves(TypedDict):
    """What a recorded run with another seed said on its way."""

    losses: list[tuple[int, float]]  # by step
    scores: list[dict[str, Any]]  # `RunScores` by name


class RecordedRun(TypedDict):
    """A recorded run of a row."""

    label: str  # what is different
    system: str
    facts: list[str]  # parameters, giga multiply-adds, field, milliseconds
    query: dict[str, str] | None  # of an address that trains it anew, where that can be done here
    losses: list[tuple[int, float]]  # by step
    scores: list[dict[str, Any]]  # `RunScores` by name
    others: list[Curves]  # of the same run with other seeds
    found: list[str]  # data: URIs of gray PNGs


class Row(TypedDict):
    """Recorded runs that differ in one choice."""

    name: str
    title: str
    question: str
    about: str
    told: str  # what the scores say
    classes: tuple[str, ...]
    palette: tuple[str, ...]  # "#rrggbb" per class
    pictures: list[str]  # data: URIs; empty ones where they may not be passed on, like their truth
    truth: list[str]  # of gray PNGs, 255 where there is no class
    runs: list[RecordedRun]


class Parts(TypedDict, total=False):
    """What a job tells the board, beside `point/step`."""

    about: About
    pictures: PicturesShown
    baselines: dict[str, float]  # accuracy of what learned nothing, by name
    baseline_mious: dict[str, float]
    verdict: str  # whether what is simpler is beaten
    along: list[Stage]  # of the first picture that is shown
    table: Table
    masks: Masks


class Board(Component):
    """Runs with their bars, curves, joint tables, use of clusters and masks; the browser follows the jobs by itself.

    The value is {"run": id} of a run that is to be shown beside the others. The address keeps the ids as `runs`; a page
    opened without it shows the visitor's own newest ones.

    Above them a row of recorded runs, whose name the address keeps as `row`, with the score and picture on view. Of slots
    the address keeps the picture, how many they are, their noise and the look, as `of`, `among`, `noise`, `look`; and as
    `view` which of several masks are seen.

    Events: `save`, `open` and `movie`, when a visitor wants the weights of a run, the lab with them, or its masks as a
    movie; `gr.EventData` has `id`, of a movie also `suffix`, and `dark` for the colors of the dark page.
    """

    files = Path(__file__).parent
    styles = (STYLE,)
    happens = ("save", "open", "movie")
    about = "the id of a run"

    def __init__(
        self, jobs: Jobs, functions: Sequence[Callable[[Any], Any]] = (), *, elem_id: str | None = None, **kwargs: Any
    ):
        """Make the component.

        Args:
            jobs: of the server.
            functions: what else the script asks the server: `row`, `baselines_of_row`, `channels`, `field`, `shares`.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        fixed = {
            "stops": SEQUENTIAL,
            "inks": _INKS,
            "words": WORDS | texts.BOARD,
            "formats": FILM_FORMATS,
            "rows": _ROWS,
            "palette": PALETTE.hex(_MOST_SLOTS),
        }
        asked = [*job_functions(jobs, KIND), *functions]
        super().__init__(None, fixed=fixed, elem_id=elem_id, server_functions=asked, **kwargs)

    def preprocess(self, payload: Any) -> Any:  # noqa: ARG002
        """Nothing: what a browser holds is what it was sent."""
        return None
