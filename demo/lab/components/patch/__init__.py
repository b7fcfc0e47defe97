"""One patch of the picture against all others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypedDict

from demo.lab import texts
from demo.shared.components.base import Component, with_urls
from segcore.show.palette import DIVERGING


class Map(TypedDict):
    """The name of a row of numbers that is shown as a map."""

    key: str  # in the answer
    title: str


class PatchValue(TypedDict):
    """What a `PatchPanel` shows before a patch is asked about."""

    token: str  # comes back with each question
    picture_key: str  # same key, same picture: the chosen patch stays
    picture: str  # data: URI, URL, or path of a file
    width: int
    height: int
    h: int
    w: int
    aspect: list[float]  # share of the grid's width and height that the picture covers
    alt: str
    maps: list[Map]
    names: list[str]  # of the segments
    palette: list[str]  # "#rrggbb" per segment
    cells: str  # what a cell is called
    note: str  # what the method does not have; empty where it has all
    second: dict[str, Any] | None  # a second picture, with keys as above and a note; or `problem` alone, a sentence


class Answer(TypedDict):
    """What is known of one patch; or `problem` alone, a sentence."""

    row: int  # from 0
    column: int
    maps: dict[str, str]  # key of a map to export.pack_floats of (h, w)
    nearest: list[int]  # cells by falling cosine, the patch itself left out
    edges: list[list[float]]  # [cell, weight] of the color graph
    psi: dict[str, Any] | None  # own: ψ of the patch; others: those of the edges; None where weights do not follow from ψ
    vectors: list[list[float]]  # [index, eigenvalue, entry, largest |entry|]
    label: int
    degree: list[float] | None  # of the node, and the share of it that comes from λ W_knn
    second: dict[str, Any] | None  # values: export.pack_floats; best: [row, column]; cosine: there


class PatchPanel(Component):
    """A picture in which a patch is picked, and maps of what it has to do with all others.

    The browser asks `probe` about each patch and paints the answer; it asks again only when it has one, so a held key asks
    as often as the server can answer.
    """

    files = Path(__file__).parent
    about = "the picture, its grid, and the names of its maps"
    told: ClassVar = {"stops": DIVERGING, "words": texts.PATCH_WORDS}
    empty = texts.PATCH_EMPTY

    def __init__(
        self,
        value: PatchValue | None = None,
        *,
        probe: Callable[[Any], Answer | dict[str, str]],
        most_neighbors: int,
        neighbors: int = 10,
        elem_id: str | None = None,
        **kwargs: Any,
    ):
        """Make the component.

        Args:
            value: what is shown, or None.
            probe: takes {"token", "row", "column"} as the browser sends them, and returns an `Answer`. It must judge them.
            most_neighbors: of the slider.
            neighbors: drawn at the start.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """

        def ask(question: Any) -> Answer | dict[str, str]:  # Gradio marks what it is given, which a bound method refuses
            return probe(question)

        fixed = {"neighbors": neighbors, "most": most_neighbors}
        super().__init__(value, fixed=fixed, elem_id=elem_id, server_functions=[ask], **kwargs)

    def postprocess(self, value: Any) -> Any:
        """Turn paths of files into what Gradio serves."""
        told = with_urls(value, "picture")
        return told and {**told, "second": with_urls(told["second"], "picture")}
