"""The documentation as a page: `/guide?doc=NAME` shows `docs/NAME.md`."""

import gradio as gr

from demo.guide.show import FIRST, listed, shown
from demo.shared.events import LIGHT, TOLD
from demo.shared.service import Service

_LATEX: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]
# When the text is there: mark the document in the list, let links stay in this tab, and go to the place that was asked for;
# headings get the anchors that GitHub gives them, as Gradio would give them others.
_JS_ARRIVE = r"""() => {
    const arrive = () => {
        const text = document.querySelector("#guide-text");
        if (!text?.querySelector("h1")) return setTimeout(arrive, 50);
        for (const link of text.querySelectorAll("a[href^='guide?']")) link.removeAttribute("target");
        const shown = new URLSearchParams(location.search).get("doc") ?? "FIRST";
        for (const link of document.querySelectorAll("#guide-list a"))
            if (new URLSearchParams(link.search).get("doc") === shown) link.setAttribute("aria-current", "page");
        for (const heading of text.querySelectorAll("h2, h3"))
            heading.id = heading.innerText.toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
        if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
    };
    arrive();
}""".replace("FIRST", FIRST)


def build(demo: gr.Blocks, _service: Service) -> None:
    """Lay the page out: the list of documents, and the one that the address names."""
    with gr.Row(elem_id="guide"):
        with gr.Column(scale=1, min_width=200):
            gr.HTML(listed(), elem_id="guide-list")
        with gr.Column(scale=4, min_width=320):
            # Its links, like those of a navigation bar, take along what is carried from page to page.
            text = gr.Markdown(
                elem_id="guide-text",
                elem_classes="to-pages",
                latex_delimiters=_LATEX,
                container=False,
            )
    demo.load(shown, None, text, **TOLD).then(None, None, None, js=_JS_ARRIVE, **LIGHT)
