"""Invoices and credit notes: what is owed for a month, in cents, as it was on the day when it was issued.

Every amount before an invoice is in whole nano-euros. A line is rounded to a cent, half a cent away from zero; the VAT
of a rate is that of the sum of its lines, rounded alike; a total is a sum of what stands above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from galerne.ledger.vat import Party, Vat

NANO_PER_CENT = 10**7


class InvoiceKind(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"  # takes an invoice back as a whole


@dataclass(frozen=True, slots=True)
class Line:
    """A position. `draft_lines` and `credit_note` set every field."""

    text: str
    cents: int  # less than 0: is taken off
    tokens: int | None = None
    euros_per_million: str | None = None


@dataclass(frozen=True, slots=True)
class InvoiceBody:
    """All of an invoice but its number. `flows.invoicing` sets every field."""

    kind: InvoiceKind
    workspace: str
    period: str  # "2026-11"
    issued: date
    due: date
    seller: Party
    buyer: Party
    lines: tuple[Line, ...]
    vat: Vat
    mentions: tuple[str, ...]
    credits: str | None = None  # the number of the invoice that a credit note takes back

    @property
    def net_cents(self) -> int:
        return sum(line.cents for line in self.lines)

    @property
    def vat_cents(self) -> int:
        return half_up(self.net_cents * self.vat.basis_points, 10_000)

    @property
    def total_cents(self) -> int:
        return self.net_cents + self.vat_cents


@dataclass(frozen=True, slots=True)
class Invoice:
    """One that was issued; never changed."""

    number: str
    body: InvoiceBody

    @property
    def booked(self) -> datetime:
        """When its transfers are dated."""
        return datetime.combine(self.body.issued, time.min, UTC)


def half_up(value: int, unit: int) -> int:
    """How many units a value is, rounded; half a unit goes away from zero: a credit note mirrors its invoice."""
    quotient, rest = divmod(abs(value), unit)
    rounded = quotient + (2 * rest >= unit)
    return rounded if value >= 0 else -rounded


def cents_of(nano_euros: int) -> int:
    return half_up(nano_euros, NANO_PER_CENT)


def spelled(cents: int) -> str:
    """The amount in euros: "1234.50"."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def credit_note(invoice: Invoice, issued: date, mentions: Sequence[str]) -> InvoiceBody:
    """What takes an invoice back."""
    lines = tuple(replace(line, cents=-line.cents) for line in invoice.body.lines)
    return replace(
        invoice.body,
        kind=InvoiceKind.CREDIT_NOTE,
        issued=issued,
        due=issued,
        lines=lines,
        mentions=tuple(mentions),
        credits=invoice.number,
    )


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the calendar, in UTC."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """Of "2026-11". Raises `ValueError`."""
        first = date.fromisoformat(f"{text}-01")
        return cls(first.year, first.month)

    @property
    def first(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        return (self.first + timedelta(days=31)).replace(day=1) - timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"
