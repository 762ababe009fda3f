"""Server-sent events, as both official clients read them.

The chunks of an answer are `data: {...}` each, and `data: [DONE]` at the end. Events that have a name are `event: name`
before that, and their last one is the end; those with a number are `id: number` first.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from galerne.protocol.answers import AnswerModel, NamedEvent, NumberedEvent


class EventStream(StreamingResponse):
    """A stream of chunks or events. However it ends, `rest` is closed before the response is."""

    media_type = "text/event-stream"

    def __init__(self, first: AnswerModel, rest: AsyncGenerator[AnswerModel]) -> None:
        at_once = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # proxies shall pass chunks on
        self._events = _events(first, rest)
        super().__init__(self._events, headers=at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events):
            await super().__call__(scope, receive, send)


async def _events(first: AnswerModel, rest: AsyncGenerator[AnswerModel]) -> AsyncGenerator[bytes]:
    async with aclosing(rest):
        yield _event(first)
        async for chunk in rest:
            yield _event(chunk)
        if not isinstance(first, NamedEvent):
            yield b"data: [DONE]\n\n"


def _event(chunk: AnswerModel) -> bytes:
    name = f"event: {chunk.type}\n" if isinstance(chunk, NamedEvent) else ""
    number = f"id: {chunk.number}\n" if isinstance(chunk, NumberedEvent) else ""
    return f"{number}{name}data: {chunk.model_dump_json()}\n\n".encode()
