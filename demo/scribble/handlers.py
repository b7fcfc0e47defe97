"""Small events of the page: what a link restores, examples, files to save and to load, and which controls are shown."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr

from demo.scribble import texts
from demo.scribble.asked import SETTINGS, options_of_link, strokes_of_link
from demo.scribble.data import start_strokes
from demo.scribble.run import Run, Shown, strokes_file
from demo.scribble.run.apply import Apply
from demo.shared.errors import told_kindly
from demo.shared.link import read_link
from demo.shared.picture import chosen_example
from demo.shared.service import Service
from segcore.errors import InputError, SegcoreError
from segcore.heads.file import head_bytes
from segcore.scribble.scribble import Options
from segcore.scribble.strokes import Strokes, read_strokes, strokes_json
from segcore.show.files import labels_png

SHOWN_BY_METHOD = ("method", "costs", "weight", "n_blocks", "upsampling", "everywhere")

Saver = Callable[[Service, Run, Shown], tuple[bytes, str]]


def shown_controls(method: str, costs: str) -> list[Any]:
    """Show the controls that the method reads. Outputs: SHOWN_BY_METHOD."""
    is_cut, patches = method == "graph_cut", method in ("head", "nearest") or (method == "graph_cut" and costs == "head")
    visible = (is_cut, is_cut, patches, patches, is_cut)
    return [gr.update(info=texts.METHOD_INFO[method]), *(gr.update(visible=shown) for shown in visible)]


def make_restore(service: Service, run: Run) -> Callable[..., list[Any]]:
    """The event at page load: picture, strokes and controls as the link says."""

    def restore(request: gr.Request) -> list[Any]:
        query = request.query_params
        linked = read_link(service, query)
        options, strokes = Options(), None
        try:
            options = options_of_link(query)
            strokes = strokes_of_link(query)
        except SegcoreError as error:
            gr.Warning(texts.LINK_BAD.format(error=error))
        if strokes is None and linked.example is not None:
            strokes = start_strokes(linked.example.id)
        run.warm()
        settings = linked.settings
        return [
            linked.picture, settings, _pad(service, run, linked.picture, strokes),
            query.get("names", texts.START_NAMES)[:200], *asdict(options).values(),
            *(getattr(settings, name) for name in SETTINGS),
        ]  # fmt: skip

    return restore


def make_choose(service: Service) -> Callable[..., str]:
    """The event behind the example pictures."""

    def choose(event: gr.SelectData) -> str:
        return str(chosen_example(service, event).path)

    return choose


def make_load(service: Service, run: Run) -> Callable[..., tuple[Any, Any]]:
    """The event behind Load strokes: those of a file, on the picture on view."""

    def load(file: str | None, picture: str | None) -> tuple[Any, Any]:
        with told_kindly():
            if file is None or picture is None:
                return gr.skip(), gr.skip()
            try:
                content = json.loads(Path(file).read_bytes())
            except ValueError as error:
                raise InputError(f"The file of strokes is no JSON: {error}.", field="strokes") from None
            names = content.get("names") if isinstance(content, dict) else None
            told = ", ".join(str(names.get(str(i), "")) for i in range(1, 9)).rstrip(", ") if isinstance(names, dict) else ""
            # The names are an input of the run, so that setting them runs it; where they stay, the pad says so itself.
            return _pad(service, run, picture, read_strokes(content)), told or gr.skip()

    return load


def make_save(service: Service, run: Run, make: Saver) -> Callable[[Shown | None], str]:
    """The event behind a Save button: writes a file of what is on view, and returns its path."""

    def save(shown: Shown | None) -> str:
        with told_kindly():
            if shown is None or not shown.asked.strokes:
                raise gr.Error(texts.SAVE_NOTHING.format(hint=texts.HINT), print_exception=False)
            return service.publish(*make(service, run, shown))

    return save


def save_all(archive: str | None) -> str:
    """The ZIP of the latest Apply."""
    if not archive:
        raise gr.Error(texts.NOT_YET, print_exception=False)
    return archive


def _labels(_service: Service, run: Run, shown: Shown) -> tuple[bytes, str]:
    return labels_png(run.result(shown.asked).label_map.numpy()), f"{Path(shown.asked.picture).stem}.labels.png"


def _strokes(_service: Service, _run: Run, shown: Shown) -> tuple[bytes, str]:
    content = json.dumps(strokes_file(shown.asked), indent=1, ensure_ascii=False)
    return content.encode(), f"{Path(shown.asked.picture).stem}.strokes.json"


def _head(service: Service, run: Run, shown: Shown) -> tuple[bytes, str]:
    return head_bytes(Apply(service, run).head(shown, None)), "head.safetensors"


SAVERS: dict[str, Saver] = {"labels": _labels, "strokes": _strokes, "head": _head}


def _pad(service: Service, run: Run, picture: str, strokes: Strokes | None) -> Any:
    """The pad with these strokes; with a picture that cannot be read, as it is (the run says why)."""
    try:
        image, digest = service.pipeline.picture(picture)
    except SegcoreError:
        return gr.skip()
    view = run.view(picture, tuple(image.shape), digest)
    view["strokes"] = strokes_json(strokes or ())
    return view
