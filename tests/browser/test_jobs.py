"""The bar of a long job in a real browser: it follows, waits in line, stops, goes on, and survives a reload."""

import threading
from collections.abc import Iterator

import gradio as gr
import pytest

from demo.shared import texts
from demo.shared.components import JobBar
from demo.shared.components.job_bar import JS_VISITOR
from demo.shared.components.scripts import script_routes
from demo.shared.events import LIGHT
from demo.shared.jobs import JobLimits, Jobs, Report
from segcore.runtime.stopping import stop_if_asked
from tests.browser.conftest import address_has
from tests.server import close

pytestmark = pytest.mark.browser

N = 4


class Counting:
    """Work that moves on when the test says so."""

    def __init__(self):
        self.turns = threading.Semaphore(0)

    def __call__(self, left):
        for i in range(left or 0, N):
            yield Report("Counting", i, N, "steps", show={"newest": i}, left=i)
            while not self.turns.acquire(timeout=0.01):
                stop_if_asked()


@pytest.fixture(scope="module")
def work():
    return Counting()


@pytest.fixture(scope="module")
def address(work) -> Iterator[str]:
    jobs = Jobs(JobLimits(minutes=5))
    with gr.Blocks(analytics_enabled=False) as demo:
        bar = JobBar(jobs, "count", elem_id="bar")
        visitor, news = gr.Textbox(visible="hidden"), gr.Textbox(elem_id="news", label="news")
        start = gr.Button("Start", elem_id="start")
        start.click(lambda owner: jobs.start(work, owner=owner, kind="count"), visitor, bar, js=JS_VISITOR, **LIGHT)

        def tell(bar_id: str, event: gr.EventData) -> str:
            parts = dict(jobs.look(event.id).parts)
            return f"{event.state} {parts.get('newest')} {bar_id == event.id}"

        bar.news(tell, bar, news, **LIGHT)
    options = {"server_name": "127.0.0.1", "ssr_mode": False, "app_kwargs": {"routes": script_routes()}}
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **options)
    yield url
    close(demo)
    jobs.close()


def shows(page, words):
    page.locator("#bar .job").get_by_text(words).wait_for()


def count(i):
    return texts.JOB_COUNT.format(done=i, total=N, unit="steps")


def test_a_job_from_its_start_to_its_end(page, browser, address, work, shoot):
    page.goto(address)
    page.locator("#start").click()
    shows(page, count(0))
    address_has(page, "job=")
    assert page.locator("#bar [role=progressbar]").get_attribute("aria-valuenow") == "0"
    # What the page's own events make of the news.
    page.wait_for_function("document.querySelector('#news textarea, #news input').value === 'running 0 True'")
    work.turns.release()
    shows(page, count(1))
    page.wait_for_function("document.querySelector('#news textarea, #news input').value === 'running 1 True'")

    # A second visitor waits, with the place said; who has the first one's link watches, and cannot stop it.
    other = browser.new_context()
    waiting = other.new_page()
    waiting.goto(address)
    waiting.locator("#start").click()
    shows(waiting, texts.JOB_WAITS.format(place=1, n=1, minutes="5"))
    third = browser.new_context()
    watching = third.new_page()
    watching.goto(page.url)
    shows(watching, count(1))
    assert not watching.get_by_role("button", name=texts.STOP).is_visible()
    third.close()

    # A reload, and the page opened without the job in its address: it is followed again.
    page.reload()
    shows(page, count(1))
    page.goto(address)
    shows(page, count(1))
    work.turns.release()
    shows(page, count(2))

    page.get_by_role("button", name=texts.STOP).click()
    shows(page, texts.JOB_STOPPED)
    shows(waiting, count(0))  # its turn has come
    waiting.get_by_role("button", name=texts.STOP).click()
    shows(waiting, texts.JOB_STOPPED)
    other.close()
    shoot("job-stopped", "#bar")
    page.get_by_role("button", name=texts.GO_ON).click()
    shows(page, count(2))  # from where it was
    for _ in range(2):
        work.turns.release()
    shows(page, texts.JOB_STATES["done"])
    assert not page.get_by_role("button", name=texts.GO_ON).is_visible()


def test_a_job_that_is_no_longer_kept_is_one_sentence(page, address):
    page.goto(f"{address}?job=unknown")
    shows(page, texts.JOB_GONE)
