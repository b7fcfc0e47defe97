"""The picture that a visitor drops, pastes or photographs, and the strip of examples to choose from."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData

from demo.shared.service import Example, Service
from demo.shared.texts import EXAMPLES
from segcore.errors import InputError
from segcore.image import read_image
from segcore.show.paint import shrink

_THUMBNAIL = 120  # pixels: the longer side, for 50 on the screen and as many on a screen of twice the density


class PictureInput(gr.Image):
    """`gr.Image` that hands the file on as it came.

    Gradio would decode it to 8-bit RGB first: 16-bit and CMYK pictures would lose their values, EXIF orientation could be
    lost, and a damaged file would end in an error that says nothing. `segcore.image` does all that with care.
    """

    is_template = True  # the browser shows it as the `gr.Image` it is

    def __init__(self, **kwargs: Any):
        super().__init__(type="filepath", sources=["upload", "webcam", "clipboard"], buttons=["fullscreen"], **kwargs)

    def get_config(self, cls: type | None = None) -> dict[str, Any]:
        """What the browser is told: all that it is told of a `gr.Image`."""
        return super().get_config(cls or gr.Image)

    def preprocess(self, payload: ImageData | None) -> str | None:
        """The path of the uploaded file.

        Raises:
            InputError: it came as a data: URI, and that cannot be read.
        """
        if payload is None:
            return None
        if payload.path is not None:
            return str(Path(payload.path))
        try:
            path = super().preprocess(payload)  # of a data: URI
        except Exception as error:  # damaged base64 makes Gradio raise almost anything
            raise InputError("image cannot be read: its data: URI is damaged.", field="image") from error
        return path if isinstance(path, str) else None


def example_strip(service: Service, *, elem_id: str) -> gr.Gallery:
    """The examples as thumbnails; its `select` tells their place in the order of the service."""
    return gr.Gallery(
        [(shrink(read_image(e.path).numpy(), max_side=_THUMBNAIL), e.title) for e in service.examples.values()],
        format="jpeg", label=EXAMPLES, show_label=False, columns=6, height="auto", allow_preview=False, object_fit="cover",
        interactive=False, elem_id=elem_id, elem_classes="example-strip", buttons=[],
    )  # fmt: skip


def chosen_example(service: Service, event: gr.SelectData) -> Example:
    """The example that was picked from the strip."""
    example: Example = list(service.examples.values())[event.index]
    return example
