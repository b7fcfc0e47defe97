"""The documents: the list of them, and one as the page shows it."""

import html
import re
from pathlib import Path

import gradio as gr

from demo.guide import texts
from segcore.runtime.places import DOCS

FIRST = "README"


def shown(request: gr.Request) -> str:
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


def listed() -> str:
    """The list of the documents, as HTML."""
    links = "".join(f'<li><a href="guide?doc={name}">{html.escape(title)}</a></li>' for name, title in documents().items())
    return f'<nav aria-label="{texts.LIST}"><ul>{links}</ul></nav>'
