"""The documentation as a page: `/guide?doc=NAME` shows `docs/NAME.md`."""

import html
import re
from pathlib import Path

import gradio as gr

from demo.guide import texts
from demo.shared.events import LIGHT, TOLD
from demo.shared.service import Service
from segcore.runtime.places import DOCS

FIRST = "README"
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
            gr.HTML(_list(), elem_id="guide-list")
        with gr.Column(scale=4, min_width=320):
            # Its links, like those of a navigation bar, take along what is carried from page to page.
            text = gr.Markdown(
                elem_id="guide-text",
                elem_classes="to-pages",
                latex_delimiters=_LATEX,
                container=False,
            )
    demo.load(show, None, text, **TOLD).then(None, None, None, js=_JS_ARRIVE, **LIGHT)


def show(request: gr.Request) -> str:
    """The document that the address names."""
    name = request.query_params.get("doc", FIRST)
    if name not in documents():
        gr.Warning(texts.NO_DOCUMENT.format(known=", ".join(documents())))
        name = FIRST
    return linked(DOCS.joinpath(f"{name}.md").read_text(encoding="utf-8"))


def documents() -> dict[str, str]:
    """Titles by name, the index first."""
    names = sorted((path.stem for path in DOCS.glob("*.md")), key=lambda name: (name != FIRST, name))
    return {name: _title(DOCS / f"{name}.md") for name in names}


def linked(text: str) -> str:
    """The same text with its links to other documents leading to this page; others keep their words only."""

    def target(match: re.Match[str]) -> str:
        words, path, name, anchor = match[1], match[2], match[3], match[4] or ""
        return f"[{words}](guide?doc={name}{anchor})" if not path else words

    return re.sub(r"(?<!!)\[([^\]]+)\]\(((?:\.\./|[\w-]+/)*)([\w.-]+?)(?:\.md)?(#[\w-]+)?\)", target, text)


def _title(path: Path) -> str:
    return path.read_text(encoding="utf-8").split("\n", 1)[0].lstrip("# ").strip()


def _list() -> str:
    links = "".join(f'<li><a href="guide?doc={name}">{html.escape(title)}</a></li>' for name, title in documents().items())
    return f'<nav aria-label="{texts.LIST}"><ul>{links}</ul></nav>'
