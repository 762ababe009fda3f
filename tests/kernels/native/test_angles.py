"""What RoPE turns by, beside each number computed by itself."""

from __future__ import annotations

from math import cos, sin

import numpy as np
import pytest

from galerne.kernels.interface import Rope
from galerne.kernels.native.angles import FIRST, Angles
from galerne.models.rope import base_frequencies


@pytest.fixture
def rope() -> Rope:
    return Rope(base_frequencies(20, 1e5).astype(np.float32), 1.25, interleaved=False)


def turns(angles: Angles, positions: list[int]) -> tuple[np.ndarray, np.ndarray]:
    angles.reach(max(positions))
    return angles.cosines[positions], angles.sines[positions]


@pytest.mark.parametrize("positions", [[0], [5, 3, 3, 900], [FIRST - 1, FIRST], [7 * FIRST + 1, 0]])
def test_each_position_has_its_angles(positions, rope):
    cosines, sines = turns(Angles(rope), positions)
    angles = [[position * float(frequency) for frequency in rope.frequencies] for position in positions]
    assert cosines == pytest.approx(np.array([[1.25 * cos(each) for each in row] for row in angles]), abs=1e-6)
    assert sines == pytest.approx(np.array([[1.25 * sin(each) for each in row] for row in angles]), abs=1e-6)


def test_a_position_has_the_same_angles_before_and_after_longer_texts(rope):
    """Bit for bit, or answers would depend on what ran before them."""
    positions = [0, 1, 17, FIRST - 1, 3 * FIRST, 9 * FIRST + 5]
    grown = Angles(rope)
    for position in positions:
        turns(grown, [position])
    for position in positions:
        before, after = turns(Angles(rope), [position]), turns(grown, [position])
        assert np.array_equal(before, after)


def test_it_says_when_the_tables_are_new_ones(rope):
    angles = Angles(rope)
    assert angles.reach(0)
    assert not angles.reach(FIRST - 1)
    assert angles.reach(FIRST)
    assert angles.cosines.shape == angles.sines.shape == (2 * FIRST, 10)
    assert not angles.reach(5)
