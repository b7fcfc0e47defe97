"""Progress on standard error: tqdm's bar on a terminal; a line a minute in a log file or pipe, or without tqdm."""

import sys
import time
from typing import Protocol

SECONDS_BETWEEN_LINES = 60.0


class Bar(Protocol):
    """What is shown while something long runs: a part of tqdm's bar."""

    n: float  # done so far

    def update(self, n: float = 1) -> object:
        """Move on by `n` of the total."""

    def set_postfix_str(self, text: str) -> object:
        """Say something beside the bar."""

    def close(self) -> object:
        """Leave the last state standing."""


def say(text: str, *, error: bool = False) -> None:
    """Print a line on standard output, or standard error, without tearing a bar that is on the terminal."""
    stream = sys.stderr if error else sys.stdout
    if not sys.stderr.isatty():
        print(text, file=stream)
        return
    try:
        from tqdm import tqdm
    except ImportError:
        print(text, file=stream)
    else:
        tqdm.write(text, file=stream)


def make_bar(*, total: float, label: str, unit: str = "pictures", layout: str | None = None) -> Bar:
    """Make a bar.

    Args:
        total: how much there is to do.
        label: what is being done.
        unit: of `total`, in the plural.
        layout: tqdm's bar_format, or None for its usual one.
    """
    try:
        from tqdm import tqdm
    except ImportError:
        return PlainBar(total=total, label=label, unit=unit)
    if not sys.stderr.isatty():
        return PlainBar(total=total, label=label, unit=unit)
    return tqdm(total=total, desc=label, unit=f" {unit}", file=sys.stderr, bar_format=layout, dynamic_ncols=True)


class PlainBar:
    """Lines instead of a bar, one every SECONDS_BETWEEN_LINES at most; what takes less long says nothing."""

    def __init__(self, *, total: float, label: str, unit: str):
        self._total, self._label, self._unit = total, label, unit
        self.n, self._text, self._said, self._lines = 0.0, "", time.monotonic(), 0

    def update(self, n: float = 1) -> None:
        """Move on by `n` of the total."""
        self.n += n
        if time.monotonic() - self._said >= SECONDS_BETWEEN_LINES:
            self._say()

    def set_postfix_str(self, text: str) -> None:
        """Say something beside the count."""
        self._text = text

    def close(self) -> None:
        """Say the last state, where others have been said."""
        if self._lines:
            self._say()

    def _say(self) -> None:
        self._said = time.monotonic()
        self._lines += 1
        text = f", {self._text}" if self._text else ""
        sys.stderr.write(f"{self._label}: {self.n:.0f} of {self._total:.0f} {self._unit}{text}\n")
        sys.stderr.flush()
