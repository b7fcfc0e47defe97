"""A full queue and a server that is gone, as a visitor meets them: one sentence, and the page goes on by itself."""

from contextlib import contextmanager

import pytest

from demo.build import build_demo, launch_options
from demo.shared.service import Service
from demo.shared.texts import QUEUE_FULL, SERVER_GONE
from tests.server import close, free_port

pytestmark = pytest.mark.browser

LINK = "?example=discs&backbone=color&max_side=96&n_segments=3"


@contextmanager
def serving(port=None):
    """The page's app, its address, and what ends it; on this port, or on one that nobody else takes when it ends."""
    demo = build_demo(Service(device="cpu"))
    _, address, _ = demo.launch(
        server_name="127.0.0.1", server_port=port or free_port(), prevent_thread_lock=True, quiet=True, **launch_options()
    )
    try:
        yield demo, address
    finally:
        close(demo)


@pytest.fixture
def visitor(browser):
    """A page whose console may hold errors of the network, as they are what is tested."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(120_000)
    yield page
    context.close()


def shows(page, words):
    page.wait_for_function("words => document.querySelector('#status')?.innerText.includes(words)", arg=words)


def says(page, sentence):
    page.wait_for_function("words => document.querySelector('#patience:not([hidden])')?.innerText === words", arg=sentence)
    assert page.locator("#patience").get_attribute("role") == "alert"
    assert page.locator("[data-testid=toast-body]:visible").count() == 0  # it is said once


def says_nothing(page):
    page.wait_for_function("document.querySelector('#patience')?.hidden ?? true")


def set_k(page, k):
    box = page.locator("#setting-n_segments input[type=number]")
    box.fill(str(k))
    box.press("Enter")


def test_a_full_queue_is_waited_for(visitor):
    with serving() as (demo, address):
        demo._queue.max_size = 0  # whoever comes finds it full
        visitor.goto(address + LINK)
        says(visitor, QUEUE_FULL)
        demo._queue.max_size = 256
        shows(visitor, "3 segments on")  # nobody had to do anything
        says_nothing(visitor)
        demo._queue.max_size = 0
        set_k(visitor, 4)
        says(visitor, QUEUE_FULL)
        set_k(visitor, 5)
        demo._queue.max_size = 256
        shows(visitor, "5 segments on")
        says_nothing(visitor)


def test_a_network_that_comes_back_costs_nothing(visitor):
    with serving() as (_, address):
        visitor.goto(address + LINK)
        shows(visitor, "3 segments on")
        visitor.evaluate("window.sameVisit = true")
        visitor.context.set_offline(True)
        set_k(visitor, 4)
        says(visitor, SERVER_GONE)
        visitor.context.set_offline(False)
        shows(visitor, "4 segments on")
        says_nothing(visitor)
        assert visitor.evaluate("window.sameVisit")  # the page has not been loaded again


def test_an_answer_whose_stream_cannot_be_opened_is_waited_for(visitor):
    with serving() as (_, address):
        visitor.route("**/queue/data**", lambda route: route.abort())
        visitor.goto(address + LINK)
        says(visitor, SERVER_GONE)
        visitor.evaluate("window.sameVisit = true")
        visitor.unroute("**/queue/data**")
        shows(visitor, "3 segments on")
        says_nothing(visitor)
        assert visitor.evaluate("window.sameVisit")


def test_a_server_that_is_started_anew_finds_the_page_as_it_was(visitor):
    with serving() as (_, address):
        visitor.goto(address + LINK)
        shows(visitor, "3 segments on")
        set_k(visitor, 4)
        shows(visitor, "4 segments on")
        visitor.wait_for_function("location.search.includes('n_segments=4')")
        visitor.evaluate("window.sameVisit = true")
        port = int(address.rstrip("/").rpartition(":")[2])
    set_k(visitor, 6)
    says(visitor, SERVER_GONE)
    with serving(port):
        visitor.wait_for_function("!window.sameVisit")
        shows(visitor, "4 segments on")  # as the address says
        says_nothing(visitor)
