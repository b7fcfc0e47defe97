"""The playgrounds in Chromium: numbers typed, pointed at, painted and linked, by mouse and keyboard."""

import random
from urllib.parse import quote

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from demo.playgrounds.games import PLAYGROUNDS
from demo.playgrounds.games.flavours import scene
from segcore.metrics.information import mutual_information
from tests.browser.conftest import address_has, address_lacks, overflow

pytestmark = pytest.mark.browser
FAST = "backbone=color&method=kmeans&n_segments=3&max_side=96"


def go(page, address, query):
    page.goto(f"{address}playgrounds?{query}")
    settled(page)


def settled(page):
    page.wait_for_selector(".pg-stage[aria-busy=false]")
    page.wait_for_selector(".pg-row")


def table(page, key):
    """The numbers of a table as they stand on the page."""
    read = """node => [...node.querySelectorAll("tr")].map((row) => [...row.querySelectorAll("td:not(.pg-corner)")].map(
        (cell) => cell.querySelector("input")?.value ?? cell.textContent.replaceAll("−", "-")))"""
    rows = page.locator(f"[data-table='{key}']").evaluate(read)
    return np.array([[float(cell) for cell in row] for row in rows if row])


def wait_for_table(page, key, expected):
    page.wait_for_function(
        """([key, text]) => [...document.querySelectorAll(`[data-table="${key}"] td`)].map((cell) =>
            cell.querySelector("input")?.value ?? cell.textContent.replaceAll("−", "-")).join(" ") === text""",
        arg=[key, " ".join(str(v) for row in expected for v in row)],
    )


def written(rows):
    return "*".join("_".join(map(str, row)) for row in rows)


def test_it_opens_on_the_lecture_s_numbers_and_an_edit_is_answered(page, address):
    go(page, address, "")
    assert table(page, "y").tolist() == [[12, 35, -18], [21, 15, 25], [-15, 1, 8]]
    assert page.locator(".pg-sum").inner_text().endswith("= 12")
    cell = page.get_by_label("Kernel W, row 1, column 1")
    cell.fill("-1/2")  # a fraction is a number
    wait_for_table(page, "y", [[24.5, 27.5, -23], [11, 7.5, 20], [-17.5, 1, 0.5]])
    assert cell.input_value() == "-1/2"  # what is typed stays while it is typed
    assert cell.evaluate("node => node === document.activeElement")
    page.keyboard.press("ArrowDown")
    assert page.get_by_label("Kernel W, row 2, column 1").evaluate("node => node === document.activeElement")
    page.keyboard.type("abc")
    assert page.locator(".pg-bad").count() == 1
    page.keyboard.press("Tab")
    assert page.locator(".pg-bad").count() == 0


def test_random_convolutions_are_those_of_torch(page, address):
    rng = random.Random(0)
    for _ in range(4):
        rows, columns, k = rng.randint(4, 9), rng.randint(4, 9), rng.randint(1, 4)
        stride, padding = rng.randint(1, 3), rng.randint(0, 2)
        x = [[rng.randint(-9, 9) for _ in range(columns)] for _ in range(rows)]
        w = [[rng.randint(-9, 9) for _ in range(k)] for _ in range(k)]
        sizes = f"rows={rows}&columns={columns}&kernel={k}&stride={stride}&padding={padding}"
        go(page, address, f"play=convolution&{sizes}&x={written(x)}&w={written(w)}")
        expected = F.conv2d(*(torch.tensor(t)[None, None].double() for t in (x, w)), stride=stride, padding=padding)[0, 0]
        np.testing.assert_array_equal(table(page, "y"), expected)


