"""A cache bounded in bytes that several threads share, and in which each value is computed once."""

import ctypes
import dataclasses
import sys
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import scipy.sparse
from cachetools import LRUCache
from torch import Tensor, nn

from segcore.runtime.stopping import Stopped

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


class StageCache:
    """Remember values by key; forget the least recently used ones when they hold more than `most_bytes` together."""

    def __init__(self, most_bytes: int):
        self._values: LRUCache[Hashable, Any] = LRUCache(most_bytes, getsizeof=nbytes)
        self._forgotten = 0.0  # bytes, since memory was given back
        self._running: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()

    @property
    def used_bytes(self) -> int:
        """Bytes held now."""
        return int(self._values.currsize)

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
            if key in self._values:
                return self._values[key], True
            theirs = self._running.get(key)
            if theirs is None:
                mine = self._running[key] = Future()
        if theirs is not None:
            return theirs.result(), True
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
            self._remember(key, value)
            return value, False
        finally:
            with self._lock:
                del self._running[key]

    def _remember(self, key: Hashable, value: Any) -> None:
        size = nbytes(value)
        with self._lock:
            if size > self._values.maxsize:
                return
            before = self._values.currsize
            self._values[key] = value
            self._forgotten += before + size - self._values.currsize
            give_back = self._forgotten >= _GIVE_BACK_BYTES
            self._forgotten %= _GIVE_BACK_BYTES
        if give_back:
            _give_memory_back()


def _give_memory_back() -> None:
    """Return to the system what is free within the heap, some 2 ms; where the C library is not glibc, it does so by itself.

    Values of many sizes that come and go leave holes between those that stay, and the holes grow to half of what stays.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
