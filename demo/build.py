"""All pages as one app."""

import json
import logging
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.types import Scope

from demo.lectures.run.routes import lecture_routes
from demo.lectures.texts import PAGES as LINKED
from demo.pages import PAGES, Page
from demo.shared.bundle import NoBundle, bundle_routes, with_bundle
from demo.shared.components.scripts import address_of, name_of, script_routes
from demo.shared.endpoint import check_names
from demo.shared.events import LIGHT, RUNS_AT_ONCE
from demo.shared.kept import Kept
from demo.shared.line import form_line
from demo.shared.link import JS_CARRY
from demo.shared.opening import with_opening
from demo.shared.patience import patience_script
from demo.shared.requests import Pages, refusals
from demo.shared.service import Service, read_examples
from demo.shared.texts import FIGURES, LARGE, LESSON, TITLE
from segcore.runtime.places import ASSETS

log = logging.getLogger(__name__)


def build_demo(service: Service) -> gr.Blocks:
    """Build the pages; nothing is computed until somebody opens one, and each is sent to those who open it."""
    first, *others = PAGES
    with Pages(service=service, title=TITLE, analytics_enabled=False, delete_cache=(600, 3600)) as demo:
        _fill(demo, first, service)
    for page in others:
        with demo.route(page.title, f"/{page.path}"):
            _fill(demo, page, service)
    app: gr.Blocks = demo.queue(max_size=256, default_concurrency_limit=RUNS_AT_ONCE, api_open=False)
    form_line(app)
    return app


def _fill(demo: gr.Blocks, page: Page, service: Service) -> None:
    gr.Navbar(main_page_name=PAGES[0].title)  # one for each page, as Gradio wants it
    with gr.Row(elem_id="intro-row"):
        gr.Markdown(f"# {TITLE}\n{page.intro}", elem_id="intro")
        # The scripts of all three are in the head of the page.
        if page.path in LINKED:
            gr.Button(LESSON["add"], size="sm", min_width=60, scale=0, elem_id="add-line")
        gr.Button(LARGE, size="sm", min_width=60, scale=0, elem_id="large")
        gr.Button(str(FIGURES["button"]), size="sm", min_width=60, scale=0, elem_id="figures")
    page.build(demo, service)
    demo.load(None, None, None, js=JS_CARRY, **LIGHT)


def launch_options() -> dict[str, Any]:
    """What `launch` needs beside address and port, the same for app and tests."""
    return {
        "theme": _theme(),
        "css_paths": [ASSETS / "style.css"],
        "head": "".join(
            (
                patience_script(),
                *map(_in_head, ("engines", "large", "embed")),
                _in_head("lesson", _lesson()),
                _in_head("figures", _figures()),
            )
        ),
        "allowed_paths": [str(ASSETS / "examples")],
        "footer_links": ["api", "settings"],
        "run_history": False,
        "enable_monitoring": False,
        "max_file_size": "64mb",
        "state_session_capacity": 300,
        "ssr_mode": False,
        "app_kwargs": {
            "exception_handlers": refusals(check_names),
            "routes": [*script_routes(), *bundle_routes(), *lecture_routes()],
            "middleware": [Middleware(Kept, pages=[page.path for page in PAGES], change=as_sent)],
        },
    }


def as_sent(page: str, scope: Scope) -> tuple[str, bool]:
    """The HTML of a page, with one bundle for all pages and what this one opens with; and whether it stays so.

    Args:
        page: as Gradio writes it.
        scope: of the request.
    """
    pages: Pages = scope["app"].get_blocks()
    try:
        page = with_bundle(page, {block.get_block_name() for block in pages.blocks.values()})
    except NoBundle as error:
        log.warning("Gradio's files are sent one by one: %s", error)
    opening = pages.openings.get(scope["path"].strip("/"))
    if opening is None or pages.service.warm is None:
        return page, True
    return (with_opening(page, opening()), True) if pages.service.warm else (page, False)


_JS = Path(__file__).parent / "shared" / "js"


def _lesson() -> str:
    """What the script of the lectures is told: its words, the pages that have states, and the module that draws a still."""
    drawn = _JS / "drawn.js"
    told = {"words": LESSON, "pages": LINKED, "drawn": {"script": address_of([drawn]), "name": name_of(drawn)}}
    return " ".join(f"const {name} = {json.dumps(value)};" for name, value in told.items())


def _figures() -> str:
    """What the script of the figures is told: where the module is that makes them, and its words."""
    module = _JS / "figures.js"
    by_id = {example.id: f"{example.title}: {example.credit}" for example in read_examples()}
    told = {"script": address_of([module]), "name": name_of(module), "words": FIGURES, "credits": by_id}
    return f"const told = {json.dumps(told)};"


def _in_head(name: str, told: str = "") -> str:
    """Style and script for the head of every page: what they do holds from the first moment on.

    Args:
        name: of the files.
        told: stands before the script.
    """
    style, script = ((ASSETS / f"{name}.{ending}").read_text(encoding="utf-8") for ending in ("css", "js"))
    return f"<style>{style}</style><script>(() => {{ {told}\n{script} }})();</script>"


def _theme() -> gr.themes.Base:
    """Plain, with the fonts that every system has: nothing to download, nothing that competes with the picture."""
    sans = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif")
    mono = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")
    theme = gr.themes.Default(primary_hue="blue", neutral_hue="slate", spacing_size="sm", font=sans, font_mono=mono)
    # Gradio's own gray has a contrast of 2.6 : 1 on white, which a projector swallows; this one has 7.6 : 1.
    return theme.set(body_text_color_subdued="*neutral_600", block_info_text_color="*neutral_600")
