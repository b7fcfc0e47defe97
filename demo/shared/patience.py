"""What a visitor reads while the queue is full or the server is gone; the page goes on by itself when it can."""

import json

from demo.shared.texts import QUEUE_FULL, SERVER_GONE
from segcore.runtime.places import ASSETS


def patience_script() -> str:
    """The script, for the head of every page: the first requests are sent before any event of the page can run."""
    words = json.dumps({"busy": QUEUE_FULL, "gone": SERVER_GONE})
    return (
        f"<script>(() => {{ const words = {words};\n{(ASSETS / 'patience.js').read_text(encoding='utf-8')} }})();</script>"
    )
