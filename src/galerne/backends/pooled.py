"""Vectors from a model that writes: the last hidden state behind a text, by way of its `Generator`.

Good vectors come of models that were trained for it (e5-mistral, Qwen3-Embedding: their texts end in the token that
ends a sequence, and so do all here); others give what they have.

Source: Wang et al. 2023, https://arxiv.org/abs/2401.00368
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import numpy as np
from numpy.typing import NDArray

from galerne.backends.embedder import Bill
from galerne.backends.generator import Generator
from galerne.engine.events import VectorEvent
from galerne.engine.request import GenerationRequest, Priority
from galerne.errors import EngineFailed, GalerneError
from galerne.prompt.tokenizer import Tokenizer

_AT_ONCE = 8
"""Texts of one request that the engine has at a time: enough to fill its steps, and others are not crowded out."""


class PooledEmbedder:
    """Fills the port `Embedder`."""

    def __init__(self, generator: Generator, tokenizer: Tokenizer, dimensions: int) -> None:
        self.tokenizer = tokenizer
        self.dimensions = dimensions
        self._generator = generator

    @property
    def context_length(self) -> int:
        return self._generator.context_length - 1  # the engine wants room for an answer

    @property
    def level(self) -> str:
        return self._generator.level

    async def embed(
        self, id: str, texts: Sequence[Sequence[int]], tenant: str, priority: Priority, bill: Bill
    ) -> NDArray[np.float32]:
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int, text: Sequence[int]) -> tuple[float, ...]:
            request = GenerationRequest(f"{id}-{number}", tuple(text), 1, tenant=tenant, priority=priority, embeds=True)
            async with room:
                return await self._vector(request, bill)

        tasks = [asyncio.create_task(one(number, text)) for number, text in enumerate(texts)]
        try:
            vectors = np.array(await asyncio.gather(*tasks), np.float32)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: NDArray[np.float32] = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
        return unit

    async def close(self) -> None:
        """The generator is closed by whoever opened it."""

    async def _vector(self, request: GenerationRequest, bill: Bill) -> tuple[float, ...]:
        vector: tuple[float, ...] = ()
        bill.begin(request.id)
        try:
            async with aclosing(self._generator.generate(request, bill.settle)) as events:
                async for event in events:
                    if isinstance(event, VectorEvent):
                        vector = event.vector
        except GalerneError:
            bill.drop(request.id)
            raise
        if not vector:
            raise EngineFailed("the model is being stopped.", hint="Try again later.")
        return vector
