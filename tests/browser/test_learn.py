"""/learn in a real browser: start, watch, stop, reload, go on, a second run beside the first, a second visitor, save."""

import pytest

from demo.learn import texts as learn
from demo.shared import texts
from segcore.learn import load_learned
from segcore.learn.baselines import BASELINES
from tests.browser.conftest import address_has

pytestmark = pytest.mark.browser

TINY = "learn?minutes=5&width=0.0625&side=32&crop=16&batch=2"


def started(page):
    page.wait_for_function("document.querySelector('#learn-words .katex')")  # the link has been read
    page.locator("#learn-start").click()


def shown(page, n=1):
    """Wait until so many runs have masks."""
    page.wait_for_function("n => document.querySelectorAll('.ln-save:not([hidden])').length >= n", arg=n)


def state(page, run=0):
    return page.locator("#board .job").nth(run)


def test_a_run_from_start_to_save(page, browser, address, shoot, tmp_path):
    page.goto(address + TINY)
    started(page)
    shown(page)
    run = page.locator(".ln-run")
    assert run.locator(".ln-mask").count() == run.locator(".ln-truth").count() == 6
    assert run.locator(".ln-bar").count() == 6
    assert "on the diagonal" in run.locator(".ln-canvas").get_attribute("aria-label")
    page.wait_for_function("document.querySelectorAll('.ln-line').length >= 3")
    page.wait_for_function("n => document.querySelectorAll('.ln-dashed').length === n", arg=len(BASELINES))
    assert "k-means on color" in run.locator(".ln-accuracy svg").get_attribute("aria-label")
    assert "at first" in run.locator("svg[role=img]").first.get_attribute("aria-label")

    other = browser.new_context()
    waiting = other.new_page()
    waiting.goto(address + TINY + "&start=1")  # the link starts it
    waiting.get_by_text("Place 1 of 1 in line").wait_for()
    waiting.get_by_role("button", name=texts.STOP).click()
    waiting.get_by_text(texts.JOB_STOPPED).wait_for()
    assert "runs=" in waiting.url
    assert "start=" not in waiting.url
    other.close()

    page.reload()
    shown(page)
    state(page).get_by_role("button", name=texts.STOP).click()
    state(page).get_by_text(texts.JOB_STOPPED).wait_for()
    # By keyboard: a cluster alone, and back.
    bar = run.locator(".ln-bar").first
    bar.press("Enter")
    assert bar.get_attribute("aria-pressed") == "true"
    bar.press("Enter")
    with page.expect_download() as download:
        run.locator(".ln-save").click()
    download.value.save_as(tmp_path / "iic.safetensors")
    learned = load_learned(tmp_path / "iic.safetensors")
    assert (learned.system, learned.n_segments) == ("iic", 6)

    state(page).get_by_role("button", name=texts.GO_ON).click()
    state(page).get_by_text(learn.LEARNING).wait_for()
    state(page).get_by_role("button", name=texts.STOP).click()
    state(page).get_by_text(texts.JOB_STOPPED).wait_for()

    page.locator("#learn-iic-entropy input").uncheck()
    page.locator("#learn-start").click()
    shown(page, 2)
    assert "Entropy term: off" in page.locator(".ln-details").nth(1).inner_text()
    address_has(page, "entropy=0")
    state(page, 1).get_by_role("button", name=texts.STOP).click()
    state(page, 1).get_by_text(texts.JOB_STOPPED).wait_for()
    shoot("learn-two-runs")
    page.locator(".ln-close").first.click()
    assert page.locator(".ln-run").count() == 1

    page.locator(".ln-open").click()
    page.wait_for_function("/segments? on/.test(document.querySelector('#status')?.innerText)")
    page.locator("#more").get_by_role("button").first.click()
    assert page.locator("#setting-backbone input").input_value().startswith("learned here: iic-")
    address_has(page, "method=network")
    assert "clusters that iic learned" in page.locator("#status").inner_text()
    page.goto(page.url.replace("method=network", "n_segments=3"))
    page.wait_for_function("document.querySelector('#status')?.innerText.includes('3 segments on')")
    assert "features that iic learned" in page.locator("#status").inner_text()
    address_has(page, "backbone=iic-")
    shoot("learned-in-the-lab")
    page.goto(address + "?backbone=iic-00000000.safetensors")
    page.get_by_text("The weights of this link are no longer here").wait_for()


def test_own_pictures_are_asked_for(page, address):
    page.goto(address + TINY + "&collection=own")
    started(page)
    page.get_by_text(learn.NO_FILES).wait_for()
