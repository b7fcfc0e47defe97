"""Tracking in a real Chromium: playing, the strip linked with the graph, trackers side by side, saving, the playground."""

import pytest

from tests.browser.conftest import address_has

pytestmark = pytest.mark.browser

SHORT = "tracking?source=crossing&n_frames=12&n_objects=4&tracker=message_passing&compare=hungarian,message_passing"


def opened(page, address, link=SHORT, **parts):
    page.goto(address + link + "".join(f"&{name}={value}" for name, value in parts.items()))
    page.locator("#player .tk-graph canvas").wait_for()
    page.wait_for_function("location.search.includes('step=')")
    return page


def title(page):
    return page.locator("#player .st-title").inner_text()


def test_it_plays_and_strip_and_graph_point_at_the_same(page, address, shoot):
    opened(page, address, step="input", point=5)
    assert title(page) == "(a) Input: detections"
    page.locator("#player .st-title").click()  # nothing that takes keys has the focus
    page.keyboard.press("ArrowRight")
    assert title(page) == "(b) The graph"
    page.locator("#player .tk-edges .tk-to").first.wait_for()
    page.keyboard.press("End")
    page.wait_for_function("document.querySelector('#player .st-title').innerText.includes('frame 12 of 12')")
    assert page.locator("#player .tk-film + .st-note").inner_text().startswith("Frame 12 of 12")
    page.locator("#player .tk-lanes .tk-covered").first.wait_for()
    page.keyboard.press("Alt+ArrowLeft")  # the same track, a frame before
    page.wait_for_function("!document.querySelector('#player .tk-film + .st-note').innerText.startsWith('Frame 12 ')")
    told = page.locator("#player .tk-facts").inner_text()
    box = page.locator("#player .tk-graph canvas").bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"] / 12, box["y"] + 5)  # the first frame of the strip
    page.wait_for_function("document.querySelector('#player .tk-film + .st-note').innerText.startsWith('Frame 1 of 12')")
    assert page.locator("#player .tk-facts").inner_text() != told
    page.wait_for_function("old => new URLSearchParams(location.search).get('point') !== old", arg="5")
    shoot("tracking-output")
    page.goto(page.url)
    page.locator("#player .tk-graph canvas").wait_for()
    page.wait_for_function("document.querySelector('#player .st-title').innerText.includes('frame 12 of 12')")


def test_side_by_side_a_tracker_is_picked_and_its_tracks_are_saved(page, address):
    opened(page, address)
    page.locator("#tracking-board .tk-lanes").nth(1).wait_for()
    assert page.locator("#tracking-board tbody tr").count() == 2
    page.locator("#tracking-board [data-tracker=hungarian]").click()
    page.wait_for_function("new URLSearchParams(location.search).get('tracker') === 'hungarian'")
    page.locator("#tracking-board [data-tracker=hungarian][aria-pressed=true]").wait_for()
    with page.expect_download() as download:
        page.locator("#tracking-save").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) > 20
    assert all(len(line.split(",")) == 10 for line in lines)


def test_a_box_of_the_playground_is_dragged(page, address):
    page.goto(address + "playgrounds?play=tracks")
    box = page.locator("[data-key=tracks-found-0-0]")
    box.wait_for()
    fact = page.locator(".pg-facts dt:text-is('FN, FP') + dd")
    assert fact.inner_text() == "0, 0"
    at = box.bounding_box()
    middle = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0], middle[1] + 40, steps=4)
    page.mouse.up()
    page.wait_for_function("[...document.querySelectorAll('.pg-facts dd')].some((dd) => dd.innerText === '1, 1')")
    page.locator("[data-key=tracks-found-0-0]").press("Delete")
    page.wait_for_function("[...document.querySelectorAll('.pg-facts dd')].some((dd) => dd.innerText === '1, 0')")
    address_has(page, "found=0_10.5")
