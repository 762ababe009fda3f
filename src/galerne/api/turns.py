"""A turn's events -> what `mistralai` is told of them, whole or as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response

from galerne.agents.threads import now
from galerne.agents.turn_events import EntryEnd, EntryText, TurnEnd, TurnEvent, TurnStart
from galerne.api.disconnect import unless_disconnected
from galerne.api.errors import report, status_of
from galerne.api.sse import EventStream
from galerne.protocol.conversation_events import (
    ConversationEvent,
    MessageOutputDelta,
    ResponseDone,
    ResponseError,
    ResponseStarted,
)
from galerne.protocol.conversations import ConversationResponse, ConversationUsage
from galerne.protocol.entries import MessageOutputEntry, OutputEntry


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
        case EntryText(entry=MessageOutputEntry() as entry):
            return MessageOutputDelta(
                created_at=entry.created_at,
                id=entry.id,
                output_index=event.index,
                model=entry.model,
                agent_id=entry.agent_id,
                content=event.text,
            )
        case TurnEnd():
            return ResponseDone(created_at=now(), usage=_usage(event))
        case _:
            return None


def _usage(end: TurnEnd) -> ConversationUsage:
    return ConversationUsage(
        prompt_tokens=end.prompt_tokens,
        completion_tokens=end.completion_tokens,
        total_tokens=end.prompt_tokens + end.completion_tokens,
    )
