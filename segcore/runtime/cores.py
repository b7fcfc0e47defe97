"""How the cores of a machine are shared by work that is under way at the same moment.

Torch spreads each of its calls over all cores. Two runs that do so at once wait for each other's threads at every call; with
a core each, both together are done sooner.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Cores:
    """Some cores, and the work that is under way on them. Safe for threads."""

    def __init__(self, total: int):
        """Nothing is under way yet on these `total` ≥ 1 cores."""
        self._total, self._busy = total, 0
        self._lock = threading.Lock()

    @contextmanager
    def share(self) -> Iterator[None]:
        """Let torch use, in this thread, an even share of the cores: all where nobody else is at work as this begins."""
        with self._lock:
            self._busy += 1
            mine = max(1, self._total // self._busy)
        torch.set_num_threads(mine)
        try:
            yield
        finally:
            torch.set_num_threads(self._total)
            with self._lock:
                self._busy -= 1
