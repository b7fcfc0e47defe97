"""Addresses: what a link restores, and what goes along from page to page.

A link names the picture (an example by its id, an upload by its digest, for as long as this server keeps the file) and the
settings that are not the defaults. Every page reads and writes the same names, so a picture and its settings follow a
visitor through the navigation bar, and a page may add names of its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from demo.shared.controls import FIELDS
from demo.shared.service import Example, Service
from demo.shared.texts import LINK_BAD_SETTING, LINK_NO_EXAMPLE, LINK_NO_PICTURE, LINK_NO_WEIGHTS
from segcore.errors import SegcoreError, shortened
from segcore.pipeline.methods import METHODS
from segcore.settings import DEFAULTS, Settings, is_weight_file
from segcore.show.files import permalink

CARRIED = ("example", "picture", *FIELDS, "__theme", "large")

# Keep the address of the page a link to what it shows. A chosen theme stays, whether it is shown large or alone,
# the open tab, what is compared, and what the tab "Colors" says of itself. Gradio gives every page a <base>, so an
# address must be whole.
JS_ADDRESS = """(link) => {
    const query = new URLSearchParams(link.includes("?") ? link.slice(link.indexOf("?")) : "");
    const kept = ["__theme", "large", "embed", "tab", "compare"];
    for (const [name, value] of new URLSearchParams(location.search)) {
        if (kept.includes(name) || name.startsWith("colors_")) query.set(name, value);
    }
    history.replaceState(history.state, "", location.pathname + (query.size ? "?" + query : ""));
    return location.href;
}"""
# Links to other pages take along what is carried, whether they are clicked, opened in a new tab, or followed by keyboard.
JS_CARRY = """() => {
    const carried = new Set(CARRIED);
    const carry = (event) => {
        const link = event.target.closest?.("a[href]");
        if (!link || !link.closest("nav, .to-pages") || link.origin !== location.origin) return;
        const query = new URLSearchParams(link.search);
        for (const [name, value] of new URLSearchParams(location.search)) if (carried.has(name)) query.set(name, value);
        link.search = query.toString();
    };
    for (const kind of ["pointerdown", "focusin", "click"]) document.addEventListener(kind, carry, true);
}""".replace("CARRIED", json.dumps(CARRIED))


@dataclass(frozen=True, slots=True)
class Linked:
    """What a link restores."""

    picture: str  # path of the file
    example: Example | None  # if it is one
    settings: Settings


def named_settings(query: Mapping[str, str], service: Service | None = None) -> dict[str, str]:
    """The settings that an address names, as text, for `Settings.from_values`.

    A file of weights is among them where this service has learned one of that name; else a method that shows its labels goes
    with it. It is never a path: no address opens files.
    """
    values = {name: value for name, value in query.items() if name in FIELDS}
    if not is_weight_file(values.get("backbone", "")):
        return values
    weights = service and service.upload_of(values["backbone"])
    if weights:
        return {**values, "backbone": weights}
    method = METHODS.get(values.get("method", ""))
    gone = ("backbone", "method") if method and method.of_network else ("backbone",)
    return {name: value for name, value in values.items() if name not in gone}


def read_link(service: Service, query: Mapping[str, str], *, own_weights: bool = False) -> Linked:
    """Read the picture and settings of a link; what it cannot restore is one sentence on the page, and the rest holds.

    Args:
        service: of the server.
        query: names and values of the address.
        own_weights: the page takes as its backbone what was learned on this server; others leave it out.
    """
    values = named_settings(query, service if own_weights else None)
    if own_weights and "backbone" in query and "backbone" not in values:
        gr.Warning(LINK_NO_WEIGHTS)
    settings = DEFAULTS
    try:
        settings = Settings.from_values(values)
    except SegcoreError as error:
        gr.Warning(LINK_BAD_SETTING.format(error=error))
    first = next(iter(service.examples.values()))
    if "picture" in query:
        upload = service.upload_of(query["picture"])
        if upload is not None:
            return Linked(upload, None, settings)
        gr.Warning(LINK_NO_PICTURE)
        return Linked(str(first.path), first, settings)
    wanted = query.get("example")
    if wanted is None and not values:
        settings = DEFAULTS.replace(**first.settings)  # nothing is asked for: the first example at its best
    elif wanted is not None and wanted not in service.examples:
        gr.Warning(LINK_NO_EXAMPLE.format(name=shortened(wanted)))
    example = service.examples.get(wanted or "", first)
    return Linked(str(example.path), example, settings)


def write_link(settings: Settings, example: Example | None, digest: str) -> str:
    """The query string that `read_link` restores: these settings, and the example or upload."""
    place = {"example": example.id} if example else {"picture": digest}
    weights = {"backbone": Path(settings.backbone).name} if is_weight_file(settings.backbone) else {}
    return permalink(settings, **place, **weights)
