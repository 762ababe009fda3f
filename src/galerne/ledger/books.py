"""The port of whoever keeps the books: reservations, usage, transfers and receipts, in whole transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from galerne.ledger.prices import Price
from galerne.ledger.quota import NOTHING, Allowance, Demand, Limit, Measure, Standing, Subject
from galerne.ledger.usage import Reservation, Usage, UsageQuery, UsageSum

Settled = tuple[Usage, Mapping[str, Any]]
"""What an answer came to: its row of usage, and its receipt before the log gives it its place and signature."""


@dataclass(frozen=True, slots=True)
class Closing:
    """How an answer's account is closed. Whoever closes it sets every field."""

    reservation: Reservation
    settled: Settled | None = None  # None: the engine took nothing on

    @property
    def used(self) -> Demand:
        return NOTHING if self.settled is None else self.settled[0].demand


class Books(Protocol):
    """Its methods block. Each is one transaction: all of it is on disk when it returns, or none of it."""

    def reserve(self, reservation: Reservation) -> Sequence[Standing]:
        """Set its demand aside for all its subjects. Returns how far each of their limits is used with it.

        Raises `QuotaExceeded`, and then nothing is set aside.
        """

    def close(self, closings: Sequence[Closing]) -> None:
        """Give back what was set aside, and record what was used and the receipts. Doing it again changes nothing."""

    def open_reservations(self) -> list[Reservation]:
        """Those that were never closed."""

    def limits(self) -> list[Limit]:
        """All of them."""

    def set_limit(self, subject: Subject, measure: Measure, most: int | None, now: datetime) -> None:
        """From now on; None: no limit. What was used in the span that `now` is in counts."""

    def forget_minutes(self, before: datetime) -> None:
        """What was used in minutes that were over by then counts for no limit any more."""

    def allowances(self) -> list[Allowance]:
        """All of them."""

    def allow(self, allowance: Allowance) -> None:
        """From now on, instead of what its subject may use."""

    def prices(self, model: str | None = None) -> list[Price]:
        """Those of one model, or all."""

    def disagreements(self) -> list[str]:
        """Where rows, transfers, receipts and sums of answers do not agree; empty when the books are right."""

    def usage(self, query: UsageQuery) -> list[UsageSum]:
        """The sums, by their names."""

    def set_price(self, price: Price) -> None:
        """From its day on, instead of the one of the same model, kind and day."""
