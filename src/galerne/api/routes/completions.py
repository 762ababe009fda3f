"""`POST /v1/completions` and `POST /v1/fim/completions`."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from galerne.api.access import needs
from galerne.api.answers import ChatChunks, chat_response
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.completions import CompletionChunks, completion
from galerne.api.documentation import ANSWERING, STREAMED, fails, takes
from galerne.api.reply import reply
from galerne.api.router import Router
from galerne.flows.completions import ENDPOINT, FIM_ENDPOINT, Completions
from galerne.identity.permissions import Permission
from galerne.protocol.answers import ChatResponse
from galerne.protocol.completions import Completion, CompletionRequest
from galerne.protocol.fim import FimRequest
from galerne.settings import Settings


def completion_routes(completions: Completions, settings: Settings) -> Router:
    router = Router(tags=["completions"], dependencies=[needs(Permission.CHAT)], responses=STREAMED | fails(*ANSWERING))

    @router.post(ENDPOINT, response_model=Completion, openapi_extra=takes(CompletionRequest))
    async def complete(http: Request) -> Response:
        """Go on with a text, or with several. In a text, the spelling of a control token is that token."""
        request = await read(CompletionRequest, http, settings)
        events = completions.answer(request, caller_of(http))
        return await reply(http, request, events, completion, CompletionChunks)

    @router.post(FIM_ENDPOINT, response_model=ChatResponse, openapi_extra=takes(FimRequest))
    async def fill(http: Request) -> Response:
        """Fill the gap between `prompt` and `suffix`, with a model that was trained to."""
        request = await read(FimRequest, http, settings)
        events = completions.fill(request, caller_of(http))
        return await reply(http, request, events, chat_response, ChatChunks)

    return router
