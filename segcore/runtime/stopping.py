"""How work is stopped from outside.

Whoever starts work hands in a check that raises `Stopped` once the work is no longer wanted. The stages of a pipeline ask it
between each other, and loops that may run for long ask it in every round by `stop_if_asked`. The check is no input of a
kernel: it changes no value, it only says that none is wanted. So it travels beside the calls, and not through every
signature between a page and an eigensolver.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Stopped(Exception):
    """Somebody asked that the work ends here."""


def never() -> None:
    """The check of work that nobody stops."""


_check: ContextVar[Callable[[], None]] = ContextVar("check", default=never)


@contextmanager
def stoppable(check: Callable[[], None]) -> Iterator[None]:
    """Let the loops inside ask this check, in this thread; it raises `Stopped` to end them."""
    before = _check.set(check)
    try:
        yield
    finally:
        _check.reset(before)


def stop_if_asked() -> None:
    """Go on, or raise `Stopped` where whoever started the work no longer wants it. Costs well below a microsecond."""
    _check.get()()
