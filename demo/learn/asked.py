"""What a visitor asks for: pictures, system, K, seed, minutes, and the system's settings; of controls, and as a link."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.learn import texts
from demo.learn.data import COLLECTIONS, MOST, OWN, UNMARKED
from demo.shared.asked import Own, SystemControls
from demo.shared.link import read_link
from demo.shared.service import Service
from demo.shared.texts import LINK_BAD_SETTING
from segcore.drawn.named import OBJECTS
from segcore.errors import SegcoreError
from segcore.learn import CATALOG, MOST_SEGMENTS, LearnSettings
from segcore.settings import DEFAULTS, Schema, param, params

_FIRST = next(iter(COLLECTIONS))
_SEED = params()["seed"]


@dataclass(frozen=True, kw_only=True)
class Options(Schema):
    """What is asked for whatever the system; the names are those of a link."""

    # fmt: off
    collection: str = param(
        _FIRST, stage="learn", label=texts.COLLECTION, choices=(*COLLECTIONS, OWN), info=texts.COLLECTION_INFO)
    system: str = param(
        next(iter(CATALOG)), stage="learn", label=texts.SYSTEM, choices=tuple(CATALOG), info=texts.SYSTEM_INFO)
    k: int = param(
        COLLECTIONS[_FIRST].n_classes, stage="learn", label=texts.K, symbol="K", lo=2, hi=MOST_SEGMENTS, step=1,
        info=texts.K_INFO)
    minutes: float = param(
        3.0, stage="learn", label=texts.MINUTES, lo=0.1, hi=600.0, step=0.1, info=texts.MINUTES_INFO)
    steps: int = param(
        0, stage="learn", label=texts.STEPS_LABEL, lo=0, hi=100_000, step=1, info=texts.STEPS_INFO)
    begin: int = param(
        0, stage="learn", label=_SEED.label, lo=_SEED.lo, hi=_SEED.hi, step=1, info=texts.SEED_INFO)
    # fmt: on


OPTIONS = tuple(params(Options))
TITLES = {
    "collection": {**{name: c.title for name, c in COLLECTIONS.items()}, OWN: texts.OWN},
    "system": {name: system.title for name, system in CATALOG.items()},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that a run follows from."""

    options: Options
    settings: LearnSettings  # of the system
    own: Own

    @property
    def title(self) -> str:
        """In a few words."""
        return f"{TITLES['system'][self.options.system]} · {TITLES['collection'][self.options.collection]}"

    @property
    def known(self) -> bool:
        """Whether the system learns from labels, so that its clusters are their classes."""
        return CATALOG[self.options.system].labelled

    @property
    def marked(self) -> bool:
        """Whether pictures are shown with what the system tells apart in them, instead of its clusters."""
        return bool(CATALOG[self.options.system].marks)

    @property
    def objects(self) -> bool:
        """Whether separate objects are looked for where their truth is known."""
        return self.marked and self.options.collection == OBJECTS

    @property
    def scored(self) -> bool:
        """Whether what is found can be compared with a truth."""
        return self.objects or not self.marked

    @property
    def chooses_k(self) -> bool:
        """Whether the number of clusters is asked for."""
        return not self.known and CATALOG[self.options.system].own_k is None

    @property
    def details(self) -> tuple[str, ...]:
        """K, seed, and each setting that is not the default."""
        fields = params(type(self.settings))
        changed = [_said(fields[name], value) for name, value in self.settings.changed().items()]
        asked = self.options
        told = [f"K = {asked.k}"] if self.chooses_k else []
        return (
            *told,
            f"{_SEED.label.lower()} {asked.begin}",
            *([f"{asked.steps} {texts.STEPS}"] if asked.steps else []),
            *changed,
        )

    @property
    def choices(self) -> dict[str, str]:
        """Everything that the run follows from but own pictures, by what it is called."""
        asked, fields = self.options, params(type(self.settings))
        return {
            texts.COLLECTION: TITLES["collection"][asked.collection],
            texts.SYSTEM: TITLES["system"][asked.system],
            **({texts.K: str(asked.k)} if self.chooses_k else {}),
            **({texts.STEPS_LABEL: str(asked.steps)} if asked.steps else {texts.MINUTES: f"{asked.minutes:g}"}),
            _SEED.label: str(asked.begin),
            **{fields[name].label: _value(fields[name], value) for name, value in self.settings.to_dict().items()},
        }

    @property
    def query(self) -> dict[str, str | None]:
        """The names and values of a link that asks for the same; None for a name that it leaves out.

        Own pictures are not part of a link.
        """
        names = [*OPTIONS, *(name for system in CATALOG.values() for name in params(system.settings))]
        given = {**self.options.to_dict(), **self.settings.changed()}
        said = {name: str(int(value) if isinstance(value, bool) else value) for name, value in given.items()}
        return {**dict.fromkeys(names), **said}

    @property
    def command(self) -> str:
        """The line that repeats a run in a shell."""
        asked, own = self.options, self.options.collection == OWN
        pictures = "FOLDER" if own else asked.collection
        words = [f"python -m segcore learn {asked.system} {pictures} --out {asked.system}.safetensors"]
        words += [f"--n-segments {asked.k}"] if self.chooses_k else []
        words += [f"--steps {asked.steps}" if asked.steps else f"--minutes {asked.minutes:g}", f"--seed {asked.begin}"]
        words += ["--labels LABELS"] if own and self.own.labels else []
        words += [f"--ignore {self.own.ignore}"] if own and self.own.labels and self.own.ignore is not None else []
        for name, value in self.settings.changed().items():
            flag = name.replace("_", "-")
            words.append((f"--{flag}" if value else f"--no-{flag}") if isinstance(value, bool) else f"--{flag} {value}")
        return " ".join(words)


