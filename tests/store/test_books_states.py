"""Reserve, settle, lose in any order: no limit is overrun, no answer is charged twice, and the books agree with
themselves and with a ledger that is kept by hand."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.store.ready import lay_out

from galerne.engine.events import EndReason, Work
from galerne.errors import QuotaExceeded
from galerne.flows.meter import Account, Claim
from galerne.flows.settlement import Settlement
from galerne.identity.caller import Caller
from galerne.ledger.books import Closing
from galerne.ledger.chain import faults
from galerne.ledger.prices import Kind, Price, PriceList
from galerne.ledger.quota import Holder, Limit, Measure, Subject, window
from galerne.ledger.signing import SigningKey
from galerne.ledger.usage import REVENUE, Reservation, UsageQuery, receivable
from galerne.store.books import SqlBooks
from galerne.store.database import Database
from galerne.store.receipts import SqlReceiptLog

KEY, SETTLEMENT = SigningKey.generate(), Settlement(b"secret")
START = datetime(2026, 11, 30, 23, 58, 30, tzinfo=UTC)  # a minute and a half before a month ends
WORKSPACES = {"town": "k1", "hall": "k2"}


HELD = [(Holder.KEY, "k1"), (Holder.USER, "u"), (Holder.WORKSPACE, "hall"), (Holder.ORGANISATION, "house")]
subjects = st.sampled_from([Subject(*each) for each in HELD])
measures = st.sampled_from(
    [Measure.TOKENS_MINUTE, Measure.CONCURRENT, Measure.NANO_EUROS_MONTH, Measure.REQUESTS_MONTH]
)


class BooksStates(RuleBasedStateMachine):
    open = Bundle("open")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.database = Database(f"sqlite:///{lay_out(Path(self._folder.name))}")
        self.books = SqlBooks(self.database, KEY)
        self.now = START
        self.asked = 0
        self.reserved: dict[str, Reservation] = {}  # not closed yet
        self.owed = Counter[str]()  # nano-euros, by workspace
        self.tokens = 0
        self.limits: dict[tuple[Subject, Measure], int] = {}
        self.used = Counter[tuple[Subject, Measure, str]]()  # settled and reserved, since a limit was set

    def teardown(self) -> None:
        self.database.close()
        self._folder.cleanup()

    @initialize(limits=st.lists(st.tuples(subjects, measures, st.integers(0, 150)), max_size=5))
    def set_limits(self, limits: list[tuple[Subject, Measure, int]]) -> None:
        for subject, measure, most in limits:
            most *= 100 if measure is Measure.NANO_EUROS_MONTH else 1
            self.books.set_limit(subject, measure, most, self.now)
            self.limits[subject, measure] = most

    @rule(seconds=st.integers(0, 45))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(kind=st.sampled_from([Kind.INPUT, Kind.CACHED, Kind.OUTPUT]), nano=st.integers(0, 1000))
    def set_price(self, kind: Kind, nano: int) -> None:
        self.books.set_price(Price("m", kind, date(2026, 1, 1), nano))

    @rule(
        target=open, workspace=st.sampled_from(sorted(WORKSPACES)), prompt=st.integers(1, 20), most=st.integers(1, 30)
    )
    def ask(self, workspace: str, prompt: int, most: int) -> str:
        self.asked += 1
        id = f"a{self.asked}"
        prices = PriceList(self.books.prices())
        dearest = max(prices.of("m", kind, self.now.date()) for kind in (Kind.INPUT, Kind.CACHED))
        worst = prompt * dearest + most * prices.of("m", Kind.OUTPUT, self.now.date())
        reservation = Reservation(
            id, "house", workspace, "u", WORKSPACES[workspace], "/v1/x", "m", prompt, most, worst, self.now, "j", 0,
            "d", None, "e", "p",
        )  # fmt: skip
        limits = self._limits_of(reservation)
        fits = all(
            self.used[self._place(limit, self.now)] + reservation.demand.of(limit.measure) <= limit.most
            for limit in limits
        )
        try:
            standings = self.books.reserve(reservation)
        except QuotaExceeded:
            assert not fits
            return id
        assert fits
        self.reserved[id] = reservation
        for limit in limits:
            self.used[self._place(limit, self.now)] += reservation.demand.of(limit.measure)
        told = {(each.limit.subject, each.limit.measure): each.used for each in standings}
        assert told == {key: self.used[self._place(Limit(*key, 0), self.now)] for key in told}
        return id

    @rule(id=open, cached=st.floats(0, 1), written=st.floats(0, 1), reason=st.sampled_from(EndReason))
    def settle(self, id: str, cached: float, written: float, reason: EndReason) -> None:
        reservation = self.reserved.pop(id, None)
        if reservation is None:
            return
        prompt, most = reservation.prompt_tokens, reservation.most_tokens
        claim = Claim(id, "/v1/x", Caller("town"), "m", "d", None, "e", (tuple(range(prompt)),), Kind.INPUT, 1, most)
        work = Work(prompt, int(cached * prompt), int(written * most))
        accounts = [Account(f"{id}-0", "m", "d", reason, work)]
        used, receipt = SETTLEMENT.of(reservation, claim, accounts, self._prices(reservation), self.now)
        assert used.nano_euros <= reservation.nano_euros
        for _ in range(2):
            self.books.close([Closing(reservation, (used, receipt))])
        self._settled(reservation, used.tokens, used.nano_euros)

    @rule(id=open, told=st.integers(0, 30))
    def lose(self, id: str, told: int) -> None:
        reservation = self.reserved.pop(id, None)
        if reservation is None:
            return
        told = min(told, reservation.most_tokens)
        used, receipt = SETTLEMENT.lost(reservation, told, self._prices(reservation), self.now)
        self.books.close([Closing(reservation, (used, receipt) if told else None)])
        self._settled(reservation, used.tokens if told else 0, used.nano_euros if told else 0, answered=bool(told))

    @invariant()
    def the_books_agree(self) -> None:
        assert self.books.disagreements() == []
        balance = self.books.balance()
        assert sum(balance.values()) == 0
        assert {name: owed for name, owed in self.owed.items() if owed} == {
            name: balance[receivable(name)] for name in WORKSPACES if balance.get(receivable(name))
        }
        assert balance.get(REVENUE, 0) == -sum(self.owed.values())
        assert {each.id for each in self.books.open_reservations()} == self.reserved.keys()
        sums = self.books.usage(UsageQuery("workspace", date(2026, 1, 1), date(2027, 1, 1)))
        tokens = sum(each.input_tokens + each.cached_tokens + each.output_tokens for each in sums)
        assert (tokens, sum(each.nano_euros for each in sums)) == (self.tokens, sum(self.owed.values()))

    @invariant()
    def no_receipt_was_changed(self) -> None:
        assert list(faults(map(json.loads, SqlReceiptLog(self.database).lines()), KEY.public)) == []

    def _settled(self, reservation: Reservation, tokens: int, nano_euros: int, *, answered: bool = True) -> None:
        self.owed[reservation.workspace] += nano_euros
        self.tokens += tokens
        truth = {"requests": int(answered), "tokens": tokens, "nano_euros": nano_euros}
        for limit in self._limits_of(reservation):
            kept = 0 if limit.measure is Measure.CONCURRENT else truth[limit.measure.counts]
            self.used[self._place(limit, reservation.created)] += kept - reservation.demand.of(limit.measure)

    def _limits_of(self, reservation: Reservation) -> list[Limit]:
        held = set(reservation.subjects)
        return [Limit(*key, most) for key, most in self.limits.items() if key[0] in held]

    def _place(self, limit: Limit, when: datetime) -> tuple[Subject, Measure, str]:
        return limit.subject, limit.measure, window(limit.measure, when)

    def _prices(self, reservation: Reservation) -> PriceList:
        """Such that the worst case is what was reserved, whatever the prices are now."""
        each = reservation.nano_euros // (reservation.prompt_tokens + reservation.most_tokens)
        day = date(2026, 1, 1)
        return PriceList(Price("m", kind, day, each) for kind in (Kind.INPUT, Kind.CACHED, Kind.OUTPUT))


def test_the_books_hold_in_any_order() -> None:
    run_state_machine_as_test(BooksStates, settings=settings(max_examples=12, stateful_step_count=25))


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE usage SET output_tokens = output_tokens + 1", "another receipt"),
        ("UPDATE receipts SET record = '{}'", "another receipt"),
        ("UPDATE receipts SET record = 'no JSON'", "another receipt"),
        ("UPDATE usage SET output_tokens = output_tokens + 1", "the sums of 2026-11-30"),
        ("DELETE FROM transfers", "not charged what it costs"),
        ("UPDATE transfers SET nano_euros = 5", "not charged what it costs"),
        ("INSERT INTO transfers SELECT 'b', debit, credit, 7, time FROM transfers", "b is charged and was no answer"),
        ("DELETE FROM receipts", "has no receipt"),
        ("DELETE FROM daily_usage", "the sums of 2026-11-30"),
    ],
)
def test_what_was_changed_behind_the_books_back_is_named(database: Database, statement: str, said: str) -> None:
    books = SqlBooks(database, KEY)
    reservation = Reservation("a", "o", "town", "u", "k", "/v1/x", "m", 6, 20, 9, START, "j", 0, "d", None, "e", "p")
    books.reserve(reservation)
    prices = PriceList([Price("m", Kind.OUTPUT, date(2026, 1, 1), 3)])
    books.close([Closing(reservation, SETTLEMENT.lost(reservation, 3, prices, START))])
    assert books.disagreements() == []
    with database.write() as connection:
        connection.exec_driver_sql(statement)
    assert any(said in each for each in books.disagreements())
