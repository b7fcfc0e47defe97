"""One field of `Settings` becomes one control, and the values of the controls become `Settings`.

Labels, ranges, choices and defaults come from the schema.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from demo.shared.components import LogSlider
from demo.shared.slider import Slider
from demo.shared.texts import CHOICES, LEARNED_HERE
from segcore.features import BACKBONES, weights_status
from segcore.pipeline.methods import METHODS
from segcore.settings import DEFAULTS, Param, Settings, params

FIELDS = tuple(params())

_RADIO_UP_TO = 4  # choices; more become a dropdown
_SLIDER_UP_TO = 10_000  # whole numbers; a longer range is typed


def make_controls() -> dict[str, gr.components.Component]:
    """Make all controls, unrendered, by field name in the order of `Settings`."""
    return {f.name: control_for(f.name) for f in dataclasses.fields(Settings)}


def control_for(name: str) -> gr.components.Component:
    """Make the control of one field, showing its default."""
    titles = {choice: _choice_title(name, choice) for choice in params()[name].choices or ()}
    return control_of(params()[name], getattr(DEFAULTS, name), elem_id=f"setting-{name}", titles=titles)


def control_of(
    p: Param, default: Any, *, elem_id: str, titles: Mapping[str, str] | None = None, **kwargs: Any
) -> gr.components.Component:
    """Make the control of a field of any schema, unrendered.

    Args:
        p: what the field knows of itself.
        default: what it shows.
        elem_id: id in the page.
        titles: of the choices that are not called as the page calls them.
        kwargs: whatever all components take.
    """
    common: dict[str, Any] = {"label": p.label, "info": p.info or None, "elem_id": elem_id, "render": False, **kwargs}
    if isinstance(default, bool):
        return gr.Checkbox(default, **common)
    if p.choices:
        pairs = [((titles or {}).get(choice, choice), choice) for choice in p.choices]
        kind = gr.Radio if len(pairs) <= _RADIO_UP_TO else gr.Dropdown
        return kind(pairs, value=default, **common)
    return _number(p, default, common)


def _number(p: Param, default: float, common: dict[str, Any]) -> gr.components.Component:
    unit = f" ({p.unit})" if p.unit else ""
    common = {**common, "label": p.label + unit}
    lo, hi = p.bounds
    if p.log_scale and p.step is not None:
        return LogSlider(default, lo=p.step, hi=hi, **common)
    if hi - lo > _SLIDER_UP_TO:
        return gr.Number(default, minimum=lo, maximum=hi, precision=0, **common)
    return Slider(lo, hi, value=default, step=p.step, **common)


def _choice_title(name: str, choice: str) -> str:
    if name == "method":
        return METHODS[choice].title
    if name == "backbone":
        return "Best one here" if choice == "auto" else backbone_title(choice)
    return CHOICES.get(name, {}).get(choice, choice)


def backbone_title(name: str) -> str:
    """A backbone's title, with a word where its weights are not here."""
    backbone = BACKBONES[name]
    return backbone.title + (" – needs a download" if weights_status(backbone) == "download" else "")


def with_weights(file: str) -> Any:
    """The control of the backbone, with a file of weights among its choices, chosen."""
    choices = [(_choice_title("backbone", name), name) for name in params()["backbone"].choices or ()]
    return gr.update(choices=[*choices, (LEARNED_HERE.format(name=Path(file).stem), file)], value=file)


def settings_of(values: tuple[Any, ...]) -> Settings:
    """The settings that the controls show, their values in the order of the fields.

    A number that is half typed, and so out of its range, counts as the nearest one that may be.
    """
    return Settings.from_values({name: _allowed(name, value) for name, value in zip(FIELDS, values, strict=True)})


def _allowed(name: str, value: Any) -> Any:
    """The value of a control within the range of its setting; an empty box counts as the default."""
    p, default = params()[name], getattr(DEFAULTS, name)
    if p.lo is None or p.hi is None:
        return value
    value = default if value is None else min(max(value, p.lo), p.hi)
    return round(value) if isinstance(default, int) else value
