from __future__ import annotations

import pytest

from galerne.engine.pace import ALONE, LEAST, Pace


@pytest.mark.parametrize("fixed", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("per_row", [0.0002, 0.002])
def test_it_settles_at_the_rows_that_take_the_target(fixed: float, per_row: float) -> None:
    pace = Pace(0.1, most=4096)
    for _ in range(30):
        rows = 4 + pace.room(beside=4)
        pace.observe(rows, fixed + per_row * rows)
    assert rows == pytest.approx((0.1 - fixed) / per_row, abs=2)


def test_it_follows_a_machine_that_gets_busier_and_idle_again() -> None:
    pace = Pace(0.1, most=512)
    for per_row, expected in ((0.001, 100), (0.004, 25), (0.001, 100)):
        for _ in range(10):
            rows = 1 + pace.room(beside=1)
            pace.observe(rows, per_row * rows)
        assert rows == pytest.approx(expected, abs=2)


def test_small_and_quick_steps_say_nothing() -> None:
    pace = Pace(0.1, most=512)
    before = pace.room(beside=1)
    pace.observe(2, 0.05)
    assert pace.room(beside=1) == before


def test_prompts_never_stand_still() -> None:
    pace = Pace(0.1, most=512)
    pace.observe(100, 60.0)
    assert pace.room(beside=100) == LEAST
    assert pace.room(beside=0) == ALONE * LEAST


def test_a_clock_that_stands_still_is_no_harm() -> None:
    pace = Pace(0.1, most=512)
    pace.observe(100, 0.0)
    assert pace.room(beside=1) == 511
