"""A camera, or a film, with what the network sees laid over it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from demo.lab import texts
from demo.shared.components.base import Component
from segcore.pipeline.live import SIDES, VIEWS
from segcore.settings import DEFAULTS, params
from segcore.show.palette import DIVERGING, PALETTE, SEQUENTIAL

START = "colors"  # the view that is chosen at first
START_SIDE = 224  # pixels of a frame's longer side: 28 patches of dino_tiny


class LivePanel(Component):
    """Sends frames to the server, one at a time and always the newest, and draws its answers over them.

    Its value is the picture that was taken last, as a data: URI, or None.

    Events: `take`, when a visitor takes a picture.
    """

    files = Path(__file__).parent
    happens = ("take",)
    about = "the picture that was taken, as a data: URI"
    told: ClassVar = {
        "views": {key: view.title for key, view in VIEWS.items()},
        "start": START,
        "sides": sorted({*SIDES, 160, START_SIDE}),
        "side": START_SIDE,
        "palette": PALETTE.hex(int(params(type(DEFAULTS))["n_segments"].bounds[1])),
        "ramps": {"signed": DIVERGING, "positive": SEQUENTIAL},
        "words": texts.LIVE,
    }

    def __init__(self, frame: Callable[[Any], dict[str, Any]], *, elem_id: str | None = None, **kwargs: Any):
        """Make the component.

        Args:
            frame: takes {picture, side, view, query, visitor} of a browser, which may be anything, and answers with {h, w,
                covered, kind, values, notes}, or with {problem}, a sentence; never raises. It has to have this name.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        super().__init__(None, elem_id=elem_id, server_functions=[frame], **kwargs)

    def preprocess(self, payload: Any) -> Any:
        """The data: URI, or None."""
        return payload if isinstance(payload, str) else None
