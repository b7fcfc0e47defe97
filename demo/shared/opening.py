"""What a page shows when it is opened travels with its HTML, where its address asks for nothing else.

The page would have to ask for it otherwise: once for what the controls hold, and once more for the result.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import move_files_to_cache
from pydantic import BaseModel

_SCRIPT = Path(__file__).parents[2] / "assets" / "opening.js"
_BEFORE = "</head>"
# For the event at page load, whose input is whether the page holds what it opens with, and for what follows it: numbered
# events wait in between, as the server does not know yet what is shown.
JS_OPENING = """(_holds) => {
    if (!window.segcoreOpened) return 0;
    window.segcoreOpening = new Promise((done) => (window.segcoreIsOpen = done));
    return 1;
}"""
JS_OPENED = "() => ((window.segcoreRestored = true), window.segcoreIsOpen?.())"


@dataclass(frozen=True, eq=False, slots=True)
class Opening:
    """First properties of components.

    Attributes:
        link: the query string that asks for the same.
        props: by name, of each component, by its number.
    """

    link: str
    props: dict[int, dict[str, Any]]


def opening(link: str, updates: Mapping[Any, Any]) -> Opening:
    """What a page opens with.

    Args:
        link: the query string that asks for the same.
        updates: values or `gr.update`s, as an event returns them, by component.
    """
    return Opening(link, {block._id: _props(block, update) for block, update in updates.items() if update != gr.skip()})


def _props(block: Any, update: Any) -> dict[str, Any]:
    """Properties as the browser is told them; files stay as long as the server runs."""
    told = isinstance(update, dict) and "__type__" in update
    props = {name: value for name, value in update.items() if name != "__type__"} if told else {"value": update}
    if "value" in props:
        value = block.postprocess(props["value"])
        value = value.model_dump() if isinstance(value, BaseModel) else value
        props["value"] = move_files_to_cache(value, block, postprocess=True, keep_in_cache=True)
    return props


def with_opening(page: str, first: Opening) -> str:
    """The HTML of a page that opens with this."""
    told = json.dumps({"link": first.link, "props": first.props}).replace("<", r"\u003c")
    script = f"<script>(() => {{ const first = {told};\n{_SCRIPT.read_text(encoding='utf-8')} }})();</script>"
    before, end, after = page.partition(_BEFORE)
    return f"{before}{script}{end}{after}"
