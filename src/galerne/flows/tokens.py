"""Text -> the tokens that a model would see, and back: for whoever counts, cuts or sends them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from galerne.errors import InvalidRequest
from galerne.flows.limits import check_limit
from galerne.flows.served import ServedEmbedder, ServedModel, ServedModels
from galerne.identity.caller import Caller
from galerne.prompt.plain_text import embedding_tokens, encode_text, spell
from galerne.prompt.tokenizer import Tokenizer
from galerne.protocol.messages import text_of
from galerne.protocol.tokens import DetokenizeRequest, DetokenizeResponse, TokenizeRequest, TokenizeResponse
from galerne.settings import Settings


class Tokens:
    """The flow behind `POST /v1/tokenize` and `POST /v1/detokenize`."""

    def __init__(self, models: ServedModels, settings: Settings) -> None:
        self._models = models
        self._settings = settings

    async def tokenize(self, request: TokenizeRequest, caller: Caller) -> TokenizeResponse:
        """As a model that writes would see it in a completion or a chat, any other one as a text to embed.

        Raises `ModelNotFound`, `Forbidden`, `TooLarge`, `InvalidRequest`, `TemplateError`.
        """
        check_limit("prompt", len(request.prompt or ""), self._settings.max_tokenize_chars)
        messages = request.messages or ()
        check_limit("messages", len(messages), self._settings.max_messages)
        check_limit("messages", sum(len(text_of(each.content)) for each in messages), self._settings.max_tokenize_chars)
        model = self._find(request.model, caller)
        tokens = await asyncio.to_thread(_tokens, request, model)
        return TokenizeResponse(
            count=len(tokens),
            max_model_len=model.context_length,
            tokens=tokens,
            token_strs=[model.tokenizer.token_text(token) for token in tokens] if request.return_token_strs else None,
        )

    async def detokenize(self, request: DetokenizeRequest, caller: Caller) -> DetokenizeResponse:
        """Raises `ModelNotFound`, `Forbidden`, `InvalidRequest`."""
        model = self._find(request.model, caller)
        tokenizer = await asyncio.to_thread(lambda: model.tokenizer)
        check_tokens(request.tokens, tokenizer, "tokens")
        return DetokenizeResponse(prompt=await asyncio.to_thread(spell, tokenizer, request.tokens))

    def _find(self, name: str, caller: Caller) -> ServedModel | ServedEmbedder:
        models = self._models.of(caller)
        own_name = models.own_name(name)
        return models.writer(own_name) or models.find_embedder(own_name)


def _tokens(request: TokenizeRequest, model: ServedModel | ServedEmbedder) -> list[int]:
    if request.messages is not None:
        if isinstance(model, ServedEmbedder):
            raise InvalidRequest(f"{model.name} turns texts into vectors; it does not converse.", where="messages")
        return model.template.render(request.messages)
    assert request.prompt is not None
    begin = request.add_special_tokens is not False
    if isinstance(model, ServedEmbedder):
        return embedding_tokens(model.tokenizer, request.prompt) if begin else model.tokenizer.encode(request.prompt)
    return encode_text(model.tokenizer, request.prompt, begin=begin)


def check_tokens(tokens: Sequence[int], tokenizer: Tokenizer, where: str) -> None:
    """Raises `InvalidRequest` for a number that is no token."""
    for place, token in enumerate(tokens):
        if token >= tokenizer.vocabulary_size:
            raise InvalidRequest(
                f"the model has {tokenizer.vocabulary_size} tokens, {token} is none of them.", where=f"{where}[{place}]"
            )
