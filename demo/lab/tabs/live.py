"""The tab "Live": what the network sees in a camera or a film, frame by frame, with the settings of the page."""

import base64
import binascii
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr
import torch
from cachetools import LRUCache

from demo.lab import texts
from demo.lab.components.live import LivePanel
from demo.lab.tab import Lab, Panel, View
from demo.shared.errors import sentence_of, told_kindly
from demo.shared.events import LIGHT
from demo.shared.link import named_settings
from demo.shared.service import Service
from segcore.errors import InputError
from segcore.image import read_image
from segcore.pipeline.live import SIDES, LiveFrame, look
from segcore.settings import Settings
from segcore.show.files import pack_floats

TITLE = "Live"
_VISITORS = 64  # whose last frames are remembered
_LONGEST = 1 << 20  # characters of a frame; one of 256 pixels has 30,000
_LONGEST_STILL = 8 << 20
_START = "data:image/"


def make(service: Service) -> Panel:
    """Lay the tab out."""
    gr.Markdown(texts.LIVE_INFO)
    live = LivePanel(make_frames(service), elem_id="live")

    def fill(_view: View) -> Iterator[tuple[Any, ...]]:
        yield (gr.skip(),)  # it shows the camera, whatever the picture is

    def take(still: str | None) -> tuple[str, str]:
        """The picture that was taken becomes that of the page."""
        with told_kindly():
            return service.publish(_bytes(still, _LONGEST_STILL), "camera.jpg"), ""

    def wire(lab: Lab) -> None:
        live.take(take, live, [lab.picture, lab.caption], **LIGHT)

    return Panel((live,), fill, wire=wire)


def make_frames(service: Service) -> Callable[[Any], dict[str, Any]]:
    """The server function behind the panel; see `LivePanel`. One frame is computed at a time."""
    seen: LRUCache[str, LiveFrame] = LRUCache(_VISITORS)
    lock = threading.Lock()

    def frame(asked: Any) -> dict[str, Any]:
        try:
            asked = asked if isinstance(asked, dict) else {}
            picture = read_image(_bytes(asked.get("picture"), _LONGEST))
            settings, visitor = _settings(service, asked), str(asked.get("visitor"))[:80]
            with lock:
                reader = service.pipeline.reader(settings)
                before = seen.get(visitor)
                now = look(reader, picture, settings, view=str(asked.get("view")), before=before)
                seen[visitor] = now
            return told(now)
        except Exception as error:  # noqa: BLE001 - whatever it is, the visitor hears one sentence
            return {"problem": sentence_of(error)}

    return frame


def _settings(service: Service, asked: dict[str, Any]) -> Settings:
    """Those of the page's address, with the size of the frame."""
    query, side = dict(parse_qsl(str(asked.get("query", "")).lstrip("?"))), asked.get("side")
    return Settings.from_values(named_settings(query, service)).replace(max_side=side if isinstance(side, int) else SIDES[1])


def told(frame: LiveFrame) -> dict[str, Any]:
    """A frame as the script draws it: labels and colors as bytes, values as `pack_floats`, all as base64."""
    values = frame.values.cpu()
    if frame.kind in ("labels", "colors"):
        shown = values if frame.kind == "labels" else (255 * values).round()
        packed = base64.b64encode(shown.to(torch.uint8).numpy().tobytes()).decode()
    else:
        packed = pack_floats(values.numpy())
    h, w = frame.shape
    return {"h": h, "w": w, "covered": frame.covered, "kind": frame.kind, "values": packed, "notes": list(frame.notes)}


def _bytes(uri: Any, longest: int) -> bytes:
    """What a data: URI of a picture holds."""
    if not isinstance(uri, str) or not uri.startswith(_START) or len(uri) > longest:
        raise InputError(texts.LIVE_NO_PICTURE, field="picture")
    try:
        return base64.b64decode(uri.partition(",")[2], validate=True)
    except binascii.Error:
        raise InputError(texts.LIVE_NO_PICTURE, field="picture") from None
