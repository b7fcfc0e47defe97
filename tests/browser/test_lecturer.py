"""A lecturer's way: lines of six pages, a file, another server, the stage with the speaker's window, a vote, the print."""

import base64
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.request import Request, urlopen

import pytest
from PIL import Image

from demo.shared.lecture.file import read_lecture, write_lecture
from demo.shared.lecture.sheet import sheet_of
from demo.shared.lecture.value import Lecture
from segcore.cli.commands import main
from segcore.runtime.places import EXAMPLES
from tests.browser.conftest import PATIENCE, address_has, overflow
from tests.server import serving

pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
pytestmark = pytest.mark.browser

QUICK = "backbone=color&max_side=128"
SEGMENTS = "document.querySelectorAll('#viewer .sg-entry').length"
GRAPH = "document.querySelector('#player .tk-graph canvas')"
SCATTER = "document.querySelector('#player .st-scatter')"
TABLE = "document.querySelector('.pg-stage[aria-busy=false] .pg-row')"
# The lines: page, query, what must stand there before it is added, and what stands there when it is opened again.
PAGES = {
    "": (f"{QUICK}&method=kmeans&n_segments=3", f"{SEGMENTS} === 3", f"{SEGMENTS} === 3"),
    "steps": ("algorithm=kmeans&data=blobs&n_segments=3&n_points=60&step=start", SCATTER, SCATTER),
    "playgrounds": ("play=information", TABLE, TABLE),
    "scribble": (
        f"{QUICK}&example=discs",
        "document.querySelector('#scribble-status')?.innerText.includes('Graph cut')",
        "document.querySelector('.sp-pad')?.dataset.results > 0",
    ),
    "learn": ("row=stride", "document.querySelector('.ln-row table')", "document.querySelector('.ln-row table')"),
    "tracking": ("source=crossing&tracker=iou&step=input", GRAPH, GRAPH),
}
TEXTS = {
    "topic": "Three clusters",
    "says": "The mean $\\mu_k$ of each.",
    "ask": "Which part is <b>left</b> over?",
    "choices": "The sky\nThe cup\nNothing",
    "answer": "Nothing: every patch has a label.",
    "teacher": "Wait for ten hands.",
}
VOTERS = 20
PHONES = 2  # of these are Chromium's; the others send what its page sends


def test_a_lecture_from_its_first_line_to_the_print(page, browser, tmp_path, monkeypatch, shoot):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "sunday"))
    with serving() as served:
        file = prepared(page, served.address, tmp_path)
    shown_whole(file)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "tuesday"))
    with serving(lectures=[str(file)], votes=True) as served:
        stage = browser.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
        hall = stage.new_page()
        hall.set_default_timeout(PATIENCE)
        hall.goto(f"{served.address}lectures?sheet=Cups")
        hall.locator(".lc-line").nth(5).wait_for()
        dropped(hall, file)
        presented(hall, stage, shoot)
        voted(hall, browser, served.address)
        printed(hall, tmp_path)
        stage.close()


def prepared(page, address, folder):
    """Add a line on each page, with a picture of one's own on the first, tell something of it, and save."""
    picture = folder / "mine.png"
    with Image.open(EXAMPLES / "retina.jpg") as image:
        image.crop((0, 0, 150, 100)).save(picture)
    for number, (path, (query, stands, _)) in enumerate(PAGES.items(), 1):
        page.goto(f"{address}{path}?{query}")
        if path == "":
            page.wait_for_function(stands)
            page.get_by_label("Remove Image").click()
            page.locator("#picture input[type=file]").first.set_input_files(picture)
            address_has(page, "picture=")
        page.wait_for_function(stands)
        page.wait_for_load_state("load")
        page.locator("#add-line").click()
        page.wait_for_function(
            "n => document.querySelector('#add-line-told')?.textContent === `Line ${n} of My lecture`", arg=number
        )
    page.goto(f"{address}lectures")
    page.get_by_role("tab", name="My lecture").click()
    page.locator(".lc-own [name=title]").fill("Cups")
    page.locator(".lc-edit summary").first.click()
    for name, text in TEXTS.items():  # as fast as one types: what is kept meanwhile takes no field away
        page.locator(f".lc-edit [name={name}]").first.fill(text)
    page.get_by_role("tab", name="Cups").wait_for()
    page.locator(".lc-line", has_text=TEXTS["answer"]).wait_for(state="attached")
    assert page.locator(".lc-line .lc-still").count() == len(PAGES)
    with page.expect_download() as download:
        page.locator(".lc-save").click()
    assert download.value.suggested_filename == "Cups.lecture.zip"
    download.value.save_as(folder / "Cups.lecture.zip")
    return folder / "Cups.lecture.zip"


