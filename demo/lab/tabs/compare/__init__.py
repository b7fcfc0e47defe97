"""The tab in which several methods, and ways from patches to pixels, stand side by side."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from demo.lab import texts
from demo.lab.components.comparison import ComparisonGrid
from demo.lab.tab import Lab, Panel, View, fill_again
from demo.lab.tabs.compare.asked import (
    CHANGED,
    CONTENDERS,
    USUAL,
    WAY_KEYS,
    Comparison,
    all_methods,
    choose,
    is_stale,
    of_link,
    usual_methods,
)
from demo.lab.tabs.compare.run import make_compare, make_save
from demo.shared.events import HEAVY, JS_DOWNLOAD, JS_LATEST, JS_NUMBER, LIGHT, SEEN, TOLD
from demo.shared.service import Service
from demo.shared.texts import STOP
from segcore.pipeline.methods import METHODS

# Not the value, as results that were on their way would take its place.
_JS_START = """(asked) => { if (asked) document.querySelector("#compare-run")?.click(); }"""
# What is compared is part of the address while the tab is open.
_JS_KEEP = """(...picked) => {
    window.segcoreCompared = picked.flat().join(",");
    (%s)();
}"""
_JS_STOPPED = """value => ({__type__: "update", props: {stopped: value?.run ?? null}})"""


TITLE = "Compare"


def make(service: Service) -> Panel:
    """Lay the tab out."""
    choices = [(method.title, key) for key, method in METHODS.items()]
    methods = gr.CheckboxGroup(
        choices, value=list(USUAL), label=texts.COMPARE_METHODS, info=texts.COMPARE_METHODS_INFO, elem_id="compare-methods"
    )
    ways = gr.CheckboxGroup(
        [(CONTENDERS[key].title, key) for key in WAY_KEYS],
        value=[],
        label=texts.COMPARE_WAYS,
        info=texts.COMPARE_WAYS_INFO,
        elem_id="compare-ways",
    )
    with gr.Row(elem_id="compare-buttons"):
        run = gr.Button(texts.COMPARE_RUN, variant="primary", size="sm", min_width=110, elem_id="compare-run")
        stop = gr.Button(STOP, size="sm", min_width=60, elem_id="compare-stop")
        usual = gr.Button(texts.COMPARE_USUAL, size="sm", min_width=110, elem_id="compare-usual")
        every = gr.Button(texts.COMPARE_ALL, size="sm", min_width=60, elem_id="compare-all")
        save = gr.Button(texts.COMPARE_SAVE, size="sm", min_width=140, elem_id="compare-save")
    with gr.Row(visible=False, elem_id="compare-stale") as stale:
        gr.Markdown(texts.COMPARE_STALE, container=False)
        again = gr.Button(texts.COMPARE_AGAIN, variant="primary", size="sm", scale=0, min_width=110, elem_id="compare-again")
    grid = ComparisonGrid(words=texts.COMPARE_WORDS, elem_id="comparison")
    compared = gr.State(None)

    def fill(view: View, on_view: Comparison | None) -> Iterator[tuple[Any, ...]]:
        old = on_view is not None and is_stale(on_view, view.shown)
        yield gr.update(visible=old), gr.update(main=view.shown.settings.method)

    def wire(lab: Lab) -> None:
        comparing = gr.on(
            [run.click, again.click],
            make_compare(service),
            [lab.number, methods, ways, lab.picture, *lab.controls.values()],
            [compared, grid],
            js=JS_NUMBER,
            trigger_mode="always_last",
            show_progress_on=[methods],
            **SEEN,
        )
        gr.on([run.click, again.click], None, [methods, ways], None, js=_JS_KEEP % lab.keep_tab, **LIGHT)
        fill_again(lab, panel, comparing.then)
        asked = lab.compare.change(of_link, lab.compare, [methods, ways], **TOLD)
        asked.then(None, lab.compare, None, js=_JS_START, **LIGHT)
        stopping = stop.click(service.stops.stop, lab.number, None, js=JS_LATEST, **LIGHT)
        stopping.then(None, grid, grid, js=_JS_STOPPED, **LIGHT)
        grid.choose(choose, None, [lab.controls[name] for name in CHANGED], **LIGHT)
        usual.click(usual_methods, None, methods, **LIGHT)
        every.click(all_methods, lab.controls["backbone"], methods, **LIGHT)
        save.click(make_save(service), compared, lab.download, **HEAVY).success(None, None, None, js=JS_DOWNLOAD, **LIGHT)

    panel = Panel((stale, grid), fill, inputs=(compared,), wire=wire)
    return panel
