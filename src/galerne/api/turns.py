"""A turn's events -> what `mistralai` is told of them, whole or as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response

from galerne.agents.threads import now
from galerne.agents.turn_events import (
    EntryArguments,
    EntryEnd,
    EntryStart,
    EntryText,
    EntryThought,
    TurnEnd,
    TurnEvent,
    TurnStart,
)
from galerne.api.disconnect import unless_disconnected
from galerne.api.errors import report, status_of
from galerne.api.sse import EventStream
from galerne.protocol.conversation_events import (
    ConversationEvent,
    FunctionCallDelta,
    HandoffDone,
    HandoffStarted,
    MessageOutputDelta,
    ResponseDone,
    ResponseError,
    ResponseStarted,
)
from galerne.protocol.conversations import ConversationResponse, ConversationUsage
from galerne.protocol.entries import AgentHandoffEntry, MessageOutputEntry, OutputEntry
from galerne.protocol.messages import TextPart, ThinkingPart


async def tell(http: Request, events: AsyncGenerator[TurnEvent], *, stream: bool) -> Response:
    """The whole turn or, if a stream was asked for, its events. A failure before the first one has its own status."""
    if stream:
        told = _told(events)
        first = await unless_disconnected(http, anext(told))
        return EventStream(first, told)
    response = await unless_disconnected(http, _whole(events))
    return Response(response.model_dump_json(), media_type="application/json")


async def _whole(events: AsyncGenerator[TurnEvent]) -> ConversationResponse:
    outputs: list[OutputEntry] = []
    async with aclosing(events):
        async for event in events:
            match event:
                case TurnStart():
                    id = event.thread
                case EntryEnd():
                    outputs.append(event.entry)
                case TurnEnd():
                    usage = _usage(event)
    return ConversationResponse(conversation_id=id, outputs=outputs, usage=usage)


async def _told(events: AsyncGenerator[TurnEvent]) -> AsyncGenerator[ConversationEvent]:
    began = False
    async with aclosing(events):
        try:
            async for event in events:
                if (told := _event(event)) is not None:
                    began = True
                    yield told
        except Exception as error:
            if not began:
                raise
            yield ResponseError(created_at=now(), message=report(error).message, code=status_of(error))


def _event(event: TurnEvent) -> ConversationEvent | None:
    match event:
        case TurnStart():
            return ResponseStarted(created_at=now(), conversation_id=event.thread)
        case EntryThought():
            thought = ThinkingPart(type="thinking", thinking=[TextPart(text=event.text)])
            return _said(event.index, event.entry, 0, thought)
        case EntryText():
            return _said(event.index, event.entry, event.part, event.text)
        case EntryArguments():
            return _called(event)
        case EntryStart(entry=AgentHandoffEntry() as entry):
            return HandoffStarted(
                created_at=now(),
                id=entry.id,
                output_index=event.index,
                previous_agent_id=entry.previous_agent_id,
                previous_agent_name=entry.previous_agent_name,
            )
        case EntryEnd(entry=AgentHandoffEntry() as entry):
            return HandoffDone(
                created_at=now(),
                id=entry.id,
                output_index=event.index,
                next_agent_id=entry.next_agent_id,
                next_agent_name=entry.next_agent_name,
            )
        case TurnEnd():
            return ResponseDone(created_at=now(), usage=_usage(event))
        case EntryStart() | EntryEnd():
            return None


def _said(index: int, entry: MessageOutputEntry, part: int, content: str | ThinkingPart) -> ConversationEvent:
    return MessageOutputDelta(
        created_at=entry.created_at,
        id=entry.id,
        output_index=index,
        content_index=part,
        model=entry.model,
        agent_id=entry.agent_id,
        content=content,
    )


def _called(event: EntryArguments) -> ConversationEvent:
    entry = event.entry
    return FunctionCallDelta(
        created_at=entry.created_at,
        id=entry.id,
        output_index=event.index,
        model=entry.model,
        agent_id=entry.agent_id,
        name=entry.name,
        tool_call_id=entry.tool_call_id,
        arguments=event.arguments,
    )


def _usage(end: TurnEnd) -> ConversationUsage:
    return ConversationUsage(
        prompt_tokens=end.prompt_tokens,
        completion_tokens=end.completion_tokens,
        total_tokens=end.prompt_tokens + end.completion_tokens,
    )
