"""The picture that a visitor drops, pastes or photographs."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData


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
        """The path of the uploaded file."""
        if payload is None:
            return None
        if payload.path is None:
            return super().preprocess(payload)  # a data: URI
        return str(Path(payload.path))
