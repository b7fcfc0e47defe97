"""What a program sets before it imports torch; a library leaves it to its user."""

import ctypes
import os
import sys

_SET = {
    "GOMP_SPINCOUNT": "1000",  # threads that spin long for work make a shared machine ten times slower
    "THP_MEM_ALLOC_ENABLE": "1",  # large pages: a fresh n × n matrix costs a fourth, at n = 3600 5 ms instead of 20
}
# For glibc. It takes large blocks from the system one by one and gives them back when freed; but what counts as large to it
# grows with use up to 32 MiB, and then matrices of 2,400 patches, 23 MiB each, lie between smaller blocks and leave holes.
_MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": (-3, 4 << 20),  # variable: number of the option in mallopt, bytes
    "MALLOC_TRIM_THRESHOLD_": (-1, 64 << 20),  # else the end of the heap goes back and forth all the time
}


def prepare() -> None:
    """Set what is not set yet. The variables have no effect once torch is imported."""
    for name, value in _SET.items():
        os.environ.setdefault(name, value)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    for name, (option, size) in _MALLOC.items():
        if mallopt and name not in os.environ:
            mallopt(option, size)
