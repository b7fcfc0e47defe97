"""Components of the page that Gradio does not have, each a `gr.HTML` with a template, a style and a script of its own.

The template is static, so Gradio never rebuilds the page under the script; the script reads `value` and fills the template.
"""

import json
from collections.abc import Mapping
from typing import Any

import gradio as gr

from segcore.runtime.places import ASSETS

_FOLDER = ASSETS / "components"
_URL_STARTS = ("data:", "blob:", "http:", "https:", "/gradio_api/", "gradio_api/")


def parts(name: str, *shared: str, **fixed: object) -> dict[str, Any]:
    """Read the template, style and script of a component, as keyword arguments of `gr.HTML`; what all share comes first.

    Args:
        name: of the component's files.
        shared: names of scripts that several components use, without ending; they come first, as do the styles of their
            names where there are any.
        fixed: what the script finds in `fixed` and what never changes. A component in a tab that was not open yet when its
            first values came would not find it among its props.
    """
    sheets = [_FOLDER / f"{sheet}.css" for sheet in ("panel", *shared, name)]
    constants = ", ".join(f"{key}: {json.dumps(value)}" for key, value in fixed.items())
    return {
        "html_template": (_FOLDER / f"{name}.html").read_text(encoding="utf-8"),
        "css_template": "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets if sheet.exists()),
        "js_on_load": "\n".join([f"const fixed = {{{constants}}};", *map(script, (*shared, name))]),
    }


def script(name: str) -> str:
    """The text of a script, by its name without ending."""
    return (_FOLDER / f"{name}.js").read_text(encoding="utf-8")


def with_urls(value: Mapping[str, Any] | None, *names: str) -> dict[str, Any] | None:
    """Let Gradio serve the pictures of a value: paths of files become file values, URLs stay.

    Args:
        value: of a component; not changed.
        names: the keys that hold a picture.

    Returns:
        A new value, or None for None.
    """
    if value is None:
        return None
    paths = {name: value[name] for name in names if _is_path(value.get(name))}
    return {**value} | {name: {"path": path, "meta": {"_type": "gradio.FileData"}} for name, path in paths.items()}


def _is_path(source: object) -> bool:
    return isinstance(source, str) and bool(source) and not source.startswith(_URL_STARTS)


class JsonHTML(gr.HTML):
    """A `gr.HTML` whose value is anything that JSON can hold, or None for nothing to show; Gradio annotates text only.

    A component whose value names files overrides `postprocess`.
    """

    def postprocess(self, value: Any) -> Any:
        """Send the value."""
        return value

    def preprocess(self, payload: Any) -> Any:
        """Hand the value on."""
        return payload

    def example_payload(self) -> Any:
        """Nothing to show."""

    def example_value(self) -> Any:
        """Nothing to show."""


# The components themselves read the functions above, so they come last.
from demo.shared.components.fiedler import FiedlerPanel  # noqa: E402
from demo.shared.components.job_bar import JobBar  # noqa: E402
from demo.shared.components.k_curves import KCurves  # noqa: E402
from demo.shared.components.log_slider import LogSlider  # noqa: E402
from demo.shared.components.map_grid import MapGrid  # noqa: E402
from demo.shared.components.patch import PatchPanel  # noqa: E402
from demo.shared.components.viewer import Viewer  # noqa: E402

__all__ = [
    "FiedlerPanel",
    "JobBar",
    "JsonHTML",
    "KCurves",
    "LogSlider",
    "MapGrid",
    "PatchPanel",
    "Viewer",
    "parts",
    "script",
    "with_urls",
]
