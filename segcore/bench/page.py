"""How long the page takes to show what a visitor asks for, measured in a real browser.

The page runs as `app.py` starts it, on this machine, as does the browser. A time ends when the new segments are on the
canvas. Its parts: *browser* before the request leaves and after the answer has come, *handler* inside the server's event, of
which *kernel* are the stages that had to be computed, and *transport* all that is between: queue, network, JSON.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import Any

from segcore.errors import InputError
from segcore.runtime.places import APP, EXAMPLES, ROOT

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
VISITORS = 20  # others who move K at the same time, in the rows under load
_PATIENCE = 60  # seconds for the page to start, and for one answer
_PICTURE = "?example=coffee&max_side=480&n_segments=5"  # n = 2,400

# Notes when requests leave and messages come, beside what the page itself does.
_WATCH = """() => {
    window.watched = [];
    const real = window.fetch;
    window.fetch = async (input, init) => {
        const url = String(input?.url ?? input);
        if (url.includes("/queue/join")) window.watched.push({kind: "join", at: performance.now()});
        const answer = await real(input, init);
        if (!url.includes("/queue/data") || !answer.body) return answer;
        const [mine, theirs] = answer.body.tee();
        (async () => {
            const reader = mine.pipeThrough(new TextDecoderStream()).getReader();
            for (let rest = ""; ; ) {
                const {done, value} = await reader.read();
                if (done) return;
                const messages = (rest + value).split("\\n\\n");
                rest = messages.pop();
                for (const message of messages) {
                    const at = performance.now(), data = JSON.parse(message.replace(/^data: /, ""));
                    window.watched.push({kind: data.msg, at, seconds: data.output?.duration ?? 0});
                }
            }
        })();
        return new Response(theirs, {status: answer.status, headers: answer.headers});
    };
}"""
_SET = """([kind, name, value]) => {
    window.watched.length = 0;
    performance.clearMarks("segments painted");
    const input = document.querySelector(`#setting-${name} input[type=${kind}]`);
    const began = performance.now();
    if (kind === "checkbox") input.click();
    else {
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, value);
        for (const event of ["input", "change", "blur"]) input.dispatchEvent(new Event(event, {bubbles: true}));
    }
    return began;
}"""
# Answered, and painted; a λ that parts the picture as before paints nothing.
_IS_DONE = """() => {
    const done = window.watched.find((w) => w.kind === "process_completed");
    return done && (performance.getEntriesByName("segments painted").length > 0 || performance.now() > done.at + 500);
}"""
_FOUND = """() => [
    window.watched, performance.getEntriesByName("segments painted").at(-1)?.startTime,
    document.querySelector("#status").innerText
]"""


# How long the page is busy with the frame after the pointer came to another segment of the legend, in ms.
_POINT = """async (n) => {
    const entries = [...document.querySelectorAll(".sg-entry")], times = [];
    for (let k = 0; k < n; k++) {
        entries[k % entries.length].dispatchEvent(new PointerEvent("pointerover", {bubbles: true, pointerType: "mouse"}));
        await new Promise(requestAnimationFrame);
        const began = performance.now();
        await new Promise((done) => setTimeout(done));
        times.push(performance.now() - began);
    }
    return times;
}"""


@dataclass(frozen=True, slots=True)
class Action:
    """Something a visitor does again and again.

    Attributes:
        name: in the table.
        kind: of the input that is set.
        setting: that it sets.
        value: of the i-th time, such that nothing is remembered of an earlier one where λ is new every _NEW_GRAPH times.
        target_ms: for the median.
    """

    name: str
    kind: str
    setting: str
    value: Callable[[int], str | None]
    target_ms: int


ACTIONS = (
    Action("a new K", "number", "n_segments", lambda i: str(3 + 3 * i % 7), 120),
    Action("a new λ", "number", "knn_weight", lambda i: f"{5 + 0.35 * i:g}", 220),
    Action("CRF on or off", "checkbox", "crf", lambda _: None, 200),
)
_NEW_GRAPH = 7
_WARM = 4  # repetitions that do not count
_lambdas = count(20, 0.7)  # never one twice
PARTS = ("total", "browser", "transport", "handler", "kernel")


def measure_page(*, repetitions: int = 20) -> Iterator[dict[str, Any]]:
    """Measure each action, alone and beside VISITORS others.

    Yields:
        Rows with `name`, `beside` (the number of other visitors), `target_ms`, and per part of PARTS the median in ms; the
        first row is the opening of the page, with its requests and bytes, the second what the browser does alone.

    Raises:
        InputError: there is no playwright, no browser or no page to start.
    """
    playwright = _playwright()
    with server() as address, playwright() as driver:
        closed = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
        browser = driver.chromium.launch(executable_path=_browser(), args=["--no-sandbox", closed])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(_PATIENCE * 1000)
        page.add_init_script(f"({_WATCH})()")
        yield _opening(page, address)
        page.goto(address + _PICTURE)
        _wait_for_result(page)
        page.wait_for_timeout(1000)
        yield _pointing(page, repetitions)
        for beside in (0, VISITORS):
            with _others(address, beside):
                for action in ACTIONS:
                    yield {"name": action.name, "beside": beside, "target_ms": action.target_ms} | _timed(
                        page, action, repetitions
                    )
        browser.close()


def line(row: dict[str, Any]) -> str:
    """One row of the Markdown table."""
    if "bytes" in row:
        told = f"{row['total']:.0f} ms, {row['requests']} requests, {row['bytes'] / 1e6:.2f} MB"
        return f"| {row['name']} | {told} | | | | | {row['target_ms']} ms |"
    name = row["name"] + (f", beside {row['beside']} others" if row["beside"] else "")
    return f"| {name} | " + " | ".join(f"{row[part]:.0f} ms" for part in PARTS) + f" | {row['target_ms']} ms |"


HEAD = "| action | " + " | ".join(PARTS) + " | target |\n" + "| --- " * (len(PARTS) + 2) + "|"


def _opening(page: Any, address: str) -> dict[str, Any]:
    """The first visit after the start of the server: until a result is there, with nothing in any cache."""
    sizes: list[int] = []

    def note(request: Any) -> None:
        if not request.url.startswith("blob:"):  # of modules that are here already
            sizes.append(request.sizes()["responseBodySize"])

    page.on("requestfinished", note)
    began = time.perf_counter()
    page.goto(address)
    _wait_for_result(page)
    seconds = time.perf_counter() - began
    page.wait_for_timeout(2000)  # what comes after, such as thumbnails
    return {"name": "opening, first result", "beside": 0, "target_ms": 1400, "total": 1000 * seconds,
            "requests": len(sizes), "bytes": sum(sizes)}  # fmt: skip


def _pointing(page: Any, repetitions: int) -> dict[str, Any]:
    """What the browser alone does: paint one segment apart from the others."""
    times = page.evaluate(_POINT, _WARM + repetitions)[_WARM:]
    parts = dict.fromkeys(PARTS, 0.0)
    return {
        "name": "pointing at a segment",
        "beside": 0,
        "target_ms": 16,
        **parts,
        "total": median(times),
        "browser": median(times),
    }


def _wait_for_result(page: Any) -> None:
    page.wait_for_function("performance.getEntriesByName('segments painted').length > 0")


def _timed(page: Any, action: Action, repetitions: int) -> dict[str, float]:
    """Medians of the parts over the repetitions."""
    runs: list[dict[str, float]] = []
    for i in count():
        if len(runs) == _WARM + repetitions:
            break
        if i % _NEW_GRAPH == 0:
            page.evaluate(_SET, ["number", "knn_weight", f"{next(_lambdas):g}"])
            page.wait_for_function(_IS_DONE)
            page.wait_for_timeout(300)
        began = page.evaluate(_SET, [action.kind, action.setting, action.value(i)])
        page.wait_for_function(_IS_DONE)
        watched, painted, status = page.evaluate(_FOUND)
        if painted is not None:
            runs.append(_parts(began, watched, painted, status))
        page.wait_for_timeout(150)
    return {part: median(run[part] for run in runs[_WARM:]) for part in PARTS}


def _parts(began: float, watched: list[dict[str, Any]], painted: float, status: str) -> dict[str, float]:
    joined = next(w["at"] for w in watched if w["kind"] == "join")
    done = [w for w in watched if w["kind"] in ("process_generating", "process_completed") and w["at"] <= painted]
    came = done[-1]["at"] if done else painted
    handler = 1000 * sum(w["seconds"] for w in watched if w["kind"] in ("process_generating", "process_completed"))
    handler = min(handler, came - joined)
    told = re.search(r"· ([\d.]+) (ms|s)$", status)
    kernel = float(told[1]) * (1 if told[2] == "ms" else 1000) if told else 0.0
    return {
        "total": painted - began,
        "browser": painted - came + joined - began,
        "transport": came - joined - handler,
        "handler": handler,
        "kernel": kernel,
    }


def _playwright() -> Any:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise InputError("bench --page drives a browser. Run `pip install playwright` first.", field="page") from None
    return sync_playwright


def _browser() -> str:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise InputError(f"bench --page needs a browser: none of {', '.join(BROWSERS)} is in PATH.", field="page")
    return path


@contextmanager
def server() -> Iterator[str]:
    """The page, started as a user starts it.

    Raises:
        InputError: it did not start, or it ended while it was needed; its last words are part of the sentence.
    """
    port = _free_port()
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "NO_PROXY": "localhost,127.0.0.1"}
    with tempfile.TemporaryFile() as said:
        command = [sys.executable, str(APP), "--port", str(port)]
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said)
        address = f"http://127.0.0.1:{port}/"
        try:
            for _ in range(2 * _PATIENCE):
                with suppress(OSError), urllib.request.urlopen(address, timeout=5):
                    break
                time.sleep(0.5)
            else:
                raise InputError(f"app.py did not answer within {_PATIENCE} s.", field="page")
            yield address
            if (code := server.poll()) is not None:
                said.seek(0)
                raise InputError(
                    f"The page ended with {code} while it was measured: {said.read()[-500:].decode()}", field="page"
                )
        finally:
            server.terminate()
            server.wait()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _others(address: str, visitors: int) -> Iterator[None]:
    """Visitors who each ask the endpoint for a new K once a second, until this ends."""
    if not visitors:
        yield
        return
    from gradio_client import Client, handle_file

    over = threading.Event()
    picture = str(EXAMPLES / "cat.jpg")

    def visit(i: int) -> None:
        client, k = Client(address, verbose=False, analytics_enabled=False), i
        while not over.wait(1):
            k += 1
            with suppress(Exception):  # a full queue is an answer, too
                client.predict(image=handle_file(picture), n_segments=2 + k % 8, api_name="/segment")

    threads = [threading.Thread(target=visit, args=(i,), daemon=True) for i in range(visitors)]
    for thread in threads:
        thread.start()
    time.sleep(3)
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(timeout=_PATIENCE)
