"""The tab "Colors" in a real Chromium: a second picture, a patch and its match, and a link that brings all of it back."""

import pytest

from demo.lab import texts

pytestmark = pytest.mark.browser


def said(page, text):
    page.wait_for_function("text => document.querySelector('#colors .fc-said')?.innerText.startsWith(text)", arg=text)


def test_two_pictures_a_patch_and_a_link(page, address, shoot):
    page.goto(f"{address}?example=discs&backbone=color&max_side=160&tab=colors")
    page.locator("#colors .fc-stage").wait_for()
    page.locator("#colors-examples button").nth(1).click()
    page.locator("#colors .fc-pictures[data-count='2']").wait_for()
    page.locator("#colors-view").get_by_label(texts.COLORS_VIEWS["figure"]).check()
    page.locator("#colors .fc-histogram svg").wait_for()
    stage = page.locator("#colors .fc-stage").first
    stage.click(position={"x": 5, "y": 5})
    said(page, "Row 1, column 1 of Two discs. Its ")
    stage.press("ArrowDown")
    said(page, "Row 2, column 1 of Two discs. Its ")
    page.get_by_label("Similarity to the chosen patch instead").check()
    page.locator("#colors .fc-map").nth(1).wait_for()
    own = ("colors_second=cat", "colors_view=figure", "colors_at=1.2.1", "colors_similar=true")
    for word in ("tab=colors", "example=discs", *own):
        page.wait_for_function("word => location.search.includes(word)", arg=word)
    shoot("colors", "#colors")
    lead = page.locator("#colors .fc-lead").inner_text()
    page.goto(page.url)
    page.locator("#colors .fc-pictures[data-count='2']").wait_for()
    said(page, "Row 2, column 1 of Two discs. Its ")
    page.wait_for_function("lead => document.querySelector('#colors .fc-lead').innerText === lead", arg=lead)
    page.locator("#colors .fc-map").nth(1).wait_for()
