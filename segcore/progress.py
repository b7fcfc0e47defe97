"""A progress bar on standard error: tqdm's where it is installed, else a line now and then."""

import sys
import time
from typing import Protocol

SECONDS_BETWEEN_LINES = 10.0


class Bar(Protocol):
    """What is shown while something long runs: a part of tqdm's bar."""

    def update(self, n: float = 1) -> object:
        """Move on by `n` of the total."""

    def set_postfix_str(self, text: str) -> object:
        """Say something beside the bar."""

    def close(self) -> object:
        """Leave the last state standing."""


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
    return tqdm(total=total, desc=label, unit=f" {unit}", file=sys.stderr, bar_format=layout, dynamic_ncols=True)


class PlainBar:
    """A bar for those without tqdm: one line at most every SECONDS_BETWEEN_LINES."""

    def __init__(self, *, total: float, label: str, unit: str):
        self._total, self._label, self._unit = total, label, unit
        self._done, self._text, self._said = 0.0, "", time.monotonic()

    def update(self, n: float = 1) -> None:
        """Move on by `n` of the total."""
        self._done += n
        if time.monotonic() - self._said >= SECONDS_BETWEEN_LINES:
            self._say()

    def set_postfix_str(self, text: str) -> None:
        """Say something beside the count."""
        self._text = text

    def close(self) -> None:
        """Say the last state."""
        self._say()

    def _say(self) -> None:
        self._said = time.monotonic()
        text = f", {self._text}" if self._text else ""
        sys.stderr.write(f"{self._label}: {self._done:.0f} of {self._total:.0f} {self._unit}{text}\n")
        sys.stderr.flush()
