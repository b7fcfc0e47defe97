"""What a visitor asks for: an algorithm, what it runs on, and the settings; and where a link looks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import gradio as gr

from demo.shared.picture import PictureInput
from demo.steps import texts
from segcore.errors import shortened
from segcore.settings import Settings

PICTURE, OWN = "picture", "own"
RANGES = {"n_points": (12, 400, 150), "gamma": (0.5, 400.0, 25.0)}  # lowest, highest, default of the page's own numbers


@dataclass(frozen=True, slots=True)
class Asked:
    """What a visitor asked for: from this, and the cache of the pipeline, everything on the page follows."""

    algorithm: str
    data: str  # PICTURE, OWN, or a key of `segcore.drawn.points.TOYS`
    settings: Settings
    picture: str = ""  # path of the file, where the data are a picture
    points: str = ""  # `packed_points`, where the visitor set them
    n_points: int = 150  # where they are drawn
    gamma: float = 25.0  # γ of the graph of points


class Inputs(NamedTuple):
    """What the controls hold, in the order in which the events of the page take them."""

    points: str
    algorithm: str
    data: str
    n_points: float | None
    gamma: float | None
    base: Settings  # of the link, for what has no control here
    picture: str | None
    settings: tuple[Any, ...]  # those that have a control

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> Self:
        """Take the values of an event; the settings come last."""
        n = len(cls._fields) - 1
        return cls._make((*values[:n], values[n:]))


@dataclass(frozen=True, slots=True)
class Opened:
    """Where a link looks: a step and a row."""

    step: str = ""
    point: int | None = None


NOWHERE = Opened()


def number_of_link(query: Mapping[str, str], name: str) -> float:
    """A number of RANGES that a link names; one that cannot be is a sentence on the page, and the default."""
    lo, hi, default = RANGES[name]
    given = query.get(name)
    if given is None:
        return default
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if lo <= value <= hi:
        return value
    gr.Warning(texts.BAD_NUMBER.format(name=name, lo=lo, hi=hi, given=shortened(given), default=default))
    return default


@dataclass(frozen=True, eq=False, slots=True)
class Controls:
    """The components with which it is asked."""

    algorithm: gr.Dropdown
    lead: gr.HTML  # on the algorithm
    data: gr.Dropdown
    picture_group: gr.Column
    picture: PictureInput
    examples: gr.Gallery
    own_group: gr.Column
    clear: gr.Button
    numbers: Mapping[str, Any]  # by name out of RANGES
    settings: Mapping[str, Any]  # by name, those that some algorithm reads
    stop: gr.Button


@dataclass(frozen=True, eq=False, slots=True)
class Saving:
    """The components with which a movie is asked for."""

    format: gr.Radio
    seconds: gr.Number
    save: gr.Button
