from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import pytest

from galerne.engine.events import Work
from galerne.errors import EngineFailed
from galerne.flows.answer_events import AnswerEnd, AnswerEvent, CallDelta, ChoiceEnd, TextDelta, ThinkingDelta
from galerne.flows.whole_calls import whole_calls


async def said(events: Sequence[AnswerEvent], failure: Exception | None = None) -> AsyncGenerator[AnswerEvent]:
    for event in events:
        yield event
    if failure is not None:
        raise failure


def begun(index: int, call: int) -> CallDelta:
    return CallDelta(index, call, id=f"id{call}", name=f"f{call}")


END = AnswerEnd(1, 0, 2)


async def test_calls_come_whole_and_in_turn() -> None:
    events: list[AnswerEvent] = [
        ThinkingDelta(0, "Hm."),
        TextDelta(0, "a"),
        begun(0, 0),
        begun(1, 0),
        CallDelta(0, 0, '{"x"'),
        TextDelta(2, "beside"),
        CallDelta(0, 0, ": 1}"),
        begun(0, 1),
        CallDelta(1, 0, "{}"),
        ChoiceEnd(0, "tool_calls", Work()),
        ChoiceEnd(1, "length", Work()),
        END,
    ]
    assert [event async for event in whole_calls(said(events))] == [
        ThinkingDelta(0, "Hm."),
        TextDelta(0, "a"),
        TextDelta(2, "beside"),
        CallDelta(0, 0, '{"x": 1}', "id0", "f0"),
        CallDelta(0, 1, "", "id1", "f1"),
        ChoiceEnd(0, "tool_calls", Work()),
        CallDelta(1, 0, "{}", "id0", "f0"),
        ChoiceEnd(1, "length", Work()),
        END,
    ]


async def test_a_failure_is_told_and_no_call_that_was_under_way() -> None:
    got: list[AnswerEvent] = []

    async def take() -> None:
        async for event in whole_calls(said([TextDelta(0, "a"), begun(0, 0)], EngineFailed("it broke."))):
            got.append(event)  # noqa: PERF401

    with pytest.raises(EngineFailed):
        await take()
    assert got == [TextDelta(0, "a")]
