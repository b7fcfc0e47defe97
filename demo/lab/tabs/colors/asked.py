"""What the tab is asked for: its options, from controls and links, and to links."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from demo.lab import texts
from demo.shared.service import Service
from segcore.cluster.colors import COLOR_VECTORS, REDUCTIONS
from segcore.errors import InputError, shortened
from segcore.settings import Schema, Settings, param, params

PREFIX = "colors_"  # before the names of the tab in the address
SECOND = PREFIX + "second"
OF_PANEL = tuple(PREFIX + name for name in ("at", "over", "similar"))  # which its script keeps there
SHIFTS = {"patches": 1, "upsampled": 1, "shifts2": 2, "shifts4": 4}
_COMPONENTS: dict[str, Any] = {"stage": "colors", "info": "", "lo": 1, "hi": 10, "step": 1}


@dataclass(frozen=True, kw_only=True)
class Options(Schema):
    """How features become colors here."""

    # fmt: off
    view: str = param("pca", stage="colors", label=texts.COLORS_VIEW, info="", choices=tuple(texts.COLORS_VIEWS))
    red: int = param(1, label="Red: component", **_COMPONENTS)
    green: int = param(2, label="Green: component", **_COMPONENTS)
    blue: int = param(3, label="Blue: component", **_COMPONENTS)
    auto: bool = param(True, stage="colors", label=texts.COLORS_AUTO, info="")
    threshold: float = param(0.5, stage="colors", label=texts.COLORS_THRESHOLD, info="", lo=0.0, hi=1.0, step=0.01)
    other: bool = param(False, stage="colors", label=texts.COLORS_OTHER, info="")
    vectors: int = param(
        COLOR_VECTORS, stage="colors", label=texts.COLORS_VECTORS, info=texts.COLORS_VECTORS_INFO, lo=3, hi=31, step=1)
    reduction: str = param("pca", stage="colors", label=texts.COLORS_REDUCTION, info="", choices=REDUCTIONS)
    detail: str = param("patches", stage="colors", label=texts.COLORS_DETAIL, info="", choices=tuple(SHIFTS))
    place: str = param("matches", stage="colors", label=texts.COLORS_PLACE, info=texts.COLORS_PLACE_INFO,
                       choices=tuple(texts.COLORS_PLACES))
    strip: bool = param(False, stage="colors", label=texts.COLORS_STRIP, info="")
    pairs: int = param(10, stage="colors", label=texts.COLORS_PAIRS, info="", lo=0, hi=30, step=1)
    figure_only: bool = param(False, stage="colors", label=texts.COLORS_FIGURE_ONLY, info="")
    # fmt: on


NAMES = tuple(params(Options))
TITLES = {
    "view": texts.COLORS_VIEWS,
    "reduction": texts.COLORS_REDUCTIONS,
    "detail": texts.COLORS_DETAILS,
    "place": texts.COLORS_PLACES,
}
IN_LINK = (SECOND, *OF_PANEL, *(PREFIX + name for name in NAMES))
_READ = {  # by view, beside what all read
    "pca": {"red", "green", "blue"},
    "figure": {"red", "green", "blue", "auto", "threshold", "other"},
    "eigenvectors": {"vectors", "reduction"},
    "field": set[str](),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What may be asked about: from this, and the cache of the pipeline, every question about a patch is answered."""

    pictures: tuple[str, ...]  # paths
    settings: Settings
    placed: bool  # features count as they are

    @property
    def token(self) -> str:
        """Stands for it in the browser, which never sees a path and can name none."""
        return hashlib.blake2b(repr(self).encode(), digest_size=16).hexdigest()


def options_of(values: Sequence[Any]) -> Options:
    """The options of the controls, in the order of the fields; a number that is half typed counts as the nearest allowed."""
    defaults, given = Options(), {}
    for (name, p), value in zip(params(Options).items(), values, strict=True):
        given[name] = getattr(defaults, name) if value is None else value
        if p.lo is not None and p.hi is not None:
            given[name] = min(max(given[name], p.lo), p.hi)
            if isinstance(getattr(defaults, name), int):
                given[name] = round(given[name])
    return Options.from_values(given)


def options_of_link(query: Mapping[str, str]) -> Options:
    """The options of an address; what cannot be is one sentence on the page, and the defaults hold."""
    said = {name: query[PREFIX + name] for name in NAMES if PREFIX + name in query}
    try:
        return Options.from_values(said)
    except InputError as error:
        gr.Warning(texts.COLORS_BAD_LINK.format(error=error))
        return Options()


def second_of_link(service: Service, query: Mapping[str, str]) -> str | None:
    """The second picture of an address: an example by its id, or an upload by its digest."""
    name = query.get(SECOND, "")
    if name in service.examples:
        return str(service.examples[name].path)
    upload = service.upload_of(name)
    if name and upload is None:
        gr.Warning(texts.COLORS_NO_SECOND.format(name=shortened(name)))
    return upload


def query_of(service: Service, second: str | None, options: Options) -> str:
    """What the address says of the tab."""
    values = {PREFIX + name: str(v).lower() if isinstance(v, bool) else str(v) for name, v in options.changed().items()}
    if second:
        example = service.example_of(second)
        if example is None:
            _, digest = service.pipeline.picture(second)
            service.keep_upload(digest, second)
        values[SECOND] = example.id if example else digest
    return urlencode(values)


def shown_options(view: str, second: str | None) -> list[Any]:
    """Which controls are on view, in the order of the fields."""
    read = _READ.get(view, set()) | {"view", "detail", "place", "strip"}
    if second:
        read |= {"pairs", "figure_only"}
    return [gr.update(visible=name in read) for name in NAMES]
