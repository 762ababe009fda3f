"""Invoices and credit notes of workspaces, their customers and plans. Its methods block.

what was used in a month, the plan -> lines -> the VAT of seller and buyer -> the next number, booked in one transaction
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from galerne.errors import InvalidRequest, NotFound, SettingsError
from galerne.flows.auditing import event_of
from galerne.identity.caller import Caller
from galerne.ledger.audit import Action, AuditLog, Party
from galerne.ledger.bill import Bill, transfers_back, transfers_of
from galerne.ledger.books import Books
from galerne.ledger.invoice_book import InvoiceBook
from galerne.ledger.invoices import Invoice, InvoiceBody, InvoiceKind, Month, credit_note
from galerne.ledger.plans import Plan, plan_of
from galerne.ledger.prices import PriceList
from galerne.ledger.vat import Party as Customer
from galerne.ledger.vat import vat_for
from galerne.settings import Settings

SETTLED_AFTER = timedelta(hours=1)
"""So long after a month's end its last answers may still be put on record."""

MOST_CENTS = 10**12


class Invoicing:
    def __init__(
        self,
        book: InvoiceBook,
        books: Books,
        audit: AuditLog,
        settings: Settings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._book = book
        self._books = books
        self._audit = audit
        self._settings = settings
        self._clock = clock

    def set_customer(self, workspace: str, customer: Customer, caller: Caller) -> None:
        """Who pays for a workspace from now on. Raises `InvalidRequest`."""
        problems = customer.problems()
        if problems:
            raise InvalidRequest(f"{'; '.join(problems)}.", where="customer")
        self._book.set_customer(workspace, customer)
        self._note(caller, Action.SUBSCRIPTION_CHANGED, workspace, changed="customer")

    def customer(self, workspace: str) -> Customer:
        """Raises `NotFound`."""
        party = self._book.customer(workspace)
        if party is None:
            hint = "`galerne admin invoices customer` says it."
            raise NotFound(
                f"nobody knows who pays for the workspace {workspace[:100]!r}.", where="workspace", hint=hint
            )
        return party

    def set_plan(self, plan: Plan, caller: Caller) -> None:
        """Raises `InvalidRequest`."""
        if plan.since.day != 1:
            raise InvalidRequest("a plan begins on the first day of a month.", where="since")
        if not 0 <= plan.cents <= MOST_CENTS or not 0 <= plan.included_tokens <= 2**53:
            raise InvalidRequest("is less than nothing, or far too much.", where="plan")
        self._book.set_plan(plan)
        details: dict[str, str | int] = {
            "since": str(plan.since),
            "cents": plan.cents,
            "included_tokens": plan.included_tokens,
        }
        self._note(caller, Action.SUBSCRIPTION_CHANGED, plan.workspace, changed="plan", **details)

    def plans(self) -> Sequence[Plan]:
        return self._book.plans()

    def issue(self, workspace: str, period: str, caller: Caller) -> Invoice:
        """The invoice of a workspace for a month that is over.

        Raises `InvalidRequest`, also when there is nothing to pay, `NotFound` for an unknown customer, `Taken`,
        `SettingsError` when nothing is said of the seller.
        """
        month = self._month(period)
        buyer, seller = self.customer(workspace), self._seller()
        uses = self._book.uses(workspace, month.first, month.last)
        bill = Bill(uses, plan_of(self._book.plans(), workspace, month.first), PriceList(self._books.prices()))
        lines = tuple(bill.lines())
        if not lines:
            raise InvalidRequest(f"the workspace {workspace!r} owes nothing for {month}.", where="period")
        today, settings = self._clock().astimezone(UTC).date(), self._settings
        body = InvoiceBody(
            kind=InvoiceKind.INVOICE,
            workspace=workspace,
            period=str(month),
            issued=today,
            due=today + timedelta(days=settings.payment_days),
            seller=seller,
            buyer=buyer,
            lines=lines,
            vat=vat_for(seller, buyer, int(settings.vat_percent * 100), settings.vat_exemption),
            mentions=tuple(filter(None, (settings.payment_terms, settings.seller_bank))),
        )
        again = any(each.body.period == body.period for each in self._book.all(workspace))
        issued = self._book.issue(settings.invoice_series, body, lambda new: transfers_of(new, bill, again=again))
        self._note(caller, Action.INVOICE_ISSUED, workspace, number=issued.number, cents=body.total_cents)
        return issued

    def take_back(self, number: str, caller: Caller) -> Invoice:
        """The credit note of a whole invoice; its month can be invoiced again then. Raises `NotFound`, `Taken`,
        `InvalidRequest` for what is a credit note itself."""
        invoice = self.find(number)
        if invoice.body.kind is InvoiceKind.CREDIT_NOTE:
            raise InvalidRequest(f"{number} is a credit note.", where="number")
        note = credit_note(invoice, self._clock().astimezone(UTC).date(), ())
        issued = self._book.issue(self._settings.credit_note_series, note, transfers_back)
        self._note(caller, Action.CREDIT_ISSUED, note.workspace, number=issued.number, takes_back=number)
        return issued

    def find(self, number: str) -> Invoice:
        """Raises `NotFound`."""
        invoice = self._book.find(number)
        if invoice is None:
            raise NotFound(f"there is no invoice {number[:100]!r}.", where="number")
        return invoice

    def all(self, workspace: str | None = None) -> Sequence[Invoice]:
        """In the order of their numbers."""
        return self._book.all(workspace)

    def pdf(self, number: str) -> bytes:
        """The same bytes each time. Raises `NotFound`."""
        from galerne.ledger.invoice_pdf import invoice_pdf  # with its libraries, which few processes ever need

        return invoice_pdf(self.find(number))

    def _note(self, caller: Caller, action: Action, workspace: str, **details: str | int) -> None:
        self._audit.record(event_of(caller, action, Party("workspace", workspace), **details))

    def _month(self, period: str) -> Month:
        try:
            month = Month.parse(period)
        except ValueError:
            raise InvalidRequest("is not a month: write 2026-11.", where="period") from None
        if (self._clock() - SETTLED_AFTER).astimezone(UTC).date() <= month.last:
            raise InvalidRequest(f"{month} is not over.", where="period", hint="Invoice it in the next month.")
        return month

    def _seller(self) -> Customer:
        settings = self._settings
        if settings.seller_name is None:
            raise SettingsError("an invoice says who sells.", where="seller_name", hint="See docs/guide/invoices.md.")
        seller = Customer(
            settings.seller_name,
            settings.seller_address or "",
            settings.seller_country,
            settings.seller_vat_number,
            settings.seller_registration,
        )
        for problem in seller.problems():
            field, _, what = problem.partition(": ")
            raise SettingsError(f"{what}.", where=f"seller_{field}")
        return seller
