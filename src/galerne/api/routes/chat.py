"""`POST /v1/chat/completions`."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter, Request
from starlette.responses import Response

from galerne.api.answers import chunks, whole
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.disconnect import unless_disconnected
from galerne.api.documentation import takes
from galerne.api.metrics import Metrics
from galerne.api.sse import EventStream
from galerne.flows.answer_events import AnswerEvent, AnswerStart, TextDelta
from galerne.flows.chat import Chat
from galerne.protocol.answers import ChatResponse
from galerne.protocol.chat import ChatRequest
from galerne.protocol.failures import ErrorBody
from galerne.settings import Settings


def chat_routes(chat: Chat, metrics: Metrics, settings: Settings) -> APIRouter:
    router = APIRouter(tags=["chat"])

    @router.post(
        "/v1/chat/completions",
        response_model=ChatResponse,
        responses={422: {"model": ErrorBody}},
        openapi_extra=takes(ChatRequest),
    )
    async def complete(http: Request) -> Response:
        """Answer a conversation. With `stream`, the answer comes as server-sent events while it is written."""
        request = await read(ChatRequest, http, settings)
        events = _timed(chat.answer(request, caller_of(http)), metrics)
        if request.stream:
            pieces = chunks(request, events)
            first = await unless_disconnected(http, anext(pieces))  # a failure so far has its own status
            return EventStream(first, pieces)
        answer = await unless_disconnected(http, whole(request, events))
        return Response(answer.model_dump_json(), media_type="application/json")

    return router


async def _timed(events: AsyncGenerator[AnswerEvent], metrics: Metrics) -> AsyncGenerator[AnswerEvent]:
    """The events, and how long the first text took."""
    began, model = time.perf_counter(), None
    async with aclosing(events):
        async for event in events:
            if isinstance(event, AnswerStart):
                model = event.model
            elif model is not None and isinstance(event, TextDelta):
                metrics.first_token(model, time.perf_counter() - began)
                model = None
            yield event
