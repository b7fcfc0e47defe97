"""The look of what several components have stands in one style sheet."""

import re

import pytest

from segcore.runtime.places import ROOT

SHEETS = sorted((ROOT / "demo").rglob("*.css"))


@pytest.mark.parametrize("what", ["slider-thumb", "range-thumb", "slider-runnable-track", "checkbox-background-color"])
def test_sliders_and_checkboxes_have_one_home(what):
    assert [sheet.name for sheet in SHEETS if what in sheet.read_text()] == ["panel.css"]


def test_every_slider_and_checkbox_of_a_component_lives_there():
    for page in (ROOT / "demo").rglob("*.html"):
        html = page.read_text()
        for kind in re.findall(r'<input class="([^"]*)" type="range"', html):
            assert "lab-range" in kind.split(), page.name
        assert html.count('type="checkbox"') == html.count('class="lab-check'), page.name


def test_what_lies_around_a_component_is_named_before_it():
    """Gradio nests the sheet of a component in its id, where `.dark .x` would ask for a dark part of the component."""
    for sheet in SHEETS:
        assert re.findall(r"(?:\.dark|\[data-paper\])(?! & )[^{]*", sheet.read_text()) == [], sheet.name


def test_no_selector_of_the_page_has_a_comma_in_parentheses():
    """Gradio puts its own classes before each part of a list, and takes every comma for one of a list."""
    rules = re.sub(r"/[*].*?[*]/", "", (ROOT / "assets" / "style.css").read_text(), flags=re.DOTALL)
    selectors = re.findall(r"([^{};]+)\{", rules)
    assert [text.strip() for text in selectors if re.search(r"\([^()]*,", text) and "@" not in text] == []
