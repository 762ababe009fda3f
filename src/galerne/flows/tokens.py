"""Text -> the tokens that a model would see, and back: for whoever counts, cuts or sends them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from galerne.errors import InvalidRequest
from galerne.flows.limits import check_limit
from galerne.flows.served import ServedModel, ServedModels
from galerne.prompt.plain_text import encode_text, spell
from galerne.prompt.tokenizer import Tokenizer
from galerne.protocol.messages import text_of
from galerne.protocol.tokens import DetokenizeRequest, DetokenizeResponse, TokenizeRequest, TokenizeResponse
from galerne.settings import Settings


class Tokens:
    """The flow behind `POST /v1/tokenize` and `POST /v1/detokenize`."""

    def __init__(self, models: ServedModels, settings: Settings) -> None:
        self._models = models
        self._settings = settings

    async def tokenize(self, request: TokenizeRequest) -> TokenizeResponse:
        """Raises `ModelNotFound`, `TooLarge`, `InvalidRequest`, `TemplateError`."""
        check_limit("prompt", len(request.prompt or ""), self._settings.max_tokenize_chars)
        messages = request.messages or ()
        check_limit("messages", len(messages), self._settings.max_messages)
        check_limit("messages", sum(len(text_of(each.content)) for each in messages), self._settings.max_tokenize_chars)
        model = self._models.find(request.model)
        tokens = await asyncio.to_thread(self._tokens, request, model)
        return TokenizeResponse(
            count=len(tokens),
            max_model_len=model.generator.context_length,
            tokens=tokens,
            token_strs=[model.tokenizer.token_text(token) for token in tokens] if request.return_token_strs else None,
        )

    async def detokenize(self, request: DetokenizeRequest) -> DetokenizeResponse:
        """Raises `ModelNotFound`, `InvalidRequest`."""
        tokenizer = self._models.find(request.model).tokenizer
        check_tokens(request.tokens, tokenizer, "tokens")
        return DetokenizeResponse(prompt=await asyncio.to_thread(spell, tokenizer, request.tokens))

    def _tokens(self, request: TokenizeRequest, model: ServedModel) -> list[int]:
        if request.messages is not None:
            return model.template.render(request.messages)
        assert request.prompt is not None
        return encode_text(model.tokenizer, request.prompt, begin=request.add_special_tokens is not False)


def check_tokens(tokens: Sequence[int], tokenizer: Tokenizer, where: str) -> None:
    """Raises `InvalidRequest` for a number that is no token."""
    for place, token in enumerate(tokens):
        if token >= tokenizer.vocabulary_size:
            raise InvalidRequest(
                f"the model has {tokenizer.vocabulary_size} tokens, {token} is none of them.", where=f"{where}[{place}]"
            )
