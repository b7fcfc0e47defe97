"""The comparison of methods as a visitor meets it."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from segcore.pipeline.methods import METHODS
from tests.browser.conftest import address_has, address_lacks, overflow

pytestmark = pytest.mark.browser

THREE = ("kmeans", "spectral", "fiedler")
# The middle of each disc of the example and a corner of its ground, as shares of width and height.
PLACES = {"large disc": (0.3, 0.45), "small disc": (0.72, 0.55), "ground": (0.95, 0.05)}


@pytest.fixture
def lab(page, address):
    """The tab, open, on a scene whose things are known, with three methods picked."""
    open_tab(page, f"{address}?example=discs&backbone=color&max_side=160&n_segments=3")
    for key, method in METHODS.items():
        page.get_by_label(method.title, exact=True).set_checked(key in THREE)
    return page


def open_tab(page, link):
    page.goto(link)
    page.wait_for_function("document.querySelector('#status')?.innerText.includes('segments on')")
    page.get_by_role("tab", name="Compare").click()


def compare(page, button="#compare-run"):
    page.locator(button).click()
    wait_until_done(page)


def wait_until_done(page):
    page.wait_for_function("document.querySelector('#comparison .cp-grid[aria-busy=false]')")
    page.wait_for_function("[...document.querySelectorAll('#comparison img')].every((i) => i.hidden || i.naturalWidth)")


def cell(page, method):
    return page.locator(f"#comparison .cp-cell[data-method={method}]")


def colors_of(page, method):
    """The color of the picture's pixel at each place."""
    return (
        cell(page, method)
        .locator("img")
        .evaluate(
            """(image, places) => {
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            const context = canvas.getContext("2d");
            context.drawImage(image, 0, 0);
            const pixel = ([x, y]) => context.getImageData(x * canvas.width, y * canvas.height, 1, 1).data;
            return places.map((place) => [...pixel(place)].slice(0, 3));
        }""",
            list(PLACES.values()),
        )
    )


def stripes(page, method):
    """The colors of the bar of areas."""
    bar = cell(page, method).locator(".cp-areas")
    return set(bar.evaluate("bar => [...bar.children].map((stripe) => getComputedStyle(stripe).backgroundColor)"))


def whites(page):
    """The share of white among the pixels of a still."""
    still = Image.open(io.BytesIO(base64.b64decode(page.evaluate("window.segcoreLectures.still()").partition(",")[2])))
    return (np.asarray(still.convert("L")) > 250).mean()


def apart(a, b):
    return max(abs(x - y) for x, y in zip(a, b, strict=True))


def method_on_the_left(page, method):
    page.wait_for_function(
        "title => document.querySelector('#setting-method input').value === title", arg=METHODS[method].title
    )


def test_three_methods_in_colors_that_agree(lab):
    compare(lab)
    assert lab.locator("#comparison .cp-cell").count() == 3
    for method in THREE:
        assert "segments" in cell(lab, method).inner_text()
        assert METHODS[method].title in cell(lab, method).locator("img").get_attribute("alt")
    kmeans, spectral = colors_of(lab, "kmeans"), colors_of(lab, "spectral")
    for a, b in zip(kmeans, spectral, strict=True):
        assert apart(a, b) < 6  # as near as JPEG keeps them; two colors are further apart
    assert min(apart(kmeans[i], kmeans[j]) for i, j in ((0, 1), (0, 2), (1, 2))) > 12
    assert len(stripes(lab, "kmeans")) == 3
    assert stripes(lab, "kmeans") == stripes(lab, "spectral")
    assert len(stripes(lab, "fiedler") & stripes(lab, "spectral")) == 1  # the object; its background is gray
    lab.wait_for_function("window.segcoreLectures")
    numbers = lab.locator(".cp-numbers circle")
    assert numbers.count() >= 3 + 3 + 1
    assert not numbers.first.is_visible()  # they are for paper
    with_numbers = whites(lab)
    lab.evaluate("document.querySelectorAll('.cp-numbers').forEach((node) => node.remove())")
    assert with_numbers > whites(lab) + 0.003


