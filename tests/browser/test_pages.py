"""What holds for every page on the list, at every size and in both themes, and what goes along from one to the next."""

import pytest
from PIL import Image

from demo.pages import PAGES
from demo.shared.service import EXAMPLES
from demo.shared.texts import LINK_NO_PICTURE, TITLE
from tests.browser.conftest import address_has, await_notice, notices, overflow

pytestmark = pytest.mark.browser


def settled(page):
    """Wait until the page is there and what it does at first is done; Gradio's heartbeat never ends, so not for idleness."""
    page.get_by_role("heading", name=TITLE).wait_for()
    page.wait_for_load_state("load")
    if page.locator("#status").count():
        shows_result(page)
    page.wait_for_timeout(300)


def shows_result(page, words="segments on"):
    page.wait_for_function("words => document.querySelector('#status')?.innerText.includes(words)", arg=words)


@pytest.mark.parametrize(("theme", "widths"), [("light", (1440, 390)), ("dark", (390, 1440))])
@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.title)
def test_every_page_opens(page, address, shoot, place, theme, widths):
    """Without errors in the console or requests that leave the machine: the fixture's list."""
    page.set_viewport_size({"width": widths[0], "height": 900})
    page.goto(f"{address}{place.path}?__theme={theme}")
    settled(page)
    assert page.title() == TITLE
    here = page.locator("nav a.active")
    assert here.inner_text() == place.title
    assert page.locator("nav").first.locator("a").all_inner_texts() == [p.title for p in PAGES]
    assert page.evaluate("document.body.classList.contains('dark')") is (theme == "dark")
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        assert overflow(page) <= 0
        shoot(f"page-{place.title.lower()}-{width}-{theme}")
    if place is not PAGES[0]:  # its components, and so its values, are not sent with another
        assert page.locator("#picture, #setting-method").count() == 0
        sent = page.evaluate("window.gradio_config.components.map((c) => c.props.elem_id)")
        assert "setting-method" not in sent


# The letters of the results that are smaller than 18 px, indices of formulas aside; an <svg> may be scaled, too.
SMALL = """() => [...document.querySelectorAll("#results *, [id$='-results'] *, .pg-panel *")].filter((node) => {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    const box = node.getBoundingClientRect();
    if (!own || !box.width || node.closest("sub, sup, math, .katex, option, [hidden]")) return false;
    const drawn = node.ownerSVGElement;
    const wide = drawn?.viewBox.baseVal?.width;
    const scaled = wide ? drawn.getBoundingClientRect().width / wide : node.currentCSSZoom;
    return Number.parseFloat(getComputedStyle(node).fontSize) * scaled < 17.9;
}).map((node) => `${node.tagName} ${node.className} ${node.textContent.slice(0, 30)}`)"""


@pytest.mark.parametrize("link", ["", "steps?algorithm=ncut&data=stretched", "playgrounds?play=receptive"])
def test_large_is_read_from_the_last_row(page, address, link):
    page.goto(address + link)
    settled(page)
    page.wait_for_function("document.querySelector('.sg-area, .st-tree text, .pg-tick')")
    page.keyboard.press("f")
    page.wait_for_function("location.search.includes('large=1')")
    assert page.locator("#large").get_attribute("aria-pressed") == "true"
    assert page.evaluate(SMALL) == []
    assert overflow(page) <= 0
    page.reload()
    page.wait_for_function("document.querySelector('.sg-area, .st-tree text, .pg-tick')")
    address_has(page, "large=1")
    assert page.evaluate("document.documentElement.currentCSSZoom") == 1.5


def test_a_frame_anywhere_shows_one_view_alone(page, address, shoot):
    """In a document of another origin, as slides are; the keys of the player work, and its address stays one of its kind."""
    source = f"{address}steps?algorithm=kmeans&data=stretched&embed=1"
    page.set_content(f'<iframe src="{source}" width="960" height="540" style="border: 0"></iframe>')
    frame = page.frame_locator("iframe")
    frame.locator(".st-scatter").wait_for()
    inside = next(f for f in page.frames if f.url.startswith(address))
    inside.wait_for_function("document.documentElement.dataset.embed === 'fits'")
    inside.wait_for_function("document.documentElement.scrollHeight <= innerHeight")
    assert inside.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for hidden in ("nav", "footer", "#intro", "#steps-inputs"):
        assert frame.locator(hidden).first.is_hidden()
    inside.wait_for_function("location.search.includes('step=') && location.search.includes('embed=1')")
    number = frame.locator(".st-slider").input_value()
    frame.locator(".st-slider").press("ArrowLeft")
    inside.wait_for_function("old => document.querySelector('.st-slider').value !== old", arg=number)
    shoot("embedded")


def test_picture_and_settings_go_along_through_every_page_and_come_back(page, address, tmp_path):
    page.goto(f"{address}?backbone=color&max_side=128&method=kmeans&n_segments=4&__theme=dark")
    shows_result(page, "4 segments on")
    picture = tmp_path / "mine.png"
    with Image.open(EXAMPLES / "retina.jpg") as image:
        image.crop((0, 0, 150, 100)).save(picture)
    page.get_by_label("Remove Image").click()
    page.locator("#picture input[type=file]").first.set_input_files(picture)
    page.wait_for_function("location.search.includes('picture=')")
    shows_result(page, "4 segments on")
    for place in PAGES[1:]:
        page.locator("nav a", has_text=place.title).first.click()
        page.wait_for_url(f"**/{place.path}?**")
        settled(page)
        address_has(page, "n_segments=4")
        address_has(page, "picture=")
    page.locator("nav a", has_text=PAGES[0].title).first.focus()
    page.keyboard.press("Enter")  # by keyboard as by mouse
    page.wait_for_url(lambda url: f"/{PAGES[-1].path}" not in url)
    shows_result(page, "4 segments on")
    assert page.locator("#picture img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 150
    assert page.locator("#setting-n_segments input[type=number]").input_value() == "4"
    assert page.evaluate("document.body.classList.contains('dark')")


def test_a_reload_keeps_an_upload(page, address):
    page.goto(f"{address}?backbone=color&max_side=128&n_segments=3")
    shows_result(page, "3 segments on")
    page.get_by_label("Remove Image").click()
    page.locator("#picture input[type=file]").first.set_input_files(
        {"name": "own.jpg", "mimeType": "image/jpeg", "buffer": (EXAMPLES / "cat.jpg").read_bytes() + b" "}
    )
    page.wait_for_function("location.search.includes('picture=')")
    link = page.url
    page.reload()
    shows_result(page, "3 segments on")
    page.wait_for_function("link => location.href === link", arg=link)
    assert page.locator("#caption").inner_text().strip() == ""


def test_a_picture_that_is_gone_is_one_sentence(page, address):
    page.goto(f"{address}?picture=0123456789abcdef&n_segments=3&backbone=color&max_side=128")
    page.get_by_text(LINK_NO_PICTURE).wait_for()
    shows_result(page, "3 segments on")


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.title)
def test_a_bad_link_is_a_sentence_and_the_page_works(page, address, place):
    page.goto(f"{address}{place.path}?n_segments=999&example=../../etc/passwd&picture=%2Fetc%2Fpasswd&doc=..%2Fsecret")
    await_notice(page)
    settled(page)
    told = " ".join(notices(page))
    assert "Traceback" not in told
    assert "Error" not in told