def shown_whole(file):
    lecture = read_lecture(file.read_bytes(), name="Cups")
    assert lecture.notes == ()
    assert [line.page for line in lecture.sheet.lines] == list(PAGES)
    assert len(lecture.own) == 1
    for still in lecture.shots.values():
        with Image.open(io.BytesIO(still)) as image:
            assert len(image.convert("RGB").resize((16, 16)).getcolors()) > 3  # it shows something
    first = lecture.sheet.lines[0].to_dict()
    assert {name: first[name] for name in TEXTS if name != "choices"} == {k: v for k, v in TEXTS.items() if k != "choices"}
    assert first["choices"] == TEXTS["choices"].split("\n")


def dropped(hall, file):
    """A file that is dropped onto the page is one's own again, beside that of the server."""
    held = hall.evaluate_handle(
        """content => {
            const held = new DataTransfer();
            held.items.add(new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], "Cups.lecture.zip"));
            return held;
        }""",
        base64.b64encode(file.read_bytes()).decode(),
    )
    hall.locator(".lc-line").first.dispatch_event("drop", {"dataTransfer": held})
    hall.locator(".lc-status", has_text="Cups is open.").wait_for()
    address_has(hall, "sheet=own-")
    assert hall.locator(".lc-line .lc-still").count() == len(PAGES)
    own = hall.get_by_role("tab", name="Cups")
    assert own.count() == 2
    own.first.click()
    address_has(hall, "sheet=Cups")


def inside(hall, words):
    hall.wait_for_function(
        "words => { const document = window.document.querySelector('.lc-frame').contentDocument; "
        "return document?.documentElement?.dataset.embed === 'fits' && eval(words); }",
        arg=words,
    )


def presented(hall, stage, shoot):
    """Every line opens its state beside it; the speaker's window follows, and leads."""
    hall.locator(".lc-present").click()
    with stage.expect_page() as opened:
        hall.keyboard.press("w")
    speaker = opened.value
    speaker.get_by_text(TEXTS["teacher"]).wait_for()
    assert speaker.locator(".lc-speaker-next").inner_text() == "Next: Step by step: k-means"
    assert re.match(r"\d+:\d\d · ", speaker.locator(".lc-speaker-clock").inner_text())
    hall.bring_to_front()
    for number, (path, (_, _, stands)) in enumerate(PAGES.items(), 1):
        address_has(hall, f"line={number}")
        inside(hall, stands)
        assert overflow(hall) <= 0
        if path == "":
            inside(hall, "document.querySelector('#picture img')?.naturalWidth === 150")  # the picture of one's own
            hall.keyboard.press("k")
            inside(hall, f"{SEGMENTS} === 4")
        speaker.get_by_text(f"· {number} of {len(PAGES)}").wait_for()
        if number < len(PAGES):
            speaker.locator("body").press("ArrowRight")
    hall.keyboard.press("Home")
    hall.keyboard.press("r")
    hall.locator(".lc-answer", has_text=TEXTS["answer"]).wait_for()
    hall.keyboard.press("b")
    hall.locator(".lc-blank").wait_for()
    hall.keyboard.press("b")
    hall.locator(".lc-blank").wait_for(state="hidden")
    hall.keyboard.press("ArrowRight")
    address_has(hall, "line=2")
    hall.reload()
    hall.locator(".lc-dialog[open] .lc-topic", has_text="Step by step: k-means").wait_for()
    speaker.close()
    hall.keyboard.press("Home")


