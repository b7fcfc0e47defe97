"""Events of the page: start a run, restore a link, follow the choice of system and pictures, save weights."""

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from demo.learn import texts
from demo.learn.asked import ASKED, default_k, make_wanted, wanted_of
from demo.learn.board import KIND
from demo.learn.data import OWN
from demo.learn.run import Left, about, make_work
from demo.shared.errors import told_kindly
from demo.shared.link import read_link, write_link
from demo.shared.service import Service
from demo.shared.texts import LINK_BAD_SETTING
from segcore.errors import InputError, SegcoreError
from segcore.image import parse_label
from segcore.learn import CATALOG, save_learned
from segcore.settings import DEFAULTS, params

# All settings of all systems, in the order of their controls.
SETTINGS = tuple((system.name, name) for system in CATALOG.values() for name in params(system.settings))


def make_start(service: Service) -> Callable[..., dict[str, Any]]:
    """The event behind Start: a run is put in line; the board shows it."""

    def start(visitor: str, files: list[str] | None, labels: list[str] | None, ignore: str, *values: Any) -> dict[str, Any]:
        with told_kindly():
            asked = dict(zip(ASKED, values[: len(ASKED)], strict=True))
            given = zip(SETTINGS, values[len(ASKED) :], strict=True)
            own = {name: value for (system, name), value in given if system == asked["system"]}
            wanted = make_wanted(asked, own, files or (), labels or (), parse_label(ignore or ""))
            if wanted.asked.collection == OWN and not wanted.files:
                raise InputError(texts.NO_FILES, field="files")
            work = make_work(wanted, most_minutes=service.jobs.limits.minutes, device=str(service.pipeline.device))
            return {"run": service.jobs.start(work, owner=visitor, kind=KIND, show={"about": about(wanted)})}

    return start


def make_restore(service: Service) -> Callable[..., list[Any]]:
    """The event at page load: the controls as the link says. Outputs: those of `Asked`, then SETTINGS."""

    def restore(request: gr.Request) -> list[Any]:
        read_link(service, request.query_params)  # says what is wrong with what goes along from page to page
        try:
            wanted = wanted_of(request.query_params)
        except SegcoreError as error:
            gr.Warning(LINK_BAD_SETTING.format(error=error))
            wanted = wanted_of({})
        linked = wanted.settings.to_dict()
        return [
            *wanted.asked.to_dict().values(),
            *(linked[name] if system == wanted.asked.system else gr.skip() for system, name in SETTINGS),
        ]

    return restore


def shown_for(collection: str, system: str) -> list[Any]:
    """Show what the choice asks for.

    Outputs: own pictures, label maps and the label to leave out, the system's words, what to look at, a group per system.
    """
    entry = CATALOG[system]
    lead = f"{entry.summary} {entry.source}\n\n$${entry.formula}$$"
    look = texts.LEADS.get(system, texts.LEAD)
    own = gr.update(visible=collection == OWN)
    return [own, own, own, lead, look, *(gr.update(visible=name == system) for name in CATALOG)]


def k_of(collection: str) -> int:
    """K where a visitor has taken other pictures."""
    return default_k(collection)


def make_save(service: Service) -> Callable[..., str]:
    """The event behind Save: the newest weights of a run, as a file that `load_learned` reads."""

    def save(event: gr.EventData) -> str:
        with told_kindly():
            return _published(service, event)

    return save


def make_open(service: Service) -> Callable[..., str]:
    """The event behind "Use in the lab": an address of the lab whose backbone is what a run has learned so far."""

    def opened(event: gr.EventData) -> str:
        with told_kindly():
            path = _published(service, event)
            service.keep_upload(Path(path).name, path)
            return write_link(DEFAULTS.replace(backbone=path), next(iter(service.examples.values())), "")

    return opened


def _published(service: Service, event: gr.EventData) -> str:
    """Path of a file with the newest weights of a run, named by the system and what it holds."""
    left = service.jobs.left(str(event.id))
    if not isinstance(left, Left):
        raise InputError(texts.NOT_YET, field="run")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "learned.safetensors"
        save_learned(left.learned, path)
        content = path.read_bytes()
    return service.publish(content, f"{left.learned.system}-{hashlib.sha256(content).hexdigest()[:8]}.safetensors")
