"""The page, started for tests as `app.py` starts it, on a free port of this machine."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from demo.build import build_demo, launch_options
from demo.shared.service import Service


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_page(weights: str | None = None) -> Iterator[str]:
    """Serve the page, with a file of weights if one is named; gives its address and stops it in the end."""
    demo = build_demo(Service(device="cpu", weights=weights))
    _, address, _ = demo.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **launch_options())
    try:
        yield address
    finally:
        demo.close()