def test_random_tables_are_those_of_segcore(page, address):
    rng = random.Random(1)
    for _ in range(3):
        a, b = rng.randint(2, 6), rng.randint(2, 6)
        P = [[rng.randint(0, 9) for _ in range(b)] for _ in range(a)]
        go(page, address, f"play=information&rows={a}&columns={b}&P={written(P)}")
        value = mutual_information(P)
        np.testing.assert_allclose(table(page, "terms"), value.terms, rtol=1e-3, atol=1e-4)
        assert float(page.locator(".pg-fact").first.inner_text().split()[0]) == pytest.approx(value.I, rel=1e-3)


def test_pointing_lights_the_window_and_asks_nothing(page, address):
    go(page, address, "play=convolution&padding=1")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("[data-table=y] .pg-value").nth(7).hover()
    assert page.locator("[data-table=x] .pg-lit").count() == 9
    assert page.locator("[data-table=w] .pg-lit").count() == 9
    said = page.locator(".pg-sum").inner_text()
    assert said.startswith("y[1, 2] = 2·3 + 4·2")
    total = eval(said.split(" = ")[1].replace("·", "*").replace("−", "-"))  # the page's own sum
    assert total == table(page, "y")[1, 2]
    page.locator("[data-table=y] .pg-value").nth(0).hover()
    assert page.locator("[data-table=x] .pg-pad.pg-lit").count() == 5
    assert not asked


