"""What a visitor asks for: picture, strokes, options, settings; of controls, as a link, and as the lines that repeat it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from demo.scribble import texts
from demo.scribble.data import start_strokes
from demo.scribble.pad import Drawn
from demo.shared.link import write_link
from demo.shared.picture import PictureInput
from demo.shared.service import Example, Service
from segcore.errors import InputError
from segcore.scribble.scribble import Options
from segcore.scribble.strokes import MOST_LABELS, Strokes, read_strokes, strokes_of_text, strokes_text
from segcore.settings import DEFAULTS, Settings

OPTIONS = tuple(f.name for f in fields(Options))
SETTINGS = ("backbone", "facet", "max_side")  # those of the lab that this page reads
LONGEST = 1500  # characters of strokes in an address; a link names longer ones by their digest
_DIGEST = re.compile(r"[0-9a-f]{32}")
_IN_LINK = {
    "method": "answer",
    "weight": "links",
    "n_blocks": "blocks",
}  # options whose names the lab's settings have, or short


def in_link(name: str) -> str:
    """What an option is called in an address."""
    return _IN_LINK.get(name, name)


SHELL = """# the head that was saved, on a folder of pictures
python -m segcore head apply --head head.safetensors --images PICTURES --out LABELS
# the same from label maps, and how good it is
python -m segcore head train --images PICTURES --labels LABELS --ignore 0 --out head.safetensors
python -m segcore head evaluate --head head.safetensors --images OTHERS --labels TRUTHS"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that the result follows from."""

    picture: str  # path
    strokes: Strokes
    options: Options
    settings: Settings
    names: dict[int, str]


def read_asked(picture: str, drawn: Drawn, digest: str, names: str, linked: Settings, *values: Any) -> Asked:
    """Make it of the values of the components; strokes on another picture do not count.

    Raises:
        InputError: a value breaks its rule.
    """
    given = dict(zip((*OPTIONS, *SETTINGS), values, strict=True))
    options = Options(**{name: _option(name, given[name]) for name in OPTIONS})
    own = {name: given[name] for name in SETTINGS}
    if own["max_side"] is None:
        own["max_side"] = DEFAULTS.max_side
    strokes = read_strokes(drawn["strokes"]) if drawn["picture_key"] == digest else ()
    return Asked(picture, strokes, options, Settings.from_values({**linked.to_dict(), **own}), read_names(names))


def read_names(text: str) -> dict[int, str]:
    """Names by label, of a list with commas."""
    words = [word.strip()[:40] for word in (text or "").split(",")][:MOST_LABELS]
    return {label: word for label, word in enumerate(words, 1) if word}


def link_of(asked: Asked, names: str, example: Example | None, digest: str, keep: Callable[[str], str]) -> str:
    """The query string that restores it.

    Args:
        asked: a result.
        names: of the labels, with commas.
        example: the picture, if it is one.
        digest: of the picture.
        keep: keeps the text of strokes that are too long for an address, and returns its digest.
    """
    own: dict[str, Any] = {
        _IN_LINK.get(name, name): int(value) if isinstance(value, bool) else value
        for name in OPTIONS
        if (value := getattr(asked.options, name)) != getattr(Options(), name)
    }
    if asked.strokes or (example and start_strokes(example.id)):  # cleared ones stay cleared
        text = strokes_text(asked.strokes)
        own["strokes"] = text if len(text) <= LONGEST else keep(text)
    if names != texts.START_NAMES:
        own["names"] = names
    return (write_link(asked.settings, example, digest) + "&" + urlencode(own)).rstrip("&")


def options_of_link(query: Mapping[str, str]) -> Options:
    """The options that a link names.

    Raises:
        InputError: one breaks its rule.
    """
    found = {name: query[key] for name in OPTIONS if (key := _IN_LINK.get(name, name)) in query}
    return Options(**{name: _option(name, value) for name, value in found.items()})


def strokes_of_link(service: Service, query: Mapping[str, str]) -> Strokes | None:
    """The strokes of a link, or None where it has none.

    Raises:
        InputError: they are damaged, or this server keeps them no more.
    """
    text = query.get("strokes")
    if text is None or not _DIGEST.fullmatch(text):
        return None if text is None else strokes_of_text(text)
    path = service.upload_of(text)
    if path is None:
        raise InputError(texts.STROKES_GONE, field="strokes")
    return strokes_of_text(Path(path).read_text(encoding="utf-8", errors="replace"))


def _option(name: str, value: Any) -> Any:
    """A loosely typed value as the type of its default; an empty box counts as the default."""
    default = getattr(Options(), name)
    if value is None:
        return default
    try:
        if isinstance(default, bool):
            return value in (True, "1", "true", "on")
        return type(default)(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a number; got {str(value)[:40]!r}.", field=name) from None


def python_lines(asked: Asked, name: str) -> str:
    """The Python lines that make the same labels from the same picture."""
    options = "".join(
        f", {f.name}={value!r}" for f in fields(Options) if (value := getattr(asked.options, f.name)) != f.default
    )
    settings = "".join(
        f", {key}={value!r}" for key in SETTINGS if (value := getattr(asked.settings, key)) != getattr(DEFAULTS, key)
    )
    return (
        "from segcore import Pipeline, Settings\n"
        "from segcore.scribble.strokes import strokes_of_text\n"
        "from segcore.scribble.scribble import Options, scribble\n\n"
        f"strokes = strokes_of_text({strokes_text(asked.strokes)!r})\n"
        f"result = scribble(\n    Pipeline(), {name!r}, Settings({settings.removeprefix(', ')}), strokes,\n"
        f"    Options({options.removeprefix(', ')}),\n)\n"
        "result.label_map  # (height, width): the labels of the strokes"
    )


# ---- Controls ----


@dataclass(frozen=True, eq=False, slots=True)
class Controls:
    """The components with which it is asked, but for the pad."""

    picture: PictureInput
    examples: gr.Gallery
    names: gr.Textbox  # of the labels
    options: Mapping[str, Any]  # by field of `Options`
    settings: Mapping[str, Any]  # by name out of SETTINGS

    @property
    def values(self) -> list[Any]:
        """Options and settings, in the order in which `read_asked` takes them."""
        return [*self.options.values(), *self.settings.values()]


def make_shown(controls: Controls) -> Callable[..., dict[Any, Any]]:
    """The event behind the method and its costs: show the controls that they read."""

    def shown(method: str, costs: str) -> dict[Any, Any]:
        is_cut = method == "graph_cut"
        patches = method in ("head", "nearest") or (is_cut and costs == "head")
        visible = {"costs": is_cut, "weight": is_cut, "n_blocks": patches, "upsampling": patches, "everywhere": is_cut}
        said = {controls.options[name]: gr.update(visible=value) for name, value in visible.items()}
        return said | {controls.options["method"]: gr.update(info=texts.METHOD_INFO[method])}

    return shown
