"""The tab "One patch" in a real Chromium: by mouse, by keyboard, by numbers, and with a second picture."""

import pytest

from demo.lab import texts
from demo.lab.tabs.patch import TITLE
from demo.shared.service import EXAMPLES
from segcore.graph.neighbors import cosines
from segcore.numerics import normalize_rows
from segcore.pipeline import segment
from tests.browser.conftest import notices, overflow
from tests.browser.test_page import choose_method, wait_for_result

pytestmark = pytest.mark.browser

COFFEE = EXAMPLES / "coffee.jpg"
H, W = 40, 60  # of its grid


@pytest.fixture
def tab(page, address):
    """The tab, open, with the answer for the patch in the middle."""
    page.goto(f"{address}?example=coffee")
    wait_for_result(page)
    page.get_by_role("tab", name=TITLE).click()
    wait_for_patch(page, H // 2 + 1, W // 2 + 1)
    return page


def said(page):
    return page.locator("#patch .pp-said").inner_text()


def wait_for_patch(page, row, column):
    words = f"Row {row}, column {column}:"
    page.wait_for_function("words => document.querySelector('#patch .pp-said')?.innerText.startsWith(words)", arg=words)


def middle(row, column):
    """Shares of the picture's width and height, of a cell counted from 1; the picture covers the whole grid."""
    return (column - 0.5) / W, (row - 0.5) / H


def point(page, selector, row, column, *, click=False):
    place = page.locator(selector)
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    x, y = middle(row, column)
    act = page.mouse.click if click else page.mouse.move
    act(box["x"] + x * box["width"], box["y"] + y * box["height"])


def here(page, key):
    return page.locator(f"#patch [data-map={key}] .pp-here").inner_text()


def type_number(page, name, text):
    box = page.locator(f"#patch .pp-{name}")
    box.fill(text)
    box.press("Enter")


def pixel(page, selector, row, column):
    """RGBA of a canvas in the middle of a cell."""
    return page.evaluate(
        """([selector, x, y]) => {
            const canvas = document.querySelector(selector);
            return [...canvas.getContext("2d").getImageData(x * canvas.width, y * canvas.height, 1, 1).data];
        }""",
        [selector, *middle(row, column)],
    )


def has_mark(page, selector, row, column):
    """Whether the canvas holds the color of the marker within a few pixels around a cell."""
    return page.evaluate(
        """([selector, x, y]) => {
            const canvas = document.querySelector(selector);
            const reach = 14;
            const [left, top] = [x * canvas.width - reach, y * canvas.height - reach];
            const { data } = canvas.getContext("2d").getImageData(left, top, 2 * reach, 2 * reach);
            for (let i = 0; i < data.length; i += 4)
                if (data[i] > 190 && data[i + 1] < 40 && data[i + 2] > 90 && data[i + 3] > 200) return true;
            return false;
        }""",
        [selector, *middle(row, column)],
    )


def test_a_click_shows_the_rows_of_the_graph(tab, shoot):
    result = segment(COFFEE)
    X, i = result.features.X, 11 * W + 44
    point(tab, "#patch .pp-stage", 12, 45, click=True)
    wait_for_patch(tab, 12, 45)
    assert f"Segment {result.cell_labels[11, 44] + 1}" in said(tab)
    assert tab.locator("#patch .pp-row").input_value() == "12"
    assert tab.locator("#patch .pp-column").input_value() == "45"
    expected = {
        "cosine": cosines(X, X[i]),
        "w_feat": cosines(X, X[i]).clamp(min=0),
        "w": result.affinity.W[i],
    }
    for row, column in ((3, 7), (12, 46), (33, 22)):
        point(tab, "#patch .pp-stage", row, column)
        j = (row - 1) * W + column - 1
        for key, values in expected.items():
            tab.wait_for_function(
                "([key, place]) => document.querySelector(`#patch [data-map=${key}] .pp-here`).innerText.startsWith(place)",
                arg=[key, f"row {row}, column {column}: "],
            )
            shown = float(here(tab, key).rpartition(": ")[2].replace("−", "-"))
            assert shown == pytest.approx(float(values[j]), rel=6e-3, abs=1e-4), (key, row, column)
    for key in ("cosine", "w_feat", "w_knn", "w"):
        assert has_mark(tab, f"#patch [data-map={key}] .pp-marks", 12, 45), key
    assert has_mark(tab, "#patch .pp-stage .pp-marks", 12, 45)
    colors = {tuple(pixel(tab, "#patch [data-map=cosine] .pp-map", *cell)) for cell in ((3, 7), (12, 46), (33, 22))}
    assert len(colors) == 3
    assert len(tab.locator("#patch .pp-vectors li").all()) == result.spectrum.V.shape[1] - 1
    weight = tab.locator("#patch .pp-psi-weight").inner_text().partition(";")[0].rpartition("= ")[2]
    heaviest = float((expected["w"] - expected["w_feat"]).max()) / result.settings.knn_weight
    assert float(weight) == pytest.approx(heaviest, abs=2e-3)  # the patch that was pointed at last is no neighbor
    shoot("patch-click")


def test_a_click_on_a_small_map_chooses_too_and_its_name_enlarges_it(tab):
    point(tab, "#patch [data-map=w] .pp-mini", 30, 10, click=True)
    wait_for_patch(tab, 30, 10)
    name = tab.locator("#patch [data-map=cosine] .pp-name")
    name.click()
    large = tab.locator("#patch .pp-stage .pp-map")
    large.wait_for()
    assert name.get_attribute("aria-pressed") == "true"
    assert pixel(tab, "#patch .pp-stage .pp-map", 5, 5) == pixel(tab, "#patch [data-map=cosine] .pp-map", 5, 5)
    name.click()
    large.wait_for(state="hidden")


def test_arrow_keys_move_by_one_patch_and_stop_at_the_edge(tab):
    stage = tab.locator("#patch .pp-stage")
    tab.locator("#patch").locator("xpath=ancestor::*[@role='tabpanel']").first.focus()
    for _ in range(40):  # reach it by the keyboard alone
        if stage.evaluate("node => node === document.activeElement"):
            break
        tab.keyboard.press("Tab")
    assert stage.evaluate("node => node.matches(':focus-visible') && getComputedStyle(node).outlineStyle") == "solid"
    for key, row, column in (("ArrowRight", 21, 32), ("ArrowDown", 22, 32), ("ArrowLeft", 22, 31), ("ArrowUp", 21, 31)):
        tab.keyboard.press(key)
        wait_for_patch(tab, row, column)
    for _ in range(W):  # faster than answers come
        tab.keyboard.press("ArrowLeft")
    wait_for_patch(tab, 21, 1)
    label = stage.get_attribute("aria-label")
    assert "Row 21, column 1: Segment" in label
    assert "v₁ = " in label
    assert tab.locator("#patch .pp-column").input_value() == "1"


def test_typed_coordinates_are_clamped_with_a_sentence(tab):
    type_number(tab, "row", "7")
    wait_for_patch(tab, 7, 31)
    problem = tab.locator("#patch .pp-problem")
    assert not problem.is_visible()
    type_number(tab, "column", "999")
    wait_for_patch(tab, 7, W)
    assert problem.inner_text() == f"There are {W} columns: 999 became {W}."
    type_number(tab, "row", "-3")
    wait_for_patch(tab, 1, W)
    assert problem.inner_text() == f"There are {H} rows: -3 became 1."
    type_number(tab, "row", "1.5")
    assert problem.inner_text() == f"A row is a whole number from 1 to {H}."
    assert tab.locator("#patch .pp-row").input_value() == "1"
    type_number(tab, "row", "2")
    wait_for_patch(tab, 2, W)
    assert not problem.is_visible()


def test_a_second_picture_shows_where_the_patch_is(tab, tmp_path, shoot):
    result, other = segment(COFFEE), segment(EXAMPLES / "cat.jpg")
    tab.locator("#second-examples .gallery-item").nth(1).click()
    match = tab.locator("#patch .pp-match")
    match.wait_for()
    point(tab, "#patch .pp-stage", 9, 40, click=True)
    wait_for_patch(tab, 9, 40)
    cosine = normalize_rows(other.features.X) @ normalize_rows(result.features.f[8, 39][None])[0]
    row, column = divmod(int(cosine.argmax()), other.features.geometry.w)
    assert match.inner_text().startswith(f"Best match: row {row + 1}, column {column + 1} (cos {float(cosine.max()):.3g}")
    assert tab.locator("#patch [data-map=second] canvas").first.is_visible()
    shoot("patch-second")
    damaged = tmp_path / "cut.png"
    damaged.write_bytes(b"no picture, only words")
    tab.locator("#second").get_by_label("Remove Image").click()
    tab.wait_for_selector("#patch .pp-second", state="hidden")
    tab.locator("#second input[type=file]").first.set_input_files(damaged)
    tab.wait_for_function("document.querySelector('#patch .pp-match').innerText.includes('not a picture')")
    assert notices(tab) == []


def test_a_method_without_a_graph_says_so_and_keeps_the_place(tab):
    point(tab, "#patch .pp-stage", 12, 45, click=True)
    wait_for_patch(tab, 12, 45)
    choose_method(tab, "kmeans")
    tab.wait_for_function("document.querySelectorAll('#patch .pp-maps .pp-card').length === 1")
    wait_for_patch(tab, 12, 45)
    assert texts.PATCH_NO_W in tab.locator("#patch .pp-note").inner_text()
    assert not tab.locator("#patch .pp-vectors").is_visible()
    choose_method(tab, "ncut_pixels")
    tab.wait_for_selector("#patch [data-map=w_pixels]")
    tab.wait_for_function("document.querySelector('#patch .pp-size').innerText.includes('pixels')")
    tab.wait_for_function("document.querySelector('#patch [data-map=w_pixels] .pp-here').innerText === 'from 0 to 1.00'")


@pytest.mark.parametrize(("theme", "widths"), [("light", (1440, 390)), ("dark", (390, 1440))])
def test_looks(page, address, shoot, theme, widths):
    page.set_viewport_size({"width": widths[0], "height": 900})
    page.goto(f"{address}?example=coffee&__theme={theme}")
    wait_for_result(page)
    page.get_by_role("tab", name=TITLE).click()
    wait_for_patch(page, H // 2 + 1, W // 2 + 1)
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        shoot(f"patch-{width}-{theme}")
        assert overflow(page) <= 0
