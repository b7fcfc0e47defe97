"""A mean over runs that differ in nothing but their seed, and how surely it is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segcore.errors import InputError

SHARE = 0.95  # probability with which an interval holds the mean of all seeds


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of n runs, and the half width of the interval around it; 0 of a single run."""

    mean: float
    half: float
    n: int

    def __str__(self) -> str:
        """Such as "0.512 ± 0.031"; of a single run the value alone."""
        return f"{self.mean:.3f} ± {self.half:.3f}" if self.n > 1 else f"{self.mean:.3f}"


def mean_interval(values: Sequence[float]) -> Interval:
    """The mean, and the interval that holds the mean of all seeds with probability SHARE.

    Args:
        values: a finite score per seed, at least one.

    Returns:
        mean ± t · s / √n, with s² = Σ (x − mean)² / (n − 1) and t the quantile of Student's distribution with n − 1 degrees
        of freedom. Of scores in [0, 1] an end may lie outside of it.

    Raises:
        InputError: there is no value.

    Reference: Student, The probable error of a mean, 1908.
    """
    from scipy.stats import t

    if not values:
        raise InputError("A mean needs at least one value; got none.", field="values")
    x, n = np.asarray(values, float), len(values)
    half = float(t.ppf((1 + SHARE) / 2, n - 1) * x.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    return Interval(float(x.mean()), half, n)
