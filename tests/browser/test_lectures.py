"""The lectures as a lecturer meets them: sheets, answers, presenter by keys, tables, handout."""

import threading

import pytest

from demo.lectures import run as lectures
from demo.lectures.data import sheets, tables
from segcore.errors import InputError
from tests.browser.conftest import PATIENCE, overflow

pytestmark = pytest.mark.browser

SHEETS = list(sheets().values())
GRADIOS = ("heartbeat", "queue/data")  # requests of Gradio itself, for its streams


@pytest.fixture
def address(address):
    return f"{address}lectures"


def opened(page, address):
    page.goto(address)
    page.locator(".lc-line").first.wait_for()
    return page


@pytest.fixture
def index(page, address):
    return opened(page, address)


def slide(page):
    return page.locator(".lc-dialog .lc-topic").inner_text()


def address_of(page):
    """As the browser has it at this moment."""
    return page.evaluate("location.href")


def test_sheets_stand_in_the_address_and_cost_no_request(index, address):
    asked = []
    index.wait_for_timeout(500)
    index.on("request", lambda request: any(own in request.url for own in GRADIOS) or asked.append(request.url))
    for sheet in SHEETS[1:]:
        index.get_by_role("tab", name=sheet.title).click()
        assert index.locator(".lc-line").count() == len(sheet.lines)
        assert f"sheet={sheet.id}" in address_of(index)
    line = index.locator(".lc-line", has_text="Energies and strokes")
    assert not line.locator("details p").is_visible()
    line.locator("summary").click()
    assert line.locator("details p").is_visible()
    assert asked == []
    index.get_by_role("tab", name=SHEETS[-1].title).press("ArrowRight")
    assert index.locator(".lc-table").count() == len(tables())
    index.reload()
    index.locator(".lc-table").first.wait_for()


def test_links_lead_to_their_states(index):
    lines = [line for line in SHEETS[0].lines if line.address is not None]
    hrefs = index.locator(".lc-actions a").evaluate_all("links => links.map((a) => a.href)")
    base = index.evaluate("document.baseURI")
    assert hrefs == [base + line.address for line in lines]


def test_a_link_is_copied_or_shown_to_be_marked(index):
    button = ".lc-actions .lc-small"
    index.locator(button).first.click()
    index.wait_for_function(
        "button => document.querySelector(button).textContent === 'Copied' || document.querySelector('.lc-status input')",
        arg=button,
    )


def test_the_presenter_works_by_keys(index):
    index.keyboard.press("p")
    first, second, *_, last = (line.topic for line in SHEETS[0].lines)
    assert slide(index) == first
    size = index.locator(".lc-says").first.evaluate("node => Number.parseFloat(getComputedStyle(node).fontSize)")
    assert size >= 28
    box = index.locator(".lc-dialog").bounding_box()
    assert (box["width"], box["height"]) == (1440, 900)
    index.keyboard.press("ArrowRight")
    assert slide(index) == second
    assert "line=2" in address_of(index)
    assert "view=present" in address_of(index)
    assert not index.locator(".lc-answer").is_visible()
    index.keyboard.press("r")
    assert index.locator(".lc-answer").inner_text() == SHEETS[0].lines[1].answer
    index.keyboard.press("b")
    assert index.locator(".lc-blank").is_visible()
    index.keyboard.press("b")
    index.keyboard.press("l")
    assert index.locator(".lc-dot").is_visible()
    index.keyboard.press("End")
    assert slide(index) == last
    index.keyboard.press("PageDown")
    assert slide(index) == last
    index.keyboard.press("Home")
    assert slide(index) == first  # the keys work on at the ends, where a button has nothing to do
    link = address_of(index).replace("line=1", "line=3")
    index.keyboard.press("Escape")
    index.wait_for_function("!location.search.includes('view=')")
    assert not index.locator(".lc-dialog").is_visible()
    index.goto(link)
    index.locator(".lc-dialog[open]").wait_for()
    assert slide(index) == SHEETS[0].lines[2].topic


