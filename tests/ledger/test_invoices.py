"""Invoices: every cent is accounted for."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galerne.ledger.bill import Bill, DayUse, transfers_back, transfers_of
from galerne.ledger.invoices import (
    NANO_PER_CENT,
    Invoice,
    InvoiceBody,
    InvoiceKind,
    Month,
    cents_of,
    credit_note,
    half_up,
    spelled,
)
from galerne.ledger.plans import Plan, free_of_charge, plan_of
from galerne.ledger.prices import Kind, Price, PriceList
from galerne.ledger.usage import receivable
from galerne.ledger.vat import OUTSIDE, REVERSE_CHARGE, Party, Vat, vat_for

DAY = date(2026, 10, 5)
SELLER = Party("Galerne SAS", "1 rue Haute\n35000 Rennes", "FR", "FR12345678901")
PRICES = PriceList([Price("m", Kind.INPUT, date(2026, 1, 1), 150), Price("m", Kind.OUTPUT, date(2026, 1, 1), 333)])


def body(bill: Bill, vat: Vat) -> InvoiceBody:
    return InvoiceBody(
        InvoiceKind.INVOICE, "town", "2026-10", DAY, DAY, SELLER, SELLER, tuple(bill.lines()), vat, mentions=()
    )


def owed_after(transfers) -> dict[str, int]:
    balance: dict[str, int] = {}
    for transfer in transfers:
        assert transfer.nano_euros > 0
        balance[transfer.debit] = balance.get(transfer.debit, 0) + transfer.nano_euros
        balance[transfer.credit] = balance.get(transfer.credit, 0) - transfer.nano_euros
    assert sum(balance.values()) == 0
    return balance


uses = st.lists(
    st.builds(
        lambda day, input, output, extra: DayUse(
            date(2026, 10, day),
            "m",
            ((Kind.INPUT, input), (Kind.OUTPUT, output)),
            150 * input + 333 * output + extra,
        ),
        st.integers(1, 31),
        st.integers(0, 10**9),
        st.integers(0, 10**9),
        st.sampled_from([0, 0, 0, 77]),
    ),
    max_size=6,
)
plans = st.none() | st.builds(
    lambda cents, tokens: Plan("town", DAY, "Team", cents, tokens), *[st.integers(0, 10**9)] * 2
)


@given(uses, plans, st.sampled_from([0, 550, 1000, 2000]))
def test_what_a_customer_owes_in_the_books_is_the_invoice_s_total(used, plan, basis_points) -> None:
    bill = Bill(used, plan, PRICES)
    invoice = Invoice("F2026-00001", body(bill, Vat(basis_points)))
    balance = owed_after(transfers_of(invoice, bill, again=False))
    assert balance.get(receivable("town"), 0) + bill.used == invoice.body.total_cents * NANO_PER_CENT
    again = owed_after(transfers_of(invoice, bill, again=True))
    assert again.get(receivable("town"), 0) == invoice.body.total_cents * NANO_PER_CENT
    note = Invoice("A2026-00001", credit_note(invoice, DAY, ()))
    assert owed_after(transfers_back(note)).get(receivable("town"), 0) == -invoice.body.total_cents * NANO_PER_CENT


@given(st.integers(-(10**15), 10**15), st.sampled_from([7, 100, 10_000, NANO_PER_CENT]))
def test_halves_are_rounded_as_commerce_does(value: int, unit: int) -> None:
    assert half_up(value, unit) == (Decimal(value) / unit).quantize(Decimal(1), ROUND_HALF_UP)


@given(st.integers(-(10**12), 10**12))
def test_cents_are_spelled_exactly(cents: int) -> None:
    assert Decimal(spelled(cents)) * 100 == cents


def test_lines_are_by_model_kind_and_price() -> None:
    prices = PriceList(
        [Price("m", Kind.OUTPUT, date(2026, 1, 1), 100), Price("m", Kind.OUTPUT, date(2026, 10, 20), 200)]
    )
    day = lambda number, nano: DayUse(date(2026, 10, number), "m", ((Kind.OUTPUT, 10**6),), nano)  # noqa: E731
    plan = Plan("town", date(2026, 10, 1), "Team", 4990, 1_500_000)
    lines = list(Bill([day(5, 10**8), day(20, 2 * 10**8), day(21, 2 * 10**8 + 5 * 10**7)], plan, prices).lines())
    assert [(line.text, line.tokens, line.euros_per_million, line.cents) for line in lines] == [
        ("Subscription Team", None, None, 4990),
        ("m: output tokens", 10**6, "0.1", 10),
        ("m: output tokens", 2 * 10**6, "0.2", 40),
        ("Answers that were charged at an earlier price", None, None, 5),
        ("Included in the subscription: 1500000 of 3000000 tokens", None, None, -28),  # half of 0.55 euros
    ]


@pytest.mark.parametrize(
    ("buyer", "expected"),
    [
        (Party("a", "b", "FR"), Vat(2000)),
        (Party("a", "b", "FR", "FR11111111111"), Vat(2000)),
        (Party("a", "b", "DE", "DE111111111"), Vat(0, REVERSE_CHARGE)),
        (Party("a", "b", "DE"), Vat(2000)),
        (Party("a", "b", "CH"), Vat(0, OUTSIDE)),
    ],
)
def test_who_pays_vat_depends_on_where_the_buyer_is(buyer: Party, expected: Vat) -> None:
    assert vat_for(SELLER, buyer, 2000, None) == expected
    assert vat_for(SELLER, buyer, 2000, "TVA non applicable, art. 293 B du CGI").basis_points == 0


def test_what_a_party_lacks_is_named() -> None:
    assert Party("Δήμος", "Αθήνα", "GR", "EL123456789").problems() == []
    wrong = Party(" ", "", "Fr", "FR 1")
    assert [problem.partition(":")[0] for problem in wrong.problems()] == ["name", "address", "country", "vat_number"]


def test_a_plan_is_valid_until_another_one_begins() -> None:
    team, none, big = (
        Plan("town", date(2026, month, 1), name, 100, 5) for month, name in ((3, "Team"), (6, ""), (9, "Big"))
    )
    found = [plan_of([big, team, none], "town", date(2026, month, 15)) for month in (2, 3, 5, 6, 9)]
    assert found == [None, team, team, None, big]
    assert plan_of([team], "hall", date(2026, 4, 1)) is None


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**15))
def test_a_plan_covers_its_share_and_never_more(included: int, tokens: int, price: int) -> None:
    free = free_of_charge(Plan("town", DAY, "Team", 0, included), tokens, price)
    assert 0 <= free <= price
    assert free == price or tokens > included


def test_months() -> None:
    assert (Month.parse("2026-02").last, str(Month(2026, 2)), Month.parse("2028-12").last) == (
        date(2026, 2, 28),
        "2026-02",
        date(2028, 12, 31),
    )
    assert cents_of(NANO_PER_CENT // 2) == 1
    for wrong in ("2026-13", "2026", "2026-1-1", "now"):
        with pytest.raises(ValueError):
            Month.parse(wrong)
