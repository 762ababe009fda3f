"""The books: limits hold at their edge, whatever is closed is recorded once, and money comes from somewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select
from tests.store.side_by_side import side_by_side

from galerne.errors import QuotaExceeded
from galerne.ledger.books import Closing, Settled
from galerne.ledger.chain import faults
from galerne.ledger.prices import Cost, Kind, Price
from galerne.ledger.quota import Holder, Measure, Subject
from galerne.ledger.signing import SigningKey
from galerne.ledger.usage import REVENUE, Reservation, receivable
from galerne.store.audit import SqlAuditLog
from galerne.store.books import SqlBooks
from galerne.store.database import Database
from galerne.store.quota import counters
from galerne.store.receipts import SqlReceiptLog

KEY = SigningKey.generate()
NOW = datetime(2026, 11, 25, 15, 4, 30, tzinfo=UTC)
TOWN = Subject(Holder.WORKSPACE, "town")
IDS = {Holder.KEY: "k", Holder.USER: "u", Holder.WORKSPACE: "town", Holder.ORGANISATION: "house"}


@pytest.fixture
def books(database: Database) -> SqlBooks:
    return SqlBooks(database, KEY)


def reservation(id: str = "a", *, prompt: int = 10, most: int = 90, nano_euros: int = 1000, **fields) -> Reservation:
    plain = Reservation(
        id, "house", "town", "u", "k", "/v1/x", "m", prompt, most, nano_euros, NOW, "j", 0, "d", None, "e", "p"
    )
    return replace(plain, **fields)


def settled(reserved: Reservation, output: int = 20, nano_euros: int = 300) -> Settled:
    used = reserved.settled(
        NOW,
        [Cost(Kind.INPUT, reserved.prompt_tokens, 0), Cost(Kind.OUTPUT, output, nano_euros)],
        cpu_seconds=0.5,
        joules=None,
        reason="stop",
    )
    return used, {"id": used.id}


def test_what_is_closed_is_recorded_once(books: SqlBooks) -> None:
    reserved = reservation()
    books.reserve(reserved)
    assert books.open_reservations() == [reserved]
    for _ in range(2):
        books.close([Closing(reserved, settled(reserved))])
    assert books.open_reservations() == []
    assert books.balance() == {receivable("town"): 300, REVENUE: -300}


def test_answers_that_end_together_are_recorded_as_if_one_after_the_other(books: SqlBooks, database: Database) -> None:
    for holder, id in IDS.items():
        books.set_limit(Subject(holder, id), Measure.TOKENS_MONTH, 400, NOW)
    asked = [reservation(id, request=f"request-{id}") for id in "abcd"]
    for each in asked:
        books.reserve(each)
    books.close([Closing(asked[0], settled(asked[0]))])
    refused = Closing(asked[3])
    books.close([refused, *(Closing(each, settled(each)) for each in asked[:3])])
    assert books.open_reservations() == []
    assert books.balance() == {receivable("town"): 900, REVENUE: -900}
    with pytest.raises(QuotaExceeded, match="leaves 310 tokens"):  # three times 30 were used
        books.reserve(reservation("e", most=301))
    logs = [SqlReceiptLog(database), SqlAuditLog(database, KEY)]
    receipts, events = ([json.loads(line) for line in log.lines()] for log in logs)
    assert [receipt["id"] for receipt in receipts] == ["a", "b", "c"]
    assert [event["request"] for event in events] == ["request-a", "request-b", "request-c"]
    assert [*faults(receipts, KEY.public), *faults(events, KEY.public)] == []


def test_what_an_engine_refused_leaves_nothing(books: SqlBooks) -> None:
    books.set_limit(TOWN, Measure.TOKENS_MONTH, 100, NOW)
    reserved = reservation()
    books.reserve(reserved)
    books.close([Closing(reserved)])
    assert books.balance() == {}
    books.reserve(reservation("b"))


@pytest.mark.parametrize(
    ("measure", "most"),
    [
        (Measure.REQUESTS_MINUTE, 3),
        (Measure.TOKENS_MINUTE, 300),
        (Measure.REQUESTS_MONTH, 3),
        (Measure.TOKENS_MONTH, 399),
        (Measure.NANO_EUROS_MONTH, 3000),
        (Measure.CONCURRENT, 3),
    ],
)
@pytest.mark.parametrize("holder", list(Holder))
def test_a_limit_holds(books: SqlBooks, measure: Measure, most: int, holder: Holder) -> None:
    books.set_limit(Subject(holder, IDS[holder]), measure, most, NOW)
    for number in range(3):
        books.reserve(reservation(f"a{number}"))
    with pytest.raises(QuotaExceeded, match=measure.value) as refusal:
        books.reserve(reservation("a4"))
    assert IDS[holder] in str(refusal.value)
    assert refusal.value.retry_after > 0
    assert len(books.open_reservations()) == 3


def test_what_was_reserved_and_not_used_is_free_again(books: SqlBooks) -> None:
    books.set_limit(TOWN, Measure.TOKENS_MONTH, 150, NOW)
    first = reservation()
    books.reserve(first)
    with pytest.raises(QuotaExceeded, match="leaves 50 tokens, and this request may take 100 tokens"):
        books.reserve(reservation("b"))
    books.close([Closing(first, settled(first, output=20))])
    books.reserve(reservation("b", most=110))  # 30 were used, 120 are left


def test_a_new_month_and_a_new_minute_begin_at_nothing(books: SqlBooks) -> None:
    books.set_limit(TOWN, Measure.REQUESTS_MINUTE, 1, NOW)
    books.set_limit(TOWN, Measure.REQUESTS_MONTH, 2, NOW)
    books.reserve(reservation("a"))
    later = NOW + timedelta(minutes=1)
    books.reserve(reservation("b", created=later))
    with pytest.raises(QuotaExceeded, match="requests_per_month"):
        books.reserve(reservation("c", created=later + timedelta(minutes=1)))
    books.reserve(reservation("d", created=datetime(2026, 12, 1, tzinfo=UTC)))


def test_minutes_that_are_long_over_leave_nothing(books: SqlBooks, database: Database) -> None:
    for measure in Measure:
        books.set_limit(TOWN, measure, 10_000, NOW)
    later = NOW + timedelta(minutes=9)
    for number in range(10):
        books.reserve(reservation(f"a{number}", created=NOW + timedelta(minutes=number)))
    books.forget_minutes(later)
    with database.read() as connection:
        kept = {(row.measure, row.used) for row in connection.execute(select(counters))}
    assert kept == {
        ("requests_per_minute", 1),
        ("tokens_per_minute", 100),
        ("requests_per_month", 10),
        ("tokens_per_month", 1000),
        ("nano_euros_per_month", 10_000),
        ("concurrent_requests", 10),
    }


def test_a_limit_that_is_set_late_counts_what_was_used_before(books: SqlBooks) -> None:
    done = reservation("a")
    books.reserve(done)
    books.close([Closing(done, settled(done, output=20))])
    books.reserve(reservation("b"))
    books.set_limit(TOWN, Measure.TOKENS_MONTH, 229, NOW)  # 30 used, 100 reserved
    with pytest.raises(QuotaExceeded, match="leaves 99 tokens"):
        books.reserve(reservation("c"))
    books.set_limit(TOWN, Measure.TOKENS_MONTH, None, NOW)
    books.reserve(reservation("c"))


@pytest.mark.parametrize(
    ("holder", "measure", "most"),
    [
        *((holder, Measure.TOKENS_MONTH, 2050) for holder in Holder),
        (Holder.WORKSPACE, Measure.NANO_EUROS_MONTH, 20_999),
        (Holder.KEY, Measure.CONCURRENT, 20),
    ],
)
def test_200_at_the_edge_of_a_budget_overspend_by_nothing(
    books: SqlBooks, holder: Holder, measure: Measure, most: int
) -> None:
    """Of 200 requests that may take 100 tokens and 1,000 nano-euros each, and arrive at once, 20 are let through."""
    books.set_limit(Subject(holder, IDS[holder]), measure, most, NOW)
    for other in set(Holder) - {holder}:
        books.set_limit(Subject(other, IDS[other]), Measure.REQUESTS_MINUTE, 1000, NOW)
    let_through, refused = [], []

    def ask(numbers: range) -> None:
        for number in numbers:
            try:
                books.reserve(reservation(f"a{number}"))
                let_through.append(number)
            except QuotaExceeded as refusal:
                refused.append(str(refusal))

    side_by_side(ask, [range(first, first + 20) for first in range(0, 200, 20)])
    assert (len(let_through), len(refused)) == (20, 180)
    assert all(f"{holder.value} {IDS[holder]!r}" in said for said in refused)
    for reserved in books.open_reservations():
        books.close([Closing(reserved, settled(reserved, output=90, nano_euros=1000))])
    assert books.open_reservations() == []
    if measure is Measure.CONCURRENT:
        books.reserve(reservation("last"))
    else:
        with pytest.raises(QuotaExceeded, match=f"leaves {'50 tokens' if most == 2050 else '0.000000999 euros'}"):
            books.reserve(reservation("last"))


def test_no_two_wait_for_each_other(books: SqlBooks) -> None:
    """Those who close answers of several callers together, and those who reserve for any of these."""
    keys = {f"key{number}": ("anna", "ben")[number % 2] for number in range(4)}
    holders = {Holder.KEY: keys, Holder.USER: ("anna", "ben"), Holder.WORKSPACE: ("town",)}
    for holder, ids in holders.items():
        for id in ids:
            books.set_limit(Subject(holder, id), Measure.CONCURRENT, 1000, NOW)
    failures = []

    def ask(number: int) -> None:
        order = Random(number).sample(sorted(keys), len(keys))
        try:
            for turn in range(6):
                asked = [reservation(f"{number}/{turn}/{key}", key=key, user=keys[key]) for key in order]
                for each in asked:
                    books.reserve(each)
                books.close([Closing(each, settled(each)) for each in asked])
        except Exception as failure:
            failures.append(failure)

    side_by_side(ask, range(6))
    assert failures == []
    assert [each.used for each in books.reserve(reservation("last", key="key0", user="anna"))] == [1, 1, 1]


def test_prices_are_kept_by_model_kind_and_day(books: SqlBooks) -> None:
    for day, cost in ((1, 100), (20, 200), (20, 250)):
        books.set_price(Price("m", Kind.OUTPUT, date(2026, 11, day), cost))
    assert sorted(price.nano_euros for price in books.prices()) == [100, 250]
