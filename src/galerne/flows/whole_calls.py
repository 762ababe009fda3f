"""Calls of tools in one piece each, for whoever takes what comes in a piece for all of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from galerne.flows.answer_events import AnswerEvent, CallDelta, ChoiceEnd, TextDelta, ThinkingDelta


async def whole_calls(events: AsyncGenerator[AnswerEvent]) -> AsyncGenerator[AnswerEvent]:
    """The events, where every call comes when it is complete: when the next one begins, or its choice ends."""
    open_calls: dict[int, CallDelta] = {}  # by choice
    async with aclosing(events):
        async for event in events:
            match event:
                case CallDelta(name=None):
                    begun = open_calls[event.index]
                    open_calls[event.index] = replace(begun, arguments=begun.arguments + event.arguments)
                case CallDelta() | TextDelta() | ThinkingDelta() | ChoiceEnd():
                    if event.index in open_calls:
                        yield open_calls.pop(event.index)
                    if isinstance(event, CallDelta):
                        open_calls[event.index] = event
                    else:
                        yield event
                case _:
                    yield event
