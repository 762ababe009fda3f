"""Answers on record: what was used, what it costs, and a receipt that can be checked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.engine.fake_model import FakeModel
from tests.flows.fakes import ScriptedGenerator, served
from tests.store.ready import lay_out

from galerne.backends.native import NativeGenerator
from galerne.engine.engine import Engine
from galerne.errors import DiskFull, EngineFailed, GalerneError, QueueFull, QuotaExceeded
from galerne.flows.billing import Billing
from galerne.flows.chat import Chat
from galerne.flows.recovery import recover
from galerne.flows.settlement import Settlement
from galerne.flows.signed_log import read_records
from galerne.identity.caller import Caller
from galerne.ledger.books import Closing
from galerne.ledger.chain import faults
from galerne.ledger.prices import Kind, Price, PriceList
from galerne.ledger.quota import Holder, Measure, Subject
from galerne.ledger.signing import SigningKey
from galerne.ledger.usage import REVENUE, Reservation, UsageQuery, receivable
from galerne.protocol.chat import ChatRequest
from galerne.settings import Settings
from galerne.store.audit import SqlAuditLog
from galerne.store.books import SqlBooks
from galerne.store.database import Database
from galerne.store.journal import Journal, left_journals
from galerne.store.receipts import SqlReceiptLog

NOW = datetime(2026, 11, 25, 15, 4, 30, tzinfo=UTC)
TOWN = Caller("town", key="k")
KEY = SigningKey.generate()
SETTLEMENT = Settlement(b"secret")
RESERVATION = Reservation("a", "o", "town", None, "k", "/v1/x", "fake", 6, 20, 9, NOW, "j", 0, "d", None, "e", "p")


class House:
    """A chat flow whose answers are on record."""

    def __init__(self, folder: Path, answer: bytes | GalerneError = b"Bonjour !", *, fails_after: int | None = None):
        self.database = Database(f"sqlite:///{lay_out(folder)}")
        self.books = SqlBooks(self.database, KEY)
        for kind, cost in ((Kind.INPUT, 100), (Kind.CACHED, 10), (Kind.OUTPUT, 300)):
            self.books.set_price(Price("fake", kind, date(2026, 1, 1), cost))
        self.folder = folder / "journals"
        self.journal = Journal(self.folder)
        self.billing = Billing(self.books, self.journal, SETTLEMENT, clock=lambda: NOW)
        self.generator = ScriptedGenerator(lambda _: answer, fails_after=fails_after)
        self.chat = Chat(served(self.generator), self.billing, Settings())

    async def ask(self, **fields) -> list:
        request = ChatRequest.model_validate(
            {"model": "fake", "messages": [{"role": "user", "content": "Hello!"}], **fields}
        )
        return [event async for event in self.chat.answer(request, TOWN)]

    def receipts(self) -> list[dict]:
        return [record for record in read_records(SqlReceiptLog(self.database).lines()) if record is not None]


async def test_an_answer_is_on_record_when_its_end_is_told(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.ask()
    (receipt,) = house.receipts()
    assert receipt["tokens"] == {"prompt": 6, "cached": 3, "completion": 9}
    assert receipt["price"]["euros"] == "0.00000303"  # 3 * 100 + 3 * 10 + 9 * 300 nano-euros
    assert receipt["flags"] == {"reasons": ["stop"], "truncated": False}
    assert house.books.balance() == {receivable("town"): 3030, REVENUE: -3030}
    assert house.books.open_reservations() == []


async def test_a_receipt_names_nobody_and_quotes_nothing(tmp_path: Path) -> None:
    house = House(tmp_path, b"a secret answer")
    await house.ask(user="Madame Dupont")
    (line,) = SqlReceiptLog(house.database).lines()
    assert not [word for word in ("town", "Hello", "secret", "Dupont") if word in line]
    assert list(faults(read_records([line]), KEY.public)) == []


async def test_a_prompt_counts_once_however_many_choices_it_has(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.ask(n=3)
    (receipt,) = house.receipts()
    assert receipt["tokens"] == {"prompt": 6, "cached": 3, "completion": 27}


async def test_what_fails_half_way_is_charged_as_far_as_it_went(tmp_path: Path) -> None:
    house = House(tmp_path, fails_after=4)
    with pytest.raises(EngineFailed):
        await house.ask()
    await house.billing.end()
    (receipt,) = house.receipts()
    assert (receipt["tokens"]["completion"], receipt["flags"]["reasons"]) == (4, ["failed"])


async def test_a_client_that_leaves_pays_for_what_was_generated(tmp_path: Path) -> None:
    house = House(tmp_path, b"a long answer that nobody waits for")
    request = ChatRequest.model_validate({"model": "fake", "messages": [{"role": "user", "content": "Hello!"}]})
    events = house.chat.answer(request, TOWN)
    for _ in range(5):
        await anext(events)
    await events.aclose()
    await house.billing.end()
    (receipt,) = house.receipts()
    assert receipt["flags"]["reasons"] == ["cancelled"]
    assert 0 < receipt["tokens"]["completion"] < 20
    assert house.books.open_reservations() == []


async def test_what_the_engine_refuses_costs_nothing(tmp_path: Path) -> None:
    house = House(tmp_path, QueueFull("no more."))
    with pytest.raises(QueueFull):
        await house.ask()
    await house.billing.end()
    assert (house.receipts(), house.books.open_reservations(), house.books.balance()) == ([], [], {})


async def test_a_limit_stops_a_request_before_the_engine_sees_it(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.books.set_limit(Subject(Holder.KEY, "k"), Measure.TOKENS_MONTH, 40, NOW)
    await house.ask(max_tokens=20)
    with pytest.raises(QuotaExceeded, match="leaves 25 tokens, and this request may take 26 tokens"):
        await house.ask(max_tokens=20)
    assert len(house.generator.requests) == 1
    await asyncio.gather(house.ask(max_tokens=1), house.ask(max_tokens=1))


async def test_the_audit_log_says_which_request_asked(tmp_path: Path) -> None:
    house = House(tmp_path)
    request = ChatRequest.model_validate({"model": "fake", "messages": [{"role": "user", "content": "Hello!"}]})
    async for _ in house.chat.answer(request, replace(TOWN, request="request-7")):
        pass
    (given,) = read_records(SqlAuditLog(house.database, KEY).lines())
    assert given is not None
    assert (given["action"], given["request"]) == ("answer.given", "request-7")


async def test_answers_that_end_together_share_a_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path)
    closed: list[int] = []
    close = house.books.close

    def noted(closings: Sequence[Closing]) -> None:
        closed.append(len(closings))
        close(closings)

    monkeypatch.setattr(house.books, "close", noted)
    await asyncio.gather(*(house.ask() for _ in range(20)))
    assert sum(closed) == 20
    assert len(closed) < 20
    assert house.books.balance() == {receivable("town"): 20 * 3030, REVENUE: -20 * 3030}
    assert house.books.disagreements() == []


async def test_an_answer_that_cannot_be_recorded_is_not_told_to_be_complete_and_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)

    def full(*_: object) -> None:
        raise DiskFull("no room.")

    monkeypatch.setattr(house.books, "close", full)
    with pytest.raises(DiskFull):
        await house.ask()
    async with asyncio.timeout(30):
        await house.billing.end()  # a server that stops does not wait for ever
    monkeypatch.undo()
    (left,) = house.books.open_reservations()
    assert house.journal.take() != left.slot  # its counter is nobody else's
    counts = {left.journal: np.fromfile(house.folder / left.journal, np.int64).tolist()}
    assert recover(house.books, counts, SETTLEMENT, NOW) == 1
    assert house.books.balance()[receivable("town")] == 6 * 100 + 9 * 300


async def test_a_process_that_died_is_settled_as_far_as_its_journal_says(tmp_path: Path) -> None:
    house = House(tmp_path, b"a long answer that nobody waits for")
    request = ChatRequest.model_validate({"model": "fake", "messages": [{"role": "user", "content": "Hello!"}]})
    events = house.chat.answer(request, TOWN)
    for _ in range(5):
        await anext(events)
    (lost,) = house.books.open_reservations()
    assert left_journals(house.folder) == {}  # it lives: nobody may settle for it
    counts = {lost.journal: [0] * lost.slot + [4]}
    assert recover(house.books, counts, SETTLEMENT, NOW) == 1
    assert recover(house.books, counts, SETTLEMENT, NOW) == 0
    assert house.books.balance()[receivable("town")] == 6 * 100 + 4 * 300
    (receipt,) = house.receipts()
    assert receipt["tokens"] == {"prompt": 6, "cached": 0, "completion": 4}
    assert receipt["flags"]["reasons"] == ["lost"]
    assert (receipt["answer_digest"], receipt["energy"]["method"]) == (None, "unknown")
    await events.aclose()
    await house.billing.end()  # the late word changes nothing
    assert house.books.balance()[receivable("town")] == 6 * 100 + 4 * 300
    assert house.receipts() == [receipt]


async def test_the_receipts_of_a_lost_answer_and_of_a_whole_one_agree_on_the_prompt(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.ask()
    (whole,) = house.receipts()
    reservation = replace(RESERVATION, id=whole["id"], prompt_digest=SETTLEMENT.digest(whole["id"], [list(b"Hello!")]))
    _, lost = SETTLEMENT.lost(reservation, 1, PriceList(), NOW)
    assert lost["prompt_digest"] == whole["prompt_digest"]


async def test_a_lost_answer_of_which_nothing_was_told_costs_nothing(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.books.reserve(RESERVATION)
    assert recover(house.books, {"j": [0]}, SETTLEMENT, NOW) == 1
    assert (house.receipts(), house.books.open_reservations(), house.books.balance()) == ([], [], {})


async def test_whoever_leaves_while_it_is_set_aside_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    house.books.set_limit(Subject(Holder.KEY, "k"), Measure.CONCURRENT, 1, NOW)
    reserve = house.books.reserve

    def slow(reservation: Reservation) -> object:
        reserving.set()
        return reserve(reservation)

    reserving = threading.Event()
    monkeypatch.setattr(house.books, "reserve", slow)
    for _ in range(3):
        asking = asyncio.create_task(house.ask())
        while not reserving.is_set():
            await asyncio.sleep(0)
        reserving.clear()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    await house.billing.end()
    assert house.books.open_reservations() == []
    assert list(house.folder.iterdir()) == []  # nothing is left to settle, so the journal is gone


async def test_prices_are_those_of_the_moment_when_it_was_asked(tmp_path: Path) -> None:
    house = House(tmp_path)
    request = ChatRequest.model_validate({"model": "fake", "messages": [{"role": "user", "content": "Hello!"}]})
    events = house.chat.answer(request, TOWN)
    await anext(events)
    house.books.set_price(Price("fake", Kind.OUTPUT, date(2026, 1, 1), 9_000))
    async for _ in events:
        pass
    assert house.receipts()[0]["price"]["euros"] == "0.00000303"


async def test_the_books_agree_with_the_engine_s_own_counters(tmp_path: Path) -> None:
    """Answers that are waited for, several at once, and one whose client leaves."""

    model = FakeModel()
    model.vocabulary = 257  # as the tokenizer has it; it says the first ones alone
    engine = Engine(model)
    generator = NativeGenerator(engine, model.context_length, "fake")
    house = House(tmp_path)
    chat = Chat(served(generator), house.billing, Settings())

    async def ask(said: str, *, leaves_after: int = 10**9, n: int = 1) -> None:
        fields = {"model": "fake", "messages": [{"role": "user", "content": said}], "max_tokens": 20, "n": n}
        async with aclosing(chat.answer(ChatRequest.model_validate(fields), TOWN)) as events:
            for _ in range(leaves_after):
                if await anext(events, None) is None:
                    break

    await asyncio.gather(*(ask("!!#$" * length) for length in range(1, 6)), ask("%&", n=3), ask("&&&", leaves_after=3))
    await house.billing.end()
    await generator.close()
    counted = engine.statistics()
    (day,) = house.books.usage(UsageQuery("day", NOW.date(), NOW.date()))
    assert day.output_tokens == counted["completion_tokens"] > 0
    assert day.input_tokens + day.cached_tokens == counted["prompt_tokens"] - 2 * 2  # a prompt counts once, for all n
    assert house.books.disagreements() == []