def sent(address, body):
    with urlopen(Request(address, json.dumps(body).encode()), timeout=60) as answer:
        return json.load(answer)


def voted(hall, browser, address):
    """Twenty of the hall vote, once each, and the stage counts them."""
    hall.keyboard.press("v")
    place = hall.locator(".lc-vote-address")
    place.wait_for()
    hall.locator(".lc-vote svg.code").wait_for()
    room = place.inner_text()
    assert room.startswith(f"{address}vote/")
    for _ in range(PHONES):
        phone = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
        phone.set_default_timeout(PATIENCE)
        phone.goto(room)
        choice = phone.get_by_role("button", name="The sky")
        choice.click()
        phone.get_by_text("Counted.").wait_for()
        assert phone.locator("#ask").inner_text() == TEXTS["ask"]  # with markup as text
        assert overflow(phone) <= 0
        phone.reload()
        phone.get_by_role("button", name="The cup").click()  # the first vote of a browser stands
        phone.get_by_text("Counted.").wait_for()
        phone.context.close()
    votes = [{"number": 1, "choice": 1 + i % 2, "voter": f"{i:016}"} for i in range(VOTERS - PHONES)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda vote: sent(f"{room}/vote", vote), [*votes, *votes]))
    hall.get_by_text(f"Votes: {VOTERS}").wait_for()
    assert hall.locator(".lc-vote-counts").is_hidden()
    hall.keyboard.press("v")
    hall.get_by_text("The cup: 9").wait_for()
    assert hall.locator(".lc-vote-counts p").all_inner_texts() == ["The sky: 2", "The cup: 9", "Nothing: 9"]
    hall.keyboard.press("Escape")
    hall.locator(".lc-dialog").wait_for(state="hidden")


def printed(hall, folder):
    """The handout as a PDF says all that was said, with addresses, pictures, and answers on pages of their own."""
    with hall.expect_download() as download:
        hall.locator(".lc-handout").click()
    download.value.save_as(folder / "handout.html")
    hall.set_content((folder / "handout.html").read_text(encoding="utf-8"))
    reader = pypdf.PdfReader(io.BytesIO(hall.pdf(prefer_css_page_size=True)))
    pages = [re.sub(r"\s+", " ", page.extract_text()) for page in reader.pages]
    whole = " ".join(pages)
    for text in (TEXTS["topic"], TEXTS["ask"], "Playgrounds: Mutual information", "lectures?sheet=Cups"):
        assert text in whole
    assert all(TEXTS["answer"] not in text for text in pages[:-1])
    assert TEXTS["answer"] in pages[-1]
    assert sum(len(page.images) for page in reader.pages) == len(PAGES)
    width, height = (float(reader.pages[0].mediabox[i]) for i in (2, 3))
    assert (round(width), round(height)) == (595, 842)


def test_stills_are_made_again_from_the_states(browser, tmp_path, capsys):
    """`lecture pictures`, in a thread: Playwright runs once in each."""
    lines = [
        {"topic": "No state", "told": "Nothing to open."},
        {"topic": "Information", "link": {"page": "playgrounds", "query": {"play": "information"}}},
    ]
    file = tmp_path / "mine.lecture.zip"
    file.write_bytes(write_lecture(Lecture(sheet_of({"lines": lines}, []))))
    command = ["lecture", "pictures", str(file), "--out", str(tmp_path / "stills")]
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(main, command).result() == 0
    assert [path.name for path in (tmp_path / "stills").iterdir()] == ["002.jpg"]
    with Image.open(tmp_path / "stills" / "002.jpg") as image:
        assert max(image.size) >= 400
    assert "stills: 1" in capsys.readouterr().out