def test_the_keyboard_points_and_keeps(page, address):
    go(page, address, "play=convolution")
    page.locator("[data-table=y] .pg-value[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.locator(".pg-sum").inner_text().startswith("y[1, 1] =")
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash === '#at=4'")
    page.reload()
    settled(page)
    assert page.locator(".pg-sum").inner_text().startswith("y[1, 1] =")
    page.locator("[data-table=y] .pg-value[tabindex='0']").focus()
    page.keyboard.press("Escape")
    page.wait_for_function("location.hash === ''")


def test_the_address_is_a_link_and_playgrounds_remember(page, address):
    go(page, address, "__theme=dark&n_segments=4")
    page.locator(".pg-presets").select_option(label="Stride 2  (004.21)")
    page.wait_for_function("location.search.includes('stride=2')")
    settled(page)
    before, link = table(page, "y"), page.url
    assert "n_segments=4" in link  # what goes along from page to page stays
    page.get_by_role("button", name="1 × 1 convolution").click()
    page.wait_for_function("location.search.includes('play=pointwise')")
    address_lacks(page, "stride")
    page.get_by_role("button", name="Convolution", exact=True).click()
    page.wait_for_function("link => location.href === link", arg=link)
    page.goto(link)
    settled(page)
    assert np.array_equal(table(page, "y"), before)
    assert page.locator(".pg-presets option:checked").inner_text().startswith("Stride 2")


def test_covered_results_are_guessed(page, address):
    go(page, address, "play=convolution")
    page.get_by_role("button", name="Cover the results").click()
    assert page.locator("[data-table=y] .pg-guess").count() == 9
    assert page.locator(".pg-sum").inner_text().endswith("= ?")
    guesses = page.locator("[data-table=y] .pg-guess")
    guesses.nth(2).fill("-18")
    guesses.nth(2).press("Enter")
    page.locator("[data-table=y] .pg-right").wait_for()
    guesses.nth(0).fill("13")
    guesses.nth(0).press("Enter")
    page.locator("[data-table=y] .pg-wrong").wait_for()
    assert "✗ 12" in page.locator("[data-table=y] .pg-wrong").inner_text().replace("\n", " ")


def test_covered_results_without_outputs_are_uncovered_one_by_one_and_outlive_a_reload(page, address):
    go(page, address, "play=receptive&cover=1")
    covered = page.locator(".pg-covered-block")
    assert covered.count() == 4
    assert "187" not in page.locator(".pg-stage").inner_text()
    covered.first.click()
    page.get_by_text("r = 187 px").wait_for()
    assert covered.count() == 3
    page.reload()
    settled(page)
    assert covered.count() == 4
    page.get_by_role("button", name="Cover the results").click()
    assert covered.count() == 0
    address_lacks(page, "cover")


def test_painting_moves_the_scores(page, address):
    go(page, address, "play=flavours")

    def pq():
        return float(page.locator(".pg-facts dt:text-is('PQ') + dd").inner_text())

    assert pq() < 1
    page.get_by_role("radio", name="5 car 2").click()
    board = page.locator(".pg-cells[role=application]")
    columns = scene.SHAPE[1]
    for row, column in np.argwhere(scene.TRUTH == 4):
        page.locator(f".pg-paint:has(.pg-brushes) [data-index='{row * columns + column}']").click()
    page.wait_for_function("document.querySelectorAll('.pg-miss').length === 0")
    assert pq() == 1
    board.focus()
    page.keyboard.press("1")  # sky
    page.keyboard.press(" ")  # where the last one was painted
    page.wait_for_function("document.querySelectorAll('.pg-miss').length === 1")
    address_has(page, "painted=")


def test_layers_are_edited_and_the_field_follows_the_click(page, address):
    go(page, address, "play=receptive&size=64&layers=0_3_1_1_8*0_3_1_2_8")
    assert page.locator(".pg-stack tr").nth(2).locator(".pg-known").nth(2).inner_text() == "7"
    page.get_by_role("button", name="Add a layer after 2").click()
    page.wait_for_function("document.querySelectorAll('.pg-stack tr').length === 4")
    assert page.locator(".pg-stack tr").nth(3).locator(".pg-known").nth(2).inner_text() == "11"
    assert page.locator(".pg-no").count() == 0
    picture = page.locator("[data-table=field] .pg-picture-stage")
    box = picture.bounding_box()
    picture.click(position={"x": box["width"] * 32.5 / 64, "y": box["height"] * 16.5 / 64})
    page.wait_for_function("location.search.includes('row=16') && location.search.includes('column=32')")
    picture.focus()
    page.keyboard.press("Shift+ArrowDown")
    page.wait_for_function("location.search.includes('row=26')")


def test_the_labels_of_the_picture_arrive_and_another_picture_is_chosen(page, address):
    go(page, address, f"play=upsampling&on=labels&how=bilinear&example=discs&{FAST}")
    page.locator("[data-table=soft] img").wait_for()
    assert page.locator(".pg-problem").is_hidden()
    page.locator("#playground-picture button").first.click()
    page.locator("#examples button").nth(1).click()
    page.wait_for_function("location.search.includes('example=cat')")
    page.locator("[data-table=soft] img").wait_for()


def test_a_bad_address_is_a_sentence(page, address):
    go(page, address, f"play=convolution&rows=99&x={quote('a*b')}")
    told = page.locator(".pg-problem").inner_text()
    assert "between 1 and 9; got 99" in told
    assert "cannot be read" in told or "must hold a number" in told
    assert table(page, "y").size
    page.get_by_label("Kernel k", exact=True).fill("9")
    page.wait_for_function("document.querySelector('.pg-problem').innerText.includes('There is no output')")
    page.get_by_label("Padding p", exact=True).fill("4")
    page.wait_for_function("document.querySelector('.pg-problem').hidden")


@pytest.mark.parametrize("key", PLAYGROUNDS)
def test_every_playground_fits_a_phone_and_a_projector(page, address, shoot, key):
    for width, theme in ((390, "dark"), (1440, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        go(page, address, f"play={key}&example=cat&__theme={theme}")
        assert page.locator("[aria-current=page].pg-item").count() == 1
        assert overflow(page) <= 0
        sizes = page.locator(".pg-stage *").evaluate_all(
            "nodes => nodes.filter((n) => n.childElementCount === 0 && n.textContent.trim() && n.getClientRects().length)"
            ".map((n) => parseFloat(getComputedStyle(n).fontSize))"
        )
        assert min(sizes) >= 10  # legible from the last row once it is projected
        shoot(f"playground-{key}-{width}-{theme}")
