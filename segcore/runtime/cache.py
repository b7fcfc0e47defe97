"""A cache bounded in bytes that several threads share, and in which each value is computed once.

What is forgotten first is what costs least to make again for the bytes that it holds, among what was not asked for in a
while (GreedyDual-Size, Cao and Irani 1997). Two n × n matrices hold ten times the bytes of features and eigenvectors, and
take a third of their time; where the pictures of many visitors do not fit, the matrices go, and nobody waits for a
transformer.
"""

import ctypes
import dataclasses
import heapq
import sys
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from typing import Any

import scipy.sparse
from torch import Tensor, nn

from segcore.runtime.stopping import Stopped

_LEAST_SECONDS = 0.01  # below which what a value cost says little
_LEAST_BYTES = 1 << 16  # below which a value is no reason to forget another
_GIVE_BACK_BYTES = 64 << 20  # forgotten since the last time: about one picture of 2,400 patches


def nbytes(value: object) -> int:
    """Bytes held by the numbers inside a value: a tensor, a module, a SciPy CSR matrix, a container or a dataclass."""
    if isinstance(value, Tensor):
        if value.is_sparse:
            return nbytes(value.indices()) + nbytes(value.values())
        return value.element_size() * value.nelement()
    if isinstance(value, nn.Module):
        return sum(nbytes(t) for t in (*value.parameters(), *value.buffers()))
    if isinstance(value, tuple | list):
        return sum(map(nbytes, value))
    if isinstance(value, scipy.sparse.csr_array | scipy.sparse.csr_matrix):
        return value.data.nbytes + value.indices.nbytes + value.indptr.nbytes
    if dataclasses.is_dataclass(value):
        return sum(nbytes(getattr(value, f.name)) for f in dataclasses.fields(value))
    return 64


class _Abandoned(Exception):
    """Whoever was making a value was stopped."""


@dataclasses.dataclass(eq=False, slots=True)
class _Kept:
    """A value, and what is lost with it."""

    value: Any
    size: int  # bytes
    worth: float  # seconds for each byte
    rank: tuple[float, int] = (0.0, 0)  # the least is forgotten first; then the one not asked for longest


class StageCache:
    """Remember values by key; forget the cheapest ones when they hold more than `most_bytes` together."""

    def __init__(self, most_bytes: int, *, clock: Callable[[], float] = time.perf_counter):
        """Nothing is remembered yet; `clock` tells the seconds that a value takes to make."""
        self._most, self._clock, self.used_bytes = most_bytes, clock, 0
        self._values: dict[Hashable, _Kept] = {}
        self._ranks: list[tuple[tuple[float, int], Hashable]] = []  # a heap; a rank in it may have risen since
        self._passed, self._turns = 0.0, count()  # the rank of what was forgotten last; how often anything was asked for
        self._forgotten = 0  # bytes, since memory was given back
        self._running: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Any]) -> tuple[Any, bool]:
        """Return the value of `key`, and whether it was there already.

        Where two threads ask for the same missing value, one makes it and the other waits; if making fails, both get the
        error and nothing is remembered. If the making is only stopped, the one that waits makes it itself.
        """
        while True:
            with suppress(_Abandoned):
                return self._get(key, make)

    def _get(self, key: Hashable, make: Callable[[], Any]) -> tuple[Any, bool]:
        with self._lock:
            if (kept := self._values.get(key)) is not None:
                kept.rank = self._rank(kept)
                return kept.value, True
            theirs = self._running.get(key)
            if theirs is None:
                mine = self._running[key] = Future()
        if theirs is not None:
            return theirs.result(), True
        began = self._clock()
        try:
            value = make()
        except Stopped:
            mine.set_exception(_Abandoned())
            raise
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(value)
            self._remember(key, value, self._clock() - began)
            return value, False
        finally:
            with self._lock:
                del self._running[key]

    def _remember(self, key: Hashable, value: Any, seconds: float) -> None:
        size = nbytes(value)
        if size > self._most:
            return
        kept = _Kept(value, size, max(seconds, _LEAST_SECONDS) / max(size, _LEAST_BYTES))
        with self._lock:
            while self.used_bytes + size > self._most:
                self._forget_one()
            kept.rank = self._rank(kept)
            self._values[key] = kept
            heapq.heappush(self._ranks, (kept.rank, key))
            self.used_bytes += size
            give_back = self._forgotten >= _GIVE_BACK_BYTES
            self._forgotten %= _GIVE_BACK_BYTES
        if give_back:
            _give_memory_back()

    def _rank(self, kept: _Kept) -> tuple[float, int]:
        return self._passed + kept.worth, next(self._turns)

    def _forget_one(self) -> None:
        rank, key = self._ranks[0]
        kept = self._values[key]
        if kept.rank > rank:
            heapq.heapreplace(self._ranks, (kept.rank, key))
            return
        heapq.heappop(self._ranks)
        del self._values[key]
        self._passed = rank[0]
        self.used_bytes -= kept.size
        self._forgotten += kept.size


def _give_memory_back() -> None:
    """Return to the system what is free within the heap, some 2 ms; where the C library is not glibc, it does so by itself.

    Values of many sizes that come and go leave holes between those that stay, and the holes grow to half of what stays.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
