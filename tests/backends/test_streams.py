"""Requests under way: each gets its last word, whoever still waits for it."""

from __future__ import annotations

import pytest

from galerne.backends.streams import Streams
from galerne.engine.events import EndEvent, EndReason, TokenEvent
from galerne.engine.request import GenerationRequest
from galerne.errors import QueueFull

REQUEST = GenerationRequest("a", (1, 2), 5)


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
