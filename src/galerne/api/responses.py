"""What happens to a response -> what `openai` is told of it, whole or as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import Response as HttpResponse

from galerne.agents.turn_events import TurnEnd, TurnStart
from galerne.api.disconnect import unless_disconnected
from galerne.api.errors import report
from galerne.api.item_events import ItemEvents
from galerne.api.sse import EventStream
from galerne.flows.items import items_of
from galerne.flows.responses import Response, ResponseEvent
from galerne.protocol.response_events import ResponseChanged
from galerne.protocol.response_events import ResponseEvent as WireEvent
from galerne.protocol.responses import Reasoning, ResponseFailure, ResponseObject, TextFormat, TextOptions


async def tell(http: Request, events: AsyncGenerator[ResponseEvent], *, stream: bool, background: bool) -> HttpResponse:
    """The whole response, what it is at first (`background`), or its events (`stream`).

    A failure before the first event has its own status.
    """
    if stream:
        told = _told(events)
        first = await unless_disconnected(http, anext(told))
        return EventStream(first, told)
    response = await unless_disconnected(http, _first(events) if background else _last(events))
    return HttpResponse(response_object(response).model_dump_json(by_alias=True), media_type="application/json")


def response_object(response: Response) -> ResponseObject:
    """A response, as far as it has come."""
    thread, about = response.thread, response.thread.about
    return ResponseObject(
        id=thread.id,
        created_at=thread.created_at.timestamp(),
        completed_at=about.completed_at,
        status=about.status,
        background=bool(about.background),
        error=about.error,
        incomplete_details=about.incomplete_details,
        instructions=about.instructions,
        max_output_tokens=about.max_output_tokens,
        metadata=about.metadata or {},
        model=about.model,
        output=[item for entry in response.output for item in items_of(entry)],
        parallel_tool_calls=about.parallel_tool_calls is not False,
        previous_response_id=about.previous_response_id,
        prompt_cache_key=about.prompt_cache_key,
        reasoning=about.reasoning or Reasoning(),
        safety_identifier=about.safety_identifier,
        temperature=about.temperature,
        text=about.text or TextOptions(format=TextFormat()),
        tool_choice=about.tool_choice or "auto",
        tools=about.tools or [],
        top_p=about.top_p,
        usage=about.usage,
        user=about.user,
    )


async def _first(events: AsyncGenerator[ResponseEvent]) -> Response:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Response):
                return event
    raise AssertionError("a response begins with what it is")


async def _last(events: AsyncGenerator[ResponseEvent]) -> Response:
    async with aclosing(events):
        responses = [event async for event in events if isinstance(event, Response)]
    return responses[-1]


async def _told(events: AsyncGenerator[ResponseEvent]) -> AsyncGenerator[WireEvent]:
    writer = _Writer()
    async with aclosing(events):
        try:
            async for event in events:
                for told in writer.write(event):
                    yield told
        except Exception as error:
            if writer.response is None:
                raise
            yield writer.fail(error)


class _Writer:
    """The numbered events of one stream."""

    def __init__(self) -> None:
        self.response: Response | None = None
        self._numbers = count()
        self._items = ItemEvents(self._numbers)

    def write(self, event: ResponseEvent) -> Iterator[WireEvent]:
        match event:
            case Response():
                self.response = event
                yield from self._changed(response_object(event))
            case TurnStart() | TurnEnd():
                pass
            case _:
                yield from self._items.write(event)

    def fail(self, error: Exception) -> WireEvent:
        assert self.response is not None
        failure = ResponseFailure(message=report(error).message)
        failed = response_object(self.response).model_copy(update={"status": "failed", "error": failure})
        return self._response("response.failed", failed)

    def _changed(self, response: ResponseObject) -> Iterator[WireEvent]:
        match response.status:
            case "in_progress":
                yield self._response("response.created", response)
                yield self._response("response.in_progress", response)
            case "completed":
                yield self._response("response.completed", response)
            case _:
                yield self._response("response.incomplete", response)

    def _response(self, type: Any, response: ResponseObject) -> WireEvent:
        return ResponseChanged(type=type, sequence_number=next(self._numbers), response=response)
