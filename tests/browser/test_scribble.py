"""The page of strokes in a real Chromium: by mouse, by touch, by keys, by link and by file."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from demo.scribble import texts
from demo.shared.service import EXAMPLES
from segcore.heads.file import read_head
from segcore.scribble.strokes import strokes_of_text, strokes_text
from tests.browser.conftest import notices, overflow

pytestmark = pytest.mark.browser

QUICK = "backbone=color&max_side=128"
NO_STROKES = f"&strokes={strokes_text(())}"


def results(page):
    return int(page.locator(".sp-pad").get_attribute("data-results") or 0)


def next_result(page, before):
    page.wait_for_function("n => Number(document.querySelector('.sp-pad')?.dataset.results ?? 0) > n", arg=before)


def opened(page, address, query=NO_STROKES):
    """The discs, without the strokes that they come with."""
    page.goto(f"{address}scribble?{QUICK}&example=discs{query}")
    page.locator(".sp-stage").wait_for()
    page.wait_for_function("document.querySelector('.sp-picture').naturalWidth > 0")
    page.wait_for_function("location.search.includes('example=discs')")
    return page


def spot(page, x, y):
    box = page.locator(".sp-stage").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def draw(page, *points):
    page.locator(".sp-stage").scroll_into_view_if_needed()
    page.mouse.move(*spot(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*spot(page, *point), steps=4)
    page.mouse.up()


def centers():
    """A place inside each disc of the example, and one outside, as shares of width and height."""
    truth = np.asarray(Image.open(EXAMPLES / "truth" / "discs.png"))
    h, w = truth.shape
    spots = []
    for value in np.unique(truth):
        ys, xs = np.nonzero(truth == value)
        middle = np.argsort((xs - np.median(xs)) ** 2 + (ys - np.median(ys)) ** 2)[0]
        spots.append(((xs[middle] + 0.5) / w, (ys[middle] + 0.5) / h))
    return truth, spots


def link(page):
    return page.evaluate("new URLSearchParams(location.search).get('strokes')")


def strokes_drawn(page, n):
    """Wait until the address holds so many strokes, and return them."""
    page.wait_for_function(
        "n => document.querySelector('.sp-stage').getAttribute('aria-label').includes(`. ${n} strokes.`)", arg=n
    )
    old = None
    for _ in range(480):
        text = link(page)
        strokes = strokes_of_text(text) if text else ()
        if len(strokes) == n:
            return strokes
        page.wait_for_timeout(250)
        old = strokes
    raise AssertionError(f"the address holds {old}")


def paint_two(page):
    _, (outside, disc, *_) = centers()
    before = results(page)
    draw(page, disc, (disc[0] + 0.03, disc[1]))
    strokes_drawn(page, 1)
    page.wait_for_function(
        "words => document.querySelector('#scribble-status').innerText.includes(words)", arg="Only label 1"
    )
    page.locator(".sp-labels button[data-label='2']").click()
    draw(page, outside, (outside[0] + 0.1, outside[1]))
    strokes_drawn(page, 2)
    page.wait_for_function("document.querySelector('#scribble-status').innerText.includes('Graph cut')")
    next_result(page, before + 1)


def test_two_strokes_are_a_result_and_a_reload_keeps_it(page, address, shoot):
    opened(page, address)
    page.wait_for_function("words => document.querySelector('#scribble-status').innerText === words", arg=texts.HINT)
    paint_two(page)
    assert "✓" in page.locator("#proof").inner_text()
    assert page.locator("#scribble-maps img").count() == 4
    strokes = strokes_drawn(page, 2)
    assert [s.label for s in strokes] == [1, 2]
    _, (_, disc, *_) = centers()
    assert strokes[0].points[0] == pytest.approx(disc, abs=0.02)
    shoot("scribble-two-strokes")
    status = page.locator("#scribble-status").inner_text().rpartition("·")[2]
    here = page.url
    page.reload()
    next_result(page, 0)
    page.wait_for_function("words => document.querySelector('#scribble-status').innerText.includes(words)", arg=status)
    assert strokes_drawn(page, 2) == strokes
    page.wait_for_function("link => location.href === link", arg=here)


def test_undo_redo_clear_and_the_eraser(page, address):
    opened(page, address)
    paint_two(page)
    page.locator(".sp-undo").click()
    strokes_drawn(page, 1)
    page.locator(".sp-redo").click()
    strokes_drawn(page, 2)
    page.locator(".sp-eraser").click()
    draw(page, (0.5, 0.5), (0.52, 0.5))
    assert strokes_drawn(page, 3)[-1].label == 0
    page.locator(".sp-clear").click()
    page.wait_for_function("words => document.querySelector('#scribble-status').innerText === words", arg=texts.HINT)
    page.locator(".sp-undo").click()
    strokes_drawn(page, 3)
    page.locator(".sp-redo").click()
    page.locator(".sp-undo").click()
    assert [s.label for s in strokes_drawn(page, 3)] == [1, 2, 0]


def test_keys_alone_draw(page, address):
    opened(page, address)
    stage = page.locator(".sp-stage")
    stage.focus()
    for key in ("3", "ArrowLeft", "Space", "ArrowRight", "ArrowRight", "ArrowDown", "Space"):
        stage.press(key)
    first = strokes_drawn(page, 1)[0]
    assert first.label == 3
    assert first.points[-1][0] > first.points[0][0]
    assert page.locator(".sp-labels button[data-label='3']").get_attribute("aria-pressed") == "true"
    for key in ("8", "Shift+ArrowUp", "Space", "ArrowLeft", "Space"):
        stage.press(key)
    assert strokes_drawn(page, 2)[1].label == 8
    stage.press("z")
    strokes_drawn(page, 1)
    stage.press("y")
    strokes_drawn(page, 2)
    stage.press("]")
    assert page.locator(".sp-size-now").inner_text() == "2.5 %"


def test_touch_at_390_pixels(browser, address):
    """A finger draws and does not scroll; the controls are there and nothing sticks out."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    opened(page, address)
    client = context.new_cdp_session(page)
    _, (outside, disc, *_) = centers()

    def swipe(*points):
        page.locator(".sp-stage").scroll_into_view_if_needed()
        places = [dict(zip("xy", spot(page, *point), strict=True)) for point in points]
        client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": places[:1]})
        for place in places[1:]:
            client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [place]})
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    page.locator(".sp-stage").scroll_into_view_if_needed()
    top = page.evaluate("scrollY")
    swipe(disc, (disc[0] + 0.02, disc[1] + 0.02), (disc[0] + 0.02, disc[1] + 0.06))
    strokes_drawn(page, 1)
    assert page.evaluate("scrollY") == top
    page.locator(".sp-labels button[data-label='2']").tap()
    swipe(outside, (outside[0] + 0.1, outside[1]))
    assert [s.label for s in strokes_drawn(page, 2)] == [1, 2]
    page.wait_for_function("document.querySelector('#scribble-status').innerText.includes('Graph cut')")
    assert overflow(page) <= 0
    context.close()
    assert not problems


