"""The page, started for tests as `app.py` starts it, on a free port of this machine."""

import random
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import gradio as gr

from demo.build import build_demo, launch_options
from demo.lectures.run.votes import Votes
from demo.shared.lecture.given import open_lectures
from demo.shared.service import Service


def free_port() -> int:
    """A port that nobody listens on, of those that neither the system nor Gradio hands out: nobody gets it meanwhile."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


@dataclass(frozen=True, slots=True)
class Served:
    """A page that is running: its address, and what is behind it."""

    address: str
    service: Service
    demo: gr.Blocks

    def is_idle(self) -> bool:
        """Whether no event waits or is at work."""
        queue = self.demo._queue
        waiting = sum(len(q.queue) for q in queue.event_queue_per_concurrency_id.values())
        return not waiting and not any(queue.active_jobs)


def close(demo: gr.Blocks) -> None:
    """Stop a page, and wait for the thread that serves it: Gradio leaves it, with its sockets, after five seconds."""
    demo.close()
    demo.server.force_exit = True  # whoever is still connected
    demo.server.thread.join()


@contextmanager
def serving(weights: str | None = None, *, lectures: Sequence[str] = (), votes: bool = False) -> Iterator[Served]:
    """Serve the page, with what these flags of `app.py` name, and stop it in the end."""
    service = Service(device="cpu", weights=weights)
    open_lectures(service, lectures)
    service.votes = Votes() if votes else None
    service.warm_up()
    demo = build_demo(service)
    _, address, _ = demo.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **launch_options())
    demo.server.config.timeout_keep_alive = 600  # seconds; on a busy machine more than its 5 pass between two requests
    try:
        yield Served(address, service, demo)
    finally:
        close(demo)


@contextmanager
def running_page(weights: str | None = None) -> Iterator[str]:
    """The address of the page while it is served."""
    with serving(weights) as served:
        yield served.address
