"""How events of all pages are queued, numbered and stopped, and the few lines of script that go with them.

Heavy events compute: they wait in one queue. Light ones answer at once. Every heavy event of a page carries a number that
the browser counts up, so that a stop can name what it means (everything up to the latest number) and old values can be told
from new ones.
"""

import threading
from collections.abc import Callable
from typing import Any

import gradio as gr
import torch
from cachetools import LRUCache

from segcore.runtime.stopping import Stopped

CORES = torch.get_num_threads()
# On a GPU one run fills it. On cores, runs share them; more than a few at once only take more memory.
RUNS_AT_ONCE = 1 if torch.cuda.is_available() else min(CORES, 4)
_SESSIONS = 4096  # visitors whose stops are remembered: a full hall, many times over

# With every event Gradio tells each component that shows its progress how far it is, and reads all that lie in these: with
# none, and there is nothing to hide.
_UNSEEN: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": (), "api_visibility": "private"}
# Queued under one name, so that the limit holds for the heavy events of all pages together.
_IN_ONE_QUEUE: dict[str, Any] = {"concurrency_id": "compute", "concurrency_limit": RUNS_AT_ONCE}
HEAVY: dict[str, Any] = {**_IN_ONE_QUEUE, **_UNSEEN}
SEEN: dict[str, Any] = {**_IN_ONE_QUEUE, "show_progress": "minimal", "api_visibility": "private"}  # heavy, with its progress
LIGHT: dict[str, Any] = {"queue": False, **_UNSEEN}
TOLD: dict[str, Any] = {**_UNSEEN, "concurrency_limit": None}  # may show a warning

# Wait until the server knows what a page shows that opened with a result (demo/shared/opening.py).
JS_KNOWN = "async (...values) => (await window.segcoreOpening, values)"
# Number a heavy event, and wait in the same way. The first input is the number.
JS_NUMBER = """async (_number, ...values) => {
    const mine = (window.segcoreNumber = (window.segcoreNumber ?? 0) + 1);
    await window.segcoreOpening;
    return [mine, ...values];
}"""
# The same, and as the second input the theme of the page, in which what is saved is drawn.
JS_NUMBER_THEME = f"""async (number, _theme, ...values) => {{
    const theme = document.body.classList.contains("dark") ? "dark" : "light";
    const [mine] = await ({JS_NUMBER})(number);
    return [mine, theme, ...values];
}}"""
# The tab that is open at this moment: what stands between "tab-" and "-button" in its id.
JS_OPEN_TAB = """document.querySelector("#tabs [role=tab][aria-selected=true]")?.id.replace(/^tab-|-button$/g, "")"""
# The same for the event behind all controls. Gradio sends a request for each of the controls that change at once, with what
# it knows at that moment, and the requests may overtake each other: those that a later one follows at once are numbered 0.
# The second input is the tab that is open then.
JS_NUMBER_LAST = """async (_number, tab, ...values) => {
    const mine = (window.segcoreNumber = window.segcoreLast = (window.segcoreNumber ?? 0) + 1);
    await window.segcoreOpening;
    await new Promise((done) => setTimeout(done, 5));
    return [mine === window.segcoreLast ? mine : 0, OPEN_TAB ?? tab, ...values];
}""".replace("OPEN_TAB", JS_OPEN_TAB)
# The same, and as the third input the keys of the arrays that the player of the page holds already.
JS_NUMBER_HELD = f"""async (_number, tab, _held, ...values) => {{
    const [number, open, ...rest] = await ({JS_NUMBER_LAST})(_number, tab, ...values);
    return [number, open, window.segcoreHeld?.() ?? "", ...rest];
}}"""
# What a stop means: everything that was asked for so far.
JS_LATEST = "(_number, ...values) => [window.segcoreNumber ?? 0, ...values]"
# Click the button behind which a file waits to be saved.
JS_DOWNLOAD = """() => setTimeout(() => document.querySelector("#download a, a#download, #download")?.click(), 60)"""


class Stops:
    """Who stopped what: per visitor the number up to which heavy events are to end. Safe for threads."""

    def __init__(self) -> None:
        """Nothing is stopped yet."""
        self._upto: LRUCache[str, int] = LRUCache(_SESSIONS)
        self._lock = threading.Lock()

    def stop(self, number: float, request: gr.Request) -> None:
        """End the events of a visitor up to this number, those under way and those that wait."""
        with self._lock:
            session = str(request.session_hash)
            self._upto[session] = max(self._upto.get(session, 0), int(number))

    def check(self, number: float, request: gr.Request | None) -> Callable[[], None]:
        """What an event calls while it computes; raises Stopped once its visitor has stopped it."""
        session = str(request.session_hash) if request else ""

        def check() -> None:
            with self._lock:
                stopped = self._upto.get(session, 0) >= number > 0
            if stopped:
                raise Stopped

        return check
