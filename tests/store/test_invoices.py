"""Invoices: numbers without a gap, each given once, whatever comes at the same time and whatever fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.exc import IntegrityError
from tests.store.side_by_side import side_by_side

from galerne.errors import Taken
from galerne.ledger.invoices import InvoiceBody, InvoiceKind, Line, credit_note
from galerne.ledger.plans import Plan
from galerne.ledger.signing import SigningKey
from galerne.ledger.usage import Transfer
from galerne.ledger.vat import Party, Vat
from galerne.store.books import SqlBooks
from galerne.store.database import Database
from galerne.store.invoices import SqlInvoiceBook

DAY = date(2026, 11, 2)
PARTY = Party("Mairie — Δήμος", "1 rue Haute", "FR")
BODY = InvoiceBody(
    InvoiceKind.INVOICE, "town", "2026-10", DAY, DAY, PARTY, PARTY, (Line("x", 100, 5, "0.1"),), Vat(2000), ("y",)
)


def nothing(_: object) -> list[Transfer]:
    return []


@pytest.fixture
def book(database: Database) -> SqlInvoiceBook:
    return SqlInvoiceBook(database)


def test_an_invoice_is_found_as_it_was_issued(book: SqlInvoiceBook) -> None:
    issued = book.issue("F", BODY, nothing)
    assert (issued.number, issued.body) == ("F2026-00001", BODY)
    assert book.find(issued.number) == issued
    assert (book.all(), book.all("town"), book.all("hall")) == ([issued], [issued], [])
    assert book.find("F2026-00002") is None


def test_each_year_and_series_begins_at_one(book: SqlInvoiceBook) -> None:
    months = [("2026-10", date(2026, 11, 2)), ("2026-11", date(2026, 12, 2)), ("2026-12", date(2027, 1, 2))]
    numbers = [book.issue("F", replace(BODY, period=month, issued=day), nothing).number for month, day in months]
    assert numbers == ["F2026-00001", "F2026-00002", "F2027-00001"]
    note = credit_note(book.all()[0], DAY, ())
    assert book.issue("A", note, nothing).number == "A2026-00001"


def test_what_fails_takes_no_number(book: SqlInvoiceBook) -> None:
    def fails(_: object) -> list[Transfer]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        book.issue("F", BODY, fails)
    move = Transfer("F2026-00001/revenue", "receivable/town", "revenue", 100, datetime(2026, 11, 2, tzinfo=UTC))
    with pytest.raises(IntegrityError):  # nothing is moved twice
        book.issue("F", BODY, lambda _: [move, move])
    assert book.issue("F", BODY, nothing).number == "F2026-00001"


def test_a_month_is_invoiced_once_until_it_is_taken_back(book: SqlInvoiceBook) -> None:
    first = book.issue("F", BODY, nothing)
    with pytest.raises(Taken, match="F2026-00001 is the invoice of 'town' for 2026-10"):
        book.issue("F", BODY, nothing)
    note = book.issue("A", credit_note(first, DAY, ()), nothing)
    with pytest.raises(Taken, match=f"taken back before, by {note.number}"):
        book.issue("A", credit_note(first, DAY, ()), nothing)
    assert book.issue("F", BODY, nothing).number == "F2026-00002"


def test_many_at_once_get_numbers_without_a_gap(book: SqlInvoiceBook, database: Database) -> None:
    books = SqlBooks(database, SigningKey.generate())
    refused = []

    def issue(worker: int) -> None:
        for place in range(10):
            workspace = f"w{place}" if worker == 0 else f"w{worker}-{place}"
            try:
                book.issue(
                    "F",
                    replace(BODY, workspace=workspace),
                    lambda new: [Transfer(f"{new.number}/vat", "a", "b", 1, new.booked)],
                )
                book.issue("F", replace(BODY, workspace="the same"), nothing)
            except Taken:
                refused.append(workspace)

    side_by_side(issue, range(4))
    numbers = [each.number for each in book.all()]
    assert numbers == [f"F2026-{sequence:05d}" for sequence in range(1, 42)]
    assert len(refused) == 39
    assert books.balance() == {"a": 40, "b": -40}


def test_customers_and_plans_are_replaced(book: SqlInvoiceBook) -> None:
    assert book.customer("town") is None
    book.set_customer("town", replace(PARTY, name="old"))
    book.set_customer("town", PARTY)
    assert book.customer("town") == PARTY
    for cents in (1, 2):
        book.set_plan(Plan("town", DAY.replace(day=1), "Team", cents, 5))
    assert [plan.cents for plan in book.plans()] == [2]
