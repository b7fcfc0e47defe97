"""The HTTP endpoint `/segment`: picture and settings by name; overlay, label file and summary."""

import inspect
from collections.abc import Callable
from typing import Any

import gradio as gr

from demo.shared.controls import FIELDS
from demo.shared.errors import told_kindly
from demo.shared.events import HEAVY
from demo.shared.service import Service
from segcore import export
from segcore.settings import Settings


def add_endpoint(service: Service, picture: gr.components.Component, controls: list[gr.components.Component]) -> None:
    """Serve the endpoint from the page that has these inputs; what it answers is never seen there."""
    outputs = [
        gr.Image(label="overlay", format="png", visible=False),
        gr.File(label="labels", visible=False),
        gr.JSON(label="summary", visible=False),
    ]
    asked = {**HEAVY, "api_visibility": "public", "api_name": "segment"}
    gr.Button(visible=False).click(make_segment(service), [picture, *controls], outputs, **asked)


def make_segment(service: Service) -> Callable[..., tuple[Any, ...]]:
    """The function behind the HTTP endpoint `/segment`: picture and settings by name; overlay, label file and summary."""

    def segment(image: str | None, *values: Any) -> tuple[Any, ...]:
        with told_kindly():
            if image is None:
                raise gr.Error("Send a picture as `image`.", print_exception=False)
            result = service.pipeline.run(image, Settings.from_values(dict(zip(FIELDS, values, strict=True))))
            labels = service.publish(export.labels_png(result.label_map.numpy()), "labels.png")
            return export.overlay(result), labels, export.summary(result)

    # Gradio names the parameters of an endpoint after those of its function.
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    named: Any = segment
    named.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in ("image", *FIELDS)])
    segment.__doc__ = "Segment a picture. Every setting may be given by name and has the default of the page."
    return segment