def test_strokes_survive_methods_and_travel_in_a_file(page, address, tmp_path):
    opened(page, address)
    paint_two(page)
    strokes = strokes_drawn(page, 2)
    for method in ("random_walker", "head", "nearest"):
        page.locator("#answer-by").get_by_text(texts.METHODS[method], exact=True).click()
        page.wait_for_function(
            "words => document.querySelector('#scribble-status').innerText.startsWith(words)", arg=texts.METHODS[method]
        )
        assert strokes_drawn(page, 2) == strokes
    with page.expect_download() as saved:
        page.locator("#save-strokes").click()
    path = tmp_path / "s.json"
    saved.value.save_as(path)
    assert len(json.loads(path.read_text())["strokes"]) == 2
    page.locator(".sp-clear").click()
    page.wait_for_function("words => document.querySelector('#scribble-status').innerText === words", arg=texts.HINT)
    with page.expect_file_chooser() as chooser:
        page.locator("#load-strokes").click()
    chooser.value.set_files(path)
    again = strokes_drawn(page, 2)
    assert [s.label for s in again] == [1, 2]


def test_the_head_goes_on_to_other_pictures(page, address, tmp_path):
    opened(page, address)
    paint_two(page)
    page.locator("#apply button").first.click()
    page.locator("#apply-files input[type=file]").first.set_input_files(
        [EXAMPLES / "discs.png", EXAMPLES / "ellipses.png", EXAMPLES / "dusk.png"]
    )
    page.wait_for_function("document.querySelectorAll('#apply-files .file-preview tr, #apply-files tr').length >= 3")
    page.locator("#apply-run").click()
    page.wait_for_function("document.querySelector('#apply-status').innerText.includes('ready')")
    page.wait_for_function("document.querySelectorAll('#apply-gallery img').length >= 3")
    with page.expect_download() as saved:
        page.locator("#save-all").click()
    path = tmp_path / "all.zip"
    saved.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        assert {
            "discs.labels.png",
            "ellipses.labels.png",
            "dusk.labels.png",
            "head.safetensors",
            "contact-sheet.png",
        } == names
        labels = np.asarray(Image.open(io.BytesIO(archive.read("discs.labels.png"))))
        head = read_head(archive.read("head.safetensors"))
    assert set(np.unique(labels)) <= {1, 2}
    assert head.names == ("object", "background")


@pytest.mark.parametrize(
    "query",
    ["&strokes=damaged!", "&answer=magic", "&links=many", "&blocks=99", "&names=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"],
)
def test_a_bad_link_is_one_sentence(page, address, query):
    opened(page, address, query)
    page.wait_for_function("document.querySelector('#scribble-status').innerText.includes('Graph cut')")  # its own strokes
    assert len(notices(page)) == (0 if "names" in query else 1)
    page.locator(".sp-clear").click()
    page.wait_for_function("words => document.querySelector('#scribble-status').innerText === words", arg=texts.HINT)
    paint_two(page)
