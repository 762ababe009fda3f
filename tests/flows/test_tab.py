"""The account of one answer while it is open."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from galerne.engine.events import EndEvent, EndReason, Work
from galerne.errors import QueueFull
from galerne.flows.meter import Account, Claim, Tally
from galerne.flows.tab import Tab
from galerne.identity.caller import Caller
from galerne.ledger.prices import Kind

CLAIM = Claim("a", "/v1/x", Caller("town-hall"), "m", "d", "t", "f", ((1, 2, 3),), Kind.INPUT, 1, 10)


class Books(Tally):
    """A meter that notes what it is told, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: list[list[Account]] = []

    async def close(self, claim: Claim, accounts: Sequence[Account]) -> None:
        assert claim is CLAIM
        await asyncio.sleep(0)
        self.closed.append(list(accounts))


class Full(Books):
    async def reserve(self, claim: Claim) -> None:  # noqa: ARG002
        raise QueueFull("no more.")


def ended(id: str, tokens: int) -> EndEvent:
    return EndEvent(id, EndReason.STOP, Work(3, 0, tokens))


async def test_it_is_closed_when_all_that_was_begun_has_ended() -> None:
    books = Books()
    tab = await Tab.open(CLAIM, books)
    for id in ("a-0", "a-1"):
        tab.begin(id)
        tab.count(id, 7)
    closing = asyncio.create_task(tab.close())
    tab.settle(ended("a-1", 1))
    await asyncio.sleep(0.01)
    assert not closing.done()
    tab.settle(ended("a-0", 1))
    await closing
    (accounts,) = books.closed
    assert [(account.id, account.tokens) for account in accounts] == [("a-1", (7,)), ("a-0", (7,))]
    assert books.accounts == accounts


async def test_it_is_closed_once_however_often_it_is_asked_to() -> None:
    books = Books()
    tab = await Tab.open(CLAIM, books)
    await asyncio.gather(tab.close(), tab.close(), tab.end())
    assert books.closed == [[]]


async def test_it_is_closed_even_when_nobody_waits_any_longer() -> None:
    books = Books()
    tab = await Tab.open(CLAIM, books)
    tab.begin("a-0")
    waiting = asyncio.create_task(tab.close())
    await asyncio.sleep(0)
    waiting.cancel()
    tab.settle(ended("a-0", 5))
    await tab.end()
    assert [account.work.completion_tokens for account in books.closed[0]] == [5]


async def test_what_the_engine_refuses_costs_nothing() -> None:
    books = Books()
    tab = await Tab.open(CLAIM, books)
    tab.begin("a-0")
    tab.drop("a-0")
    await tab.close()
    assert books.closed == [[]]


async def test_what_cannot_be_set_aside_is_not_begun() -> None:
    books = Full()
    with pytest.raises(QueueFull):
        await Tab.open(CLAIM, books)
    assert books.closed == []
