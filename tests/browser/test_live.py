"""The tab "Live" in Chromium, with the moving picture that it makes for tests in the place of a camera."""

import pytest

from demo.lab import texts
from segcore.pipeline.live import VIEWS
from tests.browser.conftest import address_lacks, launched

pytestmark = pytest.mark.browser

LINK = "?example=discs&backbone=color&max_side=96&method=kmeans&n_segments=3&tab=live"


@pytest.fixture
def camera(browser):
    """A page that may use a camera."""
    options = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with launched(browser.browser_type, *options) as chromium:
        page = chromium.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(120_000)
        yield page


def opened(page, address):
    page.goto(address + LINK)
    page.locator(".lv-start").click()
    return page


def draws(page, view):
    """Wait for an answer in this view that is painted."""
    kind = {"colors": "colors", "fiedler": "signed"}.get(view, "labels")
    page.wait_for_function(
        """kind => {
            const map = document.querySelector(".lv-map");
            if (map.dataset.kind !== kind) return false;
            const { data } = map.getContext("2d").getImageData(0, 0, map.width, map.height);
            return data.some((value, i) => i % 4 === 3 && value > 0);
        }""",
        arg=kind,
    )


def test_a_camera_is_followed_in_every_view_and_its_picture_goes_on(camera, address, shoot):
    page = opened(camera, address)
    for view in ("colors", "kmeans", "spectral", "fiedler", "tokencut"):
        page.locator(".lv-view").select_option(view)
        draws(page, view)
        page.wait_for_function("name => document.querySelector('.lv-map').ariaLabel?.includes(name)", arg=VIEWS[view].title)
    page.get_by_text("frames a second").wait_for()
    page.locator(".lv-view").select_option("attention")
    page.get_by_text("no class token").wait_for()
    page.locator(".lv-take").click()
    page.wait_for_function("location.search.includes('picture=')")
    address_lacks(page, "example=")
    page.locator(".lv-stop").click()
    assert page.locator(".lv-message").inner_text() == texts.LIVE["hint"]
    assert page.evaluate("document.querySelector('.lv-video').srcObject") is None


def test_without_a_camera_there_is_one_sentence(page, address):
    opened(page, address)
    page.wait_for_function(
        "told => told.includes(document.querySelector('.lv-message').innerText)",
        arg=[texts.LIVE[name] for name in ("denied", "none", "busy")],
    )
