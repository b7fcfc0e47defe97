"""Curves over K, attention maps and rounds in a real Chromium, on a tiny transformer with random weights."""

import pytest
from PIL import Image

from tests.browser.conftest import overflow
from tests.browser.test_page import choose_method, legend, set_number, upload, wait_for_result
from tests.checkpoints import make_family, write_folder
from tests.scenes import discs
from tests.server import running_page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vit")
    _, state, config = make_family("dino")
    with running_page(str(write_folder(folder, state, config))) as address:
        yield address


@pytest.fixture
def lab(page, address):
    """Opens the page with a query of values that are no defaults, on a small grid, and waits until all of them are shown."""

    def open_page(query):
        page.goto(f"{address}?max_side=256&{query}")
        wait_for_result(page)
        # The page's own link begins with the example; controls are set one by one, and the last result has all of them.
        page.wait_for_function(
            "wanted => location.search.startsWith('?example=') && wanted.every((pair) => location.search.includes(pair))",
            arg=query.split("&"),
        )
        return page

    return open_page


def open_tab(page, name):
    page.get_by_role("tab", name=name).click()


def wait_for_curves(page):
    page.wait_for_function("/criteria (choose|disagree)/.test(document.querySelector('#count .kc-verdict')?.innerText)")


def point(page, criterion, k):
    return page.locator(f"#count .kc-point[data-key={criterion}][data-k='{k}']")


def test_a_click_on_a_curve_sets_k(lab, shoot):
    page = lab("backbone=color&auto_k=True")
    open_tab(page, "How many?")
    wait_for_curves(page)
    assert page.locator("#count .kc-card svg").count() == 4
    assert page.locator("#count .kc-best").count() == 4  # the chosen K is marked on each
    assert "graph W is connected" in page.locator("#count").inner_text()
    shoot("count-curves")
    point(page, "bic", 7).click()
    wait_for_result(page, "7 segments on")
    assert page.locator("#setting-n_segments input[type=number]").input_value() == "7"
    assert not page.get_by_label("Let the data choose K").is_checked()
    page.wait_for_function("location.search.includes('n_segments=7') && !location.search.includes('auto_k')")
    # K that comes from elsewhere is marked too.
    set_number(page, "n_segments", 4)
    wait_for_result(page, "4 segments on")
    page.wait_for_function("document.querySelector('#count .kc-point[aria-pressed=true]')?.dataset.k === '4'")


def test_curves_from_the_keyboard(lab):
    page = lab("backbone=color&n_segments=2")
    open_tab(page, "How many?")
    wait_for_curves(page)
    point(page, "eigengap", page.locator("#count [data-card=eigengap] .kc-best").get_attribute("data-k")).focus()
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    wait_for_result(page, "6 segments on")
    page.wait_for_function("document.activeElement?.dataset?.k === '6'")  # the focus stays where it was


def test_another_picture_has_other_curves_while_the_tab_is_open(lab, tmp_path):
    page = lab("backbone=color")
    open_tab(page, "How many?")
    wait_for_curves(page)
    before = page.locator("#count .kc-line").first.get_attribute("points")
    path = tmp_path / "discs.png"
    Image.fromarray(discs(180, 240)[0].numpy()).save(path)
    upload(page, path)
    page.wait_for_function(
        "old => ![null, undefined, old].includes(document.querySelector('#count .kc-line')?.getAttribute('points'))",
        arg=before,
    )


def test_attention_of_all_heads_and_a_click_takes_one(lab, shoot):
    page = lab("method=dino_seg&attention_head=0")
    open_tab(page, "Attention")
    page.locator("#attention canvas").first.wait_for()
    tiles = page.locator("#attention .mg-choose")
    assert tiles.count() == 2  # heads of the tiny transformer
    assert page.locator("#attention .mg-tile").count() == 5  # and their mean, what is kept, the object
    assert tiles.nth(0).get_attribute("aria-pressed") == "true"
    painted = page.evaluate(
        "() => { const c = document.querySelector('#attention canvas'); const d = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data; return new Set(d.filter((_, i) => i % 4 === 0)).size; }"
    )
    assert painted > 8
    shoot("count-attention")
    tiles.nth(1).click()
    page.wait_for_function("location.search.includes('attention_head=1')")
    page.wait_for_function("document.querySelectorAll('#attention .mg-choose')[1]?.getAttribute('aria-pressed') === 'true'")
    tiles.nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('#attention .mg-here')?.innerText")  # the value under the cursor
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('attention_head=0')")


def test_a_backbone_without_attention_says_so(lab):
    page = lab("backbone=color")
    open_tab(page, "Attention")
    page.wait_for_function("document.querySelector('#attention .mg-message')?.innerText.includes('no [CLS] token')")


def test_rounds_of_maskcut_and_none_for_a_single_cut(lab, shoot):
    page = lab("method=maskcut&backbone=color&example=discs&n_objects=2")
    assert "fewer corners" in page.locator("#notes").inner_text()
    open_tab(page, "Fiedler vectors")
    page.locator("#rounds canvas").first.wait_for()
    assert page.locator("#rounds .mg-row").count() == 2
    assert page.locator("#rounds .mg-tile").count() == 6
    assert "patches take part" in page.locator("#rounds").inner_text()
    shoot("count-rounds")
    choose_method(page, "fiedler")
    page.locator("#rounds").wait_for(state="hidden")
    assert page.locator("#vectors canvas").first.is_visible()


def test_the_object_can_be_swapped(lab):
    page = lab("method=tokencut&backbone=color&example=discs")
    assert "largest entry" in page.locator("#notes").inner_text()
    page.get_by_label("Swap object and background").check()
    page.wait_for_function("document.querySelector('#notes')?.innerText.includes('since swapped')")
    assert legend(page).count() == 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_looks_on_a_phone(page, address, shoot, theme):
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{address}?__theme={theme}&max_side=256&method=dino_seg&attention_head=0")
    wait_for_result(page)
    for name, ready in {"How many?": "#count .kc-best", "Attention": "#attention canvas"}.items():
        open_tab(page, name)
        page.locator(ready).first.wait_for()
        page.wait_for_timeout(700)
        shoot(f"count-390-{theme}-{name.split()[0].lower()}")
        assert overflow(page) <= 0
