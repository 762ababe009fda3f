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

RECEIPT = "x-galerne-receipt"
"""Says under which id the answer's receipt is, once the answer is complete."""

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
        written = writer(request)
        pieces = chunks(written, events)
        first = await unless_disconnected(http, anext(pieces))
        return EventStream(first, pieces, {RECEIPT: written.answer_id})
    answer = await unless_disconnected(http, collect(events, request.n or 1))
    body = whole(request, answer).model_dump_json()
    return Response(body, media_type="application/json", headers={RECEIPT: answer.start.id})
