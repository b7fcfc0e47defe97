"""Step by step in a real Chromium: the player by mouse and keyboard, pointing, the address, questions, own points."""

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from demo.shared.service import Service
from demo.steps.algorithms import ALGORITHMS
from demo.steps.asked import Asked
from demo.steps.run import sequence
from demo.steps.run.film import Film, film_pictures
from segcore.settings import DEFAULTS
from tests.browser.conftest import address_has, await_notice, notices, overflow
from tests.scenes import EXAMPLES

pytestmark = pytest.mark.browser

# Width, height and seconds of a video, once it has been played to its end, and its last picture.
PLAYED = """(source) => new Promise((done, failed) => {
    const video = Object.assign(document.createElement("video"), { muted: true, src: source });
    video.onerror = () => failed(video.error.message);
    const still = document.createElement("canvas");
    const draw = () => {  // nothing is drawn, not even black, before the picture is there
        [still.width, still.height] = [video.videoWidth, video.videoHeight];
        const pen = still.getContext("2d");
        pen.drawImage(video, 0, 0);
        if (pen.getImageData(0, 0, 1, 1).data[3] < 255) return requestAnimationFrame(draw);
        done([still.width, still.height, Math.round(video.duration), still.toDataURL()]);
    };
    video.onended = draw;
    video.onloadedmetadata = () => {
        video.onseeked = () => video.play();
        video.currentTime = video.duration - 0.1;
    };
})"""
BLOBS = "steps?algorithm=kmeans&data=blobs&n_segments=3&n_points=60"


@pytest.fixture(scope="module")
def blobs():
    """What the page shows at BLOBS."""
    return sequence(Service(device="cpu"), Asked("kmeans", "blobs", DEFAULTS.replace(n_segments=3), n_points=60))


def opened(page, address, link=BLOBS, **parts):
    page.goto(address + link + "".join(f"&{name}={value}" for name, value in parts.items()))
    page.locator("#player .st-stage canvas, #player .st-stage svg").first.wait_for()
    page.wait_for_function("location.search.includes('step=')")
    return page


def title(page):
    return page.locator("#player .st-title").inner_text()


def count(page):
    return page.locator("#player .st-count").inner_text()


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def step_in_address(page, name):
    page.wait_for_function("name => new URLSearchParams(location.search).get('step') === name", arg=name)


def test_keys_play_and_nothing_is_asked_of_the_server(page, address, blobs):
    opened(page, address, step="start")
    names = [frame["step"] for frame in blobs["frames"]]
    titles = [frame["title"] for frame in blobs["frames"]]
    page.wait_for_timeout(500)
    requests = []
    page.on("request", lambda request: requests.append(request.url) if "heartbeat" not in request.url else None)
    assert title(page) == titles[0]
    page.locator("#player .st-title").click()  # nothing that takes keys has the focus
    for expected in titles[1:4]:
        press(page, "ArrowRight")
        assert title(page) == expected
    press(page, "ArrowLeft")
    assert title(page) == titles[2]
    press(page, "End")
    assert title(page) == titles[-1]
    assert page.locator("#player .st-forward").is_disabled()
    step_in_address(page, names[-1])
    press(page, "Home")
    assert count(page) == f"1 of {len(names)}"
    page.locator("#player .st-speed").select_option("8")
    page.locator("#player .st-title").click()
    press(page, " ")
    assert page.locator("#player .st-play").get_attribute("aria-label") == "Pause"
    page.wait_for_function("text => document.querySelector('#player .st-title').innerText === text", arg=titles[-1])
    page.wait_for_function("document.querySelector('#player .st-play').getAttribute('aria-label') === 'Play'")
    slider = page.locator("#player .st-slider")
    slider.fill("1")
    assert title(page) == titles[1]
    slider.focus()
    press(page, "ArrowRight")
    assert title(page) == titles[2]
    page.locator("#player .st-back").click()
    page.locator("#player .st-first").click()
    page.locator("#player .st-last").click()
    assert title(page) == titles[-1]
    assert requests == []


