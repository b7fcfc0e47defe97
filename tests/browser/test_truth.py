"""The tab "Ground truth" as a visitor meets it."""

import numpy as np
import pytest
from PIL import Image

from demo.lab import texts
from demo.lab.tabs.truth import TITLE
from demo.shared.service import EXAMPLES
from segcore.metrics import matched_iou
from segcore.pipeline import segment
from tests.browser.test_page import choose_method, set_number, wait_for_result

pytestmark = pytest.mark.browser


@pytest.fixture
def lab(page, address):
    """The page with an example that has a truth, its tab open."""
    page.goto(f"{address}?example=discs&n_segments=3")
    wait_for_result(page)
    page.get_by_role("tab", name=TITLE).click()
    wait_for(page, "Measured against")
    return page


def wait_for(page, words):
    page.wait_for_function("words => document.querySelector('#truth-told')?.innerText.includes(words)", arg=words)


def score(page, name):
    return page.locator("#truth-told tr", has=page.get_by_role("rowheader", name=name, exact=True)).locator(".truth-number")


def test_the_truth_of_an_example_follows_every_result(lab):
    result = segment(EXAMPLES / "discs.png", n_segments=3)
    truth = np.asarray(Image.open(EXAMPLES / "truth" / "discs.png"))
    title = texts.TRUTH_SCORES["miou"][0]
    assert score(lab, title).inner_text() == f"{matched_iou(result.label_map, truth):.3f}"
    assert lab.locator("#truth-told img").count() == 3
    assert lab.locator(".truth-pairs tbody tr").count() == 3
    set_number(lab, "n_segments", 5)
    wait_for_result(lab, "5 segments on")
    wait_for(lab, "Segments without a partner")
    assert lab.get_by_text(texts.TRUTH_OBJECT_TITLE).count() == 0
    choose_method(lab, "fiedler")
    wait_for(lab, texts.TRUTH_OBJECT_TITLE)
    assert 0 < float(score(lab, texts.TRUTH_OBJECT_SCORES["max_f_beta"][0]).inner_text()) <= 1


def test_an_uploaded_truth_is_measured_and_goes_with_the_picture(lab, tmp_path):
    truth = tmp_path / "mine.png"
    colors = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], np.uint8)
    Image.fromarray(colors[np.asarray(Image.open(EXAMPLES / "truth" / "discs.png"))]).save(truth)
    lab.locator("#truth-file input[type=file]").set_input_files(truth)
    wait_for(lab, "Measured against mine.png")
    assert "#ff0000" in lab.locator(".truth-pairs").inner_text()
    lab.locator("#truth-ignore :is(input, textarea)").fill("#ff0000")
    lab.keyboard.press("Enter")
    wait_for(lab, texts.TRUTH_ERRORS[-1])
    assert "#ff0000" not in lab.locator(".truth-pairs").inner_text()
    lab.locator("#examples .gallery-item").first.click()  # has no truth
    wait_for(lab, texts.TRUTH_NONE)
    assert "mine.png" not in lab.locator("#truth-inputs").inner_text()


def test_mistakes_are_one_sentence_in_the_tab(lab, tmp_path):
    small, photo = tmp_path / "small.png", EXAMPLES / "coffee.jpg"
    Image.new("L", (100, 50)).save(small)
    file = lab.locator("#truth-file input[type=file]")
    file.set_input_files(small)
    wait_for(lab, "100 × 50 px, but its picture 480 × 360 px")
    lab.locator("#truth-file").get_by_label("Clear").click()
    wait_for(lab, texts.TRUTH_OF_EXAMPLE)
    file.set_input_files(photo)
    wait_for(lab, "without anti-aliasing")


@pytest.mark.parametrize(("theme", "widths"), [("light", (1440, 390)), ("dark", (390, 1440))])
def test_looks(page, address, shoot, theme, widths):
    page.set_viewport_size({"width": widths[0], "height": 900})
    page.goto(f"{address}?example=shadow&method=fiedler&__theme={theme}")
    wait_for_result(page)
    page.get_by_role("tab", name=TITLE).click()
    wait_for(page, texts.TRUTH_PAIRS_TITLE)
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        shoot(f"truth-{width}-{theme}")
        told = page.locator("#truth-told .truth").bounding_box()
        for part in page.locator("#truth-told :is(table, figure, p)").all():
            box = part.bounding_box()
            assert told["x"] <= box["x"]
            assert box["x"] + box["width"] <= told["x"] + told["width"] + 1
