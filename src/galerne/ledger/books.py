"""The port of whoever keeps the books: reservations, usage, transfers and receipts, in whole transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from galerne.ledger.prices import Price
from galerne.ledger.quota import Allowance, Limit, Measure, Standing, Subject
from galerne.ledger.usage import Reservation, Usage, UsageQuery, UsageSum


class Books(Protocol):
    """Its methods block. Each is one transaction: all of it is on disk when it returns, or none of it."""

    def reserve(self, reservation: Reservation) -> Sequence[Standing]:
        """Set its demand aside for all its subjects. Returns how far each of their limits is used with it.

        Raises `QuotaExceeded`, and then nothing is set aside.
        """

    def close(self, reservation: Reservation, usage: Usage | None, receipt: Mapping[str, Any] | None) -> None:
        """Give back what was set aside, and record what was used and its receipt. Doing it again changes nothing."""

    def open_reservations(self) -> list[Reservation]:
        """Those that were never closed."""

    def limits(self) -> list[Limit]:
        """All of them."""

    def set_limit(self, subject: Subject, measure: Measure, most: int | None, now: datetime) -> None:
        """From now on; None: no limit. What was used in the span that `now` is in counts."""

    def allowances(self) -> list[Allowance]:
        """All of them."""

    def allow(self, allowance: Allowance) -> None:
        """From now on, instead of what its subject may use."""

    def prices(self) -> list[Price]:
        """All of them."""

    def disagreements(self) -> list[str]:
        """Where rows, transfers, receipts and sums of answers do not agree; empty when the books are right."""

    def usage(self, query: UsageQuery) -> list[UsageSum]:
        """The sums, by their names."""

    def set_price(self, price: Price) -> None:
        """From its day on, instead of the one of the same model, kind and day."""
