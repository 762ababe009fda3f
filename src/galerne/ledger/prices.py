"""What tokens cost: exact, in whole nano-euros, by model, kind and day.

A price of 1 euro for a million tokens is 1,000 nano-euros a token: sums are of integers, and nothing is ever rounded
before an invoice is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from galerne.errors import InvalidRequest

NANO = 10**9
"""Nano-euros in a euro."""


class Kind(StrEnum):
    """What is counted."""

    INPUT = "input"  # of a prompt, computed
    CACHED = "cached"  # of a prompt, found in the cache
    OUTPUT = "output"
    EMBEDDING = "embedding"


@dataclass(frozen=True, slots=True)
class Price:
    """What one kind of token of a model costs from a day on."""

    model: str
    kind: Kind
    since: date
    nano_euros: int  # a token


@dataclass(frozen=True, slots=True)
class Cost:
    """What some tokens of one kind cost."""

    kind: Kind
    tokens: int
    nano_euros: int  # all of them together


class PriceList:
    """All prices. A model without one costs nothing: an organisation need not charge itself."""

    def __init__(self, prices: Iterable[Price] = ()) -> None:
        self._prices: dict[tuple[str, Kind], list[Price]] = {}
        for price in sorted(prices, key=lambda price: price.since):
            self._prices.setdefault((price.model, price.kind), []).append(price)

    def of(self, model: str, kind: Kind, day: date) -> int:
        """Nano-euros a token on that day."""
        valid = [price.nano_euros for price in self._prices.get((model, kind), ()) if price.since <= day]
        return valid[-1] if valid else 0

    def costs(self, model: str, day: date, tokens: Iterable[tuple[Kind, int]]) -> tuple[Cost, ...]:
        """What these tokens cost, kind by kind; kinds of which there are none are left out."""
        return tuple(Cost(kind, count, count * self.of(model, kind, day)) for kind, count in tokens if count)


def parse_price(euros_per_million: str) -> int:
    """Nano-euros a token. Raises `InvalidRequest` for what is no number, or has more than three places."""
    try:
        nano = Decimal(euros_per_million) * 1000
    except InvalidOperation:
        raise InvalidRequest("is not a number.", where=euros_per_million[:50]) from None
    if not nano.is_finite() or abs(nano) > NANO * NANO or nano != nano.to_integral_value():
        hint = "The smallest price is 0.001."
        raise InvalidRequest("has more than three places, or is too large.", where=euros_per_million[:50], hint=hint)
    return int(nano)


def euros(nano_euros: int) -> str:
    """The amount as a decimal number, exact: "0.0000125"."""
    whole, part = divmod(abs(nano_euros), NANO)
    text = f"{whole}.{part:09d}".rstrip("0").rstrip(".")
    return f"-{text}" if nano_euros < 0 else text
