"""Prices: exact, by model, kind and day."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from galerne.ledger.prices import NANO, Cost, Kind, Price, PriceList, euros

PRICES = PriceList(
    [
        Price("m", Kind.INPUT, date(2026, 1, 1), 100),
        Price("m", Kind.INPUT, date(2026, 7, 1), 90),
        Price("m", Kind.OUTPUT, date(2026, 1, 1), 300),
    ]
)


def test_the_price_of_the_day_counts() -> None:
    days = (date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1))
    assert [PRICES.of("m", Kind.INPUT, day) for day in days] == [0, 100, 100, 90]
    assert PRICES.of("another", Kind.INPUT, date(2026, 7, 1)) == 0


def test_costs_are_told_kind_by_kind() -> None:
    tokens = ((Kind.INPUT, 10), (Kind.CACHED, 0), (Kind.OUTPUT, 2))
    expected = (Cost(Kind.INPUT, 10, 1000), Cost(Kind.OUTPUT, 2, 600))
    assert PRICES.costs("m", date(2026, 2, 1), tokens) == expected


@given(st.integers(-(10**20), 10**20))
def test_an_amount_in_words_is_exact(nano_euros: int) -> None:
    assert Fraction(euros(nano_euros)) == Fraction(nano_euros, NANO)