def test_what_is_kept_while_the_mouse_is_down_loses_no_click(index):
    """Leaving the title keeps it; lines that say the same as before stay where they are, and so does what was pressed on."""
    index.locator(".lc-start").click()
    summary = index.locator(".lc-edit summary").first
    summary.wait_for()
    line = index.locator(".lc-line").first
    line.locator("h3").evaluate("heading => heading.dataset.mark = 'as it was'")
    index.locator(".lc-own [name=title]").fill("Three cups")
    summary.hover()
    index.mouse.down()
    index.get_by_role("tab", name="Three cups").wait_for()
    index.mouse.up()
    assert line.locator("h3").get_attribute("data-mark") == "as it was"
    field = index.locator(".lc-edit [name=topic]").first
    field.fill("Another topic")
    field.blur()
    line.locator("h3", has_text="Another topic").wait_for()
    assert line.locator("h3").get_attribute("data-mark") is None


def test_notes_are_shown_where_the_address_asks(page, address):
    noted = next(i for i, line in enumerate(SHEETS[0].lines, 1) if line.teacher)
    for notes, shown in (("", False), ("&notes=1", True)):
        page.goto(f"{address}?sheet=000&view=present&line={noted}{notes}")
        page.locator(".lc-dialog[open]").wait_for()
        assert page.locator(".lc-note").is_visible() is shown
        page.wait_for_timeout(500)  # Gradio complains where a page is left while it connects


def test_tables_are_sorted_with_missing_numbers_last(index):
    index.get_by_role("tab", name="What was published").click()
    table = index.locator(".lc-table", has_text="COCO-Stuff-27 up to STEGO")
    column = table.locator("tbody td:nth-child(3)")
    heading = table.locator("th button").nth(2)
    assert heading.inner_text() == "mIoU"
    heading.click()
    numbers = column.all_inner_texts()
    assert numbers[0] == "28.2"
    assert numbers[-1] == "–"
    heading.click()
    assert column.all_inner_texts()[0] == "6.7"
    assert column.all_inner_texts()[-1] == "–"


def test_the_handout_is_saved_and_printed(page, address, monkeypatch, tmp_path):
    page.add_init_script("window.print = () => { parent.printed = document.body.innerHTML; }")
    index = opened(page, address)
    made = []
    monkeypatch.setattr(
        lectures, "handout", lambda _service, sheet, **how: made.append((sheet.id, how)) or b"<p>printed</p>"
    )
    index.get_by_role("tab", name=SHEETS[2].title).click()
    index.locator(".lc-check input").uncheck()
    index.locator(".lc-pictures input").uncheck()
    with index.expect_download() as download:
        index.locator(".lc-handout").click()
    download.value.save_as(tmp_path / "handout.html")
    assert (tmp_path / "handout.html").read_text() == "<p>printed</p>"
    index.wait_for_function("!document.querySelector('.lc-print').disabled")
    index.locator(".lc-print").click()
    index.wait_for_function("window.printed === '<p>printed</p>'")
    (sheet, how), (again, to_print) = made
    assert sheet == again == SHEETS[2].id
    assert (how["form"], to_print["form"]) == (True, False)
    assert how["with_answers"] is False
    assert how["base"] == index.evaluate("document.baseURI")
    index.wait_for_function("!document.querySelector('.lc-handout').disabled")
    assert index.locator(".lc-status").inner_text() == ""

    asked = threading.Event()

    def refused(*_, **__):
        assert asked.wait(PATIENCE / 1000)
        raise InputError("This lecture cannot be printed.")

    monkeypatch.setattr(lectures, "handout", refused)
    index.locator(".lc-print").click()
    index.locator(".lc-status", has_text="Making the handout …").wait_for()
    assert index.locator(".lc-print").is_disabled()
    assert index.locator(".lc-handout").is_disabled()
    asked.set()
    index.get_by_text("This lecture cannot be printed.").first.wait_for()
    index.wait_for_function("!document.querySelector('.lc-print').disabled")
    assert index.locator(".lc-status").inner_text() == ""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(page, address, shoot, theme):
    page.set_viewport_size({"width": 390, "height": 844})
    for query in ("sheet=002", "sheet=tables", "sheet=004&view=present&line=12"):
        page.goto(f"{address}?{query}&__theme={theme}")
        page.locator(".lc-line, .lc-table, .lc-dialog[open]").first.wait_for()
        page.wait_for_timeout(300)
        assert overflow(page) <= 0
        shoot(f"lectures-{query.split('&')[0][6:]}-{theme}")
