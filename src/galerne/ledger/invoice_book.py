"""The port of whoever keeps customers, plans and invoices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Protocol

from galerne.ledger.bill import DayUse
from galerne.ledger.invoices import Invoice, InvoiceBody
from galerne.ledger.plans import Plan
from galerne.ledger.usage import Transfer
from galerne.ledger.vat import Party

Moves = Callable[[Invoice], Iterable[Transfer]]
"""What an invoice moves in the books, once it has its number."""


class InvoiceBook(Protocol):
    """Its methods block."""

    def customer(self, workspace: str) -> Party | None:
        """Who pays for a workspace."""

    def set_customer(self, workspace: str, party: Party) -> None: ...

    def plans(self) -> Sequence[Plan]:
        """All of them."""

    def set_plan(self, plan: Plan) -> None:
        """From its month on, instead of the one of the same workspace and month."""

    def uses(self, workspace: str, since: date, until: date) -> Sequence[DayUse]:
        """What a workspace used, by day and model; both days are included."""

    def issue(self, series: str, body: InvoiceBody, moves: Moves) -> Invoice:
        """Give it the next number of its series and year, and book it: all in one transaction, so that no number is
        lost and none given twice.

        Raises `Taken` when the workspace has an invoice for that month that no credit note took back, or when the
        invoice that this one takes back was taken back before.
        """

    def find(self, number: str) -> Invoice | None: ...

    def all(self, workspace: str | None = None) -> Sequence[Invoice]:
        """In the order of their numbers; None: of all workspaces."""
