"""`POST /v1/chat/completions`."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from galerne.api.access import needs
from galerne.api.answers import ChatChunks, chat_response
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import ANSWERING, STREAMED, fails, takes
from galerne.api.metrics import Metrics
from galerne.api.reply import reply
from galerne.flows.chat import ENDPOINT, Chat
from galerne.flows.whole_calls import whole_calls
from galerne.identity.permissions import Permission
from galerne.protocol.answers import ChatResponse
from galerne.protocol.chat import ChatRequest
from galerne.settings import Settings


def chat_routes(chat: Chat, metrics: Metrics, settings: Settings) -> APIRouter:
    router = APIRouter(tags=["chat"], dependencies=[needs(Permission.CHAT)])

    @router.post(
        ENDPOINT,
        response_model=ChatResponse,
        responses=STREAMED | fails(*ANSWERING),
        openapi_extra=takes(ChatRequest),
    )
    async def complete(http: Request) -> Response:
        """Answer a conversation. With `stream`, the answer comes as server-sent events while it is written."""
        request = await read(ChatRequest, http, settings)
        events = metrics.timed(chat.answer(request, caller_of(http)))
        if not _puts_calls_together(http):
            events = whole_calls(events)
        return await reply(http, request, events, chat_response, ChatChunks)

    return router


def _puts_calls_together(http: Request) -> bool:
    """Whether the client takes calls of tools in pieces: OpenAI's do. Mistral's, and what is built on them, take the
    first piece for the whole call, as Mistral's own servers send them."""
    return "openai" in http.headers.get("user-agent", "").lower()
