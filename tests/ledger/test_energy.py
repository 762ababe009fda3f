"""Energy: measured, estimated with a range, or unknown; never 0 for what is not known."""

from __future__ import annotations

import pytest

from galerne.ledger.energy import Grid, Method, Power, energy_of

POWER = Power(watts=8, least=4, most=15)
GRID = Grid(grams_per_kwh=50, year=2024, source="the grid's operator")


def test_what_the_machine_measured_counts() -> None:
    energy = energy_of(7.2, 1.0, POWER, GRID)
    assert (energy.method, energy.joules, energy.least) == (Method.MEASURED, 7.2, None)
    assert energy.grams_co2 == pytest.approx(7.2 / 3_600_000 * 50)


def test_an_estimate_has_a_range() -> None:
    energy = energy_of(None, 0.5, POWER, None)
    assert (energy.method, energy.least, energy.joules, energy.most) == (Method.ESTIMATED, 2, 4, 7.5)
    assert energy.document()["millijoules"] == 4000
    assert energy.grams_co2 is None


def test_unknown_is_not_nothing() -> None:
    for energy in (energy_of(None, None, POWER, GRID), energy_of(None, 0.5, None, GRID)):
        assert energy.method is Method.UNKNOWN
        assert set(energy.document().values()) == {"unknown", None}