def _said(p: Any, value: Any) -> str:
    return f"{p.label}: {_value(p, value)}"


def _value(p: Any, value: Any) -> str:
    if isinstance(value, bool):
        return texts.ON if value else texts.OFF
    return f"{f'{value:g}' if isinstance(value, int | float) else value} {p.unit}".strip()


def default_k(collection: str) -> int:
    """The number of segments that a collection asks for."""
    return DEFAULTS.n_segments if collection == OWN else COLLECTIONS[collection].n_classes


def asked_of(values: Mapping[str, Any], settings: Mapping[str, Any]) -> Asked:
    """Make it of loosely typed values; what is left empty counts as the default.

    Args:
        values: fields of `Options` and of `Own` by name.
        settings: those of the system.

    Raises:
        InputError: a value breaks its rule.
    """
    options = Options.from_values(_filled({name: values.get(name) for name in OPTIONS}))
    if values.get("k") is None:
        options = options.replace(k=default_k(options.collection))
    return Asked(options, CATALOG[options.system].settings.from_values(_filled(settings)), Own.from_values(values))


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def asked_of_link(query: Mapping[str, str]) -> Asked:
    """What a link asks for.

    Raises:
        InputError: a value breaks its rule.
    """
    values = {name: query[name] for name in OPTIONS if name in query}
    system = Options.from_values(values).system
    return asked_of(values, {name: query[name] for name in params(CATALOG[system].settings) if name in query})


# ---- Controls ----


@dataclass(frozen=True, eq=False, slots=True)
class Controls:
    """The components with which it is asked."""

    options: Mapping[str, Any]  # by field of `Options`
    own: Mapping[str, Any]  # by field of `Own`
    systems: SystemControls
    words: gr.Markdown  # on the system
    look: gr.Markdown  # what to look at
    start: gr.Button

    @property
    def inputs(self) -> dict[Any, Any]:
        """All that has a value."""
        return {**self.own, **self.options, **self.systems.controls}

    def asked(self, values: Sequence[Any]) -> Asked:
        """What values of the inputs, in their order, ask for.

        Raises:
            InputError: a value breaks its rule.
        """
        given = dict(zip(self.inputs, values, strict=True))
        return asked_of(given, self.systems.settings(given["system"], given))


def _marked(service: Service, query: Mapping[str, str]) -> dict[str, Any]:
    """The files of pictures that were marked elsewhere, as values of `Own`; a warning for each that is no longer here."""
    files, labels = [], []
    for one in [text for text in query.get("marked", "").split(",") if text][:MOST]:
        found = [service.upload_of(digest) for digest in one.split("-")]
        if len(found) != len(("picture", "labels")) or None in found:
            gr.Warning(texts.MARKED_GONE)
            continue
        files.append(found[0])
        labels.append(found[1])
    return {"files": files, "labels": labels, "ignore": str(UNMARKED)} if files else {}


def make_restore(service: Service, controls: Controls) -> Callable[..., dict[Any, Any]]:
    """The event at page load: the controls as the link says."""

    def restore(request: gr.Request) -> dict[Any, Any]:
        read_link(service, request.query_params)  # says what is wrong with what goes along from page to page
        try:
            asked = asked_of_link(request.query_params)
        except SegcoreError as error:
            gr.Warning(LINK_BAD_SETTING.format(error=error))
            asked = asked_of_link({})
        options = {controls.options[name]: value for name, value in asked.options.to_dict().items()}
        own = {controls.own[name]: value for name, value in _marked(service, request.query_params).items()}
        return options | own | controls.systems.filled(asked.options.system, asked.settings.to_dict())

    return restore


def make_shown(controls: Controls) -> Callable[..., dict[Any, Any]]:
    """The event behind the choice of pictures and system: show what it asks for."""

    def shown(collection: str, system: str) -> dict[Any, Any]:
        entry = CATALOG[system]
        return {
            **{control: gr.update(visible=collection == OWN) for control in controls.own.values()},
            controls.options["k"]: gr.update(visible=entry.own_k is None),
            controls.words: f"{entry.summary} {entry.source}\n\n$${entry.formula}$$",
            controls.look: texts.LABELLED_LEAD if entry.labelled else texts.LEADS.get(system, texts.LEAD),
            **controls.systems.chosen(system),
        }

    return shown
