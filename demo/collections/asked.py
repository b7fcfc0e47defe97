"""What a visitor asks for: pictures, system, K, backbone, and the system's settings; of controls, and as a link."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.collections import texts
from demo.shared.asked import Own, SystemControls
from demo.shared.link import read_link
from demo.shared.service import Service
from demo.shared.texts import CHOICES
from segcore.cluster.embed import is_there
from segcore.collection import SYSTEMS, CollectionSystem
from segcore.errors import InputError
from segcore.settings import DEFAULTS, Schema, Settings, param, params

MAX_SIDE = 320  # px; many pictures on a shared machine
OWN = "own"
SET = "set_"  # before the name of a system's setting in the address


@dataclass(frozen=True, kw_only=True)
class Options(Schema):
    """What is asked for whatever the system."""

    # fmt: off
    source: str = param("drawn", stage="collections", label=texts.SOURCE, info="", choices=tuple(texts.SOURCES))
    system: str = param("cosegment", stage="collections", label=texts.SYSTEM, info="", choices=tuple(SYSTEMS))
    k: int = param(4, stage="collections", label=texts.K, symbol="K", lo=2, hi=30, step=1, info=texts.K_INFO)
    auto: bool = param(False, stage="collections", label=texts.AUTO, info=texts.AUTO_INFO)
    plane: str = param("pca", stage="collections", label=texts.PLANE, info=texts.PLANE_INFO, choices=tuple(texts.PLANES))
    # fmt: on


OPTIONS = tuple(params(Options))
TITLES = {
    "source": texts.SOURCES,
    "system": {name: system.title for name, system in SYSTEMS.items()},
    "plane": texts.PLANES,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that a run follows from."""

    options: Options
    settings: Schema  # of the system
    reading: Settings  # how the features are read
    own: Own

    @property
    def n_groups(self) -> int | None:
        """K, or None where the data choose it."""
        options = self.options
        return None if options.auto and SYSTEMS[options.system].chooses_k else options.k

    @property
    def query(self) -> dict[str, str | None]:
        """What the address says of it; own files do not go into a link. None: the address says nothing of it."""
        changed, default, backbone = self.settings.changed(), Options(), self.reading.backbone
        return {
            "source": self.options.source,
            "system": self.options.system,
            "groups": str(self.n_groups) if self.n_groups else "auto",
            "backbone": None if backbone == DEFAULTS.backbone else backbone,
            "plane": None if self.options.plane == default.plane else self.options.plane,
            **{SET + name: None for system in SYSTEMS.values() for name in params(system.settings)},
            **{SET + name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in changed.items()},
        }

    @property
    def command(self) -> str:
        """The line that repeats a run in a shell, on a folder of the same pictures."""
        words = ["python", "-m", "segcore", "collection", "segment", "PICTURES", "--out", "out"]
        words += ["--system", self.options.system]
        if self.n_groups is not None:
            words += ["--n-segments", str(self.n_groups)]
        words += ["--backbone", self.reading.backbone, "--max-side", str(self.reading.max_side)]
        for name, value in self.settings.changed().items():
            words += ["--set", f"{name}={value}"]
        return shlex.join(words)


def asked_of(values: Mapping[str, Any], settings: Mapping[str, Any]) -> Asked:
    """Make it of loosely typed values; what is left empty counts as the default.

    Args:
        values: fields of `Options` and of `Own` by name, and the `backbone`.
        settings: those of the system.

    Raises:
        InputError: a value breaks its rule.
    """
    options = Options.from_values({name: values[name] for name in OPTIONS if values.get(name) is not None})
    system = SYSTEMS[options.system]
    reading = DEFAULTS.replace(backbone=values["backbone"], max_side=MAX_SIDE, **system.reads)
    return Asked(options, system.settings.from_values(settings), reading, Own.from_values(values))


def options_of_link(query: Mapping[str, str]) -> dict[str, Any]:
    """The options that a link names, by field; what cannot be is left out."""
    groups, k = query.get("groups", ""), params(Options)["k"]
    said: dict[str, Any] = {name: query[name] for name, p in params(Options).items() if query.get(name) in (p.choices or ())}
    if said.get("plane") not in planes():
        said.pop("plane", None)
    if groups:
        said["auto"] = groups == "auto"
    if groups.isdigit():
        low, high = k.bounds
        said["k"] = int(min(max(int(groups), low), high))
    return said


def planes() -> tuple[str, ...]:
    """The ways into the plane whose packages are here."""
    return tuple(name for name in texts.PLANES if name == Options().plane or is_there(name))


def settings_of_link(query: Mapping[str, str]) -> dict[str, Any]:
    """The settings of the system that a link names; what is no good is one sentence on the page."""
    values = {name.removeprefix(SET): value for name, value in query.items() if name.startswith(SET)}
    system = query.get("system", "")
    if system not in SYSTEMS or not values:
        return {}
    try:
        return SYSTEMS[system].settings.from_values(values).changed()
    except InputError as error:
        gr.Warning(texts.BAD_SETTING.format(error=error))
        return {}


# ---- Controls ----


@dataclass(frozen=True, eq=False, slots=True)
class Controls:
    """The components with which it is asked."""

    options: Mapping[str, Any]  # by field of `Options`
    own: Mapping[str, Any]  # by field of `Own`
    systems: SystemControls
    backbone: Any
    words: gr.Markdown  # on the system
    start: gr.Button

    @property
    def inputs(self) -> dict[Any, Any]:
        """All that has a value."""
        return {**self.own, **self.options, "backbone": self.backbone, **self.systems.controls}

    def asked(self, values: Sequence[Any]) -> Asked:
        """What values of the inputs, in their order, ask for.

        Raises:
            InputError: a value breaks its rule.
        """
        given = dict(zip(self.inputs, values, strict=True))
        return asked_of(given, self.systems.settings(given["system"], given))


def make_restore(service: Service, controls: Controls) -> Callable[..., Any]:
    """The event at page load: pictures, system, K and settings as the link says; what it does not say stays."""

    def restore(request: gr.Request) -> Any:
        query = request.query_params
        linked = read_link(service, query)
        said = {controls.options[name]: value for name, value in options_of_link(query).items()}
        if "backbone" in query:
            said[controls.backbone] = linked.settings.backbone
        return said | controls.systems.filled(query.get("system", ""), settings_of_link(query)) or gr.skip()

    return restore


def words_of(system: CollectionSystem) -> str:
    """What it does, where it is from, and which features it reads."""
    facet = system.reads.get("facet", DEFAULTS.facet)
    return texts.WORDS.format(summary=system.summary, source=system.source, facet=CHOICES["facet"][facet])


def make_shown(controls: Controls) -> Callable[..., dict[Any, Any]]:
    """The event behind the choice of pictures and system: show what it asks for."""

    def shown(source: str, system: str) -> dict[Any, Any]:
        entry = SYSTEMS[system]
        return {
            **{control: gr.update(visible=source == OWN) for control in controls.own.values()},
            controls.options["auto"]: gr.update(visible=entry.chooses_k),
            controls.words: words_of(entry),
            **controls.systems.chosen(system),
        }

    return shown
