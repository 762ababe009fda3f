"""Requests under way: each gets its last word, whoever still waits for it."""

from __future__ import annotations

import pytest

from galerne.backends.streams import Streams
from galerne.engine.events import EndEvent, EndReason, Event, TokenEvent, Work
from galerne.engine.request import GenerationRequest
from galerne.errors import EngineFailed, QueueFull

REQUEST = GenerationRequest("a", (1, 2), 5)
DONE = EndEvent("a", EndReason.LENGTH, Work(prompt_tokens=2, completion_tokens=2))


async def test_a_request_that_is_left_before_it_is_refused_is_settled_with_no_work() -> None:
    streams, ends = Streams(), []
    events = streams.follow(REQUEST, ends.append, lambda _: streams.deliver([TokenEvent("a", 7)]), lambda _: None)
    assert await anext(events) == TokenEvent("a", 7)
    await events.aclose()
    streams.refuse("a", QueueFull("no more."))
    assert [(end.reason, end.work.completion_tokens) for end in ends] == [(EndReason.CANCELLED, 0)]
    assert len(streams) == 0


async def test_a_refusal_that_nobody_reads_is_settled_with_no_work() -> None:
    streams, ends = Streams(), []
    events = streams.follow(REQUEST, ends.append, lambda _: streams.deliver([TokenEvent("a", 7)]), lambda _: None)
    await anext(events)
    streams.refuse("a", QueueFull("no more."))
    await events.aclose()  # another choice of the answer was refused first
    assert [(end.reason, end.work.completion_tokens) for end in ends] == [(EndReason.CANCELLED, 0)]


async def test_a_refusal_that_is_read_is_not_settled() -> None:
    streams, ends = Streams(), []
    events = streams.follow(REQUEST, ends.append, lambda _: streams.refuse("a", QueueFull("no more.")), lambda _: None)
    with pytest.raises(QueueFull):
        await anext(events)
    assert ends == []


async def test_a_request_that_is_left_is_settled_when_its_end_arrives() -> None:
    streams, ends, cancelled = Streams(), [], []
    events = streams.follow(REQUEST, ends.append, lambda _: streams.deliver([TokenEvent("a", 7)]), cancelled.append)
    await anext(events)
    await events.aclose()
    assert (cancelled, ends) == (["a"], [])
    end = EndEvent("a", EndReason.CANCELLED, streams._open["a"].work())
    streams.deliver([end])
    assert ends == [end]


async def test_an_end_that_comes_with_the_last_tokens_is_settled_behind_them() -> None:
    streams, told = Streams(), list[Event]()
    both = [TokenEvent("a", 7), TokenEvent("a", 8)]
    events = streams.follow(REQUEST, told.append, lambda _: streams.deliver([*both, DONE]), lambda _: None)
    async for event in events:
        if isinstance(event, TokenEvent):
            told.append(event)
    assert told == [*both, DONE]
    assert len(streams) == 0


async def test_an_end_that_nobody_reads_is_settled() -> None:
    streams, ends, cancelled = Streams(), [], []
    events = streams.follow(
        REQUEST, ends.append, lambda _: streams.deliver([TokenEvent("a", 7), DONE]), cancelled.append
    )
    await anext(events)
    assert ends == []
    await events.aclose()
    assert (ends, cancelled) == ([DONE], [])


async def test_a_failure_is_settled_once() -> None:
    streams, ends = Streams(), []
    failed = EndEvent("a", EndReason.FAILED, Work(), "it burns")
    events = streams.follow(REQUEST, ends.append, lambda _: streams.deliver([failed]), lambda _: None)
    with pytest.raises(EngineFailed, match="it burns"):
        await anext(events)
    assert ends == [failed]
