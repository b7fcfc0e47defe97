"""How long a training takes, over all its runs: minutes, or steps."""

import time
from collections.abc import Callable

from segcore.checks import check_budget


class Budget:
    """Minutes on a clock, or a number of steps, and how much of it is used up."""

    def __init__(
        self, *, minutes: float | None = None, steps: int | None = None, clock: Callable[[], float] = time.monotonic
    ):
        """Begin.

        Args:
            minutes: how long to train, over all runs.
            steps: train for so many steps instead; then minutes count for nothing.
            clock: seconds that never go back.

        Raises:
            InputError: neither is given, or the one that counts is not above 0.
        """
        check_budget(minutes, steps)
        self.minutes, self.steps, self.clock = minutes, steps, clock
        self.begin()

    def begin(self, *, step: int = 0, seconds: float = 0.0) -> None:
        """Go on after so many steps and seconds of earlier runs; the clock starts now."""
        self.step, self._before, self._began = step, seconds, self.clock()

    @property
    def seconds(self) -> float:
        """Seconds of training, over all runs."""
        return self._before + self.clock() - self._began

    @property
    def progress(self) -> float:
        """How much of the training is done, from 0; 1 and more is all of it."""
        if self.steps is not None:
            return self.step / self.steps
        assert self.minutes is not None  # noqa: S101 - one of both is given
        return self.seconds / (60 * self.minutes)
