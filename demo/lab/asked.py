"""What the controls ask for: as a link, an example, a preset or the defaults set them; and which of them are on view."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.lab import texts
from demo.shared.controls import FIELDS, settings_of, with_weights
from demo.shared.events import JS_OPEN_TAB
from demo.shared.link import read_link
from demo.shared.picture import PictureInput, chosen_example
from demo.shared.service import Example, Service
from segcore.errors import SegcoreError, shortened
from segcore.pipeline.stages import settings_read
from segcore.settings import CRF_PRESETS, DEFAULTS, STAGES, is_weight_file, params


@dataclass(frozen=True, eq=False, slots=True)
class Controls:
    """The components with which it is asked."""

    picture: PictureInput
    examples: gr.Gallery
    caption: gr.Markdown  # of an example
    settings: dict[str, Any]  # by field of `Settings`, in their order
    groups: dict[str, gr.Markdown]  # headings by stage
    preset: gr.Dropdown  # of the CRF
    stop: gr.Button
    reset: gr.Button


IN_LINK = ("tab", "compare")  # names of an address beside picture and settings


def make_shown_controls(service: Service) -> Callable[..., list[Any]]:
    """The event that shows the controls that the chosen method and backbone read, and hides the others.

    Outputs: the controls in the order of the fields, the headings of the groups in the order of the stages, the CRF preset.
    """

    def shown_controls(*values: Any) -> list[Any]:
        try:
            settings = service.pipeline.resolve(settings_of(values))
        except SegcoreError:
            return [gr.skip() for _ in (*FIELDS, *STAGES, "preset")]
        read = settings_read(settings)
        if settings.threshold != "value":
            read.discard("cut_at")
        groups = {p.stage for name, p in params().items() if p.advanced and name in read}
        shown = [*(name in read for name in FIELDS), *(stage in groups for stage in STAGES), settings.crf]
        return [gr.update(visible=visible) for visible in shown]

    return shown_controls


def js_keep_tab(first: str) -> str:
    """The script that notes the open tab in the address, and what is compared in it; the first one needs no note.

    It looks which one is open, once the page shows it, as events of tabs that are chosen one right after the other may
    overtake each other. Until the page has restored what its address asks for, it leaves the address alone: the first tab is
    chosen by itself before.
    """
    return f"""() => {{
        setTimeout(() => {{
            if (!window.segcoreRestored) return;
            const [open, query] = [{JS_OPEN_TAB}, new URLSearchParams(location.search)];
            if (open === {json.dumps(first)}) query.delete("tab");
            else if (open) query.set("tab", open);
            if (open === "compare" && window.segcoreCompared) query.set("compare", window.segcoreCompared);
            else if (open && (open !== "compare" || window.segcoreCompared === "")) query.delete("compare");
            history.replaceState(history.state, "", location.pathname + (query.size ? "?" + query : "") + location.hash);
        }});
    }}"""


def make_restored(
    service: Service, tabs: Sequence[str], others: Sequence[Callable[[Mapping[str, str]], tuple[Any, ...]]] = ()
) -> Callable[[Mapping[str, str]], list[Any]]:
    """What a link restores: picture, caption, controls and which are shown, open tab, and what is compared.

    Args:
        service: of the server.
        tabs: by name.
        others: what the tabs restore themselves; their values come last.
    """
    shown_controls = make_shown_controls(service)

    def restored(query: Mapping[str, str]) -> list[Any]:
        linked = read_link(service, query, own_weights=True)
        values = linked.settings.to_dict()
        shown = shown_controls(*values.values())
        if is_weight_file(linked.settings.backbone):
            values["backbone"] = with_weights(linked.settings.backbone)
        compare = query.get("compare", "")
        tab = query.get("tab", "compare" if compare else tabs[0])
        if tab not in tabs:
            gr.Warning(texts.NO_TAB.format(name=shortened(tab), known=", ".join(tabs)))
            tab = tabs[0]
        controls = [_of_value(value) | update for value, update in zip(values.values(), shown, strict=False)]
        own = [value for restore_own in others for value in restore_own(dict(query))]
        around = shown[len(controls) :]
        return [linked.picture, _caption(linked.example), *controls, *around, gr.update(selected=tab), compare, *own]

    return restored


def _of_value(value: Any) -> dict[str, Any]:
    """An update to a value, or the update that it is."""
    update: dict[str, Any] = value if isinstance(value, dict) else gr.update(value=value)
    return update


def make_choose(service: Service) -> Callable[..., list[Any]]:
    """The event behind the example pictures: shows one with the settings that suit it."""

    def choose(event: gr.SelectData) -> list[Any]:
        example = chosen_example(service, event)
        return [str(example.path), _caption(example), *DEFAULTS.replace(**example.settings).to_dict().values()]

    return choose


def _caption(example: Example | None) -> str:
    return f"**{example.title}.** {example.look_at} *({example.credit})*" if example else ""


def caption_of_upload() -> str:
    """Empty the caption when the picture is no example any more."""
    return ""


def preset_values(preset: str | None) -> list[Any]:
    """The values of a CRF preset, for the controls it sets."""
    if preset is None:
        return [gr.skip() for _ in PRESET_FIELDS]
    return [CRF_PRESETS[preset][name] for name in PRESET_FIELDS]


PRESET_FIELDS = tuple(next(iter(CRF_PRESETS.values())))


def default_values() -> list[Any]:
    """The defaults, for all controls, and no CRF preset."""
    return [*DEFAULTS.to_dict().values(), None]
