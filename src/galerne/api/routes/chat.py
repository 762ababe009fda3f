"""`POST /v1/chat/completions`."""

from __future__ import annotations

from functools import partial

from fastapi import Request
from starlette.responses import Response

from galerne.api.access import needs
from galerne.api.answers import ChatChunks, chat_response
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.dialect import dialect_of
from galerne.api.documentation import ANSWERING, STREAMED, fails, takes
from galerne.api.reply import reply
from galerne.api.router import Router
from galerne.flows.chat import ENDPOINT, Chat
from galerne.flows.whole_calls import whole_calls
from galerne.identity.permissions import Permission
from galerne.protocol.answers import ChatResponse
from galerne.protocol.chat import ChatRequest
from galerne.settings import Settings


def chat_routes(chat: Chat, settings: Settings) -> Router:
    router = Router(tags=["chat"], dependencies=[needs(Permission.ASK)])

    @router.post(
        ENDPOINT,
        response_model=ChatResponse,
        responses=STREAMED | fails(*ANSWERING),
        openapi_extra=takes(ChatRequest),
    )
    async def complete(http: Request) -> Response:
        """Answer a conversation. With `stream`, the answer comes as server-sent events while it is written."""
        request = await read(ChatRequest, http, settings)
        events, dialect = chat.answer(request, caller_of(http)), dialect_of(http)
        if not dialect.joins_calls:
            events = whole_calls(events)
        whole, writer = partial(chat_response, dialect=dialect), partial(ChatChunks, dialect=dialect)
        return await reply(http, request, events, whole, writer)

    return router
