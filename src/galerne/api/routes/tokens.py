"""`POST /v1/tokenize` and `POST /v1/detokenize`."""

from __future__ import annotations

from fastapi import Request

from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import READING, fails, takes
from galerne.api.router import Router
from galerne.errors import ModelNotFound, TemplateError
from galerne.flows.tokens import Tokens
from galerne.identity.permissions import Permission
from galerne.protocol.tokens import DetokenizeRequest, DetokenizeResponse, TokenizeRequest, TokenizeResponse
from galerne.settings import Settings


def token_routes(tokens: Tokens, settings: Settings) -> Router:
    router = Router(
        tags=["tokens"],
        dependencies=[needs(Permission.MODELS)],
        responses=fails(*READING, ModelNotFound, TemplateError),
    )

    @router.post("/v1/tokenize", openapi_extra=takes(TokenizeRequest))
    async def tokenize(http: Request) -> TokenizeResponse:
        """The tokens of a text or a conversation, as the model would see them; vLLM's form."""
        return await tokens.tokenize(await read(TokenizeRequest, http, settings), caller_of(http))

    @router.post("/v1/detokenize", openapi_extra=takes(DetokenizeRequest))
    async def detokenize(http: Request) -> DetokenizeResponse:
        """The text of tokens, control tokens spelled out."""
        return await tokens.detokenize(await read(DetokenizeRequest, http, settings), caller_of(http))

    return router
