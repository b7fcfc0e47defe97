"""What a link, an example or the player sets, and which controls an algorithm shows."""

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from demo.shared.link import read_link
from demo.shared.picture import chosen_example
from demo.shared.service import Service
from demo.steps import texts
from demo.steps.algorithm import OF_PICTURES
from demo.steps.algorithms import ALGORITHMS
from demo.steps.asked import OWN, PICTURE, RANGES, Asked, Controls, Opened, number_of_link
from demo.steps.data import packed_points
from demo.steps.run import CONTROLLED, FIRST
from segcore.drawn.points import toy_points
from segcore.errors import shortened
from segcore.runtime.device import make_generator


def make_restore(service: Service) -> Callable[..., list[Any]]:
    """The event at page load: everything as the link says; what it cannot restore is one sentence."""

    def restore(request: gr.Request) -> list[Any]:
        asked, opened = asked_of_link(service, dict(request.query_params))
        values = asked.settings.to_dict()
        own = [asked.points, asked.algorithm, asked.data, asked.n_points, asked.gamma]
        return [opened, *own, asked.settings, asked.picture, *(values[name] for name in CONTROLLED)]

    return restore


def asked_of_link(service: Service, query: Mapping[str, str]) -> tuple[Asked, Opened]:
    """What a link asks for, and where it looks; what it cannot restore is one sentence on the page."""
    linked = read_link(service, query)
    data = _choice(query, "data", PICTURE, texts.DATA, texts.NO_DATA)
    algorithm = _choice(query, "algorithm", FIRST, ALGORITHMS, texts.NO_ALGORITHM)
    numbers = {name: number_of_link(query, name) for name in RANGES}
    points = query.get("points", "") or default_points()
    opened = Opened(query.get("step", "")[:40], int(query["point"]) if query.get("point", "").isdecimal() else None)
    n_points, gamma = int(numbers["n_points"]), numbers["gamma"]
    return Asked(algorithm, data, linked.settings, linked.picture, points, n_points, gamma), opened


def default_points() -> str:
    """The points that one starts with: a few in three groups."""
    return packed_points(toy_points("blobs", n=30, generator=make_generator(0))[0])


def _choice(query: Mapping[str, str], name: str, default: str, known: Mapping[str, Any], sentence: str) -> str:
    value = query.get(name, default)
    if value in known:
        return value
    gr.Warning(sentence.format(name=shortened(value), known=", ".join(known)))
    return default


def make_shown(controls: Controls) -> Callable[..., dict[Any, Any]]:
    """The event that shows the controls that the algorithm reads, and hides the others."""

    def shown(algorithm: str, data: str) -> dict[Any, Any]:
        chosen = ALGORITHMS[algorithm]
        on_points = data != PICTURE and "points" in chosen.on
        visible = {
            controls.numbers["n_points"]: data not in (PICTURE, OWN) and on_points,
            controls.numbers["gamma"]: on_points and chosen.needs_graph,
            controls.picture_group: not on_points,
            controls.own_group: on_points and data == OWN,
            **{
                control: name in chosen.reads and not (on_points and name in OF_PICTURES)
                for name, control in controls.settings.items()
            },
        }
        return {**{block: gr.update(visible=on) for block, on in visible.items()}, controls.lead: chosen.told}

    return shown


def make_choose(service: Service) -> Callable[..., Any]:
    """The event behind the example pictures."""

    def choose(event: gr.SelectData) -> str:
        return str(chosen_example(service, event).path)

    return choose


def own_points(event: gr.EventData) -> str:
    """The points that the player reports."""
    return str(event.points)[:2048]


def fewest_points() -> str:
    """Three points to go on from."""
    return packed_points(toy_points("blobs", n=12, generator=make_generator(0))[0][::4])
