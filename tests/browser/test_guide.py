"""The documentation as pages of the lab: every document, its formulas, tables, links and code."""

import re

import pytest

from demo.guide.show import documents
from segcore.runtime.places import DOCS
from tests.browser.conftest import overflow

pytestmark = pytest.mark.browser


def opened(page, address, name, width=1440, theme="light"):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{address}guide?doc={name}&__theme={theme}")
    text = page.locator("#guide-text")
    text.get_by_role("heading", level=1, name=documents()[name]).wait_for()
    page.locator("#guide-list [aria-current]").wait_for()
    return text


@pytest.mark.parametrize("name", documents())
def test_every_document_is_shown_whole(page, address, shoot, name):
    text = opened(page, address, name)
    source = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    code = r"^```\w*\n.*?^```"
    prose = re.sub(code, "", source, flags=re.DOTALL | re.MULTILINE)
    assert text.locator("h2").count() == len(re.findall(r"^## ", prose, re.MULTILINE))
    assert text.locator("tr").count() == len(re.findall(r"^\| (?!---)", source, re.MULTILINE))
    assert text.locator("pre").count() == len(re.findall(code, source, re.DOTALL | re.MULTILINE))
    assert text.locator(".katex").count() == len(re.findall(r"\$[^$\n]+\$", prose))
    assert text.locator(".katex-error").count() == 0
    assert "<!--" not in text.inner_text()
    assert page.locator("#guide-list [aria-current]").inner_text() == documents()[name]
    links = text.locator("a[href*='doc=']").evaluate_all("links => links.map((link) => [link.href, link.target])")
    for target, tab in links:
        assert re.search(r"guide\?doc=(\w+)", target)[1] in documents()
        assert tab == ""
    shoot(f"guide-{name}-1440")
    page.set_viewport_size({"width": 390, "height": 900})
    assert overflow(page) <= 0
    # A cell as wide as its longest word, not one letter to a line.
    tall = "cells => cells.filter((c) => c.innerText.trim().length < 12 && c.scrollWidth > c.clientWidth + 1).length"
    assert text.locator("td, th").evaluate_all(tall) == 0
    shoot(f"guide-{name}-390")


def test_a_link_into_a_document_shows_the_place(page, address):
    """In the same tab, with what is carried from page to page; also in the dark."""
    text = opened(page, address, "command_line", theme="dark")
    text.locator("a", has_text="Backbones").first.click()
    page.wait_for_url("**/guide?doc=backbones&__theme=dark#your-own-weights")
    place = "#guide-text #your-own-weights"
    page.locator(place).wait_for()
    seen = "place => scrollY > 0 && document.querySelector(place).getBoundingClientRect().bottom < innerHeight"
    page.wait_for_function(seen, arg=place)
