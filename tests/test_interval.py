"""Intervals of means: known quantiles, and that they hold the mean as often as they say."""

import numpy as np
import pytest
import torch

from segcore.errors import InputError
from segcore.metrics.interval import SHARE, mean_interval


def test_two_values_have_the_known_quantile():
    """t of one degree of freedom at 0.975 is tan(0.475 π); s / √2 of two values is half of their distance."""
    found = mean_interval([0.4, 0.6])
    assert found.mean == pytest.approx(0.5)
    assert found.half == pytest.approx(np.tan(0.475 * np.pi) * 0.1)
    assert str(found) == "0.500 ± 1.271"


def test_one_value_has_no_interval():
    found = mean_interval([0.25])
    assert (found.mean, found.half, str(found)) == (0.25, 0.0, "0.250")


def test_alike_values_have_none():
    assert mean_interval([0.3, 0.3, 0.3]).half == 0


def test_as_many_intervals_hold_the_mean_as_they_say(generator):
    rows = torch.randn(2000, 4, generator=generator, dtype=torch.float64).tolist()
    found = [mean_interval(row) for row in rows]
    held = np.mean([abs(x.mean) <= x.half for x in found])
    assert abs(held - SHARE) < 4 * np.sqrt(SHARE * (1 - SHARE) / len(rows))


def test_no_value_is_a_sentence():
    with pytest.raises(InputError, match="at least one value"):
        mean_interval([])