def test_pointing_fills_the_formula_in_all_views(page, address, blobs):
    opened(page, address, step="assign-1", point=7)
    assert page.locator("#player .st-pointed").inner_text().lower() == "at point 8"
    before = page.locator("#player .st-formula").inner_text()
    press(page, "Alt+ArrowRight")
    assert page.locator("#player .st-pointed").inner_text().lower() == "at point 9"
    assert page.locator("#player .st-formula").inner_text() != before
    page.wait_for_function("new URLSearchParams(location.search).get('point') === '8'")
    box = page.locator("#player .st-scatter").bounding_box()
    seen = set()
    for x in (0.3, 0.5, 0.7):
        for y in (0.3, 0.5, 0.7):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            seen.add(page.locator("#player .st-pointed").inner_text())
    assert len(seen) > 2
    page.mouse.move(5, 5)
    assert page.locator("#player .st-pointed").inner_text().lower() == "at point 9"  # what was chosen stays


def test_a_cell_of_the_matrix_points_at_two_rows(page, address):
    opened(page, address, "steps?algorithm=spectral&data=moons&n_points=40&n_segments=2", step="weights", point=0)
    box = page.locator("#player .st-matrix").bounding_box()
    page.mouse.click(box["x"] + (25.5 / 40) * box["width"], box["y"] + (10.5 / 40) * box["height"])
    assert page.locator("#player .st-pointed").inner_text().lower() == "at point 11"
    assert "point 26" in page.locator("#player .st-formula").inner_text()
    page.get_by_role("button", name="By degree").click()
    assert page.get_by_role("button", name="By degree").get_attribute("aria-pressed") == "true"
    assert page.locator("#player .st-pointed").inner_text().lower() == "at point 11"


def test_an_address_opens_its_step_and_a_wrong_one_is_a_sentence(page, address):
    opened(page, address, step="update-1", point=3)
    page.wait_for_function("document.querySelector('#player .st-title')?.innerText === 'Update, round 1'")
    address_has(page, "example=")  # which the page writes beside what was asked for
    link = page.url
    page.reload()
    page.wait_for_function("document.querySelector('#player .st-title')?.innerText === 'Update, round 1'")
    page.wait_for_function("link => location.href === link", arg=link)
    page.goto(address + "steps?algorithm=nothing&data=nowhere&step=no-such&point=-1&gamma=x&points=%3Cb%3E")
    await_notice(page, "no algorithm named nothing")
    page.wait_for_function("document.querySelector('#steps-status').innerText.includes('no step named no-such')")
    assert "Traceback" not in " ".join(notices(page))


def test_predict_then_reveal(page, address, blobs):
    opened(page, address, step="start")
    question = next(q for q in blobs["questions"] if q["id"] == "falls")
    page.locator("[data-question=falls]").click()
    assert title(page) == "Assign, round 1"
    press(page, "ArrowRight")
    assert title(page) == "Assign, round 1"  # the answer first
    hidden = ".st-formula, .st-numbers-card"
    assert set(page.locator(hidden).evaluate_all("nodes => nodes.map((n) => getComputedStyle(n).filter)")) == {"blur(7px)"}
    page.get_by_role("button", name=question["options"][2], exact=True).click()
    assert title(page) == "Update, round 1"
    verdict = page.locator("#player .st-verdict").inner_text()
    assert verdict.startswith("Not quite.")
    assert question["why"] in verdict
    assert page.locator("#player .st-options .st-right").inner_text() == question["options"][question["right"]]
    page.get_by_role("button", name="Go on").click()
    page.locator("[data-question=falls]").click()
    page.get_by_role("button", name=question["options"][question["right"]], exact=True).click()
    assert page.locator("#player .st-verdict").inner_text().startswith("Right.")


def test_an_answer_by_pointing(page, address):
    opened(page, address, "steps?algorithm=kmeans_start&data=blobs&n_segments=3&n_points=60", step="center-1")
    page.locator("[data-question=likeliest]").click()
    box = page.locator("#player .st-scatter").first.bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.4 * box["height"])
    verdict = page.locator("#player .st-verdict")
    verdict.wait_for()
    assert re.match(r"(Right|Not quite)\.", verdict.inner_text())
    assert title(page) == "Center 2"


def test_a_question_stays_open_when_the_same_steps_come_again(page, address):
    """Here because the same picture is given as a file; a page that opens on a busy machine is answered twice, too."""
    opened(page, address, "steps?algorithm=kmeans&data=picture&example=cat&n_segments=3", step="assign-1")
    page.locator("#player [data-question]").first.click()
    asks = page.locator("#player .st-ask").inner_text()
    answered(page, lambda: page.locator("#steps-picture input[type=file]").first.set_input_files(EXAMPLES / "cat.jpg"))
    assert page.locator("#player .st-question").is_visible()
    assert page.locator("#player .st-ask").inner_text() == asks


