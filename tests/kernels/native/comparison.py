"""How near the compiled kernels must be to the same arithmetic in numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def assert_near(actual: Floats, expected: Floats, tolerance: float) -> None:
    """Relative to the largest number that is expected."""
    assert actual.shape == expected.shape
    assert np.isfinite(expected).all()
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()


def assert_rounded_alike(actual: Floats, expected: Floats) -> None:
    """Near, but for a few rows.

    A norm differs in its last bit from numpy's, so that now and then a number that lies between two steps of 8 bits
    is rounded the other way: the rows that it belongs to are off by about a step of one of their inputs.
    """
    assert_near(actual, expected, 5e-3)
    off = np.abs(actual - expected).max(axis=1) > 1e-5 * np.abs(expected).max()
    assert off.mean() <= 0.1 + 1 / len(off)
