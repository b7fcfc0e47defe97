"""The tab "Colors": features as colors, one coloring for two pictures, and which patch of one is which of the other."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gradio as gr

from demo.lab import texts
from demo.lab.components.colors import ColorsPanel
from demo.lab.tab import Lab, Panel, Shown, View, fill_again
from demo.lab.tabs.colors.asked import (
    OF_PANEL,
    TITLES,
    Options,
    options_of,
    options_of_link,
    query_of,
    second_of_link,
    shown_options,
)
from demo.lab.tabs.colors.run import Colors
from demo.shared.controls import control_of
from demo.shared.errors import told_kindly
from demo.shared.events import HEAVY, JS_DOWNLOAD, JS_KNOWN, LIGHT, TOLD
from demo.shared.picture import PictureInput, chosen_example, example_strip
from demo.shared.service import Service
from demo.shared.texts import READY
from segcore.settings import params
from segcore.show.feature_colors import ENDINGS

TITLE = "Colors"

_WIDTH = 150  # px of a control, at least

# What the address says of the controls, in the place of what it said before; what the panel says of itself stays.
_JS_KEEP = """(text) => {
    const own = new Set(OWN);
    const query = new URLSearchParams(location.search);
    for (const name of [...query.keys()]) if (name.startsWith("colors_") && !own.has(name)) query.delete(name);
    for (const [name, value] of new URLSearchParams(text)) query.set(name, value);
    history.replaceState(history.state, "", location.pathname + (query.size ? "?" + query : ""));
}""".replace("OWN", json.dumps(OF_PANEL))


def make(service: Service) -> Panel:
    """Lay the tab out."""
    colors, options = Colors(service), _options()
    for row in (
        ("view",),
        ("auto", "other", "threshold"),
        ("red", "green", "blue", "vectors", "reduction"),
        ("detail", "place"),
    ):
        _render(options, row)
    panel = ColorsPanel(probe=colors.probe, elem_id="colors")
    _render(options, ("strip",))
    with gr.Row(elem_id="colors-save"):
        labels = zip(ENDINGS, texts.COLORS_SAVE, strict=True)
        save = {ending: gr.Button(label, size="sm", min_width=120, elem_id=_id_of(ending)) for ending, label in labels}
    gr.Markdown(texts.COLORS_SECOND_INFO, elem_id="colors-second-info")
    with gr.Row(elem_id="colors-second-row"):
        with gr.Column(scale=1, min_width=200):
            second = PictureInput(label=texts.PATCH_SECOND, elem_id="colors-second", height=170)
        with gr.Column(scale=2, min_width=240):
            examples = example_strip(service, elem_id="colors-examples")
    _render(options, ("pairs", "figure_only"))
    query = gr.Textbox(visible="hidden", elem_id="colors-query")
    inputs = (second, *options.values())

    def fill(view: View, other: str | None, *values: Any) -> Iterator[tuple[Any, ...]]:
        yield from ((value,) for value in colors.values(view, other, options_of(values)))

    def wire(lab: Lab) -> None:
        changes = [control.change for control in inputs]
        fill_again(lab, tab, *changes)
        gr.on(changes, _make_query(service), list(inputs), query, **TOLD).then(None, query, None, js=_JS_KEEP, **LIGHT)
        deciding = [options["view"], second]
        gr.on([c.change for c in deciding], shown_options, deciding, list(options.values()), **LIGHT)
        examples.select(_make_choose(service), None, second, **LIGHT)
        panel.threshold(cut_at, None, [options["auto"], options["threshold"]], **LIGHT)
        panel.block(take_block, None, lab.controls["block"], **LIGHT)
        for ending, button in save.items():
            save_file = _make_save(service, colors, ending)
            saving = button.click(save_file, [lab.shown, *inputs], lab.download, js=JS_KNOWN, **HEAVY)
            saving.success(None, None, None, js=JS_DOWNLOAD, **LIGHT)

    tab = Panel((panel,), fill, inputs=inputs, restore=_make_restore(service), wire=wire)
    return tab


def _options() -> dict[str, Any]:
    """The controls, by the fields of `Options`."""
    default, shown = Options(), shown_options(Options().view, None)
    made: dict[str, Any] = {}
    for (name, p), update in zip(params(Options).items(), shown, strict=True):
        more: dict[str, Any] = {"titles": TITLES.get(name), "visible": update["visible"], "min_width": _WIDTH}
        made[name] = control_of(p, getattr(default, name), elem_id=f"colors-{name}", **more)
    return made


def _render(options: dict[str, Any], names: tuple[str, ...]) -> None:
    with gr.Row(elem_classes="colors-row"):
        for name in names:
            options[name].render()


def _id_of(ending: str) -> str:
    return "save" + ending.replace(".", "-")


def cut_at(event: gr.EventData) -> tuple[bool, float]:
    """The place of the histogram that was clicked, in the place of Otsu's threshold."""
    return False, round(min(max(float(event.at), 0.0), 1.0), 2)


def take_block(event: gr.EventData) -> int:
    """The block of the strip that was clicked, as the setting counts."""
    return int(event.block)


def _make_choose(service: Service) -> Callable[[gr.SelectData], str]:
    def choose(event: gr.SelectData) -> str:
        return str(chosen_example(service, event).path)

    return choose


def _make_restore(service: Service) -> Callable[[Mapping[str, str]], tuple[Any, ...]]:
    def restore(query: Mapping[str, str]) -> tuple[Any, ...]:
        return second_of_link(service, query), *options_of_link(query).to_dict().values()

    return restore


def _make_query(service: Service) -> Callable[..., str]:
    """The event behind all controls: what the address says of them."""

    def query(second: str | None, *values: Any) -> str:
        with told_kindly():
            return query_of(service, second, options_of(values))

    return query


def _make_save(service: Service, colors: Colors, ending: str) -> Callable[..., str]:
    """The event behind a Save button."""

    def save(shown: Shown | None, second: str | None, *values: Any) -> str:
        with told_kindly():
            if shown is None:
                raise gr.Error(READY, print_exception=False)
            return service.publish(*colors.files(shown, second, options_of(values), ending))

    return save