def test_what_is_compared_is_part_of_the_address_while_it_is_on_view(lab):
    compare(lab)
    address_has(lab, "compare=")
    box = lab.locator("#setting-n_segments input[type=number]")
    box.fill("4")
    box.press("Enter")
    lab.wait_for_function("new URLSearchParams(location.search).get('n_segments') === '4'")
    address = lab.evaluate("location.href")
    picked = lab.evaluate("new URLSearchParams(location.search).get('compare')")
    assert set(picked.split(",")) == set(THREE)
    lab.get_by_role("tab", name="Segmentation").click()
    address_lacks(lab, "compare=")
    lab.get_by_role("tab", name="Compare").click()
    address_has(lab, "compare=")
    sent = []
    lab.on("request", lambda request: sent.append(request.url))
    lab.goto(address)
    wait_until_done(lab)
    assert all("tab=compare" in url for url in sent if "/queue/join" in url)  # the server reads the whole address
    assert lab.locator("#comparison .cp-cell[data-state=done]").count() == len(THREE)
    address_has(lab, "compare=")


def test_a_cell_becomes_the_main_result_by_click_or_key(lab):
    compare(lab)
    assert lab.locator(".cp-main").get_attribute("data-method") == "spectral"
    cell(lab, "kmeans").locator("img").click()
    method_on_the_left(lab, "kmeans")
    lab.wait_for_selector(".cp-main[data-method=kmeans]")
    lab.wait_for_function("location.search.includes('method=kmeans')")
    button = cell(lab, "fiedler").get_by_role("button")
    button.focus()
    lab.keyboard.press("Enter")
    method_on_the_left(lab, "fiedler")
    lab.wait_for_selector(".cp-main[data-method=fiedler]")
    assert button.get_attribute("aria-pressed") == "true"
    assert not lab.locator("#compare-stale").is_visible()  # the cells are as true as before


def test_it_says_when_settings_have_moved_on_and_runs_again(lab):
    compare(lab)
    box = lab.locator("#setting-n_segments input[type=number]")
    box.fill("4")
    box.press("Enter")
    lab.locator("#compare-stale").wait_for()
    assert cell(lab, "kmeans").inner_text().count("3 segments") == 1
    lab.locator("#compare-again").click()
    lab.wait_for_function("document.querySelector('[data-method=kmeans] .cp-facts')?.innerText.includes('4 segments')")
    lab.locator("#compare-stale").wait_for(state="hidden")


def test_a_method_that_fails_says_why_in_its_cell(lab):
    lab.get_by_label(METHODS["dino_seg"].title, exact=True).check()
    compare(lab)
    assert "attention" in cell(lab, "dino_seg").inner_text()
    assert cell(lab, "dino_seg").get_by_role("button").count() == 0
    assert cell(lab, "kmeans").locator("img").is_visible()


def test_stop_leaves_what_is_done(page, address):
    open_tab(page, f"{address}?example=cat&backbone=color&method=kmeans&max_side=640&pixel_side=240")
    page.locator("#compare-all").click()
    page.locator("#compare-run").click()
    cell(page, "kmeans").locator("img").wait_for()  # the pixels, which take much longer, are still to come
    page.locator("#compare-stop").click()
    page.wait_for_function("document.querySelector('#comparison .cp-status').innerText.includes('Stopped')")
    assert cell(page, "kmeans").get_attribute("data-state") == "done"
    assert page.locator("#comparison .cp-main").get_attribute("data-method") == "kmeans"
    assert page.locator("#comparison [data-state=stopped]").count() >= 1
    assert page.locator("#comparison [data-state=running], #comparison [data-state=waiting]").count() == 0


def test_the_sheet_is_saved(lab):
    compare(lab)
    with lab.expect_download() as saved:
        lab.locator("#compare-save").click()
    assert saved.value.suggested_filename == "discs.comparison.png"
    with Image.open(io.BytesIO(saved.value.path().read_bytes())) as sheet:
        assert sheet.width > 900  # three pictures side by side


@pytest.mark.parametrize(("width", "columns"), [(390, 1), (1440, 3)])
def test_the_grid_wraps(lab, shoot, width, columns):
    lab.set_viewport_size({"width": width, "height": 900})
    compare(lab)
    lefts = {round(item.bounding_box()["x"]) for item in lab.locator("#comparison .cp-cell").all()}
    assert len(lefts) == columns
    shoot(f"compare-{width}")
    assert overflow(lab) <= 0
