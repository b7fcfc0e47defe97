"""A real Chromium for the tests of the page; without one they are skipped, or fail where SEGCORE_NEED_BROWSER is set."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

import pytest

from demo.stills import BROWSERS
from tests.server import Served, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserType, Page

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
for name in ("NO_PROXY", "no_proxy"):  # Gradio calls its own address when it starts
    os.environ[name] = ",".join(filter(None, [os.environ.get(name), "localhost", "127.0.0.1"]))

LOCAL = {"127.0.0.1", "localhost"}
PATIENCE = 120_000  # milliseconds until a test gives up; a busy machine needs many more than an idle one


# Every notice that a page has shown, also those that are gone again: one stands for ten seconds.
_RECORD = """
window.notices = [];
new MutationObserver((changes) => {
  for (const node of changes.flatMap((change) => [...change.addedNodes])) {
    if (node instanceof Element) window.notices.push(...node.querySelectorAll("[data-testid=toast-body]"));
  }
}).observe(document, { childList: true, subtree: true });
"""


# What Gradio says of its stream of answers when a page is left while the stream is open.
_LEFT = ("signal is aborted without reason", "Connection errored out")


def _is_local(url: str) -> bool:
    parsed = urlparse(url)
    return parsed.scheme in {"data", "blob", "about"} or parsed.hostname in LOCAL


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Headless Chromium from PATH."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright, launched(playwright.chromium) as chromium:
        yield chromium


@contextmanager
def launched(chromium: "BrowserType", *options: str) -> "Iterator[Browser]":
    """A Chromium with these options of its command line."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        missing = f"no browser: none of {', '.join(BROWSERS)} is in PATH"
        pytest.fail(missing) if os.environ.get("SEGCORE_NEED_BROWSER") else pytest.skip(missing)
    # No name resolves but our own, so nothing leaves; intercepting requests would stall them whenever a test sleeps.
    closed = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    running = chromium.launch(executable_path=path, args=["--no-sandbox", closed, *options])
    yield running
    running.close()


@pytest.fixture(scope="session")
def shared_page() -> Iterator[Served]:
    """The page as it comes, served once for all tests that change nothing in it."""
    with serving() as served:
        yield served


@pytest.fixture
def address(shared_page: Served) -> Iterator[str]:
    """Its address; a job that a test leaves, as a failing one does, does not keep the next one waiting."""
    yield shared_page.address
    shared_page.service.jobs.close()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A new page, 1440 × 900. The test fails on errors in the page and on every request that leaves this computer."""
    problems: list[str] = []
    on_leaving: list[str] = []
    visits: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(_RECORD)
    new_page = context.new_page()
    new_page.set_default_timeout(PATIENCE)
    context.on("request", lambda request: _is_local(request.url) or problems.append(f"request to {request.url}"))

    def note(what: str, words: str) -> None:
        (on_leaving if any(left in words for left in _LEFT) else problems).append(f"{what}: {words}")

    new_page.on("request", lambda request: request.is_navigation_request() and visits.append(request.url))
    new_page.on("pageerror", lambda error: note("error in the page", str(error)))
    new_page.on("console", lambda message: message.type == "error" and note("console", message.text))
    yield new_page
    context.close()
    left_a_page = len(visits) > 1
    assert not (problems if left_a_page else problems + on_leaving), "\n".join(problems + on_leaving)


def notices(page: "Page") -> list[str]:
    """The notices that this document has shown so far, first to last."""
    told: list[str] = page.evaluate("window.notices.map((notice) => notice.textContent)")
    return told


def await_notice(page: "Page", words: str = "") -> str:
    """Wait for a notice with these words, and return it."""
    page.wait_for_function("words => window.notices.some((notice) => notice.textContent.includes(words))", arg=words)
    return next(told for told in notices(page) if words in told)


def address_has(page: "Page", words: str) -> None:
    """Wait until the address has these words; a page writes it after what it shows."""
    page.wait_for_function("words => location.href.includes(words)", arg=words)


def address_lacks(page: "Page", words: str) -> None:
    """Wait until the address has these words no more."""
    page.wait_for_function("words => !location.href.includes(words)", arg=words)


def overflow(page: "Page") -> int:
    """By how many pixels the page is wider than its window."""
    root = "document.documentElement"
    return int(page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))


@pytest.fixture
def shoot(page: "Page") -> Callable[..., None]:
    """Save a screenshot of the page, or of a part of it, for people to look at, where SEGCORE_ARTIFACTS names a folder."""
    folder = os.environ.get("SEGCORE_ARTIFACTS")

    def take(name: str, selector: str | None = None) -> None:
        if folder is None:
            return
        path = Path(folder) / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if selector is None:
            page.screenshot(path=path, full_page=True)
        else:
            page.locator(selector).screenshot(path=path)

    return take
