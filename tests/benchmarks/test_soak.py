"""What the soak makes of its samples."""

from __future__ import annotations

import pytest
from benchmarks.soak import Tally


def test_the_slope_is_that_of_the_last_three_quarters():
    growing = [(10.0 * number, 500_000_000 + 10_000 * number) for number in range(8, 32)]
    tally = Tally(memory=[(10.0 * number, 1_000_000 * number) for number in range(8)] + growing)
    assert tally.slope() == pytest.approx(0.01 * 360)
