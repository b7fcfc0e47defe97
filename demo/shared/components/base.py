"""What all components of the page that Gradio does not have are made of.

Each is a folder: a template, a style and a script beside its Python. The template is static, so Gradio never rebuilds the
page under the script; the script reads `props.value` and fills the template.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr

from demo.shared.components.scripts import address_of, name_of

_PANEL = Path(__file__).parent / "panel.css"
_URL_STARTS = ("data:", "blob:", "http:", "https:", "/gradio_api/", "gradio_api/")


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


@cache  # Gradio makes a component anew for each update of its properties
def _text(path: Path) -> str:
    """What a file holds; nothing where there is none."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


class Component(gr.HTML):
    """A `gr.HTML` of one's own, whose value is anything that JSON can hold, or None for nothing to show.

    A component whose value names files in any other way than `pictures` overrides `postprocess`.

    Attributes:
        files: its folder; template, style and script in there have the name of the folder.
        styles: more style sheets, which come before its own.
        happens: names of its events that Gradio does not have itself.
        pictures: keys of the value that hold a picture.
        about: what the value is, for API clients.
        told: what the script of every one of them is told.
        empty: what is said while there is nothing to show, by scripts that say something then.
    """

    files: ClassVar[Path]
    styles: ClassVar[tuple[Path, ...]] = ()
    happens: ClassVar[tuple[str, ...]] = ()
    pictures: ClassVar[tuple[str, ...]] = ()
    about: ClassVar[str]
    told: ClassVar[Mapping[str, Any]] = {}
    empty: ClassVar[str] = ""

    def __init__(
        self,
        value: Any = None,
        *,
        fixed: Mapping[str, Any] | None = None,
        empty: str | None = None,
        elem_id: str | None = None,
        **kwargs: Any,
    ):
        """Make the component.

        Args:
            value: what is shown, or None.
            fixed: what else the script is told once and what never changes. A component in a tab that was not open yet when
                its first values came would not find it among its props.
            empty: in place of the sentence of the class.
            elem_id: id in the page.
            kwargs: whatever `gr.HTML` takes.
        """
        sheets = [_PANEL, *self.styles, self._file("css")]
        super().__init__(
            value,
            elem_id=elem_id,
            apply_default_css=False,
            html_template=_text(self._file("html")),
            css_template="\n".join(filter(None, map(_text, sheets))),
            js_on_load=self._mounting({"empty": self.empty if empty is None else empty, **self.told, **(fixed or {})}),
            **kwargs,
        )

    def _file(self, ending: str) -> Path:
        return self.files / f"{self.files.name}.{ending}"

    def _mounting(self, fixed: Mapping[str, Any]) -> str:
        """The line that hands the component to its script; Gradio knows an event by its name in quotes."""
        given = f"element, props, trigger, watch, server, happens: {json.dumps(self.happens)}, fixed: {json.dumps(fixed)}"
        return f"import(scripts).then((page) => page.{name_of(self._file('js'))}.mount({{ {given} }}));"

    def get_config(self, _cls: Any = None) -> dict[str, Any]:
        """What the browser is told of the component, with the scripts of all that stand on its page."""
        config: dict[str, Any] = super().get_config()
        root: Any = self
        while root.parent is not None:
            root = root.parent
        if not isinstance(root, gr.Blocks):  # on no page yet, or a copy that Gradio makes to note a change
            return config
        beside = [block for block in root.blocks.values() if isinstance(block, Component) and block.page == self.page]
        address = address_of(block._file("js") for block in beside)
        return {**config, "js_on_load": f'const scripts = new URL("{address}", document.baseURI); {self.js_on_load}'}

    def postprocess(self, value: Any) -> Any:
        """Send the value, with addresses of its pictures."""
        return with_urls(value, *self.pictures) if self.pictures else value

    def preprocess(self, payload: Any) -> Any:
        """Hand the value on."""
        return payload

    def api_info(self) -> dict[str, Any]:
        """Describe the value to API clients."""
        return {"type": {}, "description": self.about}

    def example_payload(self) -> Any:
        """Nothing to show."""

    def example_value(self) -> Any:
        """Nothing to show."""
