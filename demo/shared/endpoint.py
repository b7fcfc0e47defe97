"""The HTTP endpoint `/segment`: picture and settings by name; overlay, label file and summary."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData

from demo.shared.controls import FIELDS
from demo.shared.errors import told_kindly
from demo.shared.events import HEAVY
from demo.shared.picture import PictureInput
from demo.shared.service import Service
from segcore.checks import check_choice
from segcore.errors import InputError, shortened
from segcore.features import BACKBONES
from segcore.settings import Settings, params
from segcore.show import files

PARAMETERS = ("image", *FIELDS)
NO_PICTURE = 'image is missing: send the file to /gradio_api/upload, and the path that comes back as {"path": …}.'


def add_endpoint(service: Service, picture: PictureInput, controls: list[gr.components.Component]) -> None:
    """Serve the endpoint from the page that has these inputs; what it answers is never seen there."""
    outputs = [
        gr.Image(label="overlay", format="png", visible=False),
        gr.File(label="labels", visible=False),
        gr.JSON(label="summary", visible=False),
    ]
    # The controls would refuse values without naming them; `Settings` says which one is at fault.
    asked = {**HEAVY, "api_visibility": "public", "api_name": "segment", "preprocess": False}
    gr.Button(visible=False).click(make_segment(service, picture), [picture, *controls], outputs, **asked)


def make_segment(service: Service, picture: PictureInput) -> Callable[..., tuple[Any, ...]]:
    """The function behind the endpoint; it takes values as they were sent, the picture as a file of Gradio's."""

    def segment(image: dict[str, Any] | None, *values: Any) -> tuple[Any, ...]:
        with told_kindly():
            if image is None:
                raise InputError(NO_PICTURE, field="image")
            settings = Settings.from_values(dict(zip(FIELDS, values, strict=True)))
            # A request must not make the server open files, so no file of weights.
            check_choice("backbone", settings.backbone, ("auto", *BACKBONES))
            try:
                result = service.pipeline.run(picture.preprocess(ImageData(**image)), settings)
            except InputError as error:
                if error.field != "image" or str(error).startswith("image"):
                    raise
                raise InputError(f"image: {error}", field="image") from error
            labels = service.publish(files.labels_png(result.label_map.numpy()), "labels.png")
            return files.overlay(result), labels, files.summary(result)

    # Gradio names the parameters of an endpoint after those of its function.
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    named: Any = segment
    named.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in PARAMETERS])
    segment.__doc__ = _description()
    return segment


def _description() -> str:
    """What the documentation of the API and MCP clients read: one line for each parameter, and one for each answer."""
    told = ["image: The picture: a file that was uploaded, or a data: URI."]
    for name, p in params().items():
        numbers = "" if p.lo is None else f" From {p.lo:g} to {p.hi:g}{f' {p.unit}' if p.unit else ''}."
        told.append(f"{name}: {p.info}{numbers}")
    return "\n".join(
        [
            "Segment a picture without supervision. Every setting may be given by name and has the default of the page.",
            "Args:",
            *told,
            "Returns:",
            "The picture with its segments painted over it, as a PNG.",
            "The label map, as a PNG with one channel: the gray value of a pixel is its segment.",
            "Settings, sizes, seconds per stage, notes, and share and box of each segment.",
        ]
    )


def check_names(sent: Mapping[str, Any]) -> str | None:
    """What is wrong with the names of the parameters that were sent, or None."""
    unknown = next((name for name in sent if name not in PARAMETERS), None)
    if unknown is not None:
        return f"There is no parameter {shortened(unknown)}. The parameters are {', '.join(PARAMETERS)}."
    return None if "image" in sent else NO_PICTURE
