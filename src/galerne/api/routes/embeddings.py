"""`POST /v1/embeddings`."""

from __future__ import annotations

import asyncio

from fastapi import Request
from starlette.responses import Response

from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.disconnect import unless_disconnected
from galerne.api.documentation import ANSWERING, fails, takes
from galerne.api.embeddings import written
from galerne.api.router import Router
from galerne.flows.embeddings import ENDPOINT, Embeddings
from galerne.identity.permissions import Permission
from galerne.protocol.embeddings import EmbeddingRequest, EmbeddingResponse
from galerne.settings import Settings


def embedding_routes(embeddings: Embeddings, settings: Settings) -> Router:
    router = Router(tags=["embeddings"], dependencies=[needs(Permission.CHAT)], responses=fails(*ANSWERING))

    @router.post(ENDPOINT, response_model=EmbeddingResponse, openapi_extra=takes(EmbeddingRequest))
    async def embed(http: Request) -> Response:
        """The vectors of texts: the nearer two meanings, the smaller the angle."""
        request = await read(EmbeddingRequest, http, settings)
        embedded = await unless_disconnected(http, embeddings.embed(request, caller_of(http)))
        body = await asyncio.to_thread(written, request, embedded)
        return Response(body, media_type="application/json")

    return router
