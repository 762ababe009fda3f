"""An answer's events -> the HTTP response, whole or as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from galerne.api.chunks import ChunkWriter, chunks
from galerne.api.collected import Collected, collect
from galerne.api.disconnect import unless_disconnected
from galerne.api.sse import EventStream
from galerne.flows.answer_events import AnswerEvent
from galerne.protocol.answers import AnswerModel
from galerne.protocol.generation import GenerationFields

Asked = TypeVar("Asked", bound=GenerationFields)


async def reply(
    http: Request,
    request: Asked,
    events: AsyncGenerator[AnswerEvent],
    whole: Callable[[Asked, Collected], AnswerModel],
    writer: Callable[[Asked], ChunkWriter],
) -> Response:
    """What `whole` makes of the answer or, if a stream was asked for, the chunks that `writer` writes.

    A failure before the first chunk is raised, so that it has its own status.
    """
    if request.stream:
        pieces = chunks(writer(request), events)
        first = await unless_disconnected(http, anext(pieces))
        return EventStream(first, pieces)
    answer = await unless_disconnected(http, collect(events, request.n or 1))
    return Response(whole(request, answer).model_dump_json(), media_type="application/json")
