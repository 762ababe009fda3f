"""An answer that is being made ends when it may not go on, and says so to whoever listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager

import pytest

from galerne.agents.answers import Accepted, AnswerPiece, Text
from galerne.errors import DatabaseUnavailable, ModelNotFound
from galerne.flows.live_answer import BEGINNING, LiveAnswer
from galerne.protocol.chats import ChatMessage


def message() -> ChatMessage:
    return ChatMessage(id="msg_a", parent=None, role="assistant", state="running", created_at=1.0, content="")


async def endless() -> AsyncGenerator[AnswerPiece]:
    yield Accepted()
    yield Text("From")
    await asyncio.Event().wait()


class Saved:
    """Remembers what was saved, and says what it is told to."""

    def __init__(self, says: Callable[[], bool] = lambda: True) -> None:
        self.messages: list[ChatMessage] = []
        self._says = says

    def __call__(self, message: ChatMessage) -> bool:
        self.messages.append(message)
        return self._says()


def live(saved: Saved, right: asyncio.Event | None = None) -> LiveAnswer:
    @contextmanager
    def watch() -> Iterator[asyncio.Event]:
        yield right or asyncio.Event()

    return LiveAnswer([message()], lambda: None, saved, watch())


async def last(answer: LiveAnswer) -> ChatMessage:
    async with asyncio.timeout(30):
        told = [event async for event in answer.events(BEGINNING)]
    assert [event.number for event in told] == list(range(len(told)))
    assert told[-1].type == "answer.ended"
    return told[-1].answer


async def test_it_ends_with_the_right_to_it() -> None:
    right, saved, over = asyncio.Event(), Saved(), asyncio.Event()
    answer = live(saved, right)
    await answer.start(endless(), over.set)
    right.set()
    ended = await last(answer)
    assert (ended.state, ended.content, ended.receipt) == ("stopped", "From", "msg_a")
    assert saved.messages[-1] == ended
    await asyncio.wait_for(over.wait(), 30)


async def test_it_ends_when_the_store_says_that_it_runs_no_more() -> None:
    answer = live(Saved(lambda: False))
    await answer.start(endless(), lambda: None)
    assert (await last(answer)).state == "stopped"


async def test_it_is_interrupted_when_the_server_stops() -> None:
    answer = live(Saved())
    await answer.start(endless(), lambda: None)
    await answer.cancel()
    assert (await last(answer)).state == "interrupted"


async def test_a_database_that_does_not_answer_for_a_while_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def refuse() -> bool:
        raise DatabaseUnavailable("it is away.")

    answer = live(saved := Saved(refuse))
    await answer.start(endless(), lambda: None)
    async with asyncio.timeout(30):
        while not saved.messages:
            await asyncio.sleep(0.01)
    await answer.stop()
    assert (await last(answer)).state == "stopped"
    assert "the end of an answer is not kept" in caplog.text


async def test_what_is_not_accepted_is_told_to_who_asks() -> None:
    async def refused() -> AsyncGenerator[AnswerPiece]:
        raise ModelNotFound("there is none.")
        yield Accepted()

    with pytest.raises(ModelNotFound):
        await live(Saved()).start(refused(), lambda: None)


async def test_what_nobody_foresaw_is_a_failure_without_details(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> AsyncGenerator[AnswerPiece]:
        yield Accepted()
        raise KeyError("a secret")

    answer = live(Saved())
    await answer.start(broken(), lambda: None)
    ended = await last(answer)
    assert (ended.state, ended.failure and ended.failure.code) == ("failed", "internal_error")
    assert "secret" not in ended.model_dump_json()
    assert "a secret" in caplog.text
