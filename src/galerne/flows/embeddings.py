"""Texts in, vectors out: the nearer two meanings, the smaller the angle."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from galerne.engine.request import Priority
from galerne.errors import InvalidRequest, PromptTooLong
from galerne.flows.limits import check_limit
from galerne.flows.meter import Claim, Meter
from galerne.flows.served import ServedEmbedder, ServedModels
from galerne.flows.tab import Tab
from galerne.flows.tokens import check_tokens
from galerne.identity.caller import Caller
from galerne.ledger.prices import Kind
from galerne.prompt.conversation import check_length
from galerne.prompt.plain_text import embedding_tokens
from galerne.protocol.embeddings import EmbeddingRequest
from galerne.settings import Settings

ENDPOINT = "/v1/embeddings"


@dataclass(frozen=True, slots=True)
class Embedded:
    """What comes of a request. The flow sets every field."""

    id: str
    model: str
    vectors: NDArray[np.float32]  # [texts, dimensions], each of length 1
    tokens: int  # of all texts


class Embeddings:
    """The flow behind `POST /v1/embeddings`."""

    def __init__(self, models: ServedModels, meter: Meter, settings: Settings) -> None:
        self._models = models
        self._meter = meter
        self._settings = settings

    async def embed(self, request: EmbeddingRequest, caller: Caller) -> Embedded:
        """Raises `ModelNotFound`, `Forbidden`, `InvalidRequest`, `TooLarge`, `PromptTooLong`, `QuotaExceeded`,
        `Unavailable`."""
        check_limit("input", len(request.inputs), self._settings.max_embedding_inputs)
        model = self._models.of(caller).find_embedder(request.model)
        _check_dimensions(request, model)
        texts = await asyncio.to_thread(_tokens, request, model)
        id = f"embd-{uuid4().hex}"
        tab = await Tab.open(_claim(id, texts, model, caller), self._meter)
        try:
            priority = Priority.BATCH if caller.patient else Priority.INTERACTIVE
            vectors = await model.embedder.embed(id, texts, caller.workspace, priority, tab)
            await tab.close()
        finally:
            tab.end()
        return Embedded(id, model.name, vectors, sum(map(len, texts)))


def _tokens(request: EmbeddingRequest, model: ServedEmbedder) -> list[list[int]]:
    alone = len(request.inputs) == 1
    return [
        _text_tokens(text, model, "input" if alone else f"input[{place}]") for place, text in enumerate(request.inputs)
    ]


def _text_tokens(text: str | list[int], model: ServedEmbedder, where: str) -> list[int]:
    tokenizer, context = model.embedder.tokenizer, model.embedder.context_length
    if isinstance(text, str):
        if not text:
            raise InvalidRequest("is empty: there is nothing to embed.", where=where)
        check_length(text, tokenizer.longest, context, where)
        tokens = embedding_tokens(tokenizer, text)
    else:
        check_tokens(text, tokenizer, where)
        tokens = text
    if len(tokens) > context:
        raise PromptTooLong(
            f"has {len(tokens)} tokens; {model.name} takes {context} at most, and nothing is cut off.",
            where=where,
            hint="Send it in parts.",
        )
    return tokens


def _check_dimensions(request: EmbeddingRequest, model: ServedEmbedder) -> None:
    if request.any_dimensions not in (None, model.embedder.dimensions):
        raise InvalidRequest(
            f"{model.name} gives vectors of {model.embedder.dimensions} numbers, and was not trained for shorter ones.",
            where="dimensions" if request.dimensions is not None else "output_dimension",
            hint="Leave it out.",
        )


def _claim(id: str, texts: Sequence[Sequence[int]], model: ServedEmbedder, caller: Caller) -> Claim:
    return Claim(
        id=id,
        endpoint=ENDPOINT,
        caller=caller,
        model=model.name,
        digest=model.digest,
        template=None,
        fingerprint=model.fingerprint,
        prompts=tuple(map(tuple, texts)),
        prompt_kind=Kind.EMBEDDING,
        choices=1,
        most_tokens=0,
    )
