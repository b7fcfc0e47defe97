"""What a link, an example or a file brings onto the pad."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr

from demo.scribble import texts
from demo.scribble.asked import SETTINGS, options_of_link, strokes_of_link
from demo.scribble.data import start_strokes
from demo.scribble.run import Run
from demo.shared.errors import told_kindly
from demo.shared.link import read_link
from demo.shared.picture import chosen_example
from demo.shared.service import Service
from segcore.errors import InputError, SegcoreError
from segcore.scribble.scribble import Options
from segcore.scribble.strokes import Strokes, read_strokes, strokes_json


def make_restore(service: Service, run: Run) -> Callable[..., list[Any]]:
    """The event at page load: picture, settings, pad, names, options and SETTINGS as the link says."""

    def restore(request: gr.Request) -> list[Any]:
        query = request.query_params
        linked = read_link(service, query)
        options, strokes = Options(), None
        try:
            options = options_of_link(query)
            strokes = strokes_of_link(service, query)
        except SegcoreError as error:
            gr.Warning(texts.LINK_BAD.format(error=error))
        if strokes is None and linked.example is not None:
            strokes = start_strokes(linked.example.id)
        run.warm()
        settings = linked.settings
        names = query.get("names", texts.START_NAMES)[:200]
        values = [*asdict(options).values(), *(getattr(settings, name) for name in SETTINGS)]
        return [linked.picture, settings, _pad(service, run, linked.picture, strokes), names, *values]

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


def _pad(service: Service, run: Run, picture: str, strokes: Strokes | None) -> Any:
    """The pad with these strokes; with a picture that cannot be read, as it is (the run says why)."""
    try:
        image, digest = service.pipeline.picture(picture)
    except SegcoreError:
        return gr.skip()
    view = run.view(picture, tuple(image.shape), digest)
    view["strokes"] = strokes_json(strokes or ())
    return view
