"""What a workspace owes for a month: lines for people, and the transfers that bring the books to their sum.

Use is owed from the moment of each answer (`receivable` to `revenue`). The invoice adds the plan's fee and the VAT,
takes off what the plan includes, and books what rounding to cents changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from galerne.ledger.invoices import NANO_PER_CENT, Invoice, InvoiceKind, Line, cents_of
from galerne.ledger.plans import Plan, free_of_charge
from galerne.ledger.prices import Kind, PriceList, euros
from galerne.ledger.usage import REVENUE, Transfer, receivable

VAT = "vat"
ROUNDING = "rounding"


@dataclass(frozen=True, slots=True)
class DayUse:
    """What a workspace used of a model on a day."""

    day: date
    model: str
    tokens: tuple[tuple[Kind, int], ...]
    nano_euros: int


@dataclass(frozen=True, slots=True)
class Bill:
    """A month's use and plan. `flows.invoicing` sets every field."""

    uses: Sequence[DayUse]
    plan: Plan | None
    prices: PriceList

    @property
    def used(self) -> int:
        """Nano-euros, as the books have it."""
        return sum(use.nano_euros for use in self.uses)

    @property
    def tokens(self) -> int:
        return sum(count for use in self.uses for _, count in use.tokens)

    @property
    def free(self) -> int:
        """Nano-euros of it that the plan covers."""
        return free_of_charge(self.plan, self.tokens, self.used) if self.plan else 0

    @property
    def fee(self) -> int:
        """Nano-euros of the plan itself."""
        return self.plan.cents * NANO_PER_CENT if self.plan else 0

    def lines(self) -> Iterator[Line]:
        """None, when there is nothing to pay."""
        if self.plan is not None:
            yield Line(f"Subscription {self.plan.name}", self.plan.cents)
        charged = 0
        for (model, kind, price), tokens in sorted(self._by_price().items()):
            charged += tokens * price
            yield Line(f"{model}: {kind} tokens", cents_of(tokens * price), tokens, euros(price * 10**6))
        if charged != self.used:
            yield Line("Answers that were charged at an earlier price", cents_of(self.used - charged))
        if self.plan is not None and self.free:
            covered = min(self.plan.included_tokens, self.tokens)
            yield Line(f"Included in the subscription: {covered} of {self.tokens} tokens", -cents_of(self.free))

    def _by_price(self) -> dict[tuple[str, Kind, int], int]:
        """Tokens by model, kind and price; what costs nothing is left out."""
        tokens: dict[tuple[str, Kind, int], int] = {}
        for use in self.uses:
            for kind, count in use.tokens:
                price = self.prices.of(use.model, kind, use.day)
                if count and price:
                    tokens[use.model, kind, price] = tokens.get((use.model, kind, price), 0) + count
        return tokens


def transfers_of(invoice: Invoice, bill: Bill, *, again: bool) -> Iterator[Transfer]:
    """What issuing an invoice moves. `again`: an earlier one for the same month took the use back with it."""
    owed = bill.fee - bill.free + (bill.used if again else 0)
    rounding = invoice.body.net_cents * NANO_PER_CENT - (bill.fee - bill.free + bill.used)
    amounts = ((REVENUE, owed), (ROUNDING, rounding), (VAT, invoice.body.vat_cents * NANO_PER_CENT))
    yield from _transfers(invoice, amounts)


def transfers_back(note: Invoice) -> Iterator[Transfer]:
    """What a credit note moves: its amounts are less than 0."""
    assert note.body.kind is InvoiceKind.CREDIT_NOTE
    amounts = ((REVENUE, note.body.net_cents * NANO_PER_CENT), (VAT, note.body.vat_cents * NANO_PER_CENT))
    yield from _transfers(note, amounts)


def _transfers(invoice: Invoice, amounts: Iterable[tuple[str, int]]) -> Iterator[Transfer]:
    customer = receivable(invoice.body.workspace)
    for account, nano_euros in amounts:
        debit, credit = (customer, account) if nano_euros > 0 else (account, customer)
        if nano_euros:
            yield Transfer(f"{invoice.number}/{account}", debit, credit, abs(nano_euros), invoice.booked)
