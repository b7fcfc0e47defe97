"""Environment variables that a program sets before it imports torch; a library leaves them to its user."""

import os

_SET = {
    "GOMP_SPINCOUNT": "1000",  # threads that spin long for work make a shared machine ten times slower
}


def prepare() -> None:
    """Set what is not set yet. Has no effect once torch is imported."""
    for name, value in _SET.items():
        os.environ.setdefault(name, value)
