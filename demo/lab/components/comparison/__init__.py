"""Small multiples: the results of several methods, each in a cell of its own."""

from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

from demo.shared.components.base import Component, with_urls


class Cell(TypedDict):
    """One method."""

    method: str
    title: str
    state: Literal["waiting", "running", "done", "failed"]
    line: NotRequired[str]  # what was done last, or why there is no result
    picture: NotRequired[str]  # data: URI, URL, or path of a file
    alt: NotRequired[str]  # the picture in words
    facts: NotRequired[list[str]]  # lines below the picture
    notes: NotRequired[list[str]]  # remarks of the method
    areas: NotRequired[list[tuple[str, float]]]  # color and share of the picture of each segment
    numbers: NotRequired[list[tuple[int, int, int]]]  # of its color from 1 on, and x, y in pixels, of each large piece


class ComparisonValue(TypedDict):
    """What a `ComparisonGrid` shows."""

    run: str  # what all values of one run have in common
    running: bool  # cells that wait will have their turn
    status: str
    width: int  # of the pictures, in pixels
    height: int
    cells: list[Cell]


class ComparisonGrid(Component):
    """A grid of results that wraps. On paper each large piece of a segment has the number of its color.

    Its property `main` is the method of the main result, and `stopped` the run that was stopped. Events: `choose`, when
    a user wants another method to be the main one; its `gr.EventData` has `method`.
    """

    files = Path(__file__).parent
    happens = ("choose",)
    about = "the results of several methods, each with its picture and facts"

    def __init__(
        self, value: ComparisonValue | None = None, *, words: dict[str, str], elem_id: str | None = None, **kwargs: Any
    ):
        """Make the component.

        Args:
            value: what is shown, or None.
            words: what the grid says, by the names that its script uses.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes, `main` and `stopped`.
        """
        super().__init__(value, fixed={"words": words}, elem_id=elem_id, **kwargs)

    def postprocess(self, value: Any) -> Any:
        """Turn paths of files into what Gradio serves."""
        return None if value is None else {**value, "cells": [with_urls(cell, "picture") for cell in value["cells"]]}
