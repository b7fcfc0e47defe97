"""The line in which heavy events wait: in the order in which they came, but a move of a control before a new picture.

A move takes a sixth of what the first result of a picture takes. Where a hall of visitors comes at once, each with a
picture, everybody would wait for all of these at every move. Several may be at work at once, but never two of one visitor:
the later one is told what the earlier one left.
"""

from bisect import insort
from collections.abc import Hashable
from typing import Any

import gradio as gr
from cachetools import LRUCache
from gradio.queueing import Event, EventQueue, Queue
from gradio_client.utils import is_file_obj, traverse

from demo.shared.events import HEAVY

HEAD_START = 60.0  # seconds by which a move passes a new picture, at most
_KNOWN = 4096  # of the latest pictures


class Line(list[Event]):
    """The events that wait, the next one first; an event is a move where its visitor asked for the same files before."""

    def __init__(self, queue: Queue):
        """Nobody waits; `queue` tells everybody their places."""
        super().__init__()
        self._queue = queue
        self._known: LRUCache[Hashable, None] = LRUCache(_KNOWN)
        self._ranks: dict[str, float] = {}

    def append(self, event: Event) -> None:
        """Let an event wait at its place, and tell their new places to those whom it passes."""
        asked = event.session_hash, _files(event.data.data if event.data else None)
        self._ranks[event._id] = event.enqueue_time - HEAD_START * (asked in self._known)
        self._known[asked] = None
        insort(self, event, key=lambda e: self._ranks[e._id])
        if self[-1] is not event:
            self._queue.broadcast_estimations(event.concurrency_id, self.index(event))

    def remove(self, event: Event) -> None:
        """Take an event out of the line."""
        super().remove(event)
        del self._ranks[event._id]


def form_line(app: gr.Blocks) -> None:
    """Let the heavy events of an app wait in such a line; its queue must be there."""
    queue = app._queue
    heavy = EventQueue(HEAVY["concurrency_id"], HEAVY["concurrency_limit"])
    heavy.queue = line = Line(queue)
    queue.event_queue_per_concurrency_id[heavy.concurrency_id] = heavy

    def next_events() -> Any:
        at_work = {
            e.session_hash for job in queue.active_jobs for e in job or () if e.concurrency_id == heavy.concurrency_id
        }
        heavy.queue = [event for event in line if event.session_hash not in at_work]
        found = Queue.get_events(queue)
        heavy.queue = line
        if found and found[2] == heavy.concurrency_id:
            for event in found[0]:
                line.remove(event)
        return found

    queue.get_events = next_events  # type: ignore[method-assign]


def _files(values: Any) -> frozenset[str]:
    """The paths of the files among the values of an event."""
    found: set[str] = set()
    traverse(values, lambda file: found.add(str(file["path"])), is_file_obj)
    return frozenset(found)
