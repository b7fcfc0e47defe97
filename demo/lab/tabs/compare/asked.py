"""Who may be compared, what is on view of them, and when it is out of date."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.lab import texts
from demo.lab.tab import Shown
from demo.shared.texts import CHOICES
from segcore.errors import shortened
from segcore.pipeline.methods import METHODS
from segcore.pipeline.stages import settings_read
from segcore.settings import Settings, is_weight_file, params

USUAL = ("kmeans", "gmm", "spectral", "fiedler", "tokencut", "maskcut")
CHANGED = ("method", "upsampling", "crf", "backbone")  # settings in which what is compared differs


@dataclass(frozen=True, slots=True)
class Contender:
    """What one cell shows: the settings of the main result but for these."""

    title: str
    changes: Mapping[str, Any]


_WAYS = {way: CHOICES["upsampling"].get(way, way) for way in params()["upsampling"].choices or ()}
CONTENDERS: Mapping[str, Contender] = {
    **{key: Contender(method.title, {"method": key}) for key, method in METHODS.items()},
    **{
        f"upsampling_{way}": Contender(texts.COMPARE_WAY.format(way=title), {"upsampling": way, "crf": False})
        for way, title in _WAYS.items()
    },
    "crf": Contender(texts.COMPARE_CRF, {"crf": True}),
    "color": Contender(texts.COMPARE_COLOR, {"backbone": "color"}),
}
WAY_KEYS = tuple(key for key in CONTENDERS if key not in METHODS)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is on view, as little as is needed to make it again."""

    picture: str
    settings: Settings  # those of the main result
    keys: tuple[str, ...]  # of the contenders
    done: tuple[str, ...]  # those of them that had their turn


def is_stale(on_view: Comparison, shown: Shown) -> bool:
    """Whether another picture is shown, or one with other settings; only those that a contender on view reads count."""
    if shown.picture != on_view.picture:
        return True
    changes = [CONTENDERS[key].changes for key in on_view.keys]
    read = {name for change in changes for name in settings_read(on_view.settings.replace(**change)) - change.keys()}
    return any(getattr(shown.settings, name) != getattr(on_view.settings, name) for name in read)


def of_link(named: str) -> list[Any]:
    """The methods and the ways that a link names, with commas; outputs: both groups of boxes."""
    keys = [key for key in named.split(",") if key]
    unknown = [key for key in keys if key not in CONTENDERS]
    if unknown:
        gr.Warning(texts.COMPARE_UNKNOWN.format(name=shortened(unknown[0]), known=", ".join(CONTENDERS)))
    if not keys:
        return [gr.skip(), gr.skip()]
    return [[key for key in keys if key in METHODS], [key for key in keys if key in WAY_KEYS]]


def usual_methods() -> list[str]:
    """A few methods of all kinds that answer quickly."""
    return list(USUAL)


def all_methods(backbone: str) -> list[str]:
    """Every method that this backbone allows: only a file of weights may hold a network with labels of its own."""
    return [key for key, method in METHODS.items() if is_weight_file(backbone) or not method.of_network]


def choose(event: gr.EventData) -> list[Any]:
    """The settings of the cell that was clicked, where they differ from those of the main result; outputs: CHANGED."""
    changes = CONTENDERS[str(event.method)].changes
    return [changes.get(name, gr.skip()) for name in CHANGED]