def answered(page, ask):
    """Do what asks the server for new steps, and wait for its answer: Gradio's stream ends once nothing more is to come."""
    asked, answers = [], []
    page.on("request", lambda request: asked.append(request) if "/queue/join" in request.url else None)
    for ending in ("requestfinished", "requestfailed"):  # the page may leave the stream before its end
        page.on(ending, lambda request: answers.append(len(asked)) if "/queue/data" in request.url else None)
    ask()
    while not answers or answers[-1] < len(asked):
        page.wait_for_timeout(50)


def test_points_of_ones_own(page, address):
    opened(page, address, "steps?algorithm=kmeans&data=own&n_segments=2")
    link = page.url
    box = page.locator("#player .st-scatter").bounding_box()
    page.mouse.click(box["x"] + 0.2 * box["width"], box["y"] + 0.85 * box["height"])
    page.wait_for_function(
        "old => new URLSearchParams(location.search).get('points') !== old",
        arg=re.search(r"points=([^&]*)", link)[1],
    )
    points = re.search(r"points=([^&]*)", page.url)[1]
    assert len(points) > len(re.search(r"points=([^&]*)", link)[1])
    page.get_by_role("button", name="Start with no points").click()
    page.wait_for_function("new URLSearchParams(location.search).get('points').length < 12")


def test_reduced_motion_plays_single_steps(page, address):
    page.emulate_media(reduced_motion="reduce")
    opened(page, address, step="start")
    page.locator("#player .st-play").click()
    assert title(page) == "Assign, round 1"
    page.wait_for_timeout(1500)
    assert title(page) == "Assign, round 1"


def test_changing_a_control_keeps_the_step(page, address):
    page.add_init_script("window.print = () => { parent.printed = document.title; }")
    opened(page, address, step="assign-2")
    page.locator("#setting-n_segments input[type=number]").fill("4")
    page.locator("#setting-n_segments input[type=number]").press("Enter")
    page.wait_for_function("new URLSearchParams(location.search).get('n_segments') === '4'")
    assert title(page) == "Assign, round 2"
    assert len(page.locator("#player .st-numbers tr").all()) == 5
    with page.expect_download() as saved:  # as a movie, which this browser plays
        page.locator("#steps-save").click()
    movie = "data:video/mp4;base64," + base64.b64encode(saved.value.path().read_bytes()).decode()
    total = int(re.search(r"of (\d+)", count(page))[1])
    *shape, last = page.evaluate(PLAYED, movie)
    assert shape == [1280, 720, total]
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(last.partition(",")[2]))).convert("RGB"), int)
    asked = Asked("kmeans", "blobs", DEFAULTS.replace(n_segments=4), n_points=60)
    away = [np.abs(shown - picture).mean() for picture in film_pictures(Service(device="cpu"), asked, Film())]
    assert away[-1] < 6  # of 255: video has a quarter of the colors, and its white is a little gray
    assert away[-1] <= min(away[:-2])  # a last step in which nothing changes looks like the one before
    page.keyboard.press("g")  # a chart, and a page to print
    page.locator("#figure-list select").select_option("dark")
    with page.expect_download() as saved:
        page.locator("#figure-list").get_by_role("button", name="SVG").first.click()
    drawn = ElementTree.fromstring(saved.value.path().read_text(encoding="utf-8"))
    texts = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0].startswith("E after each half round")
    assert "half rounds" in texts
    assert drawn.find("{http://www.w3.org/2000/svg}rect").get("fill") == "#0f172a"
    page.locator("#figure-list").get_by_role("button", name="PDF: E after each half round").click()
    page.wait_for_function("window.printed?.startsWith('E-after-each-half-round')")


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_first_and_last_at_390_pixels(page, address, shoot, name):
    page.set_viewport_size({"width": 390, "height": 844})
    data = "moons" if "points" in ALGORITHMS[name].on else "picture"
    opened(page, address, f"steps?algorithm={name}&data={data}&n_points=60&backbone=color&max_side=128&__theme=dark")
    page.locator("#player .st-last").scroll_into_view_if_needed()
    press(page, "End")
    shoot(f"steps-{name}-last-390-dark")
    press(page, "Home")
    assert count(page).startswith("1 of ")
    assert overflow(page) <= 0
    drawn = page.evaluate(
        """() => [...document.querySelectorAll("#player .st-stage canvas")].some((canvas) =>
            canvas.width && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((b) => b))"""
    )
    assert drawn
